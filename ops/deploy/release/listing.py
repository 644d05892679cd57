"""The releases of a stack as a person or a program wants to see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ops.deploy.release.account_versions import older_versions
from ops.deploy.release.pin_file import read_pin
from ops.deploy.release.records import ReleaseRecords, read_tolerantly
from ops.deploy.release.release_history import KnownRelease, ReleaseHistory
from ops.deploy.release.target import Target, choose_target, newest_update
from ops.stacks.account import StackAccount
from ops.stacks.active_deployment import ActiveDeployment
from ops.stacks.choice import choose_driver
from ops.stacks.context import StackContext
from ops.stacks.errors import GateClosed, UsageError


@dataclass(frozen=True)
class ReleaseListing:
    """A stack's releases beside what really serves.

    Attributes:
        history: the releases.
        active: the deployment in force.
        target: what `notifyctl rollback` would go to; ``None``: it would refuse.
        refusal: why it would.
        stack: the stack's name.
    """

    history: ReleaseHistory
    active: ActiveDeployment
    target: Target | None
    refusal: str
    stack: str

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
        updates = driver.history()
        older = older_versions(account, outputs)
        history = ReleaseHistory(
            outputs, updates, records, older, is_unfinished=driver.is_unfinished()
        )
        active = ActiveDeployment.of_worker(account, str(outputs["worker_name"]))
        try:
            target = choose_target(
                history,
                active,
                named=None,
                pin=read_pin(context.file.path),
                last_update=newest_update(updates),
            )
        except GateClosed as error:
            return cls(history, active, None, str(error), context.stack)
        return cls(history, active, target, "", context.stack)

    def rows(self, limit: int) -> list[dict[str, Any]]:
        """Return at most ``limit`` releases, the newest first."""
        return [self._row(known) for known in self.history.releases[:limit]]

    def one(self, name: str) -> dict[str, Any]:
        """Return one release whole, with its settings (``None``: not kept) and fingerprints.

        Raises:
            UsageError: there is no release of that name.
        """
        known = self.history.find(name)
        if known is None:
            raise UsageError(f"There is no release '{name}'. 'notifyctl releases' lists them.")
        release = known.release
        return {
            **self._row(known),
            "secret_fingerprints": dict(release.fingerprints),
            "settings": None if release.settings is None else dict(release.settings),
        }

    def _row(self, known: KnownRelease) -> dict[str, Any]:
        target = self.target.release.version_id if self.target is not None else ""
        return {
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
            "listed": known.is_listed,
            "rollback_target": known.release.version_id == target,
        }

    def notes(self) -> list[str]:
        """Return what the list alone doesn't tell."""
        notes = []
        strangers = [
            version for version in self.active.shares if self.history.of_version(version) is None
        ]
        for version in strangers:
            notes.append(
                f"Version {version} serves {self.active.shares[version]:g} % and is no release: "
                "somebody deployed it outside Pulumi. 'notifyctl rollback' puts that right."
            )
        if told := self.active.left_canary(self.stack):
            notes.append(told)
        if self.target is None:
            notes.append(f"A rollback would be refused. {self.refusal}")
        elif self.target.way == "nothing":
            notes.append(
                f"A rollback would change nothing: {self.target.release.short} serves already, and "
                f"{self.target.reason}."
            )
        else:
            known = self.history.of_version(self.target.release.version_id)
            result = known.result if known is not None else "deployed"
            notes.append(
                f"A rollback would go back to {self.target.release.short} ({result}): "
                f"{self.target.reason}."
            )
        return notes
