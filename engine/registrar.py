"""Turns registrations into steps: the planner."""

from __future__ import annotations

import threading
from dataclasses import replace

from engine.alias_resolution import AliasResolution
from engine.errors import EngineError, ProviderError
from engine.goal import Goal
from engine.import_step import Import, imports
from engine.operation import Operation
from engine.property_path import keep_ignored, matches_any
from engine.property_value import Properties, mark_like, unwrap
from engine.provider import Difference, Known, Provider, Target
from engine.provider_registry import ProviderRegistry
from engine.replacement import Replacement
from engine.resource_state import ResourceState
from engine.snapshot import Snapshot, timestamp
from engine.step import Step, target_of
from engine.urn import label


class Registrar:
    """Handles every ``RegisterResource`` of a program. Thread-safe: the program registers
    concurrently, each resource as soon as its inputs are known.
    """

    def __init__(
        self, operation: Operation, snapshot: Snapshot, registry: ProviderRegistry
    ) -> None:
        self._operation = operation
        self._snapshot = snapshot
        self._registry = registry
        self._step = Step(operation, snapshot)
        self._importing = Import(operation, snapshot)
        self._replacement = Replacement(operation, snapshot, registry)
        run_context = operation.run_context
        self._aliases = AliasResolution(run_context.stack, run_context.project)
        self._lock = threading.Lock()
        self.goals: dict[str, Goal] = {}

    def register(self, goal: Goal) -> ResourceState:
        """Do what the goal needs and return the state it led to.

        Raises ``Stopped`` once the operation ends, other ``EngineError`` where the step fails.
        """
        self._operation.raise_if_stopped()
        self._operation.redaction.learn(goal.inputs)
        old = self._claim(goal)
        if goal.is_provider:
            return self._provider_resource(goal, old)
        if not goal.custom:
            return self._component(goal, old)
        return self._custom(goal, old)

    def _claim(self, goal: Goal) -> ResourceState | None:
        """The old state that the goal continues, under its own URN or an alias."""
        with self._lock:
            if goal.urn in self.goals:
                raise EngineError(
                    f"Two resources are registered as {goal.urn}: give one another name."
                )
            self.goals[goal.urn] = goal
            for urn in (goal.urn, *self._aliases.of(goal)):
                old = self._snapshot.find_old(urn)
                if old is None or (urn != goal.urn and urn in self.goals):
                    continue
                if urn != goal.urn:
                    old = self._renamed(old, goal.urn)
                return old
            return None

    def _renamed(self, old: ResourceState, urn: str) -> ResourceState:
        self._snapshot.rename(old.urn, urn)
        current = self._snapshot.find_old(old.urn) or old
        renamed = replace(current, urn=urn)
        self._snapshot.amend(current, renamed)
        return renamed

    def _provider_resource(self, goal: Goal, old: ResourceState | None) -> ResourceState:
        op, state = self._registry.register(goal, old)
        self._step.record(op, old, state)
        return state

    def _component(self, goal: Goal, old: ResourceState | None) -> ResourceState:
        now = timestamp()
        changed = old is not None and old.inputs != goal.inputs
        state = goal.state(
            inputs=goal.inputs,
            outputs=old.outputs if old else {},
            created=old.created if old else now,
            modified=old.modified if old and not changed else now,
            extra=old.extra if old else {},
        )
        op = "create" if old is None else "update" if changed else "same"
        self._step.record(op, old, state)
        return state

    def _custom(self, goal: Goal, old: ResourceState | None) -> ResourceState:
        reference = self._registry.reference_for(goal)
        provider = self._registry.get(reference)
        declared = replace(goal, provider=reference)
        if imports(declared, old):
            return self._import(replace(declared, inputs=keep_ignored(goal, old)), provider)
        if old is None:
            return self._step.create(declared, provider, self._check(declared, provider, {}))
        if old.pending_replacement:
            inputs = self._check(declared, provider, {})
            return self._step.create(declared, provider, inputs, replaced=old)
        goal = replace(declared, inputs=keep_ignored(goal, old))
        inputs = self._check(goal, provider, old.inputs)
        difference = self._difference(goal, provider, old, inputs)
        if difference.replaces:
            # What comes in its place has nothing to keep, ignored properties neither
            # (``goal.Properties`` in pulumi/pulumi pkg/resource/deploy/step_generator.go).
            inputs = self._check(declared, provider, {})
            return self._replacement.run(declared, provider, old, inputs, difference)
        if difference.changed:
            return self._step.update(goal, provider, old, inputs)
        return self._step.same(goal, old, inputs)

    def _import(self, goal: Goal, provider: Provider | None) -> ResourceState:
        """Take an existing resource over, then bring it to what the program declares."""
        imported = self._importing.run(goal, provider)
        goal = replace(goal, inputs=keep_ignored(goal, imported))
        inputs = self._check(goal, provider, imported.inputs)
        difference = self._difference(goal, provider, imported, inputs)
        if difference.replaces:
            keys = ", ".join(sorted(set(difference.replaces)))
            raise EngineError(
                f"{label(goal.urn)} can't be imported: {keys} of what exists differs from the "
                "program's, which would replace it. Declare it as it is, or import another one."
            )
        if difference.changed:
            return self._step.update(goal, provider, imported, inputs)
        self._snapshot.complete(imported, imported)
        return imported

    def _check(self, goal: Goal, provider: Provider | None, olds: Properties) -> Properties:
        if provider is None:
            return goal.inputs
        target = Target(goal.urn, goal.type, goal.name)
        with self._operation.step("check", goal.urn, shown=False):
            checked = provider.check(target, unwrap(olds), unwrap(goal.inputs))
            if checked.failures:
                raise ProviderError(
                    "; ".join(f"{name}: {why}" if name else why for name, why in checked.failures)
                )
        inputs = mark_like(checked.inputs, goal.inputs)
        self._operation.redaction.learn(inputs)
        return inputs

    def _difference(
        self, goal: Goal, provider: Provider | None, old: ResourceState, inputs: Properties
    ) -> Difference:
        if provider is None:
            return _compare(old.inputs, inputs)
        known = Known(unwrap(old.inputs), unwrap(old.outputs))
        target = target_of(goal, old.id)
        with self._operation.step("diff", goal.urn, shown=False):
            found = provider.diff(target, known, unwrap(inputs), goal.ignore_changes)
        if found.changed is None:
            compared = _compare(old.inputs, inputs)
            keys = (*found.keys, *compared.keys)
            found = replace(found, changed=compared.changed, keys=keys)
        if not found.changed:
            return replace(found, replaces=())
        forced = tuple(key for key in found.keys if matches_any(key, goal.replace_on_changes))
        return replace(found, replaces=tuple(dict.fromkeys((*found.replaces, *forced))))


def _compare(old: Properties, new: Properties) -> Difference:
    """What differs between two sets of inputs, secret marks aside."""
    before, after = unwrap(old), unwrap(new)
    keys = tuple(key for key in sorted({*before, *after}) if before.get(key) != after.get(key))
    return Difference(changed=bool(keys), keys=keys)
