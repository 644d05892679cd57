"""What Prometheus scrapes, to the last character."""

from __future__ import annotations

from pathlib import Path

from notification.metrics.isolate_counters import IsolateCounters
from notification.metrics.period_metrics import Metrics
from notification.metrics.prometheus import exposition

EXPECTED = Path(__file__).parent / "exposition.txt"


def test_every_series_is_written_as_it_is_scraped() -> None:
    counters = IsolateCounters()
    for duration_ms, status in ((3, 200), (70, 401), (70, 429), (40_000, 500)):
        counters.request(status, duration_ms)
    for hit in (True, True, False):
        counters.cache_lookup(hit)
    busy = Metrics(
        accepted=9,
        sent=3,
        failed=2,
        cancelled=1,
        unsettled=3,
        retries=4,
        redrives=5,
        delivery_ms=3_700_123,
        deliveries=[1, 0, 1, *[0] * 8, 1],
        errors={"B": 2, 'A"\\\n': 1},
    )
    text = exposition(
        {"webhook": busy, "slack": Metrics()},
        {"retry-queue": 3, "failed-queue": 1},
        {("webhook", "held"): 2, ("slack", "retry"): 1},
        {"webhook": (2, 90.4), "lark": (1, 0.2)},
        counters,
    )
    assert text == EXPECTED.read_text(encoding="utf-8")


def test_before_the_first_lookup_there_is_no_ratio() -> None:
    text = exposition({}, {}, {}, {}, IsolateCounters())
    assert "# TYPE cache_hit_ratio gauge\n# HELP auth_failures_total" in text
