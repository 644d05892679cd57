"""Which lines somebody wants to see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ops.observe.tail.log_line import LEVELS, LogLine
from ops.stacks.errors import UsageError

_STATUS = re.compile(r"[1-5](\d\d|xx)")


@dataclass(frozen=True, kw_only=True)
class LineFilter:
    """Conditions that all have to hold; an empty one always does.

    Attributes:
        level: the least level.
        path: the request's path; ``*`` stands for anything.
        user: the recipient.
        request_id: the request's id or its beginning.
        status: an HTTP status as ``404``, or a class of them as ``5xx``.
        text: a part of the line, in any case.
    """

    level: str = ""
    path: str = ""
    user: str = ""
    request_id: str = ""
    status: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        if self.level and self.level not in LEVELS:
            raise UsageError(f"--level is '{self.level}'; it must be debug, info, warn or error.")
        if self.status and not _STATUS.fullmatch(self.status):
            raise UsageError(f"--status is '{self.status}'; give a status as 404, or 5xx.")

    def passes(self, line: LogLine) -> bool:
        """Say whether the line is wanted."""
        status = "" if line.status is None else str(line.status)
        return (
            (not self.level or LEVELS[line.level] >= LEVELS[self.level])
            and (not self.path or fnmatchcase(line.path, self.path))
            and (not self.user or line.user == self.user)
            and (not self.request_id or line.request_id.startswith(self.request_id))
            and (not self.status or fnmatchcase(status, self.status.replace("x", "?")))
            and (not self.text or self.text.lower() in line.shown().lower())
        )
