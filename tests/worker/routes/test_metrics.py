"""Metrics of now and over time."""

from __future__ import annotations

import pytest

from notification.channels.registry import CHANNELS
from notification.metrics.counted_logs import redriven_hours
from notification.metrics.period_metrics import Metrics, PeriodMetrics
from notification.metrics.rollup_rows import write_rollups
from notification.routes.metrics import METRICS
from notification.timestamps import floor
from tests.worker.endpoints import answer
from tests.worker.traffic import keep_busy, send_some
from tests.worker.world import World

HOUR = 3_600_000
DAY = 24 * HOUR


def _metrics(world: World, query: str = "") -> dict[str, object]:
    shown = world.request("GET", f"/metrics{query}")
    assert shown.status == 200, shown.text
    body: dict[str, object] = shown.json
    return body


def _series(world: World, query: str) -> list[tuple[str, float]]:
    shown = world.request("GET", f"/api/stats/series?{query}")
    assert shown.status == 200, shown.text
    return [(p["time"][5:13], p["value"]) for p in shown.json["data"]["points"] if p["value"]]


@pytest.fixture
def busy(world: World) -> World:
    """Three sent within 400 ms, one failed, one waiting for a retry."""
    return keep_busy(world)


def test_the_contracts_metrics(busy: World) -> None:
    assert _metrics(busy) == {
        "success": True,
        "totalSent": 3,
        "totalFailed": 1,
        "totalRetries": 1,
        "successRate": 75.0,
        "avgResponseTime": 400,
        "channelBreakdown": {
            name: {"sent": 3, "failed": 1, "retries": 1}
            if name == "webhook"
            else {"sent": 0, "failed": 0, "retries": 0}
            for name in CHANNELS
        },
        "data": {
            "notifications": {"total_sent": 3, "total_failed": 1, "pending": 1},
            "channels": {name: 5 if name == "webhook" else 0 for name in CHANNELS},
            "performance": {"avg_processing_time_ms": 400, "p95_processing_time_ms": 488},
        },
    }


def test_without_traffic_every_metric_is_0(world: World) -> None:
    body = _metrics(world)
    assert (body["totalSent"], body["successRate"], body["avgResponseTime"]) == (0, 0, 0)


def test_a_cache_may_keep_the_answer_for_its_caller_only(busy: World) -> None:
    for path in ("/metrics", "/api/metrics"):
        headers = busy.request("GET", path).headers
        assert headers["Cache-Control"] == "private, max-age=60"


def test_one_recipients_metrics(busy: World) -> None:
    busy.configure("u2")
    busy.endpoints.behave = lambda request: answer(200)
    busy.send("u2")
    assert _metrics(busy, "?user_id=u2")["totalSent"] == 1
    assert _metrics(busy, "?user_id=u1")["totalSent"] == 3
    assert _metrics(busy, "?user_id=nobody")["totalSent"] == 0
    assert _metrics(busy)["totalSent"] == 4


@pytest.mark.parametrize("ms", [0, 1, 12_345_677])
def test_what_is_accepted_in_this_very_millisecond_is_counted(world: World, ms: int) -> None:
    world.clock.ms += ms
    world.configure()
    world.send()
    for query in ("", "?days=36", "?user_id=u1"):
        assert _metrics(world, query)["totalSent"] == 1, query
    text = world.request("GET", "/metrics?format=prometheus").text
    assert 'notification_requests_total{channel="webhook",status="sent"} 1\n' in text
    for step in ("hour", "day"):
        assert [value for _, value in _series(world, f"metric=sent&step={step}")] == [1]
    world.cron()
    rows = world.database.rows("SELECT sent FROM notification_rollups WHERE step = 'hour'")
    assert [row["sent"] for row in rows] == [1]


