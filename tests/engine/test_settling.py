"""Steps, deletions, replacements, refreshes, imports and recoveries, with a provider in memory."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.delete_phase import DeletePhase
from engine.deployment_codec import Deployment
from engine.errors import EngineError, ProviderError, Stopped
from engine.goal import Goal
from engine.import_step import Import, imports
from engine.operation import Operation, RunContext
from engine.property_value import Properties, Secret
from engine.provider import Checked, Difference, Known, Live, Target
from engine.provider_registry import ProviderRegistry
from engine.recovery import Recovery
from engine.refresh import Refresh
from engine.replacement import Replacement
from engine.report import EngineEvent
from engine.resource_state import PendingOperation, ResourceState
from engine.snapshot import Snapshot
from engine.step import Step

PACKAGE = "pulumi:providers:a"
PROVIDER = f"urn:pulumi:dev::p::{PACKAGE}::pv::pv-id"
EARLIER = "2026-01-01T00:00:00Z"


class Memory:
    """A provider that keeps its calls and answers with what a test sets."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.live: dict[str, Live | None] = {}
        self.found: Live | None = None
        self.difference = Difference(changed=False)
        self.repeatable = False
        self.diff_error: Exception | None = None
        self.read_error: Exception | None = None
        self.closed = 0

    def check(self, target: Target, olds: Properties, news: Properties) -> Checked:
        return Checked(news)

    def diff(
        self, target: Target, known: Known, news: Properties, ignore: tuple[str, ...]
    ) -> Difference:
        if self.diff_error is not None:
            raise self.diff_error
        return self.difference

    def create(self, target: Target, news: Properties, *, preview: bool) -> tuple[str, Properties]:
        self.calls.append(("preview" if preview else "create", target.name))
        return f"{target.name}-new", {**news, "out": 1}

    def update(
        self, target: Target, known: Known, news: Properties, *, preview: bool
    ) -> Properties:
        self.calls.append(("preview" if preview else "update", target.id))
        return {**news, "out": 2}

    def delete(self, target: Target, known: Known) -> None:
        self.calls.append(("delete", target.id))

    def read(self, target: Target, known: Known) -> Live | None:
        self.calls.append(("read", target.id))
        if self.read_error is not None:
            raise self.read_error
        return self.live.get(target.id)

    def find(self, target: Target, inputs: Properties) -> Live | None:
        self.calls.append(("find", target.name))
        return self.found

    def is_repeatable(self, target: Target) -> bool:
        return self.repeatable

    def invoke(self, token: str, args: Properties) -> Checked:
        raise NotImplementedError

    def close(self) -> None:
        self.closed += 1


class Written:
    """A backend that counts."""

    def __init__(self) -> None:
        self.count = 0

    def write(self, text: str) -> None:
        self.count += 1


class Codec:
    """A codec whose text nobody reads."""

    def encode(self, *_: object, **__: object) -> str:
        return ""


class Stack:
    """A run on some resources, which a provider in memory serves."""

    def __init__(self, *states: ResourceState, kind: Any = "update") -> None:
        self.events: list[EngineEvent] = []
        self.provider = Memory()
        self.run = Operation(RunContext(kind, "p", "dev", Path("/"), Path("/")), self.events.append)
        own = ResourceState(PROVIDER.rpartition("::")[0], PACKAGE, custom=True, id="pv-id")
        self.written = Written()
        codec: Any = Codec()
        backend: Any = self.written
        self.snapshot = Snapshot(Deployment((own, *states)), codec, backend)
        self.registry = ProviderRegistry(self.run, self.snapshot, lambda *_: self.provider)
        self.parts = (self.run, self.snapshot, self.registry)
        self.step = Step(self.run, self.snapshot)

    def ids(self) -> list[str]:
        return [state.id for state in self.snapshot.resources if not state.is_provider]

    def one(self, id_: str) -> ResourceState:
        return next(state for state in self.snapshot.resources if state.id == id_)

    def said(self) -> str:
        return "\n".join(f"{event.severity}: {event.message}" for event in self.events)


def urn(name: str) -> str:
    return f"urn:pulumi:dev::p::a:b:C::{name}"


def goal(name: str, **fields: Any) -> Goal:
    fields = {"custom": True, "inputs": {"in": Secret("new")}, "provider": PROVIDER, **fields}
    return Goal(urn(name), "a:b:C", name, **fields)


