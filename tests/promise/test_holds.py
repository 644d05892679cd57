"""Channels that are held back: what comes in waits, and goes out at pace when it may."""

from __future__ import annotations

import itertools

import pytest

from notification.delivery import releases
from notification.timestamps import iso
from tests.promise.simulated_timeline import SimulatedTimeline, address
from tests.worker.surroundings import START_MS

HOUR = 3_600
DAY = 24 * HOUR


def until(second: float) -> str:
    """The time at a second of the timeline, as ISO text."""

    return iso(START_MS + round(second * 1000))


def hold(
    timeline: SimulatedTimeline, second: float, channel: str = "webhook", user: str = ""
) -> None:
    path = f"/api/holds/{channel}" + (f"?user_id={user}" if user else "")
    body = {"until": until(second), "reason": "the provider is down"}
    timeline.call("hold", "PUT", path, body).expect_reply("hold", 200)


def release(timeline: SimulatedTimeline, channel: str = "webhook", user: str = "") -> None:
    path = f"/api/holds/{channel}" + (f"?user_id={user}" if user else "")
    timeline.call("release", "DELETE", path, {}).expect_reply("release", 200)


@pytest.mark.requirement("C-0.55")
def test_what_comes_in_for_a_held_channel_waits_and_nothing_is_called(
    timeline: SimulatedTimeline,
) -> None:
    hold(timeline, 2 * HOUR)
    timeline.at(1).push("order").expect_reply("order", 200, results=["retry_scheduled"])
    [result] = timeline.reply("order").body["results"]
    assert result["held_until"] == until(2 * HOUR)
    timeline.at(2 * HOUR - 60).expect("order", attempts=0, status="retry", retries=0)
    timeline.at(2 * HOUR + 60).expect("order", attempts=1, status="sent", retries=0)


@pytest.mark.requirement("C-0.55")
def test_a_hold_of_one_user_leaves_the_others_alone(timeline: SimulatedTimeline) -> None:
    timeline.configure("bob")
    hold(timeline, HOUR, user="bob")
    timeline.at(1).push("hers").push("his", to="bob")
    timeline.at(60).expect("hers", status="sent").expect("his", attempts=0, status="retry")


@pytest.mark.requirement("C-0.55")
def test_a_retry_that_comes_due_under_a_hold_waits_for_its_end(
    timeline: SimulatedTimeline,
) -> None:
    timeline.endpoint("ann").down(between=(0, 5))
    timeline.at(0).push("order").at(5)
    hold(timeline, HOUR)
    timeline.at(HOUR - 60).expect("order", attempts=1, status="retry", retries=1)
    timeline.at(HOUR + 60).expect("order", attempts=2, status="sent", retries=1)


@pytest.mark.requirement("C-0.55")
def test_held_time_does_not_count_towards_the_24_hours(timeline: SimulatedTimeline) -> None:
    hold(timeline, 30 * HOUR)
    timeline.at(HOUR).push("order")
    timeline.endpoint("ann").down(between=(0, 50 * HOUR), status=429, retry_after="3600")
    timeline.at(49 * HOUR).expect("order", status="retry", retries=0)
    timeline.at(51 * HOUR + 60).expect("order", status="sent")


@pytest.mark.requirement("C-0.55")
def test_an_early_release_gives_no_more_than_24_hours(timeline: SimulatedTimeline) -> None:
    hold(timeline, 29 * DAY)
    timeline.at(10).push("order").at(HOUR)
    timeline.endpoint("ann").down(status=429, retry_after="3600")
    release(timeline)
    timeline.at(24 * HOUR).expect("order", status="retry")
    timeline.at(25 * HOUR + 30).expect("order", status="failed", error="24 hours")


@pytest.mark.requirement("C-0.55", "C-0.31")
def test_a_released_channel_drains_at_its_pace_the_oldest_first(
    timeline: SimulatedTimeline,
) -> None:
    timeline.configure("ann", "slack")
    hold(timeline, DAY, "slack")
    names = [f"n{number}" for number in range(20)]
    for number, name in enumerate(names):
        timeline.at(1 + number).push(name, channels=("slack",))
    timeline.at(60).expect("n0", channel="slack", attempts=0)
    release(timeline, "slack")
    assert timeline.reply("release").body["data"]["released"] == 20
    timeline.at(120)
    calls = [timeline.attempts_of(name, "slack") for name in names]
    assert [len(each) for each in calls] == [1] * 20
    times = [each[0].at for each in calls]
    assert times == sorted(times)
    assert times[-1] - times[0] >= 18
    assert times[-1] < 90


