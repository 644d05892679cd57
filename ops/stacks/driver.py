"""What every command needs from whatever carries out a Pulumi operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Progress:
    """One thing that happened while an operation ran, ready to be shown.

    Attributes:
        text: one line without markup.
        severity: ``info``, ``warning`` or ``error``.
    """

    text: str
    severity: str = "info"


@dataclass(frozen=True)
class StackUpdate:
    """The result of an operation that ended well.

    Attributes:
        kind: ``preview``, ``update``, ``refresh`` or ``destroy``.
        changes: number of resources per operation (``create``, ``same``, ``update``, …).
        outputs: the stack's outputs after it, secrets in clear: never print them unasked.
        version: number of the update in the stack's history; ``None`` for a preview.
        seconds: how long it took.
        steps: the operation and URN of each resource that isn't left as it is, in their order.
            Previews have them, updates only under the embedded engine.
    """

    kind: str
    changes: Mapping[str, int]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None
    seconds: float = 0.0
    steps: Sequence[tuple[str, str]] = ()

    @property
    def changed(self) -> int:
        """Number of resources that the operation changed, or would change."""
        return sum(count for operation, count in self.changes.items() if operation != "same")

    @property
    def summary(self) -> str:
        """``0 changes``, or the number of resources per operation."""
        changed = {name: count for name, count in sorted(self.changes.items()) if name != "same"}
        if not changed:
            return "0 changes"
        return ", ".join(f"{count} {name}" for name, count in changed.items())

    def step_documents(self) -> list[dict[str, str]]:
        """Return the steps for ``--json``."""
        return [{"operation": operation, "urn": urn} for operation, urn in self.steps]


@dataclass(frozen=True)
class HistoryEntry:
    """One update of a stack, as ``pulumi stack history`` knows it.

    Attributes:
        version: number of the update, counted from 1.
        kind: ``update``, ``refresh``, ``destroy``, …
        started: seconds since the epoch.
        ended: seconds since the epoch.
        result: ``succeeded`` or ``failed``.
        message: the update's message.
        changes: number of resources per operation.
    """

    version: int
    kind: str
    started: int
    ended: int
    result: str
    message: str
    changes: Mapping[str, int]


class StackDriver(Protocol):
    """Carries out Pulumi operations on one stack.

    Every method raises :class:`ops.stacks.errors.StackFailed` where the operation failed, with what
    happened and what to do next.
    """

    def preview(self, show: Callable[[Progress], None]) -> StackUpdate:
        """Say what an update would change; nothing is changed."""

    def up(self, show: Callable[[Progress], None], *, message: str) -> StackUpdate:
        """Bring the stack to what the program declares."""

    def refresh(
        self, show: Callable[[Progress], None], *, clear_pending_creates: bool = False
    ) -> StackUpdate:
        """Bring the state to what is really there.

        Args:
            show: gets what happens.
            clear_pending_creates: also forget the creations that an operation was killed in.
        """

    def destroy(self, show: Callable[[Progress], None]) -> StackUpdate:
        """Remove every resource of the stack; its history stays."""

    def remove(self) -> None:
        """Remove the stack itself, which has no resource any more, with its history."""

    def unprotect(self) -> None:
        """Take the protection off every resource of the state; the next update restores it."""

    def locks(self) -> list[str] | None:
        """Say who holds a lock on the stack's state; ``None`` where the backend doesn't tell."""

    def unlock(self) -> None:
        """Remove the locks, as ``pulumi cancel`` does; who still works there fails to write."""

    def export(self, *, show_secrets: bool = False) -> Mapping[str, Any]:
        """Return the state as ``pulumi stack export`` does, secrets encrypted unless asked for."""

    def replace_state(self, exported: Mapping[str, Any]) -> None:
        """Put a state, as `export` gives it, in the place of the stack's."""

    def resources(self) -> list[Mapping[str, Any]]:
        """Return the resources in the stack's state as Pulumi exports them, secrets encrypted."""

    def outputs(self, *, show_secrets: bool) -> Mapping[str, Any]:
        """Return the outputs `with_ledger`; secrets read ``[secret]`` unless asked for."""

    def is_unfinished(self) -> bool:
        """Whether an update moved the traffic, and ended before it set the stack's outputs."""

    def history(self) -> list[HistoryEntry]:
        """Return the stack's updates, newest first."""


def with_ledger(
    outputs: Mapping[str, Any], resources: Iterable[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Return a stack's outputs with the releases that the state's ledger has.

    Pulumi sets the outputs when an update ends. One that fails or is killed after the traffic moved
    sets none: they still name the version before, and the ledger names the one that serves.

    Args:
        outputs: as Pulumi has them; a stack without any has no service yet, and keeps none.
        resources: the state's, as Pulumi exports them.
    """
    if not outputs:
        return outputs
    for resource in resources:
        if not str(resource.get("type", "")).endswith(":ReleaseLedger") or resource.get("delete"):
            continue
        entries = (resource.get("outputs") or {}).get("releases")
        if isinstance(entries, list) and entries and entries != outputs.get("releases"):
            newest = entries[0]
            serving = newest["serving"]
            return {
                **outputs,
                "release": {k: v for k, v in newest.items() if k not in {"serving", "at"}},
                "releases": entries,
                "version_id": newest["version_id"],
                "serving": serving,
                "serving_version_id": max(serving, key=lambda one: one["percentage"])["version_id"],
            }
    return outputs
