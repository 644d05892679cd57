"""The order in which resources stand in the state."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from engine.resource_state import ResourceState, provider_urn


def settled(resources: Sequence[ResourceState], before: Iterable[str]) -> list[ResourceState]:
    """Every resource after what it refers to, and otherwise in the order of ``before`` (URNs of
    the previous state), so that runs which change nothing write the same file.

    Resources complete in a different order each time; that order is valid too, and stays for
    what is new. Replaced ones that wait for their deletion come last, as they were.
    """
    living = [state for state in resources if not state.delete]
    rank = {urn: place for place, urn in enumerate(before)}
    key = {state.urn: (rank.get(state.urn, len(rank)), place) for place, state in enumerate(living)}
    by_urn = {state.urn: state for state in living}
    waiting = {state.urn: _references(state) & set(by_urn) - {state.urn} for state in living}
    followers: dict[str, list[str]] = {}
    for urn, needs in waiting.items():
        for need in needs:
            followers.setdefault(need, []).append(urn)
    ready = [(key[urn], urn) for urn, needs in waiting.items() if not needs]
    heapq.heapify(ready)
    ordered: list[ResourceState] = []
    while ready:
        _, urn = heapq.heappop(ready)
        ordered.append(by_urn[urn])
        for follower in followers.get(urn, ()):
            waiting[follower].discard(urn)
            if not waiting[follower]:
                heapq.heappush(ready, (key[follower], follower))
    if len(ordered) != len(living):
        return list(resources)
    return [*ordered, *(state for state in resources if state.delete)]


def _references(state: ResourceState) -> set[str]:
    urns = {state.parent, state.deleted_with, *state.dependencies}
    for found in state.property_dependencies.values():
        urns.update(found)
    if state.provider:
        urns.add(provider_urn(state.provider))
    return urns
