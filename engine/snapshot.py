"""The stack's state while an operation changes it."""

from __future__ import annotations

import contextlib
import datetime
import threading
from collections.abc import Iterator
from dataclasses import replace

from engine.deployment_codec import Deployment, DeploymentCodec
from engine.file_backend import FileBackend
from engine.resource_state import PendingOperation, ResourceState, provider_urn
from engine.state_order import settled


class Snapshot:
    """Old states and the new ones that take their place, written around every operation.

    The written order is: new states in the order they were completed (a resource's dependencies
    complete before it), then old ones that were not reached yet. Thread-safe. Without a backend
    (previews) nothing is written.
    """

    def __init__(
        self, base: Deployment, codec: DeploymentCodec, backend: FileBackend | None
    ) -> None:
        self._codec = codec
        self._backend = backend
        self._lock = threading.RLock()
        self._old = list(base.resources)
        self._before = [state.urn for state in base.resources]
        self._new: list[ResourceState] = []
        self._pending: list[PendingOperation] = []

    @property
    def old(self) -> list[ResourceState]:
        """Old states that nothing has replaced yet, in their order."""
        with self._lock:
            return list(self._old)

    @property
    def resources(self) -> list[ResourceState]:
        """The state as it would be written now."""
        with self._lock:
            return [*self._new, *self._old]

    def find_old(self, urn: str) -> ResourceState | None:
        """The old live state of a URN."""
        with self._lock:
            return next((s for s in self._old if s.urn == urn and not s.delete), None)

    def find(self, urn: str) -> ResourceState | None:
        """The live state of a URN, new before old."""
        with self._lock:
            return next((s for s in self.resources if s.urn == urn and not s.delete), None)

    def complete(self, old: ResourceState | None, new: ResourceState | None) -> None:
        """``new`` takes the place of ``old``; either may be missing."""
        with self._lock:
            if old is not None:
                self._remove(old)
            if new is not None:
                self._new.append(new)

    def amend(self, state: ResourceState, changed: ResourceState) -> None:
        """Put ``changed`` where ``state`` stands."""
        with self._lock:
            for states in (self._old, self._new):
                for index, item in enumerate(states):
                    if _is(item, state):
                        states[index] = changed
                        return

    def forget(self, gone: ResourceState) -> None:
        """Drop a resource that exists no more, and every reference to it."""
        with self._lock:
            self._remove(gone)
            self._old = [_without(state, gone.urn) for state in self._old]

    def adopt(self, state: ResourceState) -> None:
        """Add a resource that was found to exist to the old states."""
        with self._lock:
            self._old.append(state)

    @contextlib.contextmanager
    def operation(self, kind: str, state: ResourceState) -> Iterator[None]:
        """Write the state with a pending operation, run the body, take the entry out again.

        The body completes the step; the write after it holds the result. The entry goes whether
        the body failed or not: a provider that answered left nothing pending.
        """
        entry = PendingOperation(kind, state)
        with self._lock:
            self._pending.append(entry)
            self.write()
        try:
            yield
        finally:
            with self._lock:
                self._pending.remove(entry)
                self.write()

    def rename(self, old_urn: str, new_urn: str) -> None:
        """Rewrite every reference to ``old_urn``: aliases are never kept in the state."""
        with self._lock:
            self._old = [_renamed(state, old_urn, new_urn) for state in self._old]
            self._new = [_renamed(state, old_urn, new_urn) for state in self._new]

    def write(self) -> None:
        """Write the checkpoint now."""
        with self._lock:
            if self._backend is not None:
                self._backend.write(self.text())

    def settle(self) -> None:
        """Put the resources into their lasting order, once all steps are over."""
        with self._lock:
            ordered = settled(self.resources, self._before)
            self._new, self._old = ordered, []

    def text(self) -> str:
        """The checkpoint's text."""
        with self._lock:
            return self._codec.encode(self.resources, self._pending, time=timestamp())

    def _remove(self, state: ResourceState) -> None:
        self._old = [item for item in self._old if not _is(item, state)]


def _is(item: ResourceState, state: ResourceState) -> bool:
    """The same entry, even where a rename has rewritten its references meanwhile."""
    return item is state or (item.urn, item.id, item.delete) == (state.urn, state.id, state.delete)


def _renamed(state: ResourceState, old_urn: str, new_urn: str) -> ResourceState:
    def swap(urn: str) -> str:
        return new_urn if urn == old_urn else urn

    changed = replace(
        state,
        parent=swap(state.parent),
        deleted_with=swap(state.deleted_with),
        dependencies=tuple(map(swap, state.dependencies)),
        property_dependencies={
            key: tuple(map(swap, urns)) for key, urns in state.property_dependencies.items()
        },
    )
    if state.provider and provider_urn(state.provider) == old_urn:
        changed = replace(changed, provider=new_urn + state.provider[len(old_urn) :])
    return changed if _references(state, old_urn) else state


def _without(state: ResourceState, urn: str) -> ResourceState:
    if not _references(state, urn):
        return state
    return replace(
        state,
        parent="" if state.parent == urn else state.parent,
        deleted_with="" if state.deleted_with == urn else state.deleted_with,
        dependencies=tuple(item for item in state.dependencies if item != urn),
        property_dependencies={
            key: tuple(item for item in urns if item != urn)
            for key, urns in state.property_dependencies.items()
        },
    )


def _references(state: ResourceState, urn: str) -> bool:
    return (
        urn in (state.parent, state.deleted_with)
        or urn in state.dependencies
        or any(urn in urns for urns in state.property_dependencies.values())
        or bool(state.provider and provider_urn(state.provider) == urn)
    )


def timestamp() -> str:
    """Now, in RFC 3339 with microseconds, UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")
