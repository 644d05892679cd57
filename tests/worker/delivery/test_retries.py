"""When a notification is tried again, and how it ends."""

from __future__ import annotations

import json

import pytest

from notification.delivery.schedule import retry_delay_ms
from tests.worker.surroundings import SeededRandomness
from tests.worker.timeline import Timeline


@pytest.mark.requirement("B-01")
def test_a_dead_endpoint_sees_three_requests_and_the_row_ends_failed(timeline: Timeline) -> None:
    timeline.endpoint_answers(500).at(0).send().expect(attempts=1, status="retry", retries=1)
    timeline.at(12).expect(attempts=2, status="retry", retries=2)
    timeline.at(50).expect(attempts=3, status="failed", retries=2, dead_letters=1)
    timeline.at(4000).expect(attempts=3, status="failed", dead_letters=1)
    [row] = timeline.world.logs()
    assert row["error"] == "HTTP 500: said so (maximum retries exceeded - moved to DLQ)"
    assert [a["status_code"] for a in json.loads(row["attempts"])] == [500, 500, 500]
    ids = {r.headers["X-Notification-MessageId"] for _, r in timeline.world.endpoints.received}
    assert ids == {row["message_id"]}


def test_the_retries_come_after_ten_and_thirty_seconds_give_or_take_a_tenth(
    timeline: Timeline,
) -> None:
    timeline.endpoint_answers(500).at(0).send().at(60)
    first, second, third = timeline.attempt_times()
    assert 9 <= second - first <= 12
    assert 27 <= third - second <= 34


@pytest.mark.parametrize(("retry", "base"), [(1, 10), (2, 30), (3, 60), (4, 300), (5, 900)])
def test_jitter_stays_within_a_tenth(retry: int, base: int) -> None:
    randomness = SeededRandomness()
    delays = [retry_delay_ms(retry, retry_after_s=0, randomness=randomness) for _ in range(300)]
    assert min(delays) >= base * 900
    assert max(delays) <= base * 1100
    assert len(set(delays)) > 100


def test_an_endpoint_that_recovers_gets_it_once(timeline: Timeline) -> None:
    timeline.endpoint_answers(503).at(0).send()
    timeline.at(5).endpoint_answers(200)
    timeline.at(15).expect(attempts=2, status="sent", retries=1, dead_letters=0)
    timeline.at(1000).expect(attempts=2, status="sent")
    assert timeline.world.logs()[0]["error"] is None


def test_a_permanent_error_stops_at_once(timeline: Timeline) -> None:
    timeline.endpoint_answers(404).at(0).send().expect(attempts=1, status="failed", retries=0)
    timeline.at(1000).expect(attempts=1, dead_letters=0)


def test_retry_after_is_honoured(timeline: Timeline) -> None:
    timeline.endpoint_answers(429, retry_after="120").at(0).send()
    timeline.endpoint_answers(200).at(119).expect(attempts=1)
    timeline.at(125).expect(attempts=2, status="sent")


@pytest.mark.requirement("C-0.8", "C-3.5")
def test_more_retries_where_they_are_configured(timeline: Timeline) -> None:
    timeline.world.database.connection.execute(
        "INSERT INTO system_configs (config_key, config_value) VALUES ('max_retry_attempts', '4')"
    )
    timeline.endpoint_answers(500).at(0).send().at(600)
    timeline.expect(attempts=5, status="failed", retries=4)


@pytest.mark.requirement("B-43")
def test_what_the_queue_loses_the_sweep_finds(timeline: Timeline) -> None:
    timeline.endpoint_answers(500).at(0).send().queue_loses_everything()
    timeline.endpoint_answers(200).at(295).expect(attempts=1)
    timeline.at(305).expect(attempts=2, status="sent")


def test_a_queue_that_is_down_delays_and_loses_nothing(timeline: Timeline) -> None:
    timeline.world.retry_queue.down = True
    timeline.endpoint_answers(500).at(0).send().expect(status="retry")
    assert timeline.answers[0].json["results"][0]["status"] == "retry_scheduled"
    timeline.world.retry_queue.down = False
    timeline.endpoint_answers(200).at(305).expect(attempts=2, status="sent")


def test_a_row_that_is_24_hours_old_fails_visibly(timeline: Timeline) -> None:
    timeline.world.retry_queue.down = True
    timeline.endpoint_answers(500).at(0).send().at(86_000).expect(status="retry")
    timeline.at(87_300).expect(attempts=1, status="failed")
    assert "Not delivered within 24 hours; last error: HTTP 500" in str(
        timeline.world.logs()[0]["error"]
    )


def test_a_retry_uses_the_configuration_of_now(timeline: Timeline) -> None:
    timeline.endpoint_answers(500).at(0).send()
    timeline.world.configure(webhook_url="https://new.example.com/")
    timeline.endpoint_answers(200).at(15).expect(attempts=2, status="sent")
    assert timeline.world.endpoints.received[1][1].url == "https://new.example.com/"


def test_a_retry_without_a_configuration_fails_visibly(timeline: Timeline) -> None:
    timeline.endpoint_answers(500).at(0).send()
    timeline.world.request("DELETE", "/api/user-configs?user_id=u1&channel_type=webhook")
    timeline.at(15).expect(attempts=1, status="failed")
    row = timeline.world.logs()[0]
    assert row["error"] == "No active configuration for channel webhook"
    assert row["last_error_code"] == "CHANNEL_NOT_CONFIGURED"
