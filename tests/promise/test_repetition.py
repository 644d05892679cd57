"""The judge of repetitions: what breaks the promise, and what only looks as if it did."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from tests.promise.endpoint_server import Call
from tests.promise.repetition import Outage, repetitions

START = 1_700_000_000.0
KILL = Outage(kind="version", start=10.0, killed=10.2, back=15.0)


def call(at: float, *, real: float) -> Call:
    """A confirmed call at a time of the virtual clock and of the real one."""
    return Call(
        at=at,
        real=real,
        channel="webhook",
        user="u",
        mark=1,
        status=200,
        message_id="m",
        answered=real + 0.01,
    )


def judged(written: list[float], *calls: Call) -> list[str]:
    """The causes that the judge finds for a row with these written confirmations."""
    moments = [datetime.fromtimestamp(START + at, UTC).isoformat() for at in written]
    row = {"attempts": json.dumps([{"at": moment} for moment in moments])}
    found = repetitions("n", row, calls, [KILL], start=START, logged=[])
    return [one.cause for one in found]


def test_a_call_after_a_written_confirmation_breaks_the_promise() -> None:
    assert judged([100.0], call(100.1, real=10.0), call(170.0, real=20.0)) == ["written"]
    assert judged([100.0, 170.0], call(100.1, real=10.0), call(170.0, real=20.0)) == ["written"]


def test_a_call_after_one_whose_process_was_killed_lies_in_the_window() -> None:
    assert judged([170.0], call(100.1, real=10.0), call(170.1, real=20.0)) == ["process ended"]


def test_a_clock_that_is_moved_on_during_a_call_makes_no_confirmation_earlier() -> None:
    assert judged([120.0], call(100.1, real=10.0), call(170.1, real=20.0)) == ["process ended"]


def test_an_unexplained_call_after_a_confirmation_is_reported() -> None:
    assert judged([], call(100.1, real=2.0), call(170.0, real=9.0)) == ["unexplained"]
