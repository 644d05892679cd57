"""The state while an operation changes it: what takes whose place, and what is written when."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from engine.deployment_codec import Deployment
from engine.resource_state import ResourceState
from engine.snapshot import Snapshot


class Written:
    """A backend that keeps each text in the order written."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, text: str) -> None:
        self.texts.append(text)


class Plain:
    """A codec that shows the names and what is pending."""

    def encode(self, resources: list[ResourceState], pending: list[Any], *, time: str) -> str:
        assert time.endswith("Z")
        return json.dumps(
            [[state.id for state in resources], [[e.type, e.resource.id] for e in pending]]
        )


def urn(name: str, type_: str = "a:b:C") -> str:
    return f"urn:pulumi:dev::p::{type_}::{name}"


def state(name: str, **fields: Any) -> ResourceState:
    return ResourceState(urn(name), "a:b:C", custom=True, id=name, **fields)


def snapshot(*states: ResourceState) -> tuple[Snapshot, Written]:
    written = Written()
    codec: Any = Plain()
    backend: Any = written
    return Snapshot(Deployment(states), codec, backend), written


def ids(found: list[ResourceState]) -> list[str]:
    return [each.id for each in found]


def test_a_completed_resource_takes_the_old_ones_place_and_comes_first() -> None:
    a, b = state("a"), state("b")
    snap, _ = snapshot(a, b)
    new = replace(a, id="a2")
    snap.complete(a, new)
    assert (ids(snap.resources), ids(snap.old)) == (["a2", "b"], ["b"])
    assert snap.find(a.urn) is new
    assert snap.find_old(a.urn) is None
    snap.complete(None, state("c"))
    snap.complete(b, None)
    assert ids(snap.resources) == ["a2", "c"]


def test_what_waits_for_its_deletion_is_not_the_live_one() -> None:
    waiting, live = state("a", delete=True), replace(state("a"), id="live")
    snap, _ = snapshot(waiting, live)
    assert snap.find(live.urn) is live
    assert snap.find_old(live.urn) is live
    snap.complete(waiting, None)
    assert ids(snap.resources) == ["live"]


def test_an_amended_resource_stays_where_it_stands_among_old_and_new() -> None:
    a, b, c = state("a"), state("b"), state("c")
    snap, _ = snapshot(a, b)
    snap.complete(None, c)
    snap.amend(b, replace(b, id="b", inputs={"x": 1}))
    snap.amend(c, replace(c, inputs={"y": 2}))
    assert [(each.id, each.inputs) for each in snap.resources] == [
        ("c", {"y": 2}),
        ("a", {}),
        ("b", {"x": 1}),
    ]


def referring(to: ResourceState) -> list[ResourceState]:
    return [
        state("parent", parent=to.urn),
        state("deleted", deleted_with=to.urn),
        state("depends", dependencies=(urn("x"), to.urn)),
        state("property", property_dependencies={"k": (to.urn, urn("x")), "l": (urn("x"),)}),
    ]


def test_a_rename_reaches_every_reference_and_nothing_else() -> None:
    old = state("old")
    apart = state("apart", parent=urn("x"), dependencies=(urn("x"),), provider=f"{urn('y')}::1")
    snap, _ = snapshot(*referring(old), apart)
    snap.complete(None, state("new-child", parent=old.urn))
    snap.rename(old.urn, urn("new"))
    child, parent, deleted, depends, by_property, same = snap.resources
    assert (child.parent, parent.parent, deleted.deleted_with) == (urn("new"),) * 3
    assert depends.dependencies == (urn("x"), urn("new"))
    assert by_property.property_dependencies == {"k": (urn("new"), urn("x")), "l": (urn("x"),)}
    assert same is apart


def test_a_rename_leaves_the_provider_of_what_refers_to_the_renamed_one() -> None:
    old, other = state("old"), f"{urn('pv', 'pulumi:providers:a')}::id-1"
    snap, _ = snapshot(state("a", provider=other, dependencies=(old.urn,)))
    snap.rename(old.urn, urn("new"))
    [renamed] = snap.resources
    assert (renamed.dependencies, renamed.provider) == ((urn("new"),), other)


def test_a_renamed_provider_keeps_its_id_in_references() -> None:
    provider = urn("pv", "pulumi:providers:a")
    other = state("other", provider=f"{provider}-2::id-2")
    snap, _ = snapshot(state("a", provider=f"{provider}::id-1"), other)
    snap.rename(provider, urn("named-anew", "pulumi:providers:a"))
    assert snap.resources[0].provider == f"{urn('named-anew', 'pulumi:providers:a')}::id-1"
    assert snap.resources[1] is other


def test_what_is_gone_is_forgotten_with_every_reference_to_it() -> None:
    gone = state("gone")
    apart = state("apart", dependencies=(urn("x"),))
    snap, _ = snapshot(gone, *referring(gone), apart)
    snap.forget(gone)
    parent, deleted, depends, by_property, same = snap.resources
    assert (parent.parent, deleted.deleted_with) == ("", "")
    assert depends.dependencies == (urn("x"),)
    assert by_property.property_dependencies == {"k": (urn("x"),), "l": (urn("x"),)}
    assert same is apart


def test_an_operation_stands_in_the_state_for_as_long_as_it_runs() -> None:
    a = state("a")
    snap, written = snapshot(a)
    with snap.operation("updating", a):
        snap.complete(a, replace(a, id="a2"))
    assert [json.loads(text) for text in written.texts] == [
        [["a"], [["updating", "a"]]],
        [["a2"], []],
    ]


def test_an_operation_that_fails_leaves_nothing_pending() -> None:
    a = state("a")
    snap, written = snapshot(a)
    try:
        with snap.operation("deleting", a):
            raise OSError
    except OSError:
        pass
    assert json.loads(written.texts[-1]) == [["a"], []]


def test_a_settled_state_is_in_its_lasting_order() -> None:
    a, b, c = state("a"), state("b"), state("c")
    snap, _ = snapshot(a, b, c)
    snap.complete(c, c)
    snap.complete(a, a)
    assert ids(snap.resources) == ["c", "a", "b"]
    snap.settle()
    assert (ids(snap.resources), snap.old) == (["a", "b", "c"], [])
    snap.adopt(state("found"))
    assert ids(snap.resources) == ["a", "b", "c", "found"]
