"""What the engine tells its caller while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

EventKind = Literal["step_started", "step_done", "step_failed", "diagnostic", "summary"]
Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True)
class EngineEvent:
    """One thing that happened.

    ``op`` is Pulumi's name of the step (``create``, ``update``, ``replace``, ``delete``,
    ``same``, ``refresh`` …) and is empty for diagnostics; ``message`` never holds a secret.
    """

    kind: EventKind
    op: str = ""
    urn: str = ""
    type: str = ""
    name: str = ""
    message: str = ""
    severity: Severity = "info"


EventSink = Callable[[EngineEvent], None]
