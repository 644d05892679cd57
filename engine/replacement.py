"""Replacing a resource, with the old one removed before or after."""

from __future__ import annotations

import threading
from dataclasses import replace

from engine.errors import EngineError
from engine.goal import Goal
from engine.operation import Operation
from engine.property_path import matches_any
from engine.property_value import UNKNOWN, Properties, unwrap
from engine.provider import Difference, Known, Provider
from engine.provider_registry import ProviderRegistry
from engine.resource_state import ResourceState
from engine.snapshot import Snapshot
from engine.step import Step, target_of
from engine.urn import label


class Replacement:
    """Creates before deleting unless the program or the provider asks for the other order."""

    def __init__(
        self, operation: Operation, snapshot: Snapshot, registry: ProviderRegistry
    ) -> None:
        self._operation = operation
        self._snapshot = snapshot
        self._registry = registry
        self._step = Step(operation, snapshot)
        self._lock = threading.Lock()

    def run(
        self,
        goal: Goal,
        provider: Provider | None,
        old: ResourceState,
        inputs: Properties,
        difference: Difference,
    ) -> ResourceState:
        """Replace ``old``; the goal's own order wins over the provider's.

        Raises ``EngineError`` where the resource was and stays protected, or a dependant that would
        have to go first is.
        """
        with self._operation.step("plan", goal.urn, shown=False):
            # Taking protection off, or putting it on, may replace the resource in the same run:
            # pulumi/pulumi pkg/resource/deploy/step_generator.go looks at both.
            _refuse_protected(goal.urn, protect=goal.protect and old.protect)
        before = goal.delete_before_replace
        if before is None:
            before = difference.delete_before_replace
        if not before:
            with self._operation.step("replace", goal.urn):
                return self._step.make(goal, provider, inputs, superseded=old)
        with self._lock:
            for state in reversed(self._dependents(old)):
                self._remove(state)
            left = self._remove(old)
        return self._step.create(goal, provider, inputs, replaced=left)

    def _remove(self, state: ResourceState) -> ResourceState:
        """Delete now; the state stays, marked, until the program registers it again."""
        left = replace(state, pending_replacement=True)
        provider = None if state.retain_on_delete else self._registry.get(state.provider)
        self._step.delete("delete-replaced", state, provider, left=left)
        return left

    def _dependents(self, root: ResourceState) -> list[ResourceState]:
        """Those later states that would be replaced because ``root`` is, in state order
        (``calculateDependentReplacements`` of pulumi/pulumi pkg/resource/deploy).
        """
        urns = {root.urn}
        found: list[ResourceState] = []
        old = self._snapshot.old
        position = next(
            index for index, item in enumerate(old) if item.urn == root.urn and not item.delete
        )
        for state in old[position + 1 :]:
            if state.delete or state.pending_replacement or not state.custom or state.is_provider:
                continue
            touched = tuple(
                key for key, deps in state.property_dependencies.items() if urns & set(deps)
            )
            if touched and self._would_be_replaced(state, touched):
                _refuse_protected(state.urn, protect=state.protect)
                urns.add(state.urn)
                found.append(state)
        return found

    def _would_be_replaced(self, state: ResourceState, touched: tuple[str, ...]) -> bool:
        provider = self._registry.get(state.provider)
        if provider is None:
            return True
        known = Known(unwrap(state.inputs), unwrap(state.outputs))
        news = {**known.inputs, **dict.fromkeys(touched, UNKNOWN)}
        difference = provider.diff(target_of(state, state.id), known, news, state.ignore_changes)
        forced = any(matches_any(key, state.replace_on_changes) for key in touched)
        return bool(difference.replaces) or (forced and difference.changed is not False)


def _refuse_protected(urn: str, *, protect: bool) -> None:
    if protect:
        raise EngineError(
            f"{label(urn)} would be replaced but is protected: take protect off it in the "
            "program if its loss is meant"
        )
