"""JSON of strangers: bounded in depth before it is parsed, so that no text exhausts the stack."""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_DEPTH = 100  # no document of Cloudflare, GitHub or a chat provider comes near it

# A string, to be stepped over, or one bracket. A string without an end goes to the end of the text,
# a last backslash included, and gives nothing back: each character is looked at once.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def is_deeper_than(text: str, levels: int) -> bool:
    """Say in linear time whether brackets nest deeper than that, those in strings left out."""
    depth = 0
    for token in _TOKEN.finditer(text):
        first = token[0][0]
        if first in "[{":
            depth += 1
            if depth > levels:
                return True
        elif first in "]}":
            depth -= 1
    return False


def parse_json(text: str | bytes) -> Any:
    """Parse a JSON text in linear time.

    Raises:
        ValueError: It isn't JSON, isn't UTF-8, is nested deeper than MAX_DEPTH, or has what can't
            be written as JSON again: half of a surrogate pair, or a number that isn't finite.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text))
    if is_deeper_than(text, MAX_DEPTH):
        raise ValueError(f"the JSON is nested deeper than {MAX_DEPTH} levels")
    found = json.loads(text, parse_float=_finite, parse_constant=_finite)
    if _SURROGATE.search(text):
        json.dumps(found, ensure_ascii=False).encode()
    return found


def _finite(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(f"the JSON has the number {text[:40]}, which isn't finite")
    return found
