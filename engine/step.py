"""The steps that change one resource: create, update, same, delete."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from engine.goal import Goal
from engine.operation import Operation
from engine.property_value import (
    Properties,
    Secret,
    mark_like,
    mark_names,
    unwrap,
)
from engine.provider import Known, Provider, Target
from engine.resource_state import ResourceState
from engine.snapshot import Snapshot, timestamp
from engine.urn import Urn


def target_of(resource: Goal | ResourceState, id_: str) -> Target:
    """The provider call's subject for a goal or a state."""
    return Target(resource.urn, resource.type, Urn.parse(resource.urn).name, id_)


def secret_outputs(outputs: Properties, inputs: Properties, names: tuple[str, ...]) -> Properties:
    """Outputs with the marks they must carry: what came from secret inputs, what has a secret
    input's name, and what the program lists as additional secret outputs.
    """
    same_name = tuple(key for key, value in inputs.items() if isinstance(value, Secret))
    return mark_names(mark_like(outputs, inputs), (*same_name, *names))


class Step:
    """Executes steps and keeps the snapshot true around each of them."""

    def __init__(self, operation: Operation, snapshot: Snapshot) -> None:
        self._operation = operation
        self._snapshot = snapshot

    def record(self, op: str, old: ResourceState | None, new: ResourceState) -> None:
        """A step without any provider call: components and provider resources."""
        with self._operation.step(op, new.urn):
            self._snapshot.complete(old, new)
            if op != "same" and not self._operation.dry_run:
                self._snapshot.write()

    def create(
        self,
        goal: Goal,
        provider: Provider | None,
        inputs: Properties,
        *,
        replaced: ResourceState | None = None,
    ) -> ResourceState:
        """Create the resource; ``replaced`` is a state that was deleted already to make room."""
        op = "create" if replaced is None else "replace"
        with self._operation.step(op, goal.urn):
            return self.make(goal, provider, inputs, replaced=replaced)

    def make(
        self,
        goal: Goal,
        provider: Provider | None,
        inputs: Properties,
        *,
        replaced: ResourceState | None = None,
        superseded: ResourceState | None = None,
    ) -> ResourceState:
        """The create itself, inside whatever step it belongs to. ``replaced`` is gone already;
        ``superseded`` still exists and is marked for its deletion at the end.
        """
        target = target_of(goal, "")
        dry_run = self._operation.dry_run
        draft = goal.state(inputs=inputs, outputs={}, provider=goal.provider)
        with self._around("creating", draft):
            if provider is None:
                new_id, outputs = "", Properties()
            else:
                new_id, outputs = provider.create(target, unwrap(inputs), preview=dry_run)
            now = timestamp()
            marked = secret_outputs(outputs, inputs, goal.additional_secret_outputs)
            state = goal.state(
                inputs=inputs,
                outputs=marked,
                provider=goal.provider,
                id=new_id,
                created=now,
                modified=now,
            )
            self._operation.redaction.learn(marked)
            self._snapshot.complete(replaced, state)
            if superseded is not None:
                self._snapshot.amend(superseded, replace(superseded, delete=True))
        return state

    def update(
        self, goal: Goal, provider: Provider | None, old: ResourceState, inputs: Properties
    ) -> ResourceState:
        """Change the resource in place."""
        dry_run = self._operation.dry_run
        with self._operation.step("update", goal.urn), self._around("updating", old):
            known = Known(unwrap(old.inputs), unwrap(old.outputs))
            outputs = (
                provider.update(target_of(goal, old.id), known, unwrap(inputs), preview=dry_run)
                if provider
                else {}
            )
            state = goal.state(
                inputs=inputs,
                outputs=secret_outputs(outputs, inputs, goal.additional_secret_outputs),
                provider=goal.provider,
                id=old.id,
                created=old.created,
                modified=timestamp(),
                extra=old.extra,
            )
            self._operation.redaction.learn(state.outputs)
            self._snapshot.complete(old, state)
        return state

    def same(self, goal: Goal, old: ResourceState, inputs: Properties) -> ResourceState:
        """Nothing to do: the old outputs stay, inputs and options are the new ones."""
        with self._operation.step("same", goal.urn):
            state = goal.state(
                inputs=inputs,
                outputs=secret_outputs(old.outputs, inputs, goal.additional_secret_outputs),
                provider=goal.provider,
                id=old.id,
                created=old.created,
                modified=old.modified,
                extra=old.extra,
            )
            self._snapshot.complete(old, state)
        return state

    def delete(
        self,
        op: str,
        old: ResourceState,
        provider: Provider | None,
        *,
        left: ResourceState | None = None,
    ) -> None:
        """Delete a resource; without a provider only the state forgets it. ``left`` stands in
        the state afterwards (a resource that waits for its re-creation).
        """
        shown = not old.is_default_provider
        with self._operation.step(op, old.urn, shown=shown), self._around("deleting", old):
            if provider is not None and not self._operation.dry_run:
                known = Known(unwrap(old.inputs), unwrap(old.outputs))
                provider.delete(target_of(old, old.id), known)
            if left is None:
                self._snapshot.complete(old, None)
            else:
                self._snapshot.amend(old, left)

    @contextlib.contextmanager
    def _around(self, kind: str, state: ResourceState) -> Iterator[None]:
        if self._operation.dry_run:
            yield
        else:
            with self._snapshot.operation(kind, state):
                yield