def state(name: str, **fields: Any) -> ResourceState:
    known: dict[str, Any] = {
        "inputs": {"in": 0},
        "outputs": {"in": 0, "out": 0},
        "provider": PROVIDER,
    }
    known |= {"id": name, "custom": True, "created": EARLIER, "modified": EARLIER}
    return ResourceState(urn(name), "a:b:C", **{**known, **fields})


@pytest.mark.parametrize(("kind", "writes"), [("update", 2), ("preview", 0)])
def test_a_create_enters_the_state_with_its_secrets_marked(kind: str, writes: int) -> None:
    stack = Stack(kind=kind)
    made = stack.step.create(
        goal("n", additional_secret_outputs=("out",)), stack.provider, {"in": Secret("new")}
    )
    assert made.outputs == {"in": Secret("new"), "out": Secret(1)}
    assert (made.id, made.provider, made.created) == ("n-new", PROVIDER, made.modified)
    assert stack.provider.calls == [("create" if writes else "preview", "n")]
    assert stack.run.changes == {"create": 1}
    assert stack.written.count == writes
    assert stack.ids() == ["n-new"]


def test_a_create_whose_provider_is_unknown_yet_has_no_outputs() -> None:
    stack = Stack(kind="preview")
    made = stack.step.create(goal("n"), None, {"in": 1}, replaced=state("n"))
    assert (made.id, made.outputs) == ("", {})
    assert stack.run.changes == {"replace": 1}


@pytest.mark.parametrize(("kind", "writes"), [("update", 2), ("preview", 0)])
def test_an_update_keeps_what_it_does_not_change(kind: str, writes: int) -> None:
    old = state("n", extra={"e": 1})
    stack = Stack(old, kind=kind)
    changed = stack.step.update(goal("n"), stack.provider, old, {"in": 1})
    assert (changed.id, changed.created, changed.extra) == ("n", EARLIER, {"e": 1})
    assert changed.modified > EARLIER
    assert changed.outputs == {"in": 1, "out": 2}
    assert stack.provider.calls == [("update" if writes else "preview", "n")]
    assert (stack.written.count, stack.run.changes) == (writes, {"update": 1})
    assert stack.step.update(goal("n"), None, changed, {"in": 1}).outputs == {}


def test_what_is_the_same_calls_nobody_and_keeps_its_time() -> None:
    old = state("n", extra={"e": 1})
    stack = Stack(old)
    same = stack.step.same(goal("n"), old, {"in": 0})
    assert (same.id, same.outputs, same.extra) == ("n", {"in": 0, "out": 0}, {"e": 1})
    assert (same.created, same.modified) == (EARLIER, EARLIER)
    assert (stack.provider.calls, stack.run.steps) == ([], [])
    assert stack.written.count == 0


@pytest.mark.parametrize(
    ("op", "kind", "writes"),
    [("create", "update", 1), ("same", "update", 0), ("create", "preview", 0)],
)
def test_a_component_is_written_where_it_is_new(op: str, kind: str, writes: int) -> None:
    stack = Stack(kind=kind)
    stack.step.record(op, None, state("n", custom=False))
    assert (stack.written.count, stack.ids()) == (writes, ["n"])


@pytest.mark.parametrize(("kind", "calls"), [("destroy", [("delete", "n")]), ("preview", [])])
def test_a_delete_goes_to_the_provider_but_in_a_preview(kind: str, calls: list[Any]) -> None:
    old = state("n")
    stack = Stack(old, kind=kind)
    stack.step.delete("delete", old, stack.provider)
    assert (stack.provider.calls, stack.ids()) == (calls, [])


def test_a_deletion_forgets_what_has_nobody_to_delete_it() -> None:
    with_it = state("gone-with-it", deleted_with=urn("last"))
    stack = Stack(
        state("component", custom=False, provider=""),
        state("kept", retain_on_delete=True),
        state("read", external=True),
        state("alone", deleted_with=urn("elsewhere")),
        with_it,
        state("last"),
        kind="destroy",
    )
    DeletePhase(*stack.parts).run()
    assert stack.provider.calls == [("delete", "last"), ("delete", "alone")]
    assert stack.snapshot.resources == []
    # The provider itself goes as well, unshown or not.
    assert stack.run.changes == {"delete": 7}


def test_a_replaced_resource_goes_as_such_only_where_the_new_one_is_there() -> None:
    stack = Stack(replace(state("n"), delete=True, id="old"), replace(state("m"), delete=True))
    stack.snapshot.complete(None, replace(state("n"), id="live"))
    DeletePhase(*stack.parts).run()
    assert [op for op, _ in stack.run.steps] == ["delete", "delete-replaced", "delete"]
    assert stack.ids() == ["live"]


