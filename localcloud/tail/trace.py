"""One event of the host in the form that Cloudflare sends to a tail (`trace-v1`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

_LEVELS = {"warning": "warn"}


def trace_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The trace of one log line.

    Cloudflare sends all lines of an invocation in one trace when it ends, with the request and the
    outcome. workerd tells the host of lines alone, so that each is a trace of its own here:
    `event` is null, and `outcome` is `ok` whatever came of the invocation.
    """
    level = str(event.get("level", "log"))
    moment = int(datetime.fromisoformat(str(event["timestamp"])).timestamp() * 1000)
    return {
        "outcome": "ok",
        "scriptName": event["script"],
        "scriptVersion": {"id": event["version"]},
        "diagnosticsChannelEvents": [],
        "exceptions": [],
        "logs": [
            {
                "message": [event.get("message", "")],
                "level": _LEVELS.get(level, level),
                "timestamp": moment,
            }
        ],
        "eventTimestamp": moment,
        "event": None,
    }
