"""The outcome of one operation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

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
    version: int = 0
    duration_s: float = 0.0
    message: str = ""