@pytest.mark.parametrize(("days", "sent"), [(1, 1), (35, 3), (36, 1), (90, 3)])
def test_days_go_back_to_the_hour_and_many_of_them_to_the_day(
    world: World, days: int, sent: int
) -> None:
    world.clock.ms += 100 * DAY + 12 * HOUR + HOUR // 2
    now_ms = world.clock.ms

    def rolled(step: str, *starts: int) -> None:
        one = [PeriodMetrics(at, "webhook", Metrics(accepted=1, sent=1)) for at in starts]
        world.run(world.database.batch([write_rollups(step, one)]))

    for days_ago in (1, 35):
        hour = floor(now_ms - days_ago * DAY, HOUR)
        rolled("hour", hour, hour - HOUR)
    for days_ago in (36, 90):
        day = floor(now_ms - days_ago * DAY, DAY)
        rolled("day", day, day - DAY)
    world.run(
        world.database.batch(
            [write_rollups("hour", [PeriodMetrics(floor(now_ms, HOUR), "webhook", Metrics())])]
        )
    )
    assert _metrics(world, f"?days={days}")["totalSent"] == sent


@pytest.mark.parametrize("days", ["0", "91", "x", "-1", "1.5"])
@pytest.mark.requirement("B-28")
def test_days_out_of_bounds_are_400(world: World, days: str) -> None:
    for path in (f"/metrics?days={days}", f"/metrics?user_id=u1&days={days}"):
        refused = world.request("GET", path)
        assert (refused.status, refused.code) == (400, "INVALID_PARAMETER")


@pytest.mark.requirement("C-0.17")
def test_metrics_are_the_same_before_and_after_they_are_rolled_up(busy: World) -> None:
    before = _metrics(busy)
    busy.cron()
    assert _metrics(busy) == before
    send_some(busy, 2)
    assert _metrics(busy)["totalSent"] == 5
    busy.clock.ms += 300_000
    busy.cron()
    assert _metrics(busy)["totalSent"] == 5


@pytest.mark.requirement("C-0.17")
def test_metrics_outlive_the_notifications_that_they_count(busy: World) -> None:
    busy.cron()
    for _ in range(9):
        busy.clock.ms += DAY
        busy.cron()
    assert busy.logs() == []
    assert _metrics(busy, "?days=8")["totalSent"] == 0
    for days in (10, 35, 36, 90):
        assert _metrics(busy, f"?days={days}")["totalSent"] == 3, days


@pytest.mark.requirement("C-0.17")
def test_a_retry_that_succeeds_hours_later_changes_the_hour_it_was_accepted_in(
    world: World,
) -> None:
    world.configure()
    send_some(world, 1, 500)
    world.cron()
    assert _metrics(world)["totalSent"] == 0
    world.endpoints.behave = lambda request: answer(200)
    world.clock.ms += 5 * HOUR
    world.deliver_queues()
    world.cron()
    assert world.logs()[0]["status"] == "sent"
    assert _metrics(world)["totalSent"] == 1
    assert _series(world, "metric=sent") == [("01-01T00", 1)]


def test_a_manual_retry_days_later_changes_the_hour_it_was_accepted_in(world: World) -> None:
    world.configure()
    send_some(world, 1, 404)
    world.cron()
    for _ in range(3):
        world.clock.ms += DAY
        world.cron()
    log_id = world.logs()[0]["id"]
    assert world.request("POST", "/api/notifications/retry", {"log_id": log_id}).status == 200
    world.endpoints.behave = lambda request: answer(200)
    world.clock.ms += 60_000
    world.deliver_queues()
    assert world.logs()[0]["status"] == "sent"
    world.clock.ms += HOUR
    world.cron()
    body = _metrics(world)
    assert (body["totalSent"], body["totalFailed"]) == (1, 0)
    days = world.database.rows("SELECT sent FROM notification_rollups WHERE step = 'day'")
    assert [day["sent"] for day in days] == [1]


def test_a_deleted_notification_stays_counted(busy: World) -> None:
    busy.cron()
    busy.database.connection.execute("DELETE FROM notification_logs WHERE status = 'sent'")
    busy.clock.ms += 300_000
    busy.cron()
    busy.clock.ms += HOUR
    send_some(busy, 1)
    busy.cron()
    assert _metrics(busy)["totalSent"] == 4


