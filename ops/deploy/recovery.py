"""Brings a stack back into order after an operation that was killed, cut off or half answered."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psutil

from engine.errors import EngineError
from engine.stack_lock import StackLock
from engine.stored_state import put_back
from ops.adoption.adoption import Adoption
from ops.deploy.deployment import Deployment
from ops.stacks.choice import choose_driver
from ops.stacks.context import StackContext
from ops.stacks.driver import StackDriver, StackUpdate
from ops.stacks.errors import GateClosed, StackDamaged, StackFailed, StackLocked
from ops.stacks.kept_state import keep_state
from ops.stacks.local_cloud import start_local_cloud

Entry = Mapping[str, Any]


@dataclass
class RecoveryReport:
    """What a recovery did.

    Attributes:
        stack: the stack's name.
        restored: the copy that took a damaged checkpoint's place; empty where it was whole.
        unlocked: whose lock was taken away; empty where there was none.
        kept: the file with the state as it was before.
        pending: operations that had begun and whose end nobody saw, such as "creating database".
        dropped: entries that marked a resource in use for deletion.
        refreshed: what the refresh corrected.
        imported: what exists and wasn't in the state.
    """

    stack: str
    restored: str = ""
    unlocked: str = ""
    kept: str = ""
    pending: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    refreshed: Mapping[str, int] = field(default_factory=dict)
    imported: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to recover."""
        corrected = sum(count for step, count in self.refreshed.items() if step != "same")
        done = self.restored or self.unlocked
        return not (done or self.pending or self.dropped or corrected or self.imported)

    def document(self) -> dict[str, Any]:
        """Return the report for ``--json``."""
        return {
            "stack": self.stack,
            "state_restored_from": self.restored or None,
            "unlocked": self.unlocked or None,
            "state_kept": self.kept,
            "pending_operations": list(self.pending),
            "entries_dropped": list(self.dropped),
            "refreshed": dict(self.refreshed),
            "imported": list(self.imported),
        }

    def lines(self) -> list[str]:
        """Return the report for a person, with what to run next."""
        lines = [f"The state is that of {self.restored} again."] if self.restored else []
        lines += [f"The lock of {self.unlocked} was removed."] if self.unlocked else []
        lines += [f"Settled: {what}, whose result was unknown." for what in self.pending]
        lines += [f"Taken out of the state: {what}." for what in self.dropped]
        lines += [f"Imported: {what}." for what in self.imported]
        if self.is_empty:
            lines.append(f"There is nothing to recover in '{self.stack}'.")
        elif not self.imported:
            lines.append(f"Continue where it stopped: notifyctl up --stack {self.stack}")
        return lines


