"""JSON of strangers: bounded in depth before it is parsed, so that no text exhausts the stack."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 100  # no document of Cloudflare, GitHub or a chat provider comes near it

# A string, to be stepped over, or one bracket. An unfinished string runs to the end of the text.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|[\[\]{}]', re.DOTALL)


def parse_json(text: str | bytes) -> Any:
    """Parse a JSON text in linear time.

    Raises:
        ValueError: It isn't JSON, isn't UTF-8, or is nested deeper than MAX_DEPTH.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text))
    depth = 0
    for token in _TOKEN.finditer(text):
        first = token[0][0]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"the JSON is nested deeper than {MAX_DEPTH} levels")
        elif first in "]}":
            depth -= 1
    return json.loads(text)
