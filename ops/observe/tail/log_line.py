"""One line that a Worker has written, whatever form it was found in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Any
from urllib.parse import urlsplit

from ops.stacks.bounded_json import parse_bounded

LEVELS = {"debug": 10, "log": 20, "info": 20, "warn": 30, "warning": 30, "error": 40}
"""Every level that Cloudflare, the runtime and the service use, by weight."""

_SHOWN = {"timestamp", "level", "message", "environment", "versionId", "requestId", "type"}


@dataclass(frozen=True)
class LogLine:
    """A line of the service's structured log, or a plain one.

    Attributes:
        moment: ISO-8601, UTC.
        level: ``debug``, ``info``, ``warn`` or ``error``.
        message: the text.
        version: the Worker version that wrote it, or an empty text.
        path: path of the request, or an empty text.
        status: HTTP status of the answer, or ``None``.
        user: the recipient, or an empty text.
        request_id: what all lines of one request share, or an empty text.
        duration_ms: what was measured, or ``None``.
        fields: everything that the line has.
    """

    moment: str
    level: str
    message: str
    version: str = ""
    path: str = ""
    status: int | None = None
    user: str = ""
    request_id: str = ""
    duration_ms: float | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str, *, level: str, moment: str, version: str = "") -> LogLine:
        """Read what was written; a text that is no JSON object is the message."""
        try:
            found = parse_bounded(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            found = {"message": text.rstrip("\n")}
        duration, status = found.get("duration"), found.get("statusCode")
        return cls(
            moment=str(found.get("timestamp") or moment),
            level=_level(str(found.get("level") or level)),
            message=str(found.get("message") or ""),
            version=str(found.get("versionId") or version),
            path=str(found.get("path") or ""),
            status=status if isinstance(status, int) else None,
            user=str(found.get("userId") or found.get("user_id") or ""),
            request_id=str(found.get("requestId") or ""),
            duration_ms=_finite(duration),
            fields=found,
        )

    @classmethod
    def of_event(cls, event: Mapping[str, Any]) -> LogLine:
        """Read one line that the local cloud has recorded."""
        return cls.parse(
            str(event.get("message", "")),
            level=str(event.get("level", "info")),
            moment=str(event.get("timestamp", "")),
            version=str(event.get("version") or ""),
        )

    def document(self) -> dict[str, Any]:
        """Return the line for ``--json``: its own fields, and the version and level in any case."""
        return {
            "timestamp": self.moment,
            "level": self.level,
            "message": self.message,
            "versionId": self.version,
            **{name: value for name, value in self.fields.items() if value is not None},
        }

    def shown(self) -> str:
        """Return the line for a person."""
        parts = [self.moment, f"{self.level.upper():<5}", self.message]
        parts += [
            f"{name}={value}"
            for name, value in self.fields.items()
            if name not in _SHOWN and value not in (None, "")
        ]
        if self.request_id:
            parts.append(f"requestId={self.request_id}")
        return "  ".join(parts)


def lines_of_trace(trace: Mapping[str, Any]) -> Iterator[LogLine]:
    """Take a trace of a tail (`trace-v1`) apart: its logs, its exceptions, and a bad outcome.

    A plain line gets the path and status of the request that the trace is about.
    """
    event = _mapping(trace.get("event"))
    request = _mapping(event.get("request"))
    context = {
        "path": _path(request.get("url")),
        "method": request.get("method"),
        "statusCode": _mapping(event.get("response")).get("status"),
    }
    version = str(_mapping(trace.get("scriptVersion")).get("id") or "")
    written = [
        (_text(log.get("message")), str(log.get("level", "log")), log.get("timestamp"))
        for log in _mappings(trace.get("logs"))
    ]
    for error in _mappings(trace.get("exceptions")):
        text = f"{error.get('name', 'Error')}: {error.get('message', '')}"
        written.append((text, "error", error.get("timestamp")))
    outcome = str(trace.get("outcome") or "ok")
    if outcome not in {"ok", "canceled"}:
        written.append((f"The invocation ended with {outcome}", "error", None))
    for text, level, moment in written:
        at = _moment(moment or trace.get("eventTimestamp"))
        line = LogLine.parse(text, level=level, moment=at, version=version)
        if "level" not in line.fields:
            known = {name: value for name, value in context.items() if value}
            text = json.dumps({"message": line.message, **known})
            line = LogLine.parse(text, level=level, moment=at, version=version)
        yield line


def _mapping(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def _mappings(found: object) -> list[Mapping[str, Any]]:
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _path(url: object) -> str:
    try:
        return urlsplit(url).path if isinstance(url, str) else ""
    except ValueError:  # Such as half an IPv6 address.
        return ""


def _finite(value: object) -> float | None:
    """Return a number; nothing for what JSON's readers take for one and nobody can add up."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if isfinite(value) else None
    except OverflowError:
        return None


def _text(message: object) -> str:
    parts = message if isinstance(message, list) else [message]
    return " ".join(part if isinstance(part, str) else json.dumps(part) for part in parts)


def _level(name: str) -> str:
    weight = LEVELS.get(name.lower(), LEVELS["info"])
    return {10: "debug", 20: "info", 30: "warn", 40: "error"}[weight]


def _moment(milliseconds: object) -> str:
    if (known := _finite(milliseconds)) is None:
        return ""
    try:
        moment = datetime.fromtimestamp(known / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
