"""The releases of a stack as a person or a program wants to see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ops.deploy.release.records import ReleaseRecords, read_tolerantly
from ops.deploy.release.release_history import ReleaseHistory
from ops.stacks.account import StackAccount
from ops.stacks.active_deployment import ActiveDeployment
from ops.stacks.choice import choose_driver
from ops.stacks.context import StackContext


@dataclass(frozen=True)
class ReleaseListing:
    """A stack's releases beside what really serves.

    Attributes:
        history: the releases.
        active: the deployment in force.
    """

    history: ReleaseHistory
    active: ActiveDeployment

    @classmethod
    def of_stack(cls, context: StackContext) -> ReleaseListing:
        """Read both.

        Raises:
            StackFailed: the stack isn't deployed.
            OperationError: Cloudflare's API refused, or gave no answer.
        """
        driver = choose_driver(context)
        outputs = driver.outputs(show_secrets=False)
        account = StackAccount.of(context)
        found = ReleaseRecords(account, str(outputs.get("d1_database_id")))
        records, problem = read_tolerantly(found)
        if problem is not None:
            context.reporter.line(
                f"warning: what was verified isn't known: {problem}", style="yellow"
            )
        history = ReleaseHistory(outputs, driver.history(), records)
        return cls(history, ActiveDeployment.of_worker(account, str(outputs["worker_name"])))

    def rows(self, limit: int) -> list[dict[str, Any]]:
        """Return at most ``limit`` releases, the newest first."""
        stable = self.history.last_good(self.history.serving)
        return [
            {
                "update": known.update.version if known.update else None,
                "at": known.release.at,
                "version_id": known.release.version_id,
                "commit": known.release.commit,
                "bundle_sha256": known.release.bundle_sha256,
                "assets_sha256": known.release.assets_sha256,
                "code_level": known.release.code_level,
                "schema_level": known.release.schema_level,
                "result": known.result,
                "detail": known.record.detail if known.record else "",
                "actor": known.record.actor if known.record else "",
                "percentage": self.active.shares.get(known.release.version_id, 0),
                "rollback_target": stable is known,
            }
            for known in self.history.releases[:limit]
        ]

    def notes(self) -> list[str]:
        """Return what the list alone doesn't tell."""
        notes = []
        strangers = [
            version for version in self.active.shares if self.history.of_version(version) is None
        ]
        for version in strangers:
            notes.append(
                f"Version {version} serves {self.active.shares[version]:g} % and is no release: "
                "somebody deployed it past Pulumi. 'notifyctl rollback' puts that right."
            )
        stable = self.history.last_good(self.history.serving)
        if stable is not None:
            notes.append(f"A rollback would go back to {stable.release.short} ({stable.result}).")
        return notes