def test_what_the_cron_missed_is_caught_up(world: World) -> None:
    world.configure()
    for _ in range(4):
        send_some(world, 2)
        world.clock.ms += DAY
    for _ in range(5):
        world.cron()
        world.clock.ms += 300_000
    rows = world.database.rows(
        "SELECT period_start, sent FROM notification_rollups WHERE step = 'day' ORDER BY 1"
    )
    assert [row["sent"] for row in rows] == [2, 2, 2, 2]
    assert _metrics(world)["totalSent"] == 8


@pytest.mark.requirement("C-0.17")
def test_an_idle_cron_writes_no_metrics_and_a_send_never_does(busy: World) -> None:
    busy.cron()
    before = busy.database.rows("SELECT * FROM notification_rollups")
    busy.clock.ms += 300_000
    busy.cron()
    [line] = [
        x
        for x in busy.log_sink.of_type("scheduled_task")
        if x.get("result", {}).get("rolledUp") == 0
    ]
    assert line["taskStatus"] == "completed"
    assert busy.database.rows("SELECT * FROM notification_rollups") == before
    busy.database.statements.clear()
    send_some(busy, 1)
    assert not [s for s in busy.database.statements if "rollup" in s.sql]


@pytest.mark.requirement("C-0.17")
def test_a_series_by_hour_and_by_day(world: World) -> None:
    world.configure()
    for hour in range(30):
        send_some(world, 1 if hour % 2 else 2)
        if hour % 3 == 0:
            world.cron()
        world.clock.ms += HOUR
    hours = _series(world, "metric=sent&step=hour&from=2026-01-01")
    assert len(hours) == 30
    assert hours[:3] == [("01-01T00", 2), ("01-01T01", 1), ("01-01T02", 2)]
    assert _series(world, "metric=sent&step=day&from=2026-01-01") == [
        ("01-01T00", 36),
        ("01-02T00", 9),
    ]
    part = _series(world, "metric=sent&from=2026-01-01T04:00:00Z&to=2026-01-01T05:30:00Z")
    assert part == [("01-01T04", 2), ("01-01T05", 1)]
    assert _series(world, "metric=sent&channel=slack") == []
    assert sum(v for _, v in _series(world, "metric=accepted&channel=webhook")) == 36


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("accepted", 5),
        ("sent", 3),
        ("failed", 1),
        ("pending", 1),
        ("retries", 1),
        ("errors", 2),
        ("success_rate", 75.0),
        ("avg_response_time", 400),
        ("p95_response_time", 488),
    ],
)
def test_every_metric_has_its_series(busy: World, metric: str, value: float) -> None:
    for _ in range(2):
        assert _series(busy, f"metric={metric}") == [("01-01T00", value)]
        busy.cron()


def test_a_series_without_traffic_has_all_its_steps(world: World) -> None:
    data = world.request("GET", "/api/stats/series?metric=sent").json["data"]
    assert [p["value"] for p in data["points"]] == [0] * 25
    assert data["step"] == "hour"


@pytest.mark.parametrize(
    ("query", "points", "first", "last"),
    [
        ("", 25, "2025-12-31T10", "2026-01-01T10"),
        ("&from=2025-12-25T10:34:56.790Z", 169, "2025-12-25T10", "2026-01-01T10"),
        ("&from=2025-12-25T10:34:56.789Z", 8, "2025-12-25T00", "2026-01-01T00"),
        ("&to=2025-12-30T23:59:59.999Z", 25, "2025-12-29T23", "2025-12-30T23"),
        ("&to=2025-12-31T00:00:00.000Z", 25, "2025-12-30T00", "2025-12-31T00"),
        ("&from=2026-01-01T10:00:00.000Z", 1, "2026-01-01T10", "2026-01-01T10"),
        ("&from=2026-01-01&to=2026-01-01", 11, "2026-01-01T00", "2026-01-01T10"),
        ("&step=hour&from=2025-11-27T11:00:00Z", 840, "2025-11-27T11", "2026-01-01T10"),
        ("&step=day&from=2023-04-08", 1_000, "2023-04-08T00", "2026-01-01T00"),
    ],
)
def test_a_range_begins_at_the_start_of_a_step_and_includes_its_end(
    world: World, query: str, points: int, first: str, last: str
) -> None:
    world.clock.ms += 10 * HOUR + 34 * 60_000 + 56_789
    shown = world.request("GET", f"/api/stats/series?metric=sent{query}")
    assert shown.status == 200, shown.text
    times = [point["time"] for point in shown.json["data"]["points"]]
    assert (len(times), times[0][:13], times[-1][:13]) == (points, first, last)