@pytest.mark.requirement("C-0.55", "C-0.31")
def test_recipients_who_share_an_endpoint_drain_behind_one_another(
    timeline: SimulatedTimeline,
) -> None:
    url = f"https://{address('ann', 'slack')}"
    for user in ("ann", "bob"):
        body = {"user_id": user, "channel_type": "slack", "config_data": {"webhook_url": url}}
        assert timeline.simulation.request("POST", "/api/user-configs", body).status == 201
    hold(timeline, DAY, "slack")
    for number in range(10):
        timeline.at(1 + number).push(
            f"n{number}", to=("ann", "bob")[number % 2], channels=["slack"]
        )
    timeline.at(60)
    release(timeline, "slack")
    timeline.at(120)
    times = sorted(arrival.at for arrival in timeline.simulation.endpoints.arrivals)
    assert len(times) == 10
    assert times[-1] - times[0] >= 8


@pytest.mark.requirement("C-0.55")
def test_after_a_release_new_notifications_go_out_at_once(timeline: SimulatedTimeline) -> None:
    hold(timeline, DAY)
    timeline.at(1).push("held").at(2)
    release(timeline)
    timeline.at(60).push("new").expect_reply("new", 200, results=["sent"])
    timeline.at(61).expect("held", status="sent")


@pytest.mark.requirement("C-0.55")
@pytest.mark.parametrize(("changed", "sent_by"), [(600, 700), (4 * HOUR, 4 * HOUR + 60)])
def test_a_hold_that_is_changed_moves_what_waits(
    timeline: SimulatedTimeline, changed: float, sent_by: float
) -> None:
    hold(timeline, 2 * HOUR)
    timeline.at(1).push("order").at(5)
    hold(timeline, changed)
    timeline.at(changed - 5).expect("order", attempts=0, status="retry")
    timeline.at(sent_by).expect("order", attempts=1, status="sent")


@pytest.mark.requirement("C-0.55")
def test_a_cleared_notification_leaves_no_line_behind_the_hold(
    timeline: SimulatedTimeline,
) -> None:
    hold(timeline, DAY)
    timeline.at(1).push("order").at(5)
    timeline.call("clear", "POST", "/api/queue/clear-retries", {}).expect_reply("clear", 200)
    release(timeline)
    timeline.at(30).push("new").expect_reply("new", 200, results=["sent"])


@pytest.mark.requirement("C-0.55")
def test_a_keyed_send_over_a_held_and_a_free_channel(timeline: SimulatedTimeline) -> None:
    timeline.configure("ann", "slack")
    hold(timeline, HOUR, "slack")
    timeline.at(1).push("order", channels=("webhook", "slack"), key="k")
    timeline.expect_reply("order", 200, results=["sent", "retry_scheduled"])
    timeline.push("again", channels=("webhook", "slack"), key="k", again="order")
    timeline.expect_reply("again", 200, results=["sent", "retry_scheduled"])
    assert timeline.reply("again").body["results"][1]["held_until"] == until(HOUR)
    timeline.at(HOUR + 60).expect("order", channel="slack", attempts=1, status="sent")


@pytest.mark.requirement("C-0.55")
def test_a_channel_that_is_switched_off_holds_what_waits(timeline: SimulatedTimeline) -> None:
    simulation = timeline.simulation
    timeline.endpoint("ann").down(between=(0, 5))
    timeline.at(0).push("order").at(5)
    simulation.environment["FEATURE_WEBHOOK_ENABLED"] = "false"
    timeline.kill()
    timeline.at(30 * HOUR).expect("order", attempts=1, status="retry", retries=1)
    timeline.push("new").expect_reply("new", 400, code="INVALID_CHANNEL_TYPE")
    simulation.environment["FEATURE_WEBHOOK_ENABLED"] = "true"
    timeline.kill()
    timeline.at(30 * HOUR + 700).expect("order", attempts=2, status="sent")


@pytest.mark.requirement("C-0.55")
def test_what_the_queue_forgets_under_a_hold_the_sweep_finds(
    timeline: SimulatedTimeline,
) -> None:
    hold(timeline, HOUR)
    timeline.at(1).push("order").at(60)
    timeline.queue_forgets()
    timeline.at(HOUR + 700).expect("order", attempts=1, status="sent")


