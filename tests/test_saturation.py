"""The simulation of the databases agrees with what queueing theory says of one server."""

from __future__ import annotations

import math

import pytest

from bench.saturation import LIMIT_S, Design, saturation, simulate

ALONE = Design(query_ms=1.0, round_trips=1, retry_share=0.0)
"""Sends that ask once: arrivals and services at random, so M/M/1 (Kleinrock, volume 1)."""


@pytest.mark.parametrize("per_second", [500, 800])
def test_waits_are_those_of_one_server(per_second: float) -> None:
    """P(wait > t) = rho * exp(-(mu - lambda) * t), at mu = 1,000 a second."""
    waits = simulate(ALONE, per_second=per_second)
    busy = per_second / 1000
    p99 = math.log(busy / 0.01) / (1000 - per_second)
    assert waits.p99 == pytest.approx(p99, rel=0.15)
    p50 = max(0.0, math.log(busy / 0.5) / (1000 - per_second))
    assert waits.p50 == pytest.approx(p50, abs=0.0005)
    assert waits.busiest == pytest.approx(busy, rel=0.05)


def test_the_load_is_shared_by_the_databases() -> None:
    alone = simulate(ALONE, per_second=500)
    shared = simulate(ALONE, per_second=2000, shards=4)
    assert shared.busiest == pytest.approx(alone.busiest, rel=0.1)
    assert shared.p99 == pytest.approx(alone.p99, rel=0.2)


def test_a_hot_recipient_stays_in_one_database() -> None:
    even = simulate(ALONE, per_second=1600, shards=4)
    hot = simulate(ALONE, per_second=1600, shards=4, hot_share=0.4)
    assert even.busiest == pytest.approx(0.4, rel=0.1)
    assert hot.busiest == pytest.approx(1.6 * (0.4 + 0.6 / 4), rel=0.1)
    assert hot.p99 > 3 * even.p99


def test_retries_and_round_trips_cost_the_database_and_endpoints_do_not() -> None:
    design = Design(round_trips=2, retry_share=0.1, retry_round_trips=5, endpoint_ms=200)
    waits = simulate(design, per_second=200)
    assert waits.busiest == pytest.approx(0.2 * 2.5, rel=0.1)
    assert waits.p99 < 0.1


def test_it_saturates_where_the_database_has_no_pause() -> None:
    design = Design(query_ms=10.0)
    found = saturation(design)
    assert found == pytest.approx(1000 / 10 / design.batches, rel=0.1)
    sends = int(found * 60)
    assert simulate(design, per_second=found * 1.3, sends=sends).p99 > LIMIT_S


def test_a_seed_gives_the_same_result() -> None:
    first, again, other = (
        simulate(ALONE, per_second=700, sends=2000, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again != other
