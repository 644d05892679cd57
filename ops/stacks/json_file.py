"""A JSON object in a file that a person names on the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ops.stacks.bounded_json import parse_bounded
from ops.stacks.errors import UsageError

MAX_BYTES = 1_048_576
"""As much as the service takes in one request."""


def read_json_object(file: Path) -> dict[str, Any]:
    """Return the object in a file; ``-`` is standard input.

    Raises:
        UsageError: the file can't be read, is too large, or holds something else.
    """
    name = "standard input" if str(file) == "-" else str(file)
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with file.open("rb") as opened:
                content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{name} can't be read: {error.strerror}.") from None
    if len(content) > MAX_BYTES:
        raise UsageError(f"{name} is larger than {MAX_BYTES} bytes, which the service refuses.")
    try:
        document = parse_bounded(content)
    except ValueError as error:
        raise UsageError(f"{name} isn't JSON: {error}.") from None
    if not isinstance(document, dict):
        raise UsageError(f"{name} should hold a JSON object: {{…}}.")
    return document
