"""What the engine tells its caller: events while it works, and the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

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


OperationKind = Literal["preview", "update", "refresh", "destroy"]


@dataclass(frozen=True)
class UpdateResult:
    """What an operation did, in Pulumi's terms.

    ``changes`` counts resources by operation as ``resourceChanges`` in Pulumi's history does;
    ``steps`` lists (operation, URN) in the order they were done, without the unchanged ones;
    ``outputs`` are the stack's outputs in clear, ``secret_outputs`` names those that are secret;
    ``version`` is the number of history entries, 0 for a preview; ``duration_s`` is in seconds;
    ``message`` is the one sentence that says why a failed operation failed.
    """

    kind: OperationKind
    result: Literal["succeeded", "failed"]
    changes: dict[str, int] = field(default_factory=dict)
    steps: list[tuple[str, str]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    secret_outputs: frozenset[str] = frozenset()
    version: int = field(kw_only=True)
    duration_s: float = field(kw_only=True)
    message: str = ""
