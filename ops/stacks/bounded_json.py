"""JSON from elsewhere, bounded in depth before it is parsed."""

from __future__ import annotations

import json
from typing import Any

from localcloud.json_text import is_deeper_than

MAX_DEPTH = 200
"""Far more than any document of ours nests, and far less than Python's parser survives."""


def parse_bounded(text: str | bytes) -> Any:
    """Parse a document that may nest as deep as somebody likes.

    Raises:
        ValueError: it isn't JSON, or nests too deep.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text))
    if is_deeper_than(text, MAX_DEPTH):
        raise ValueError(f"it nests deeper than {MAX_DEPTH} levels")
    return json.loads(text, parse_constant=_refuse)


def _refuse(name: str) -> float:
    """Refuse what Python reads and JSON doesn't have: NaN and the infinities."""
    raise ValueError(f"{name} isn't JSON")
