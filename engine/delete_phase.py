"""The end of an update, and all of a destroy: what is in the state but not wanted any more."""

from __future__ import annotations

from engine.errors import EngineError
from engine.operation import Operation
from engine.provider import Provider
from engine.provider_registry import ProviderRegistry
from engine.resource_state import ResourceState
from engine.snapshot import Snapshot
from engine.step import Step
from engine.urn import label


class DeletePhase:
    """Deletes what is left of the old states, the last one first: the state is in dependency
    order, so every dependant goes before what it depends on, in one run.
    """

    def __init__(
        self, operation: Operation, snapshot: Snapshot, registry: ProviderRegistry
    ) -> None:
        self._operation = operation
        self._snapshot = snapshot
        self._registry = registry
        self._step = Step(operation, snapshot)

    def run(self) -> None:
        """Delete; stops at the first failure. Raises ``EngineError`` before anything is deleted
        where a protected resource is among what would go.
        """
        doomed = list(reversed(self._snapshot.old))
        self._refuse_protected(doomed)
        going = {state.urn for state in doomed if not state.delete}
        for state in doomed:
            self._operation.raise_if_stopped()
            if state.pending_replacement:
                self._drop(state)
            else:
                self._delete(state, going)

    def _drop(self, state: ResourceState) -> None:
        """It was deleted to be replaced, and the program does not want it any more."""
        self._snapshot.complete(state, None)
        if not self._operation.dry_run:
            self._snapshot.write()

    def _delete(self, state: ResourceState, going: set[str]) -> None:
        replaced = state.delete and self._snapshot.find(state.urn) is not None
        op = "delete-replaced" if replaced else "delete"
        self._step.delete(op, state, self._provider(state, going))

    def _provider(self, state: ResourceState, going: set[str]) -> Provider | None:
        kept = state.retain_on_delete or state.external or state.deleted_with in going
        if kept or not state.custom or state.is_provider or self._operation.dry_run:
            return None
        return self._registry.get(state.provider)

    def _refuse_protected(self, doomed: list[ResourceState]) -> None:
        held = [label(state.urn) for state in doomed if state.protect and not state.delete]
        if held:
            raise EngineError(
                f"Nothing was deleted: {', '.join(held)} would have to go but "
                f"{'is' if len(held) == 1 else 'are'} protected. Take protect off in the program, "
                "run up, then run this again."
            )
