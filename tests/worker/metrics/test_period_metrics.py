"""Adding counts, and estimating quantiles from classes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from notification.metrics.isolate_counters import IsolateCounters
from notification.metrics.period_metrics import BOUNDS_MS, Metrics, PeriodMetrics, by_channel, total


def _of(*times_ms: int) -> Metrics:
    metrics = Metrics()
    for ms in times_ms:
        place = next((n for n, b in enumerate(BOUNDS_MS) if ms <= b), len(BOUNDS_MS))
        one = Metrics(accepted=1, sent=1, delivery_ms=ms)
        one.deliveries[place] = 1
        metrics.add(one)
    return metrics


@given(st.lists(st.integers(0, 3_600_000), min_size=1, max_size=60), st.floats(0.01, 1.0))
def test_a_quantile_lies_in_the_class_of_the_true_one(times: list[int], share: float) -> None:
    ordered = sorted(times)
    rank = max(1, -(-int(share * len(ordered) * 10**9) // 10**9))
    true = ordered[min(rank, len(ordered)) - 1]
    place = next(n for n, bound in enumerate(BOUNDS_MS) if true <= bound)
    lower = BOUNDS_MS[place - 1] if place else 0
    assert lower <= _of(*times).quantile_ms(share) <= BOUNDS_MS[place]


def test_without_deliveries_times_are_0() -> None:
    empty = Metrics(accepted=2, failed=2)
    assert (empty.average_ms, empty.quantile_ms(0.95), empty.success_rate) == (0, 0, 0.0)


def test_what_is_above_every_bound_counts_as_the_highest() -> None:
    assert _of(10**9).quantile_ms(0.5) == BOUNDS_MS[-1]


def test_sums_do_not_change_their_parts() -> None:
    part = Metrics(accepted=1, failed=1, errors={"HTTP_ERROR": 1})
    periods = [PeriodMetrics(0, "webhook", part), PeriodMetrics(1, "webhook", part)]
    assert total(periods).errors == by_channel(periods)["webhook"].errors == {"HTTP_ERROR": 2}
    assert part.errors == {"HTTP_ERROR": 1}


def test_a_request_is_in_the_class_of_its_time() -> None:
    counters = IsolateCounters()
    for duration in (0, 10, 11, 30_001):
        counters.request(200, duration)
    assert counters.requests == [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert counters.request_ms == 30_022


def test_the_classes_of_request_times_are_those_that_dashboards_know() -> None:
    bounds = (10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000)
    for place, bound in enumerate(bounds):
        counters = IsolateCounters()
        counters.request(200, bound)
        counters.request(200, bound + 1)
        assert [n for n, count in enumerate(counters.requests) if count] == [place, place + 1]
    assert len(IsolateCounters().requests) == len(bounds) + 1


def test_the_classes_of_delivery_times_are_those_that_are_stored() -> None:
    minutes = (1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 3_600_000)
    assert (100, 250, 500, *minutes) == BOUNDS_MS


def test_answers_are_counted_by_what_they_refused() -> None:
    counters = IsolateCounters()
    for status in (200, 400, 401, 401, 403, 429, 500):
        counters.request(status, 1)
    assert (counters.auth_failures, counters.rate_limit_hits) == (2, 1)
    for hit in (True, True, False):
        counters.cache_lookup(hit)
    assert (counters.cache_hits, counters.cache_misses) == (2, 1)


def test_a_rate_has_two_decimals_and_a_mean_is_rounded() -> None:
    metrics = Metrics(accepted=7, sent=2, failed=1, cancelled=3, unsettled=1, delivery_ms=5)
    assert (metrics.success_rate, metrics.average_ms) == (66.67, 2)
    assert Metrics(sent=1, delivery_ms=3).success_rate == 100