def test_the_list_names_holds_and_counts_what_waits(timeline: SimulatedTimeline) -> None:
    hold(timeline, HOUR)
    hold(timeline, 2 * HOUR, "slack", "ann")
    timeline.at(1).push("order").at(2)
    timeline.call("list", "GET", "/api/holds", {})
    data = timeline.reply("list").body["data"]
    assert [(h["channel"], h["user_id"], h["until"]) for h in data["holds"]] == [
        ("slack", "ann", until(2 * HOUR)),
        ("webhook", None, until(HOUR)),
    ]
    assert data["waiting"] == {"webhook": 1}
    timeline.at(3 * HOUR).call("later", "GET", "/api/holds", {})
    assert timeline.reply("later").body["data"] == {"holds": [], "waiting": {}}


@pytest.mark.requirement("C-0.55")
def test_what_fails_after_a_hold_waits_for_its_retry_and_for_no_hold(
    timeline: SimulatedTimeline,
) -> None:
    hold(timeline, HOUR)
    timeline.endpoint("ann").down(between=(0, 2 * HOUR))
    timeline.at(1).push("order", key="k").at(HOUR + 5)
    timeline.expect("order", attempts=1, status="retry", retries=1)
    assert timeline.row("order")["held_until"] is None
    timeline.call("list", "GET", "/api/holds", {})
    assert timeline.reply("list").body["data"] == {"holds": [], "waiting": {}}
    timeline.push("again", key="k", again="order")
    [result] = timeline.reply("again").body["results"]
    assert result["status"] == "retry_scheduled"
    assert "held_until" not in result


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/holds/fax", {"until": until(60)}),
        ("/api/holds/slack:ON CALL", {"until": until(60)}),
        ("/api/holds/slack", {}),
        ("/api/holds/slack", {"until": "soon"}),
        ("/api/holds/slack", {"until": until(-60)}),
        ("/api/holds/slack", {"until": until(31 * DAY)}),
        ("/api/holds/slack", {"until": until(60), "reason": "x" * 501}),
    ],
)
def test_a_wrong_hold_is_400(
    timeline: SimulatedTimeline, path: str, body: dict[str, object]
) -> None:
    timeline.call("hold", "PUT", path, body).expect_reply("hold", 400)


def test_what_is_not_held_cannot_be_released(timeline: SimulatedTimeline) -> None:
    timeline.call("release", "DELETE", "/api/holds/slack", {}).expect_reply("release", 404)


@pytest.mark.requirement("C-0.55")
def test_a_release_that_is_refused_moves_nothing(timeline: SimulatedTimeline) -> None:
    hold(timeline, 2 * HOUR)
    timeline.at(1).push("order").at(10)
    path = "/api/holds/webhook?user_id=ann"
    timeline.call("release", "DELETE", path, {}).expect_reply("release", 404)
    row = timeline.row("order")
    assert (row["held_until"], row["next_retry_at"]) == (until(2 * HOUR), until(2 * HOUR))


@pytest.mark.requirement("C-0.55")
def test_a_thousand_and_more_are_released_with_the_cron(timeline: SimulatedTimeline) -> None:

    timeline.configure("bob")
    hold(timeline, DAY)
    pushed = [f"n{number}" for number in range(12)]
    for name in pushed:
        timeline.push(name)
    timeline.at(5)
    original, releases.MAX_RELEASED = releases.MAX_RELEASED, 5
    try:
        release(timeline)
        assert timeline.reply("release").body["data"]["released"] == 5
        timeline.at(1_000)
    finally:
        releases.MAX_RELEASED = original
    for name in pushed:
        timeline.expect(name, attempts=1, status="sent")
    assert all(a.at <= b.at for a, b in itertools.pairwise(timeline.attempts()))


@pytest.mark.requirement("C-0.55", "C-0.31")
def test_recipients_who_share_an_endpoint_are_called_by_age_however_many_calls_it_takes(
    timeline: SimulatedTimeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = ("dan", "bob", "u3")
    for user in users:
        url = f"https://{address('all', 'slack')}"
        body = {"user_id": user, "channel_type": "slack", "config_data": {"webhook_url": url}}
        assert timeline.simulation.request("POST", "/api/user-configs", body).status == 201
    hold(timeline, DAY, "slack")
    senders = ("dan",) * 5 + users * 3
    for number, user in enumerate(senders):
        timeline.at(1 + number).push(f"n{number}", to=user, channels=("slack",))
    timeline.at(60)
    monkeypatch.setattr(releases, "MAX_RELEASED", 4)
    release(timeline, "slack")
    timeline.at(1_260)
    arrivals = timeline.simulation.endpoints.arrivals
    marks = [arrival.mark for arrival in arrivals]
    assert len(marks) == len(senders)
    assert marks == sorted(set(marks)), "the marks tell the order of the sends"
