"""JSON from elsewhere, bounded in depth before it is parsed."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 200
"""Far more than any document of ours nests, and far less than Python's parser survives."""

# A text that doesn't end goes to the end of the document: each letter is looked at once.
_MARKS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


def parse_bounded(text: str | bytes) -> Any:
    """Parse a document that may nest as deep as somebody likes.

    Raises:
        ValueError: it isn't JSON, or nests too deep.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text))
    depth = 0
    for mark in _MARKS.finditer(text):
        letter = mark[0]
        if letter in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"it nests deeper than {MAX_DEPTH} levels")
        elif letter in "]}":
            depth -= 1
    return json.loads(text)
