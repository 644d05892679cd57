"""Notifications for later: planned sends and quiet hours; several endpoints of one channel."""

from __future__ import annotations

from typing import Any

import pytest

from notification.timestamps import iso
from tests.promise.simulated_timeline import SimulatedTimeline
from tests.worker.surroundings import START_MS

HOUR = 3_600
DAY = 24 * HOUR


def moment(second: float) -> str:
    """The time at a second of the timeline, as ISO text."""
    return iso(START_MS + round(second * 1000))


def send(timeline: SimulatedTimeline, name: str, **more: Any) -> None:
    body = {
        "user_id": "ann",
        "channels": ["webhook"],
        "custom_content": {"content": "MARK"},
        **more,
    }
    timeline.call(name, "POST", "/api/notifications/send", body)


def save(timeline: SimulatedTimeline, channel: str = "webhook", **config: Any) -> None:
    url = f"https://hooks.example.com/services/{config.pop('at', 'ann')}"
    document = {"webhook_url": url, **config}
    body = {"user_id": "ann", "channel_type": channel, "config_data": document}
    saved = timeline.simulation.request("POST", "/api/user-configs", body)
    assert saved.status in (200, 201), saved.text


@pytest.mark.requirement("S5-1")
@pytest.mark.parametrize("ahead", [60, 5 * HOUR, 7 * DAY])
def test_a_planned_send_goes_out_at_its_time(timeline: SimulatedTimeline, ahead: float) -> None:
    timeline.at(1)
    send(timeline, "order", send_at=moment(ahead))
    timeline.expect_reply("order", 200, results=["retry_scheduled"])
    assert timeline.reply("order").body["results"][0]["send_at"] == moment(ahead)
    timeline.at(ahead - 5).expect("order", attempts=0, status="retry", retries=0)
    timeline.at(ahead + 10).expect("order", attempts=1, status="sent", retries=0)


@pytest.mark.requirement("S5-1")
def test_a_planned_send_keeps_the_promise(timeline: SimulatedTimeline) -> None:
    timeline.at(1)
    send(timeline, "order", send_at=moment(30 * HOUR))
    timeline.queue_forgets().endpoint("ann").down(between=(30 * HOUR, 53 * HOUR), status=429)
    timeline.at(52 * HOUR).expect("order", status="retry", retries=0)
    timeline.at(54 * HOUR).expect("order", status="sent")


@pytest.mark.requirement("S5-1")
@pytest.mark.parametrize(("status", "shown"), [(429, "throttled_until"), (500, None)])
def test_a_planned_send_that_fails_waits_for_its_plan_no_more(
    timeline: SimulatedTimeline, status: int, shown: str | None
) -> None:
    timeline.endpoint("ann").down(status=status, retry_after="600")
    send(timeline, "order", send_at=moment(HOUR), idempotency_key="k")
    assert "send_at" in timeline.reply("order").body["results"][0]
    timeline.at(HOUR + 30)
    again = {"content": "push1end"}
    send(timeline, "again", send_at=moment(HOUR), idempotency_key="k", custom_content=again)
    [result] = timeline.reply("again").body["results"]
    assert (result["status"], timeline.reply("again").status) == ("retry_scheduled", 200)
    waits = result.keys() & {"send_at", "held_until", "throttled_until"}
    assert waits == ({shown} if shown else set())


@pytest.mark.requirement("S5-1")
def test_a_planned_send_can_be_cancelled(timeline: SimulatedTimeline) -> None:
    send(timeline, "order", send_at=moment(HOUR))
    [result] = timeline.reply("order").body["results"]
    body = {"taskIds": [result["logId"]], "markAsFailed": False}
    timeline.call("cancel", "POST", "/api/queue/clear-retries", body).expect_reply("cancel", 200)
    timeline.at(2 * HOUR).expect("order", attempts=0, status="cancelled")


@pytest.mark.requirement("S5-1")
def test_a_planned_send_holds_no_other_one_back(timeline: SimulatedTimeline) -> None:
    send(timeline, "later", send_at=moment(DAY))
    timeline.at(5)
    send(timeline, "now")
    timeline.expect_reply("now", 200, results=["sent"])


