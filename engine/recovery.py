"""What an operation does about the one that was killed before it."""

from __future__ import annotations

from dataclasses import replace

from engine.errors import EngineError
from engine.operation import Operation
from engine.property_value import unwrap
from engine.provider import Known, Live, Provider
from engine.provider_registry import ProviderRegistry
from engine.resource_state import PendingOperation, ResourceState
from engine.snapshot import Snapshot, timestamp
from engine.step import secret_outputs, target_of
from engine.urn import label


class Recovery:
    """Settles the pending operations in the state, each by asking what really exists.

    A create is looked up by what makes it unique and taken over if it is there; an update or
    delete is read back. Where that cannot be told the entry is cleared with a warning, so the
    next update never gets stuck.
    """

    def __init__(
        self, operation: Operation, snapshot: Snapshot, registry: ProviderRegistry
    ) -> None:
        self._operation = operation
        self._snapshot = snapshot
        self._registry = registry

    def run(self, pending: tuple[PendingOperation, ...]) -> None:
        """Settle all entries. Raises ``EngineError`` where the service cannot be asked."""
        for entry in pending:
            state = entry.resource
            if not state.provider:
                continue
            provider = self._registry.get(state.provider)
            if provider is not None and entry.type == "creating":
                self._created(state, provider)
            elif provider is not None and entry.type in ("updating", "deleting"):
                self._read_back(state, provider)

    def _created(self, draft: ResourceState, provider: Provider) -> None:
        if provider.is_repeatable(target_of(draft, "")):
            return
        inputs = unwrap(draft.inputs)
        live = provider.find(target_of(draft, ""), inputs)
        if live is None:
            self._operation.say(
                f"{label(draft.urn)} was being created when an earlier run was killed. Nothing by "
                "its name was found; if it was made all the same, nothing manages it.",
                severity="warning",
                urn=draft.urn,
            )
            return
        self._make_room(draft.urn, live)
        self._snapshot.adopt(_found(draft, live))
        self._operation.say(
            f"{label(draft.urn)} had been created by a run that was killed; it is taken over.",
            urn=draft.urn,
        )

    def _make_room(self, urn: str, live: Live) -> None:
        """The killed create may have been half of a replacement."""
        old = self._snapshot.find_old(urn)
        if old is None:
            return
        if old.pending_replacement or old.id == live.id:
            self._snapshot.complete(old, None)
        else:
            self._snapshot.amend(old, replace(old, delete=True))

    def _read_back(self, state: ResourceState, provider: Provider) -> None:
        current = next(
            (s for s in self._snapshot.old if s.urn == state.urn and s.id == state.id), None
        )
        if current is None or current.pending_replacement:
            return
        known = Known(unwrap(current.inputs), unwrap(current.outputs))
        try:
            live = provider.read(target_of(current, current.id), known)
        except EngineError as error:
            raise EngineError(
                f"{label(state.urn)} was being changed when an earlier run was killed, and cannot "
                f"be read now: {error}"
            ) from None
        if live is None and current.delete:
            self._snapshot.complete(current, None)
        elif live is None:
            self._snapshot.forget(current)
        else:
            outputs = secret_outputs(
                live.outputs, current.inputs, current.additional_secret_outputs
            )
            self._snapshot.amend(current, replace(current, outputs=outputs))


def _found(draft: ResourceState, live: Live) -> ResourceState:
    now = timestamp()
    outputs = secret_outputs(live.outputs, draft.inputs, draft.additional_secret_outputs)
    return replace(draft, id=live.id, outputs=outputs, created=now, modified=now)
