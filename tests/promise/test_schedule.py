"""When a notification is retried, and when not."""

from __future__ import annotations

import pytest

from tests.promise.simulated_timeline import SimulatedTimeline


def most_retries(timeline: SimulatedTimeline, count: int) -> None:
    timeline.simulation.sqlite.connection.execute(
        "INSERT INTO system_configs (config_key, config_value) VALUES ('max_retry_attempts', ?)"
        " ON CONFLICT (config_key) DO UPDATE SET config_value = excluded.config_value",
        (str(count),),
    )


@pytest.mark.requirement("C-6.5", "C-6.4")
def test_three_attempts_at_0_10_and_40_seconds_on_one_row(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").down()
    timeline.at(0).push("order").expect_reply("order", 200, results=["retry_scheduled"])
    timeline.at(5).expect("order", attempts=1, status="retry", retries=1)
    timeline.at(14).expect("order", attempts=2, status="retry", retries=2)
    timeline.at(50).expect("order", attempts=3, status="failed", retries=2, error="HTTP 500")
    timeline.at(4_000).expect_attempts("order", at=(0, 10, 40))
    assert timeline.logged("dead_letter") == 1
    assert len(timeline.rows("ann")) == 1


@pytest.mark.requirement("C-6.5")
def test_further_configured_retries_come_after_60_300_and_900_seconds(
    timeline: SimulatedTimeline,
) -> None:
    most_retries(timeline, 5)
    timeline.endpoint("ann").down()
    timeline.at(0).push("order").at(3_000).expect("order", attempts=6, status="failed", retries=5)
    timeline.expect_attempts("order", at=(0, 10, 40, 100, 400, 1_300))


@pytest.mark.requirement("C-6.5")
def test_no_retry_if_none_is_configured(timeline: SimulatedTimeline) -> None:
    most_retries(timeline, 0)
    timeline.endpoint("ann").down()
    timeline.at(0).push("order").expect_reply("order", 200, results=["failed"])
    timeline.at(1_000).expect("order", attempts=1, status="failed", error="moved to DLQ")


@pytest.mark.requirement("C-6.5")
@pytest.mark.parametrize("status", [429, 503])
def test_an_endpoint_is_not_called_before_its_retry_after(
    timeline: SimulatedTimeline, status: int
) -> None:
    timeline.endpoint("ann").down(between=(0, 50), status=status, retry_after="90")
    timeline.at(0).push("order").at(85).expect("order", attempts=1, status="retry")
    timeline.at(100).expect("order", attempts=2, status="sent")


@pytest.mark.requirement("C-6.5")
def test_a_retry_after_below_the_schedule_keeps_the_schedule(
    timeline: SimulatedTimeline,
) -> None:
    timeline.endpoint("ann").down(between=(0, 5), status=503, retry_after="1")
    timeline.at(0).push("order").at(20).expect("order", attempts=2, status="sent")
    timeline.expect_attempts("order", at=(0, 10))


@pytest.mark.requirement("C-6.5")
@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_a_permanent_refusal_ends_at_once(timeline: SimulatedTimeline, status: int) -> None:
    timeline.endpoint("ann").down(status=status)
    timeline.at(0).push("order").expect_reply("order", 200, results=["failed"])
    timeline.at(2_000).expect("order", attempts=1, status="failed", error=f"HTTP {status}")
    assert timeline.logged("dead_letter") == 0


@pytest.mark.requirement("C-6.6", "B-42")
def test_a_retry_over_a_channel_that_was_switched_off_fails(
    timeline: SimulatedTimeline,
) -> None:
    timeline.endpoint("ann").down(between=(0, 5))
    timeline.at(0).push("order").at(3)
    body = {"user_id": "ann", "channel_type": "webhook", "is_active": False}
    timeline.call("off", "POST", "/api/user-configs", body).expect_reply("off", 200)
    timeline.at(60).expect("order", attempts=1, status="failed", error="No active configuration")


@pytest.mark.requirement("C-6.6")
def test_a_retry_uses_the_current_configuration_and_the_original_text(
    timeline: SimulatedTimeline,
) -> None:
    timeline.configure("bob")
    timeline.endpoint("ann").down(between=(0, 5))
    timeline.at(0).push("order", text="Shipped").at(3)
    url = "https://hooks.example.com/services/elsewhere"
    config = {"webhook_url": url}
    body = {"user_id": "ann", "channel_type": "webhook", "config_data": config}
    timeline.call("moved", "POST", "/api/user-configs", body).expect_reply("moved", 200)
    timeline.at(60)
    last = timeline.simulation.endpoints.arrivals[-1]
    assert last.request.url == url
    assert "Shipped push1end" in last.request.body


def scheduled(timeline: SimulatedTimeline, schedule: object) -> None:
    config = {
        "webhook_url": "https://hooks.example.com/services/ann",
        "retry_schedule": schedule,
    }
    body = {"user_id": "ann", "channel_type": "webhook", "config_data": config}
    timeline.call("schedule", "POST", "/api/user-configs", body)


@pytest.mark.requirement("C-6.5")
def test_a_configurations_schedule_reaches_over_hours(timeline: SimulatedTimeline) -> None:
    scheduled(timeline, ["10s", "30s", "5m", "30m", "2h", "6h"])
    timeline.endpoint("ann").down()
    timeline.at(1).push("order").at(9 * 3_600).expect("order", status="failed", retries=6)
    waits = (10, 30, 300, 1_800, 7_200, 21_600)
    timeline.expect_attempts("order", at=(0, *(sum(waits[: n + 1]) for n in range(6))))
    assert timeline.logged("dead_letter") == 1


@pytest.mark.requirement("C-6.5")
def test_an_empty_schedule_means_no_retry(timeline: SimulatedTimeline) -> None:
    scheduled(timeline, [])
    timeline.endpoint("ann").down()
    timeline.at(1).push("order").expect_reply("order", 200, results=["failed"])


@pytest.mark.requirement("C-6.5")
def test_a_stacks_schedule_holds_where_a_configuration_has_none(
    timeline: SimulatedTimeline,
) -> None:
    timeline.simulation.environment["RETRY_SCHEDULE"] = "20s,1m,2m"
    timeline.kill()
    timeline.configure("bob")
    timeline.endpoint("ann").down()
    timeline.endpoint("bob").down()
    scheduled(timeline, ["5s"])
    timeline.at(1).push("hers").push("his", to="bob").at(400)
    timeline.expect("hers", attempts=2, status="failed").expect("his", attempts=4, status="failed")
    timeline.expect_attempts("his", at=(0, 20, 80, 200))


@pytest.mark.parametrize(
    "schedule",
    [
        "10s",
        [10],
        ["0s"],
        ["10"],
        ["1d"],
        ["13h"],
        ["12h", "12h", "1s"],
        ["1s"] * 13,
        ["-5s"],
        {"a": 1},
    ],
)
def test_a_wrong_schedule_is_refused(timeline: SimulatedTimeline, schedule: object) -> None:
    scheduled(timeline, schedule)
    timeline.expect_reply("schedule", 400)
    assert "retry_schedule must be a list of at most 12 waits" in str(
        timeline.reply("schedule").body["error"]
    )
