"""Checks run one after the other, and none stops another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.access.checks.checklist import Checklist
from ops.access.checks.outcome import Outcome
from ops.stacks.console import Reporter
from ops.stacks.errors import OperationError


def failing() -> Iterator[Outcome]:
    yield Outcome.ok("first", "all is well")
    raise OperationError("the API is away. Try again. Or don't.")


def test_what_a_check_raises_is_its_outcome_with_the_advice_apart() -> None:
    checks = Checklist(Reporter(quiet=True))
    assert checks.run("token", failing) == [
        Outcome("token", "fail", "the API is away", "Try again. Or don't.")
    ]


def test_a_sentence_without_advice_loses_its_full_stop_alone() -> None:
    def look() -> Iterator[Outcome]:
        raise OperationError("the API is away.")
        yield

    (outcome,) = Checklist(Reporter(quiet=True)).run("token", look)
    assert (outcome.found, outcome.advice) == ("the API is away", "")


def test_every_outcome_is_kept_and_counted_by_its_result() -> None:
    checks = Checklist(Reporter(quiet=True))
    checks.run("one", lambda: [Outcome.ok("a", "x"), Outcome.warn("b", "y", "look")])
    checks.run("two", lambda: [Outcome.skipped("c", "no network")])
    assert [outcome.check for outcome in checks.outcomes] == ["a", "b", "c"]
    assert [outcome.check for outcome in checks.named("warn", "skipped")] == ["b", "c"]
    document = checks.document()
    assert (document["ok"], document["failed"], document["warnings"]) == (True, 0, 1)
    checks.run("three", lambda: [Outcome.fail("d", "bad", "mend it")])
    document = checks.document()
    assert (document["ok"], document["failed"], document["warnings"]) == (False, 1, 1)
    assert document["checks"][-1] == {
        "check": "d",
        "result": "fail",
        "found": "bad",
        "advice": "mend it",
    }


def test_advice_stands_below_what_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    checks = Checklist(Reporter())
    checks.run(
        "one", lambda: [Outcome.fail("token", "expired", "Make a new one."), Outcome.ok("x", "y")]
    )
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["fail", "token", "expired"],
        ["Make", "a", "new", "one."],
        ["ok", "x", "y"],
    ]
    assert lines[0].index("expired") == lines[1].index("Make") == lines[2].index("y")