class Recovery:
    """Recovers one stack; safe to repeat, and to run on a stack that is whole.

    Args:
        context: the stack, and where its steps are shown.
        confirm: asked before a lock goes whose process can't be seen from here; gets what would
            happen, as a sentence without its full stop, and raises to stop it.
        agree: asked in the same way before a copy takes a damaged checkpoint's place.
    """

    def __init__(
        self,
        context: StackContext,
        confirm: Callable[[str], None],
        agree: Callable[[str], None],
    ) -> None:
        self._context = context
        self._stack = context.stack
        self._reporter = context.reporter
        self._confirm = confirm
        self._agree = agree

    def run(self, *, verify: bool) -> RecoveryReport:
        """Unlock, refresh, clear what is pending, and import what exists.

        Raises:
            StackMissing: there is no such stack.
            StackDamaged: its checkpoint is damaged, and there is no whole copy of it.
            GateClosed: the operation that holds the lock still runs, or an import would lose data.
            OperationError: a step failed; run the same command again to go on.
        """
        if self._context.is_local:
            start_local_cloud(self._context.project, self._reporter)
        driver = choose_driver(self._context)
        report = RecoveryReport(self._stack)
        try:
            exported = driver.export()
        except StackDamaged as found:
            report.restored = self._put_back(found)
            exported = driver.export()
        report.kept = str(keep_state(self._context.project.home, self._stack, exported))
        deployment = exported.get("deployment") or {}
        report.pending = tuple(map(_pending, deployment.get("pending_operations") or ()))
        with self._reporter.step(f"Refresh of the stack {self._stack}") as step:
            refreshed = self._refresh(driver, report)
            report.refreshed = dict(refreshed.changes)
            step.detail = refreshed.summary
        report.dropped = self._drop(driver)
        if not self._context.known_settings("manageAccess").manage_access:
            report.imported = self._import(verify=verify)
        return report

    def _put_back(self, found: StackDamaged) -> str:
        damage = found.damage
        if damage.copy is None:
            raise found
        for holder in StackLock(damage.lock_dir).holders():
            if holder.host == socket.gethostname() and psutil.pid_exists(holder.pid):
                raise GateClosed(
                    f"The state {damage.file} is damaged, and {holder} still writes to it. Wait "
                    "for its end, and run the same command again."
                )
        when = datetime.fromtimestamp(damage.copy.stat().st_mtime, UTC)
        self._agree(
            f"The state {damage.file} is damaged. Its newest complete copy, {damage.copy} of "
            f"{when:%F %T} UTC, replaces it; the damaged file stays beside it"
        )
        try:
            kept = put_back(damage)
        except EngineError as error:
            raise StackFailed(str(error)) from None
        self._reporter.line(f"The state is that of {damage.copy} again; the damaged one: {kept}")
        return str(damage.copy)

    def _refresh(self, driver: StackDriver, report: RecoveryReport) -> StackUpdate:
        try:
            return driver.refresh(self._reporter.progress, clear_pending_creates=True)
        except StackLocked as lock:
            report.unlocked = self._unlock(driver, lock)
            return driver.refresh(self._reporter.progress, clear_pending_creates=True)

    def _unlock(self, driver: StackDriver, lock: StackLocked) -> str:
        user, _, host = lock.holder.rpartition("@")
        if lock.pid is None:
            holder = "an operation that the backend doesn't identify"
        else:
            holder = f"{user} at {host} (process {lock.pid}, since {lock.since})"
        is_here = lock.pid is not None and host == socket.gethostname()
        if is_here and psutil.pid_exists(lock.pid or 0):
            raise GateClosed(
                f"The lock's process {lock.pid} still runs on this machine. Wait for its end, or "
                f"end it by 'kill -INT {lock.pid}', and run the same command again."
            )
        if not is_here:
            self._confirm(f"This removes the lock of {holder} from the state of '{self._stack}'")
        driver.unlock()
        self._reporter.line(f"The lock of {holder} was removed.")
        return holder

    def _drop(self, driver: StackDriver) -> tuple[str, ...]:
        """Take entries out that wait for the deletion of what another entry manages.

        An import over the stack's own resource left them; the next update would delete it.
        """
        exported = driver.export()
        deployment = dict(exported.get("deployment") or {})
        resources = deployment.get("resources") or []
        # Only what a provider manages has an id; a component, say, has none.
        used = {_identity(entry) for entry in resources if entry.get("id") and not _goes(entry)}
        bad = [entry for entry in resources if _goes(entry) and _identity(entry) in used]
        if not bad:
            return ()
        with self._reporter.step("State corrected") as step:
            kept = [entry for entry in resources if not any(entry is other for other in bad)]
            driver.replace_state({**exported, "deployment": {**deployment, "resources": kept}})
            step.detail = f"{len(bad)} entries taken out"
        return tuple(f"the deletion of {_name(entry)} ({entry['id']}), in use" for entry in bad)

    def _import(self, *, verify: bool) -> tuple[str, ...]:
        adoption = Adoption(self._context, Deployment)
        plan = adoption.plan()
        if not plan.adopted and not plan.consumers:
            return ()
        for line in plan.lines():
            self._reporter.line(line)
        adoption.run(plan, verify=verify)
        found = [f"the {item.kind.title} {item.name} ({item.id})" for item in plan.adopted]
        return (*found, *(f"the place of {one.queue}'s consumer" for one in plan.consumers))


def _pending(operation: Mapping[str, Any]) -> str:
    return f"{operation.get('type', 'changing')} {_name(operation.get('resource') or {})}"


def _name(entry: Entry) -> str:
    return str(entry.get("urn", "")).rpartition("::")[2] or "a resource"


def _goes(entry: Entry) -> bool:
    return bool(entry.get("delete"))


def _identity(entry: Entry) -> tuple[object, object]:
    return entry.get("type"), entry.get("id")
