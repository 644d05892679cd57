"""Lines that were saved."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from pathlib import Path

from ops.observe.tail.log_line import LogLine, lines_of_trace
from ops.stacks.bounded_json import parse_bounded
from ops.stacks.errors import UsageError


def recorded_lines(file: Path) -> Generator[LogLine, None, None]:
    """Yield the lines of a file, or of standard input for ``-``.

    A line of it may be what ``notifyctl tail --json`` or ``wrangler tail --format json`` printed
    compactly, what the local cloud keeps in ``worker.log``, or any text.

    Raises:
        UsageError: there is no such file.
    """
    if file != Path("-") and not file.is_file():
        raise UsageError(f"There is no file {file}. Save lines by 'notifyctl tail --json'.")
    opened = nullcontext(sys.stdin.buffer) if file == Path("-") else file.open("rb")
    with opened as lines:
        for line in lines:
            if (text := line.decode("utf-8", "replace")).strip():
                yield from _read(text)


def _read(text: str) -> Iterator[LogLine]:
    try:
        found = parse_bounded(text)
    except ValueError:
        found = None
    if isinstance(found, dict) and isinstance(found.get("logs"), list):
        yield from lines_of_trace(found)
    elif isinstance(found, dict) and found.get("type") == "log" and "script" in found:
        yield LogLine.of_event(found)
    else:
        yield LogLine.parse(text, level="info", moment="")
