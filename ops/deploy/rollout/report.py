"""What is written down about a deployment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localcloud.atomic_write import write_whole
from ops.deploy.rollout.approval import Approval
from ops.deploy.rollout.canary import StepResult
from ops.deploy.verification import CheckResult
from ops.stacks.driver import StackUpdate
from ops.stacks.moment import counted
from ops.stacks.origin import Origin


@dataclass
class RolloutReport:
    """Filled in as the deployment goes on, so that a failed one is reported as well.

    Attributes:
        stack: the stack.
        environment: what the Worker reports itself to be.
        origin: who, from which code.
        approval: who approved.
        window: when it was planned for.
        scope: what it touches.
        result: ``succeeded``, ``failed``, ``rolled back`` or ``interrupted``.
        detail: why it failed.
        preflight: the checks before it, and what was left out or overridden.
    """

    stack: str
    environment: str
    origin: Origin
    approval: Approval
    window: str
    scope: str
    result: str = "failed"
    detail: str = ""
    url: str = ""
    version_id: str = ""
    previous_version_id: str = ""
    serving_version_id: str = ""
    update: StackUpdate | None = None
    checks: Sequence[CheckResult] = ()
    canary: Sequence[StepResult] = ()
    preflight: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def document(self) -> dict[str, Any]:
        """Return the report without secrets."""
        return {
            "stack": self.stack,
            "environment": self.environment,
            "branch": self.origin.branch,
            "commit": self.origin.commit,
            "actor": self.origin.actor,
            "link": self.origin.link,
            "approval": self.approval.document(),
            "window": self.window,
            "scope": self.scope,
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "result": self.result,
            "detail": self.detail,
            "url": self.url,
            "version_id": self.version_id,
            "previous_version_id": self.previous_version_id,
            "serving_version_id": self.serving_version_id,
            "changes": dict(self.update.changes) if self.update else {},
            "changed": self.update.changed if self.update else 0,
            "update": self.update.version if self.update else None,
            "checks": [check.document() for check in self.checks],
            "preflight": dict(self.preflight),
            "canary": [step.document() for step in self.canary],
        }

    def write(self, path: Path) -> None:
        """Write it as JSON, in place of an older one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(self.document(), indent=2) + "\n")

    def lines(self, path: Path) -> list[str]:
        """Return the lines that end the command."""
        changed = self.update.changed if self.update else 0
        return [
            "",
            f"{counted(changed, 'change')} in {self.seconds:.1f} s.",
            "",
            f"Service   {self.url}",
            f"Version   {self.serving_version_id}",
            f"Approval  {self.approval}",
            f"Report    {path}",
        ]
