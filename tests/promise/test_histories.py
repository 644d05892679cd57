"""The promise over generated histories.

A failing history is printed step by step, with a line that replays it. PROMISE_SEED chooses the
seed; `make soak` takes 10,000 histories in parcels, each with the seed in its name, and each day
before it the first of one parcel.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests import day_sample
from tests.promise.history_machine import HistoryMachine

SEED = int(os.environ.get("PROMISE_SEED", "20260101"))


def run(number: int, histories: int, *, shrink: bool = True, shards: int = 1) -> None:
    """Run as many histories from one seed. Raises what the first broken one raises."""
    chosen: type[HistoryMachine] = type(f"Histories{number}", (HistoryMachine,), {"shards": shards})
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    run_state_machine_as_test(
        seed(number)(chosen),
        settings=settings(
            max_examples=histories,
            stateful_step_count=25,
            deadline=None,
            database=None,
            phases=phases,
            print_blob=True,
            report_multiple_bugs=False,
            verbosity=Verbosity.normal if shrink else Verbosity.quiet,
            suppress_health_check=list(HealthCheck),
        ),
    )


PARCELS = 20


def test_fifty_histories_of_the_day_keep_the_promise() -> None:
    parcel = day_sample.chance("histories").randrange(PARCELS)
    print(f"PROMISE_SEED={SEED + parcel}")  # noqa: T201 - shown with a failure, to replay it
    run(SEED + parcel, 50)


def test_fifty_histories_over_three_databases_keep_the_promise_while_users_move() -> None:
    parcel = day_sample.chance("histories").randrange(PARCELS)
    print(f"PROMISE_SEED={SEED + parcel}")  # noqa: T201 - as above
    run(SEED + parcel, 50, shards=3)


def test_a_clock_that_is_set_back_after_a_send_lets_it_overtake_nobody() -> None:
    history = HistoryMachine()
    history.endpoints_are_shared({"webhook"})
    for _ in range(2):
        history.push_to_a_throttled_endpoint("webhook", ["ann", "bob"], "30", 16)
    history.time_passes(0.05)
    history.clock_jumps(-20, cron=False)
    history.teardown()


@pytest.mark.soak
@pytest.mark.parametrize("parcel", range(PARCELS))
def test_ten_thousand_histories_keep_the_promise(parcel: int) -> None:
    print(f"PROMISE_SEED={SEED + parcel}")  # noqa: T201 - as above
    run(SEED + parcel, 500)


@pytest.mark.soak
@pytest.mark.parametrize("parcel", range(PARCELS))
def test_two_thousand_histories_over_three_databases_keep_the_promise(parcel: int) -> None:
    print(f"PROMISE_SEED={SEED + parcel}")  # noqa: T201 - as above
    run(SEED + parcel, 100, shards=3)