@pytest.mark.parametrize(
    "query",
    [
        "&from=2026-01-01T11:00:00.000Z",
        "&step=hour&from=2025-11-27T10:00:00Z",
        "&step=day&from=2023-04-07",
    ],
)
def test_a_range_has_its_bounds(world: World, query: str) -> None:
    world.clock.ms += 10 * HOUR + 34 * 60_000 + 56_789
    assert world.request("GET", f"/api/stats/series?metric=sent{query}").status == 400


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "metric must be one of: accepted, sent"),
        ("metric=lost", "metric must be one of"),
        ("metric=sent&channel=pigeon", "Invalid channel: pigeon"),
        ("metric=sent&step=week", "step must be hour or day"),
        (
            "metric=sent&from=never",
            "Invalid date string: from must be ISO 8601, such as 2026-12-01T09:00:00Z",
        ),
        ("metric=sent&from=2026-01-02&to=2026-01-01", "from must be before to"),
        ("metric=sent&from=2030-01-01", "from must be before to"),
        ("metric=sent&step=hour&from=2025-10-01", "step=hour goes back 35 days"),
        ("metric=sent&step=day&from=2001-01-01", "more than 1000 points"),
    ],
)
def test_an_invalid_series_is_400(world: World, query: str, text: str) -> None:
    refused = world.request("GET", f"/api/stats/series?{query}")
    assert refused.status == 400
    assert text in refused.json["error"]


def test_redriven_notifications_are_found_by_their_own_index(world: World) -> None:
    steps = world.database.plan(redriven_hours("2026-01-01T00:00:00.000Z", world.clock.ms))
    assert "idx_notification_redriven" in steps[0]


def test_no_statement_about_metrics_scans_the_notifications(busy: World) -> None:
    busy.cron()
    busy.database.statements.clear()
    _metrics(busy)
    _metrics(busy, "?days=90")
    _metrics(busy, "?user_id=u1")
    busy.request("GET", "/metrics?format=prometheus")
    busy.clock.ms += HOUR
    busy.cron()
    for statement in busy.database.statements:
        for step in busy.database.plan(statement):
            assert not step.startswith(("SCAN notification_logs", "SCAN log ")) or (
                "USING COVERING INDEX" in step or "USING INDEX idx_notification_" in step
            ), (statement.sql, step)
            assert not step.startswith("SCAN notification_rollups"), (statement.sql, step)


def test_a_channel_over_time_counts_its_named_endpoints(busy: World) -> None:
    busy.configure("u2", "webhook:audit")
    busy.endpoints.behave = lambda request: answer(200)
    busy.send("u2", ["webhook:audit"])
    for _ in range(2):
        assert _series(busy, "metric=sent&channel=webhook") == [("01-01T00", 4)]
        assert _series(busy, "metric=sent&channel=webhook:audit") == [("01-01T00", 1)]
        data = busy.request("GET", "/api/stats/overview").json["data"]
        parts = [sum(values["accepted"]) for values in data["channels"].values()]
        assert sum(parts) == sum(data["total"]["accepted"]) == 6
        busy.cron()


@pytest.mark.requirement("C-9")
def test_the_overview_is_every_series_at_once(busy: World) -> None:
    shown = busy.request("GET", "/api/stats/overview")
    assert shown.status == 200, shown.text
    data = shown.json["data"]
    assert len(data["times"]) == 25
    for metric in METRICS:
        for channel, values in (("", data["total"]), *data["channels"].items()):
            query = f"metric={metric}{f'&channel={channel}' if channel else ''}"
            one = busy.request("GET", f"/api/stats/series?{query}").json["data"]
            assert values[metric] == [point["value"] for point in one["points"]]
            assert data["times"] == [point["time"] for point in one["points"]]
    assert sum(data["total"]["accepted"]) == 5
    assert list(data["channels"]) == list(CHANNELS)