@pytest.mark.requirement("S5-1")
def test_a_repetition_after_its_time_is_answered_as_the_first(
    timeline: SimulatedTimeline,
) -> None:
    send(timeline, "order", send_at=moment(HOUR), idempotency_key="k")
    timeline.at(2 * HOUR)
    send(timeline, "order", send_at=moment(HOUR), idempotency_key="k")
    timeline.expect_reply("order", 200, results=["sent"]).expect("order", attempts=1)
    send(timeline, "order", send_at=moment(3 * HOUR), idempotency_key="k")
    timeline.expect_reply("order", 422)


@pytest.mark.parametrize(
    "wrong", ["soon", 5, moment(-120), moment(7 * DAY + 60), "2026-01-01T01:00:00", "x" * 50]
)
def test_a_wrong_time_is_refused(timeline: SimulatedTimeline, wrong: object) -> None:
    send(timeline, "order", send_at=wrong)
    timeline.expect_reply("order", 400, code="INVALID_REQUEST")
    assert "send_at must be" in str(timeline.reply("order").body["error"])
    assert timeline.rows("ann") == []


@pytest.mark.requirement("S5-1")
def test_a_time_that_has_just_passed_means_now(timeline: SimulatedTimeline) -> None:
    timeline.at(30)
    send(timeline, "order", send_at=moment(0))
    timeline.expect_reply("order", 200, results=["sent"])


# The timeline begins at midnight, UTC.


@pytest.mark.requirement("S5-2")
def test_a_notification_in_quiet_hours_waits_for_their_end(timeline: SimulatedTimeline) -> None:
    save(timeline, quiet_hours={"from": "22:00", "to": "07:00"})
    timeline.at(HOUR)
    send(timeline, "order")
    timeline.expect_reply("order", 200, results=["retry_scheduled"])
    assert timeline.reply("order").body["results"][0]["send_at"] == moment(7 * HOUR)
    timeline.at(7 * HOUR - 10).expect("order", attempts=0, status="retry")
    timeline.at(7 * HOUR + 10).expect("order", attempts=1, status="sent")
    timeline.at(21 * HOUR)
    send(timeline, "evening")
    timeline.expect_reply("evening", 200, results=["sent"])


@pytest.mark.requirement("S5-2")
def test_an_urgent_one_goes_out_in_quiet_hours_and_so_do_its_retries(
    timeline: SimulatedTimeline,
) -> None:
    save(timeline, quiet_hours={"from": "22:00", "to": "07:00"})
    timeline.endpoint("ann").down(between=(0, HOUR + 5))
    timeline.at(HOUR)
    send(timeline, "order", urgent=True)
    timeline.at(HOUR + 60).expect("order", attempts=2, status="sent")


@pytest.mark.requirement("S5-2")
def test_a_retry_that_comes_due_in_quiet_hours_waits(timeline: SimulatedTimeline) -> None:
    save(timeline, quiet_hours={"from": "01:00", "to": "02:00"})
    timeline.endpoint("ann").down(between=(0, HOUR))
    timeline.at(HOUR - 5)
    send(timeline, "order")
    timeline.at(2 * HOUR - 10).expect("order", attempts=1, status="retry", retries=1)
    timeline.at(2 * HOUR + 10).expect("order", attempts=2, status="sent", retries=1)


@pytest.mark.requirement("S5-2")
@pytest.mark.parametrize(
    ("offset", "quiet"), [("+00:00", True), ("+08:00", False), ("-02:30", True), ("-05:00", False)]
)
def test_quiet_hours_are_the_recipients(
    timeline: SimulatedTimeline, offset: str, quiet: bool
) -> None:
    save(timeline, quiet_hours={"from": "20:00", "to": "05:00", "utc_offset": offset})
    timeline.at(0.5)
    send(timeline, "order")
    timeline.expect_reply("order", 200, results=["retry_scheduled" if quiet else "sent"])


