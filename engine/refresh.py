"""Brings the state to what really exists, by reading every resource."""

from __future__ import annotations

from dataclasses import replace

from engine.errors import ProviderError
from engine.operation import Operation
from engine.property_value import unwrap
from engine.provider import Known, Live, Provider
from engine.provider_registry import ProviderRegistry
from engine.resource_state import ResourceState
from engine.snapshot import Snapshot, timestamp
from engine.step import secret_outputs, target_of


class Refresh:
    """Reads; never changes anything outside the state.

    A resource counts as changed where the next update would have something to do for it. Values
    that the service alone moves (sizes, counters, times) are taken over without being counted.
    """

    def __init__(
        self, operation: Operation, snapshot: Snapshot, registry: ProviderRegistry
    ) -> None:
        self._operation = operation
        self._snapshot = snapshot
        self._registry = registry

    def run(self) -> None:
        """Read all resources in state order; the first failure ends it."""
        for state in self._snapshot.old:
            self._operation.raise_if_stopped()
            if state.delete or state.pending_replacement or state.is_default_provider:
                continue
            if state.custom and not state.is_provider:
                self._read(state)
            else:
                with self._operation.step("same", state.urn):
                    pass

    def _read(self, listed: ResourceState) -> None:
        # An earlier resource may have been found gone, which rewrites this one's references.
        state = self._snapshot.find_old(listed.urn) or listed
        provider = self._registry.get(state.provider)
        if provider is None:
            return
        known = Known(unwrap(state.inputs), unwrap(state.outputs))
        with self._operation.step("read", state.urn, shown=False):
            live = provider.read(target_of(state, state.id), known)
        if live is None:
            with self._operation.step("delete", state.urn):
                self._snapshot.forget(state)
            return
        drifted = self._drifted(provider, state, known, live)
        with self._operation.step("update" if drifted else "same", state.urn):
            outputs = secret_outputs(live.outputs, state.inputs, state.additional_secret_outputs)
            if unwrap(outputs) != known.outputs or live.id != state.id:
                modified = timestamp() if drifted else state.modified
                self._snapshot.amend(
                    state, replace(state, id=live.id, outputs=outputs, modified=modified)
                )

    def _drifted(self, provider: Provider, state: ResourceState, known: Known, live: Live) -> bool:
        now = Known(known.inputs, unwrap(live.outputs))
        try:
            found = provider.diff(
                target_of(state, live.id), now, known.inputs, state.ignore_changes
            )
        except ProviderError:
            # The inputs name what this checkout doesn't have, such as a folder that isn't built.
            return bool(now.outputs != known.outputs)
        if found.changed is None:
            return bool(now.outputs != known.outputs)
        return found.changed
