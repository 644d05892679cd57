"""Orders of fallbacks: the next channel only where the one before it failed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.promise.simulated_timeline import SimulatedTimeline
from tests.worker.surroundings import START_MS

HOUR = 3_600
DAY = 24 * HOUR


@pytest.fixture
def both(timeline: SimulatedTimeline) -> SimulatedTimeline:
    timeline.configure("ann", "slack")
    return timeline


def send(timeline: SimulatedTimeline, channels: list[Any], **more: Any) -> None:
    body = {"user_id": "ann", "channels": channels, "custom_content": {"content": "MARK"}, **more}
    timeline.call("order", "POST", "/api/notifications/send", body)


def statuses(timeline: SimulatedTimeline) -> dict[str, str]:
    return {row["channel_type"]: row["status"] for row in timeline.rows("ann")}


@pytest.mark.requirement("S5-4")
def test_a_fallback_is_not_used_where_the_first_channel_delivers(both: SimulatedTimeline) -> None:
    send(both, [["webhook", "slack"]])
    both.expect_reply("order", 200, results=["sent", "retry_scheduled"])
    first, second = both.reply("order").body["results"]
    assert second["fallback_of"] == first["logId"]
    both.at(60).expect("order", channel="slack", attempts=0, status="cancelled", error="Not needed")


@pytest.mark.requirement("S5-4")
def test_a_fallback_goes_out_once_the_first_channel_has_failed(both: SimulatedTimeline) -> None:
    both.endpoint("ann").down()
    both.at(0)
    send(both, [["webhook", "slack"]])
    both.at(30).expect("order", channel="slack", attempts=0, status="retry", retries=0)
    both.at(60).expect("order", channel="webhook", attempts=3, status="failed")
    both.expect("order", channel="slack", attempts=1, status="sent")


@pytest.mark.requirement("S5-4")
def test_a_rejection_uses_the_fallback_at_once(both: SimulatedTimeline) -> None:
    both.endpoint("ann").down(status=404)
    both.at(0)
    send(both, [["webhook", "slack"]])
    both.at(5).expect("order", channel="slack", attempts=1, status="sent")


@pytest.mark.requirement("S5-4")
def test_a_channel_that_fails_from_the_start_is_passed_over(both: SimulatedTimeline) -> None:
    send(both, [["lark", "slack", "webhook"]])
    both.expect_reply("order", 200, results=["failed", "sent", "retry_scheduled"])
    both.at(60)
    assert statuses(both) == {"lark": "failed", "slack": "sent", "webhook": "cancelled"}


@pytest.mark.requirement("S5-4")
def test_an_order_of_three_goes_on_to_the_last(both: SimulatedTimeline) -> None:
    both.configure("bob")
    url = "https://hooks.example.com/services/bob"
    body = {
        "user_id": "ann",
        "channel_type": "webhook:last",
        "config_data": {"webhook_url": url},
    }
    assert both.simulation.request("POST", "/api/user-configs", body).status == 201
    both.endpoint("ann").down(status=404)
    both.endpoint("ann", "slack").down(status=404)
    both.at(1)
    send(both, [["webhook", "slack", "webhook:last"]])
    both.at(30)
    assert statuses(both) == {"webhook": "failed", "slack": "failed", "webhook:last": "sent"}


@pytest.mark.requirement("S5-4")
def test_the_first_of_three_that_delivers_cancels_all_others(both: SimulatedTimeline) -> None:
    body = {
        "user_id": "ann",
        "channel_type": "webhook:last",
        "config_data": {"webhook_url": "https://hooks.example.com/services/bob"},
    }
    assert both.simulation.request("POST", "/api/user-configs", body).status == 201
    send(both, [["webhook", "slack", "webhook:last"]])
    both.at(30)
    assert statuses(both) == {"webhook": "sent", "slack": "cancelled", "webhook:last": "cancelled"}


@pytest.mark.requirement("S5-4")
def test_a_fallback_survives_the_end_of_the_process_and_a_forgetful_queue(
    both: SimulatedTimeline,
) -> None:
    both.endpoint("ann").slow(5, between=(0, 30))
    both.endpoint("ann").down(between=(30, 2 * HOUR), status=404)
    both.at(0)
    send(both, [["webhook", "slack"]])
    both.at(1).kill()
    both.at(2).queue_forgets()
    both.at(1_500).expect("order", channel="webhook", status="failed")
    both.expect("order", channel="slack", attempts=1, status="sent")


@pytest.mark.requirement("S5-4")
def test_what_an_operator_ends_as_failed_has_its_fallback_with_the_sweep(
    both: SimulatedTimeline,
) -> None:
    both.endpoint("ann").down(status=429, retry_after="7200")
    both.at(0)
    send(both, [["webhook", "slack"]])
    [first, _] = both.reply("order").body["results"]
    body = {"taskIds": [first["logId"]]}
    both.at(5).call("clear", "POST", "/api/queue/clear-retries", body).expect_reply("clear", 200)
    both.at(700).expect("order", channel="slack", attempts=1, status="sent")


@pytest.mark.requirement("S5-4")
def test_a_planned_order_of_fallbacks(both: SimulatedTimeline) -> None:
    from notification.timestamps import iso

    both.endpoint("ann").down(status=404)
    send(both, [["webhook", "slack"]], send_at=iso(START_MS + 6 * DAY * 1000))
    both.at(6 * DAY - 60).expect("order", channel="slack", attempts=0, status="retry")
    both.at(6 * DAY + 60).expect("order", channel="slack", attempts=1, status="sent")


@pytest.mark.requirement("S5-4")
def test_fallbacks_and_other_channels_in_one_keyed_send(both: SimulatedTimeline) -> None:
    both.endpoint("ann").down(status=404)
    both.at(0)
    for _ in range(2):
        send(both, [["webhook", "slack"]], idempotency_key="k")
        assert both.reply("order").status == 200
    send(both, ["webhook", "slack"], idempotency_key="k")
    both.expect_reply("order", 422)
    both.at(30)
    assert statuses(both) == {"webhook": "failed", "slack": "sent"}


@pytest.mark.parametrize(
    "channels",
    [[["webhook", "webhook"]], [["webhook", "slack"], "slack"], [[]], [["webhook", []]]],
)
def test_a_wrong_order_is_refused(both: SimulatedTimeline, channels: list[Any]) -> None:
    send(both, channels)
    both.expect_reply("order", 400)
    assert both.rows("ann") == []
