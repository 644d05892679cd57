"""Drives the embedded engine: loopback stacks on machines that can't have the Pulumi CLI."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from engine import EmbeddedEngine, EngineError, EngineEvent, UpdateResult
from engine.errors import StackLocked as EngineLocked
from engine.errors import StateDamaged
from engine.stack_lock import LockHolder
from infra.stack_state import STATE_FILE_VARIABLE
from ops.stacks.driver import HistoryEntry, Progress, StackUpdate, with_ledger
from ops.stacks.errors import StackDamaged, StackFailed, StackLocked
from ops.stacks.local_stack import LocalStack
from ops.stacks.project import Project

SIGNS = {
    "create": "+",
    "update": "~",
    "replace": "±",
    "create-replacement": "+",
    "delete": "-",
    "delete-replaced": "-",
    "read": ">",
    "import": ">",
    "refresh": "~",
}


class EmbeddedDriver:
    """A :class:`ops.stacks.driver.StackDriver` on the embedded engine."""

    def __init__(self, project: Project, local: LocalStack) -> None:
        self._project = project
        self._local = local

    def preview(self, show: Callable[[Progress], None]) -> StackUpdate:
        """See :meth:`StackDriver.preview`."""
        return self._run(show, lambda engine: engine.preview())

    def up(self, show: Callable[[Progress], None], *, message: str) -> StackUpdate:
        """See :meth:`StackDriver.up`."""
        return self._run(show, lambda engine: engine.up(message=message))

    def refresh(
        self, show: Callable[[Progress], None], *, clear_pending_creates: bool = False
    ) -> StackUpdate:
        """See :meth:`StackDriver.refresh`; this engine settles every pending operation anyway."""
        return self._run(show, lambda engine: engine.refresh())

    def destroy(self, show: Callable[[Progress], None]) -> StackUpdate:
        """See :meth:`StackDriver.destroy`."""
        return self._run(show, lambda engine: engine.destroy())

    def remove(self) -> None:
        """See :meth:`StackDriver.remove`."""
        try:
            self._engine(lambda _: None).remove_stack()
        except EngineError as error:
            raise _failed(error) from None

    def unprotect(self) -> None:
        """See :meth:`StackDriver.unprotect`."""
        try:
            self._engine(lambda _: None).unprotect()
        except EngineError as error:
            raise _failed(error) from None

    def locks(self) -> list[str]:
        """See :meth:`StackDriver.locks`."""
        try:
            return [str(holder) for holder in self._engine(lambda _: None).lock_holders()]
        except EngineError as error:
            raise _failed(error) from None

    def unlock(self) -> None:
        """See :meth:`StackDriver.unlock`."""
        try:
            self._engine(lambda _: None).cancel()
        except EngineError as error:
            raise _failed(error) from None

    def export(self, *, show_secrets: bool = False) -> Mapping[str, Any]:
        """See :meth:`StackDriver.export`."""
        try:
            return self._engine(lambda _: None).export(show_secrets=show_secrets)
        except EngineError as error:
            raise _failed(error) from None

    def replace_state(self, exported: Mapping[str, Any]) -> None:
        """See :meth:`StackDriver.replace_state`."""
        try:
            self._engine(lambda _: None).replace_state(exported)
        except EngineError as error:
            raise _failed(error) from None

    def resources(self) -> list[Mapping[str, Any]]:
        """See :meth:`StackDriver.resources`."""
        return list(self.export()["deployment"].get("resources") or [])

    def outputs(self, *, show_secrets: bool) -> Mapping[str, Any]:
        """See :meth:`StackDriver.outputs`."""
        return with_ledger(self._set_outputs(show_secrets=show_secrets), self.resources())

    def is_unfinished(self) -> bool:
        """See :meth:`StackDriver.is_unfinished`."""
        found = self._set_outputs(show_secrets=False)
        return with_ledger(found, self.resources()) is not found

    def _set_outputs(self, *, show_secrets: bool) -> Mapping[str, Any]:
        try:
            return self._engine(lambda _: None).outputs(show_secrets=show_secrets)
        except EngineError as error:
            raise _failed(error) from None

    def history(self) -> list[HistoryEntry]:
        """See :meth:`StackDriver.history`."""
        try:
            entries = self._engine(lambda _: None).history()
        except EngineError as error:
            raise _failed(error) from None
        return [
            HistoryEntry(
                version=int(entry["version"]),
                kind=str(entry["kind"]),
                started=int(entry["startTime"]),
                ended=int(entry["endTime"]),
                result=str(entry["result"]),
                message=str(entry.get("message", "")),
                changes=entry.get("resourceChanges") or {},
            )
            for entry in entries
        ]

    def _run(
        self,
        show: Callable[[Progress], None],
        operation: Callable[[EmbeddedEngine], UpdateResult],
    ) -> StackUpdate:
        engine = self._engine(show)
        try:
            result = operation(engine)
        except EngineLocked as error:
            raise _locked(str(error), engine.lock_holders()) from None
        except EngineError as error:
            raise _failed(error) from None
        if result.result == "failed":
            raise StackFailed(result.message)
        return StackUpdate(
            kind=result.kind,
            changes=dict(result.changes),
            outputs=dict(result.outputs),
            version=result.version,
            seconds=result.duration_s,
            steps=tuple(result.steps),
        )

    def _engine(self, show: Callable[[Progress], None]) -> EmbeddedEngine:
        def on_event(event: EngineEvent) -> None:
            progress = _progress(event)
            if progress is not None:
                show(progress)

        return EmbeddedEngine(
            project_dir=self._project.root,
            backend_dir=self._local.backend_dir,
            stack=self._local.stack,
            config_file=self._local.config_file,
            passphrase=self._local.passphrase,
            key_file=self._local.key_file,
            environment={
                **self._local.environment,
                STATE_FILE_VARIABLE: str(self._local.state_file),
            },
            on_event=on_event,
        )


def _failed(error: EngineError) -> StackFailed:
    return StackDamaged(error) if isinstance(error, StateDamaged) else StackFailed(str(error))


def _locked(message: str, holders: Sequence[LockHolder]) -> StackLocked:
    """Return the error with the lock's first holder, as far as the lock names one."""
    if not holders or holders[0].is_damaged:
        return StackLocked(message)
    first = holders[0]
    since = datetime.fromtimestamp(first.since, UTC)
    return StackLocked(
        message, holder=f"{first.user}@{first.host}", pid=first.pid, since=f"{since:%F %T} UTC"
    )


def _progress(event: EngineEvent) -> Progress | None:
    """Turn an event of the engine into a line; ``None`` where there is nothing to show."""
    if event.kind == "diagnostic":
        return Progress(event.message, severity=event.severity or "info")
    if event.kind == "step_failed":
        return Progress(f"✗ {_short(event.type)} {event.name}: {event.message}", severity="error")
    if event.kind == "step_done" and event.op in SIGNS:
        return Progress(f"{SIGNS[event.op]} {_short(event.type)} {event.name}")
    return None


def _short(type_token: str) -> str:
    """Return ``package:Type`` of ``package:module/member:Type``, as a person would say it."""
    package, _, rest = type_token.partition(":")
    return f"{package}:{rest.rpartition(':')[2]}"
