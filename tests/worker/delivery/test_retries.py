"""When a notification is retried, and how it ends."""

from __future__ import annotations

import json

import pytest

from notification.delivery.schedule import retry_delay_ms
from tests.worker.stepped_timeline import SteppedTimeline
from tests.worker.surroundings import SeededRandomness


@pytest.mark.requirement("B-01")
def test_a_dead_endpoint_sees_three_requests_and_the_row_ends_failed(
    timeline: SteppedTimeline,
) -> None:
    timeline.endpoint_answers(500).at(0).push("order").expect(
        "order", attempts=1, status="retry", retries=1
    )
    timeline.at(12).expect("order", attempts=2, status="retry", retries=2)
    timeline.at(50).expect("order", attempts=3, status="failed", retries=2)
    assert timeline.logged("dead_letter") == 1
    timeline.at(4000).expect("order", attempts=3, status="failed")
    assert timeline.logged("dead_letter") == 1
    [row] = timeline.world.logs()
    assert row["error"] == "HTTP 500: said so (maximum retries exceeded - moved to DLQ)"
    assert [a["status_code"] for a in json.loads(row["attempts"])] == [500, 500, 500]
    ids = {r.headers["X-Notification-MessageId"] for _, r in timeline.world.endpoints.received}
    assert ids == {row["message_id"]}


def test_the_retries_come_after_ten_and_thirty_seconds_give_or_take_a_tenth(
    timeline: SteppedTimeline,
) -> None:
    timeline.endpoint_answers(500).at(0).push("order").at(60)
    timeline.expect_attempts("order", at=(0, 10, 40))


@pytest.mark.parametrize("base", [10, 30, 60, 300, 900, 21_600])
def test_jitter_stays_within_a_tenth(base: int) -> None:
    randomness = SeededRandomness()
    delays = [
        retry_delay_ms(base * 1_000, retry_after_s=0, randomness=randomness) for _ in range(300)
    ]
    assert min(delays) >= base * 900
    assert max(delays) <= base * 1100
    assert len(set(delays)) > 100


def test_an_endpoint_that_recovers_gets_it_once(timeline: SteppedTimeline) -> None:
    timeline.endpoint_answers(503).at(0).push("order")
    timeline.at(5).endpoint_answers(200)
    timeline.at(15).expect("order", attempts=2, status="sent", retries=1)
    assert timeline.logged("dead_letter") == 0
    timeline.at(1000).expect("order", attempts=2, status="sent")
    assert timeline.world.logs()[0]["error"] is None


def test_a_permanent_error_stops_at_once(timeline: SteppedTimeline) -> None:
    timeline.endpoint_answers(404).at(0).push("order").expect(
        "order", attempts=1, status="failed", retries=0
    )
    timeline.at(1000).expect("order", attempts=1)
    assert timeline.logged("dead_letter") == 0


def test_retry_after_is_honoured(timeline: SteppedTimeline) -> None:
    timeline.endpoint_answers(429, retry_after="120").at(0).push("order")
    timeline.endpoint_answers(200).at(119).expect("order", attempts=1)
    timeline.at(125).expect("order", attempts=2, status="sent")


@pytest.mark.requirement("C-0.8", "C-3.5")
def test_more_retries_can_be_configured(timeline: SteppedTimeline) -> None:
    timeline.world.database.connection.execute(
        "INSERT INTO system_configs (config_key, config_value) VALUES ('max_retry_attempts', '4')"
    )
    timeline.endpoint_answers(500).at(0).push("order").at(600)
    timeline.expect("order", attempts=5, status="failed", retries=4)


@pytest.mark.requirement("B-43")
def test_the_sweep_finds_what_the_queue_loses(timeline: SteppedTimeline) -> None:
    timeline.endpoint_answers(500).at(0).push("order").queue_forgets()
    timeline.endpoint_answers(200).at(295).expect("order", attempts=1)
    timeline.at(305).expect("order", attempts=2, status="sent")


def test_a_queue_that_is_down_delays_and_loses_nothing(timeline: SteppedTimeline) -> None:
    timeline.world.retry_queue.down = True
    timeline.endpoint_answers(500).at(0).push("order").expect("order", status="retry")
    timeline.expect_reply("order", 200, results=["retry_scheduled"])
    timeline.world.retry_queue.down = False
    timeline.endpoint_answers(200).at(305).expect("order", attempts=2, status="sent")


def test_a_row_that_is_24_hours_old_fails_visibly(timeline: SteppedTimeline) -> None:
    timeline.world.retry_queue.down = True
    timeline.endpoint_answers(500).at(0).push("order").at(86_000).expect("order", status="retry")
    timeline.at(87_300).expect("order", attempts=1, status="failed")
    assert "Not delivered within 24 hours; last error: HTTP 500" in str(
        timeline.world.logs()[0]["error"]
    )


def test_a_retry_uses_the_current_configuration(timeline: SteppedTimeline) -> None:
    timeline.endpoint_answers(500).at(0).push("order")
    timeline.world.configure("ann", webhook_url="https://new.example.com/ann")
    timeline.endpoint_answers(200).at(15).expect("order", attempts=2, status="sent")
    assert timeline.world.endpoints.received[1][1].url == "https://new.example.com/ann"


def test_a_retry_without_a_configuration_fails_visibly(timeline: SteppedTimeline) -> None:
    timeline.endpoint_answers(500).at(0).push("order")
    timeline.world.request("DELETE", "/api/user-configs?user_id=ann&channel_type=webhook")
    timeline.at(15).expect("order", attempts=1, status="failed")
    row = timeline.world.logs()[0]
    assert row["error"] == "No active configuration for channel webhook"
    assert row["last_error_code"] == "CHANNEL_NOT_CONFIGURED"
