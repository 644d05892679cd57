"""Structured log lines, redacted before they leave the service."""

import re
from copy import copy
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from notification.compact_json import compact_json
from notification.ports.platform import Clock, LogSink, Platform
from notification.settings import Settings
from notification.timestamps import iso

_LEVELS = {level: place for place, level in enumerate(("debug", "info", "warn", "error"))}
_SENSITIVE = re.compile(
    r"email|phone|password|token|api_?key|secret|webhook_?url|authorization|cookie|signature"
    r"|ip_?address",
    re.IGNORECASE,
)
_SCALARS = (str, int, float)
_CONTAINERS = (dict, list, tuple)
_URL = re.compile(r"https?://[^\s\"'<>]+", re.IGNORECASE)


def _hide_url(match: re.Match[str]) -> str:
    try:
        parts = urlsplit(match[0])
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "***"
    return f"{parts.scheme}://{host}{port}/***"


MAX_TEXT = 1_000
"""Characters of a text in a log line: whoever calls decides how long the texts of a call are."""
MAX_ITEMS = 50
"""Entries of a list or object in a log line."""


def redact(value: Any, *, key: str = "") -> Any:
    """Mask what must not be logged: values under telling keys, and URLs but for scheme and host.

    Long texts, lists and objects are cut.
    """
    return _redact(value, key)


def _redact(value: Any, key: str) -> Any:
    if value is None:
        return None
    if not isinstance(value, _SCALARS):
        if isinstance(value, dict):
            shown: dict[str, Any] = {}
            for name, item in islice(value.items(), MAX_ITEMS):
                name = name[:MAX_TEXT]
                kind = type(item)
                # Most fields, without a call for each.
                short = kind is str and len(item) <= MAX_TEXT and "://" not in item
                clear = not _is_sensitive(name) and (short or kind is int or item is None)
                shown[name] = item if clear else _redact(item, name)
            return shown
        if isinstance(value, (list, tuple)):
            return [_redact(item, key) for item in value[:MAX_ITEMS]]
    if _is_sensitive(key):
        text = str(value)
        return f"{text[:2]}***{text[-2:]}" if len(text) > 8 else "***"
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            value = f"{value[:MAX_TEXT]}…"
        if "://" in value:
            return _URL.sub(_hide_url, value)
    return value


_MAX_NAMES = 256
_plain_names: set[str] = set()
"""Names that lines had and that aren't sensitive: nearly all, since our own code gives them."""


@lru_cache(maxsize=_MAX_NAMES)
def _is_sensitive(key: str) -> bool:
    found = _SENSITIVE.search(key) is not None
    if not found and len(_plain_names) < _MAX_NAMES:
        _plain_names.add(key)
    return found


def _has_plain_names(value: Any) -> bool:
    """Whether all names in a list or object are plain, and it and those inside it short enough."""
    if len(value) > MAX_ITEMS:
        return False
    if isinstance(value, dict):
        if not _plain_names.issuperset(value):
            return False
        value = value.values()
    inside = [item for item in value if isinstance(item, _CONTAINERS)]
    return all(map(_has_plain_names, inside))


def _has_plain_texts(line: str) -> bool:
    """Whether no text in a JSON line has to be cut or may hold a URL."""
    if "://" in line:
        return False
    if len(line) <= MAX_TEXT:
        return True
    # Without an escape, each text is what stands between two quotes.
    return "\\" not in line and max(map(len, line.split('"'))) <= MAX_TEXT


class Log:
    """Writes JSON lines, each with the fields that all lines of one invocation share."""

    __slots__ = ("_clock", "_context", "_gathered", "_least", "_log_sink")

    def __init__(
        self,
        log_sink: LogSink,
        clock: Clock,
        settings: Settings,
        gathered: list[dict[str, Any]] | None = None,
        **context: Any,
    ) -> None:
        self._log_sink = log_sink
        self._gathered = gathered
        self._clock = clock
        self._least = _LEVELS[settings.log_level]
        self._context = {"environment": settings.environment, **context}

    @classmethod
    def of(
        cls, platform: Platform, *, gathered: list[dict[str, Any]] | None = None, **context: Any
    ) -> "Log":
        """Return a log for one invocation on `platform`.

        Args:
            platform: the platform.
            gathered: takes what the line of the request itself tells at its end; see `gather`.
            context: fields of every line.
        """
        return cls(
            platform.log_sink,
            platform.clock,
            platform.settings,
            gathered,
            versionId=platform.version.id,
            **context,
        )

    def of_request(self, request_id: str | None) -> "Log":
        """Return a log with another request's id, or this log if that is None or its own."""
        if request_id is None or request_id == self._context.get("requestId"):
            return self
        other = copy(self)
        other._gathered = None
        other._context = {**self._context, "requestId": request_id}
        return other

    def gather(self, **fields: Any) -> bool:
        """Keep fields for the request's own line; False where there is no such line to come."""
        if self._gathered is None:
            return False
        self._gathered.append(fields)
        return True

    def write(self, level: str, message: str, **fields: Any) -> None:
        """Write one line, unless `level` is below the configured one."""
        if _LEVELS[level] < self._least:
            return
        self._log_sink.write(level, self._line(level, message, fields))

    def _line(self, level: str, message: str, fields: dict[str, Any]) -> str:
        begin = {"timestamp": iso(self._clock.now_ms()), "level": level}
        if _has_plain_names(fields):
            # Nearly all lines: looking through their text costs a tenth of going through them.
            line = compact_json({**begin, "message": message, **fields, **self._context})
            if _has_plain_texts(line):
                return line
        shown = {**begin, "message": _redact(message, ""), **_redact(fields, "")}
        return compact_json({**shown, **self._context})
