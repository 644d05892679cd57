"""The text for scrapers."""

from __future__ import annotations

import re

import pytest

from tests.worker.caller import Answer
from tests.worker.traffic import keep_busy, send_some
from tests.worker.world import World

TOKEN = "a-scrapers-token-of-forty-characters-ok!"
DAY = 24 * 3_600_000


@pytest.fixture
def busy(world: World) -> World:
    """Three sent within 400 ms, one failed, one waiting for a retry."""
    return keep_busy(world)


def _scrape(world: World, token: str = TOKEN, path: str = "/metrics?format=prometheus") -> Answer:
    headers = {"authorization": f"Bearer {token}"}
    return world.request("GET", path, signed=False, headers=headers)


@pytest.mark.requirement("C-0.20")
def test_a_scraper_comes_with_its_token(busy: World) -> None:
    assert _scrape(busy).code == "METRICS_UNAUTHORIZED"
    busy.environment["METRICS_TOKEN"] = TOKEN
    assert _scrape(busy).status == 200
    assert _scrape(busy, "other").code == "METRICS_UNAUTHORIZED"
    assert _scrape(busy, "").status == 401
    assert busy.request("GET", "/metrics", signed=False).code == "MISSING_SIGNATURE"
    assert _scrape(busy, path="/api/stats/series?metric=sent").code == "MISSING_SIGNATURE"


def _values(text: str) -> dict[str, float]:
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    for line in samples:
        assert re.fullmatch(r'[a-z_]+\{([a-z]+="[^"]*",?)+\} [0-9.e+-]+', line), line
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in samples)}


def test_the_scrapers_text(busy: World) -> None:
    for shown in (
        busy.request("GET", "/metrics?format=prometheus"),
        busy.request("GET", "/metrics", headers={"accept": "text/plain;version=0.0.4;q=0.5"}),
    ):
        assert shown.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        values = _values(shown.text)
        assert values['notification_requests_total{channel="webhook",status="sent"}'] == 3
        assert values['notification_requests_total{channel="webhook",status="failed"}'] == 1
        assert values['notification_requests_total{channel="slack",status="sent"}'] == 0
        assert values['notification_errors_total{channel="webhook",code="HTTP_ERROR"}'] == 2
        bucket = "notification_duration_seconds_bucket"
        assert values[bucket + '{channel="webhook",le="0.25"}'] == 0
        assert values[bucket + '{channel="webhook",le="0.5"}'] == 3
        assert values[bucket + '{channel="webhook",le="+Inf"}'] == 3
        assert values['notification_duration_seconds_sum{channel="webhook"}'] == 1.2
        assert values['queue_depth{queue="retry-queue"}'] == 1
        assert values['queue_depth{queue="failed-queue"}'] == 0
        assert values['cache_hit_ratio{scope="isolate"}'] == 0.8
        assert values['auth_failures_total{scope="isolate"}'] == 0


def test_an_exhausted_notification_is_in_the_failed_queues_depth(world: World) -> None:
    world.configure()
    send_some(world, 1, 500)
    for _ in range(3):
        world.clock.ms += 60_000
        world.deliver_queues()
    assert world.logs()[0]["status"] == "failed"
    values = _values(world.request("GET", "/metrics?format=prometheus").text)
    assert values['queue_depth{queue="failed-queue"}'] == 1
    assert values['notification_errors_total{channel="webhook",code="HTTP_ERROR"}'] == 3


def test_a_counter_never_falls_whatever_happens_to_the_rows(busy: World) -> None:
    def failed() -> float:
        text = busy.request("GET", "/metrics?format=prometheus").text
        return _values(text)['notification_requests_total{channel="webhook",status="failed"}']

    assert failed() == 1
    busy.database.connection.execute(
        "UPDATE notification_logs SET status = 'retry', retry_count = 0, redrives = redrives + 1,"
        " next_retry_at = updated_at WHERE status = 'failed'"
    )
    assert failed() == 1
    busy.cron()
    busy.clock.ms += 10 * DAY
    busy.cron()
    assert failed() >= 1


def test_refusals_are_counted_for_the_isolate(busy: World) -> None:
    busy.request("GET", "/metrics", signed=False)
    values = _values(busy.request("GET", "/metrics?format=prometheus").text)
    assert values['auth_failures_total{scope="isolate"}'] == 1
    assert values['api_request_duration_seconds_count{scope="isolate"}'] >= 7


@pytest.mark.parametrize("query", ["format=xml", "format=prometheus&user_id=u1"])
def test_an_unknown_format_is_400(world: World, query: str) -> None:
    assert world.request("GET", f"/metrics?{query}").status == 400