@pytest.mark.requirement("S5-2")
@pytest.mark.parametrize(
    ("zone", "quiet"), [("Asia/Shanghai", False), ("America/St_Johns", True), ("UTC", True)]
)
def test_quiet_hours_are_those_of_a_time_zone(
    timeline: SimulatedTimeline, zone: str, quiet: bool
) -> None:
    save(timeline, quiet_hours={"from": "20:00", "to": "05:00", "time_zone": zone})
    timeline.at(0.5)
    send(timeline, "order")
    timeline.expect_reply("order", 200, results=["retry_scheduled" if quiet else "sent"])


@pytest.mark.parametrize(
    "wrong",
    [
        "22:00-07:00",
        {"from": "22:00"},
        {"from": "24:00", "to": "07:00"},
        {"from": "7:00", "to": "08:00"},
        {"from": "07:00", "to": "07:00"},
        {"from": "22:00", "to": "07:00", "utc_offset": "CET"},
        {"from": "22:00", "to": "07:00", "until": "x"},
        {"from": "22:00", "to": "07:00", "time_zone": "Europe/Atlantis"},
        {"from": "22:00", "to": "07:00", "time_zone": 8},
        {"from": "22:00", "to": "07:00", "time_zone": "Asia/Tokyo", "utc_offset": "+09:00"},
    ],
)
def test_wrong_quiet_hours_are_refused(timeline: SimulatedTimeline, wrong: object) -> None:
    config = {"webhook_url": "https://hooks.example.com/x", "quiet_hours": wrong}
    body = {"user_id": "ann", "channel_type": "webhook", "config_data": config}
    refused = timeline.simulation.request("POST", "/api/user-configs", body)
    assert refused.status == 400
    assert "quiet_hours must be" in refused.json["error"]


@pytest.mark.parametrize("wrong", ["yes", 1, None])
def test_a_wrong_urgency_is_refused(timeline: SimulatedTimeline, wrong: object) -> None:
    send(timeline, "order", urgent=wrong)
    timeline.expect_reply("order", 400, code="INVALID_REQUEST")


@pytest.mark.requirement("S5-3")
def test_several_endpoints_of_one_channel_have_a_row_each(timeline: SimulatedTimeline) -> None:
    save(timeline, "webhook:oncall", at="ann-oncall")
    timeline.endpoint("ann-oncall").down(between=(0, 5))
    timeline.at(1)
    send(timeline, "order", channels=["webhook", "webhook:oncall"])
    timeline.expect_reply("order", 200, results=["sent", "retry_scheduled"])
    results = timeline.reply("order").body["results"]
    assert [r["channelType"] for r in results] == ["webhook", "webhook:oncall"]
    assert all(r["messageId"].split("_")[2] == "webhook" for r in results)
    timeline.at(60)
    assert {row["channel_type"]: row["status"] for row in timeline.rows("ann")} == {
        "webhook": "sent",
        "webhook:oncall": "sent",
    }
    shown = timeline.simulation.request("GET", "/api/notification-logs?channel=webhook:oncall")
    assert len(shown.json["data"]["logs"]) == 1


@pytest.mark.requirement("S5-3")
def test_a_template_of_the_channel_serves_its_endpoints(timeline: SimulatedTimeline) -> None:
    save(timeline, "webhook:oncall", at="ann-oncall")
    contents = {"webhook": {"content_type": "text", "content_template": "MARK {{x}}"}}
    timeline.call("t", "POST", "/api/templates/t", {"contents": contents}).expect_reply("t", 200)
    send(
        timeline,
        "order",
        channels=["webhook:oncall"],
        custom_content=None,
        template_key="t",
        variables={"x": "1"},
    )
    timeline.expect_reply("order", 200, results=["sent"])


@pytest.mark.parametrize(
    "name", ["webhook:", "webhook:On", "webhook:a b", "fax:x", "webhook:" + "x" * 25, "webhook:_x"]
)
def test_a_wrong_endpoints_name_is_refused(timeline: SimulatedTimeline, name: str) -> None:
    send(timeline, "order", channels=[name])
    timeline.expect_reply("order", 400, code="INVALID_CHANNEL_TYPE")