@pytest.mark.parametrize(("kind", "writes"), [("update", 3), ("preview", 0)])
def test_what_was_deleted_to_be_replaced_and_is_not_wanted_is_dropped(
    kind: str, writes: int
) -> None:
    stack = Stack(state("n", pending_replacement=True), kind=kind)
    DeletePhase(*stack.parts).run()
    assert (stack.provider.calls, stack.ids()) == ([], [])
    assert stack.written.count == writes


@pytest.mark.parametrize(
    ("names", "words"),
    [("a", "'a' would have to go but is prot"), ("ab", "'b', a:b:C 'a' would have to go but are ")],
)
def test_nothing_is_deleted_where_something_is_protected(names: str, words: str) -> None:
    waiting = replace(state("w"), protect=True, delete=True)
    stack = Stack(*(state(name, protect=True) for name in names), state("free"), waiting)
    with pytest.raises(EngineError, match=words):
        DeletePhase(*stack.parts).run()
    assert (stack.provider.calls, len(stack.ids())) == ([], len(names) + 2)


def test_a_deletion_stops_after_a_failure() -> None:
    stack = Stack(state("n"))
    stack.run.fail("no")
    with pytest.raises(Stopped):
        DeletePhase(*stack.parts).run()
    assert stack.ids() == ["n"]


REPLACES = Difference(changed=True, keys=("in",), replaces=("in",))


def test_a_replacement_creates_first_and_leaves_the_old_one_to_the_end() -> None:
    old = state("n", protect=True)
    stack = Stack(old)
    Replacement(*stack.parts).run(goal("n"), stack.provider, old, {"in": 1}, REPLACES)
    assert stack.provider.calls == [("create", "n")]
    assert stack.one("n").delete is True
    assert stack.run.changes == {"replace": 1}


@pytest.mark.parametrize(
    ("program", "provider", "first"),
    [(None, True, "delete"), (True, False, "delete"), (False, True, "create")],
)
def test_the_programs_order_wins_over_the_providers(
    program: bool | None, provider: bool, first: str
) -> None:
    old = state("n")
    stack = Stack(old)
    wanted = goal("n", delete_before_replace=program)
    difference = replace(REPLACES, delete_before_replace=provider)
    Replacement(*stack.parts).run(wanted, stack.provider, old, {"in": 1}, difference)
    assert stack.provider.calls[0][0] == first


def test_dependants_that_would_be_replaced_go_first_and_wait_to_come_back() -> None:
    root = state("root")
    by_root = {"k": (urn("root"),)}
    stack = Stack(
        state("before", property_dependencies=by_root),
        root,
        state("one", property_dependencies=by_root),
        state("two", property_dependencies={"k": (urn("x"),), "l": (urn("one"),)}),
        state("apart", property_dependencies={"k": (urn("x"),)}),
        state("waiting", property_dependencies=by_root, delete=True),
        state("gone", property_dependencies=by_root, pending_replacement=True),
        state("component", property_dependencies=by_root, custom=False),
        state("kept", property_dependencies=by_root, retain_on_delete=True),
    )
    stack.provider.difference = REPLACES
    wanted = goal("root", delete_before_replace=True)
    Replacement(*stack.parts).run(wanted, stack.provider, root, {"in": 1}, REPLACES)
    assert stack.provider.calls == [
        *(("delete", "two"), ("delete", "one"), ("delete", "root"), ("create", "root"))
    ]
    left = [each.id for each in stack.snapshot.resources if each.pending_replacement]
    assert sorted(left) == ["gone", "kept", "one", "two"]


@pytest.mark.parametrize(
    ("difference", "forced", "goes"),
    [
        (Difference(changed=True, keys=("k",)), (), False),
        (Difference(changed=True, keys=("k",)), ("k",), True),
        (Difference(changed=None), ("k",), True),
        (Difference(changed=False), ("k",), False),
        (Difference(changed=True, keys=("k",)), ("other",), False),
        (REPLACES, (), True),
    ],
)
def test_a_dependant_goes_where_its_own_difference_or_the_program_says_so(
    difference: Difference, forced: tuple[str, ...], goes: bool
) -> None:
    root = state("root")
    by_root = {"k": (urn("root"),)}
    dependant = state("one", property_dependencies=by_root, replace_on_changes=forced)
    stack = Stack(root, dependant)
    stack.provider.difference = difference
    wanted = goal("root", delete_before_replace=True)
    Replacement(*stack.parts).run(wanted, stack.provider, root, {"in": 1}, REPLACES)
    assert (("delete", "one") in stack.provider.calls) is goes


