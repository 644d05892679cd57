"""One run: its tally, its events, and how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.errors import EngineError, Stopped
from engine.operation import Operation, RunContext
from engine.property_value import Secret
from engine.report import EngineEvent

URN = "urn:pulumi:dev::p::a:b:C::n"


def operation(kind: Any = "update") -> tuple[Operation, list[EngineEvent]]:
    events: list[EngineEvent] = []
    context = RunContext(kind, "p", "dev", Path("/"), Path("/"))
    return Operation(context, events.append), events


def test_steps_are_counted_by_operation_and_told_at_both_ends() -> None:
    run, events = operation()
    for op in ("create", "create", "same", "create-replacement", "delete-replaced", "delete"):
        with run.step(op, URN):
            pass
    with run.step("replace", URN, counted="replaced"):
        pass
    with run.step("read", URN, shown=False):
        pass
    assert run.changes == {"create": 2, "delete": 1, "replaced": 1, "same": 1}
    assert [op for op, _ in run.steps] == [
        *("create", "create", "create-replacement", "delete-replaced", "delete", "replace")
    ]
    first, second = events[:2]
    assert (first.kind, second.kind) == ("step_started", "step_done")
    assert (first.op, first.urn, first.type, first.name) == ("create", URN, "a:b:C", "n")
    assert {event.severity for event in events} == {"info"}
    assert not any(event.op == "read" for event in events)
    assert run.failure is None
    run.wait_for_steps()


@pytest.mark.parametrize(
    ("kind", "again"),
    [("update", "up"), ("preview", "preview"), ("refresh", "refresh"), ("destroy", "destroy")],
)
def test_a_failed_step_tells_what_happened_and_what_to_run_again(kind: str, again: str) -> None:
    run, events = operation(kind)
    assert run.dry_run is (kind == "preview")
    with pytest.raises(EngineError), run.step("create", URN):
        raise EngineError("it says no.")
    assert run.failure == (
        "create of a:b:C 'n' failed: it says no. What was done before it is kept; correct the "
        f"cause and run {again} again."
    )
    assert (events[-1].kind, events[-1].severity) == ("step_failed", "error")
    assert events[-1].message == run.failure
    assert (run.changes, run.steps) == ({}, [])


def test_an_unforeseen_error_is_told_with_its_class_and_the_first_failure_is_kept() -> None:
    run, _ = operation()
    with pytest.raises(KeyError), run.step("create", URN):
        raise KeyError("x")
    assert run.failure is not None
    assert run.failure.startswith("create of a:b:C 'n' failed: KeyError: 'x'. What")
    run.fail("later")
    assert "later" not in run.failure


def test_after_a_failure_no_step_begins_and_none_is_told() -> None:
    run, events = operation()
    run.raise_if_stopped()
    run.redaction.learn(Secret("s3cret-word"))
    run.fail("it has s3cret-word in it")
    assert run.failure == "it has [secret] in it"
    with pytest.raises(Stopped), run.step("create", URN):
        raise AssertionError
    assert events == []
    run.wait_for_steps()


def test_a_step_that_is_stopped_inside_is_no_failure_of_its_own() -> None:
    run, events = operation()
    with pytest.raises(Stopped), run.step("create", URN):
        raise Stopped("The operation is ending.")
    assert run.failure is None
    assert [event.kind for event in events] == ["step_started"]


def test_a_listener_that_fails_hears_no_more() -> None:
    heard: list[str] = []

    def listen(event: EngineEvent) -> None:
        heard.append(event.message)
        raise OSError("closed")

    run = Operation(RunContext("update", "p", "dev", Path("/"), Path("/")), listen)
    run.say("one", severity="warning", urn=URN)
    run.say("two")
    assert heard == ["one"]
    assert isinstance(run.sink_error, OSError)
