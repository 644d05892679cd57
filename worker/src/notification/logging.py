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
                clear = item is None or ((short or kind is int) and not _is_sensitive(name))
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


@lru_cache(maxsize=256)
def _is_sensitive(key: str) -> bool:
    return _SENSITIVE.search(key) is not None


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
        line = {
            "timestamp": iso(self._clock.now_ms()),
            "level": level,
            "message": _redact(message, ""),
            **_redact(fields, ""),
            **self._context,
        }
        self._log_sink.write(level, compact_json(line))