@pytest.mark.parametrize(("was", "stays", "refused"), [(1, 1, True), (1, 0, False), (0, 1, False)])
def test_only_what_was_and_stays_protected_is_not_replaced(
    was: int, stays: int, refused: bool
) -> None:
    old = state("n", protect=bool(was))
    stack = Stack(old)
    wanted = goal("n", protect=bool(stays))
    ended = contextlib.nullcontext()
    told = pytest.raises(EngineError, match="'n' would be replaced but is protected")
    with told if refused else ended:
        Replacement(*stack.parts).run(wanted, stack.provider, old, {"in": 1}, REPLACES)
    assert stack.provider.calls == ([] if refused else [("create", "n")])


def test_a_protected_dependant_keeps_the_root() -> None:
    root = state("root")
    stack = Stack(root, state("one", property_dependencies={"k": (root.urn,)}, protect=True))
    stack.provider.difference = REPLACES
    wanted = goal("root", delete_before_replace=True)
    with pytest.raises(EngineError, match="'one' would be replaced but is protected"):
        Replacement(*stack.parts).run(wanted, stack.provider, root, {"in": 1}, REPLACES)
    assert stack.provider.calls == []


def test_a_refresh_takes_over_what_is_and_counts_what_drifted() -> None:
    stack = Stack(
        state("same"),
        state("moved"),
        state("gone"),
        state("refers", dependencies=(urn("gone"),)),
        state("component", custom=False),
        state("waiting", delete=True),
        state("pending", pending_replacement=True),
        kind="refresh",
    )
    for name in ("same", "refers"):
        stack.provider.live[name] = Live(name, {}, {"in": 0, "out": 0})
    stack.provider.live["moved"] = Live("moved", {}, {"in": 0, "out": 9})
    stack.provider.difference = Difference(changed=None)
    Refresh(*stack.parts).run()
    assert stack.run.changes == {"delete": 1, "same": 4, "update": 1}
    assert [name for _, name in stack.provider.calls] == ["same", "moved", "gone", "refers"]
    assert stack.ids() == ["same", "moved", "refers", "component", "waiting", "pending"]
    assert stack.one("moved").outputs == {"in": 0, "out": 9}
    assert stack.one("moved").modified > EARLIER
    assert stack.one("refers").dependencies == ()
    assert stack.one("same").modified == EARLIER


@pytest.mark.parametrize(
    ("says", "out", "counted"),
    [
        (Difference(changed=False), 9, "same"),
        (Difference(changed=True), 0, "update"),
        (ProviderError("no folder"), 9, "update"),
        (ProviderError("no folder"), 0, "same"),
    ],
)
def test_a_resource_drifted_where_the_next_update_has_something_to_do(
    says: Difference | ProviderError, out: int, counted: str
) -> None:
    stack = Stack(state("n"), kind="refresh")
    stack.provider.live["n"] = Live("n-2", {}, {"in": 0, "out": out})
    if isinstance(says, ProviderError):
        stack.provider.diff_error = says
    else:
        stack.provider.difference = says
    Refresh(*stack.parts).run()
    assert stack.run.changes == ({"same": 2} if counted == "same" else {"same": 1, "update": 1})
    assert (stack.ids(), stack.one("n-2").outputs["out"]) == (["n-2"], out)
    assert (stack.one("n-2").modified == EARLIER) is (counted == "same")


def test_an_import_is_asked_for_once() -> None:
    wanted = goal("n", import_id="i")
    assert imports(wanted, None)
    assert not imports(goal("n"), None)
    assert not imports(wanted, state("n", id="i"))
    assert not imports(wanted, state("n", import_id="i"))
    with pytest.raises(EngineError, match="can't be imported as i: the stack manages other"):
        imports(wanted, state("n", id="other"))


@pytest.mark.parametrize(("kind", "writes"), [("update", 1), ("preview", 0)])
def test_an_import_enters_what_is_there(kind: str, writes: int) -> None:
    stack = Stack(kind=kind)
    stack.provider.live["i"] = Live("real", {"in": 5}, {"in": 5, "out": 6})
    wanted = goal("n", import_id="i", additional_secret_outputs=("out",))
    found = Import(stack.run, stack.snapshot).run(wanted, stack.provider)
    assert (found.id, found.inputs) == ("real", {"in": 5})
    assert found.outputs == {"in": 5, "out": Secret(6)}
    assert found.created == found.modified > EARLIER
    assert (stack.written.count, stack.ids()) == (writes, ["real"])


