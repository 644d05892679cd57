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