def test_an_import_of_nothing_is_refused() -> None:
    stack = Stack()
    with pytest.raises(EngineError, match="there is no i"):
        Import(stack.run, stack.snapshot).run(goal("n", import_id="i"), stack.provider)
    unknown = Stack()
    with pytest.raises(EngineError, match="not known yet"):
        Import(unknown.run, unknown.snapshot).run(goal("n", import_id="i"), None)


def recover(stack: Stack, kind: str, about: ResourceState) -> None:
    Recovery(*stack.parts).run((PendingOperation(kind, about),))


def test_a_create_that_was_cut_is_taken_over_where_it_is_found() -> None:
    stack = Stack()
    stack.provider.found = Live("made", {}, {"out": 3})
    draft = state("n", id="", inputs={"in": Secret(1)}, additional_secret_outputs=("out",))
    recover(stack, "creating", draft)
    found = stack.one("made")
    assert (found.outputs, found.created) == ({"out": Secret(3)}, found.modified)
    assert found.created > EARLIER
    assert "info: a:b:C 'n' had been created by a run that was killed; it is" in stack.said()


def test_a_create_that_is_not_found_is_warned_of_and_one_that_can_be_repeated_is_not() -> None:
    stack = Stack()
    recover(stack, "creating", state("n", id=""))
    assert stack.said().startswith("warning: a:b:C 'n' was being created when an earlier run")
    quiet = Stack()
    quiet.provider.repeatable = True
    recover(quiet, "creating", state("n", id=""))
    assert (quiet.events, quiet.provider.calls, quiet.ids()) == ([], [], [])


@pytest.mark.parametrize(
    ("old", "left"),
    [
        (state("n", pending_replacement=True), []),
        (state("n", id="made"), []),
        (state("n", id="old"), ["old"]),
        (state("n", id="before"), ["before"]),
    ],
)
def test_a_create_that_was_half_of_a_replacement_makes_room(
    old: ResourceState, left: list[str]
) -> None:
    stack = Stack(old)
    stack.provider.found = Live("made", {}, {})
    recover(stack, "creating", state("n", id=""))
    assert stack.ids() == [*left, "made"]
    assert all(stack.one(id_).delete for id_ in left)


@pytest.mark.parametrize("kind", ["updating", "deleting"])
def test_a_change_that_was_cut_is_read_back(kind: str) -> None:
    stack = Stack(state("n"), state("m", dependencies=(urn("n"),)))
    stack.provider.live["n"] = Live("n", {}, {"in": 0, "out": 7})
    recover(stack, kind, state("n"))
    assert stack.one("n").outputs == {"in": 0, "out": 7}
    stack.provider.live["n"] = None
    recover(stack, kind, state("n"))
    assert stack.ids() == ["m"]
    assert stack.one("m").dependencies == ()


def test_a_deletion_at_the_end_that_was_done_leaves_references_to_the_live_one() -> None:
    refers = state("m", dependencies=(urn("n"),))
    stack = Stack(state("n", delete=True, id="old"), state("n", id="live"), refers)
    recover(stack, "deleting", state("n", id="old"))
    assert stack.ids() == ["live", "m"]
    assert stack.one("m").dependencies == (urn("n"),)


def test_what_nobody_can_be_asked_about_is_left_alone() -> None:
    pending = state("n", pending_replacement=True)
    stack = Stack(pending)
    recover(stack, "updating", pending)
    recover(stack, "deleting", state("elsewhere"))
    recover(stack, "updating", state("n", provider=""))
    recover(stack, "reading", state("n"))
    assert (stack.provider.calls, stack.ids()) == ([], ["n"])


def test_a_service_that_cannot_be_asked_ends_the_recovery() -> None:
    stack = Stack(state("n"))
    stack.provider.read_error = ProviderError("it is away")
    with pytest.raises(EngineError, match=r"'n' was being changed .* read now: it is away"):
        recover(stack, "updating", state("n"))


def test_providers_are_configured_once_and_closed_at_the_end() -> None:
    stack = Stack()
    assert stack.registry.get(PROVIDER) is stack.registry.get(PROVIDER) is stack.provider
    with pytest.raises(EngineError, match="is in neither program nor state"):
        stack.registry.get(f"{PROVIDER}-other")
    stack.registry.close()
    assert stack.provider.closed == 1
