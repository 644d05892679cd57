"""Bursts at providers with the limits that they document: nothing is lost, all arrives at pace."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from localcloud.sink.chat import ChatApi, Lark, Slack, Telegram
from localcloud.sink.chat.discord import Discord
from localcloud.sink.chat.googlechat import Googlechat
from localcloud.sink.chat.ntfy import Ntfy
from localcloud.sink.chat.teams import Teams
from tests.promise.simulated_timeline import SimulatedTimeline

LARK = "https://open.larksuite.com/open-apis/bot/v2/hook/x"
DISCORD = "https://discord.com/api/webhooks/1/token"
TEAMS = "https://x.logic.azure.com/workflows/w1/triggers/manual/paths/invoke?sig=x"
GOOGLE = "https://chat.googleapis.com/v1/spaces/AAA/messages?key=k&token=t"
SLACK = "https://hooks.slack.com/services/T0/B0/x"


class Burst(NamedTuple):
    """A burst of point 4: so many alerts within two seconds, at so many a second."""

    channel: str
    host: str
    api: ChatApi
    config: dict[str, Any]
    alerts: int
    rate: float


BURSTS = (
    Burst("slack", "hooks.slack.com", Slack(), {"webhook_url": SLACK}, 60, 1),
    Burst("lark", "open.larksuite.com", Lark(), {"webhook_url": LARK}, 100, 5),
    Burst(
        "telegram",
        "api.telegram.org",
        Telegram(),
        {"bot_token": "123456:" + "A" * 30, "chat_id": -1001},
        80,
        20 / 60,
    ),
    Burst("discord", "discord.com", Discord(), {"webhook_url": DISCORD}, 60, 30 / 60),
    Burst("teams", "x.logic.azure.com", Teams(), {"webhook_url": TEAMS}, 100, 4),
    Burst("googlechat", "chat.googleapis.com", Googlechat(), {"webhook_url": GOOGLE}, 60, 1),
    Burst("ntfy", "ntfy.sh", Ntfy(), {"topic": "alerts"}, 80, 0.2),
)


def configure(timeline: SimulatedTimeline, burst: Burst) -> None:
    body = {"user_id": "ann", "channel_type": burst.channel, "config_data": burst.config}
    assert timeline.simulation.request("POST", "/api/user-configs", body).status == 201
    # A new one: it counts the calls on this simulation's clock.
    timeline.simulation.endpoints.apis[burst.host] = type(burst.api)()


@pytest.mark.requirement("C-0.31")
@pytest.mark.parametrize("burst", BURSTS, ids=lambda burst: burst.channel)
def test_a_burst_is_delivered_whole_within_its_time(
    timeline: SimulatedTimeline, burst: Burst
) -> None:
    configure(timeline, burst)
    for number in range(burst.alerts):
        timeline.at(max(2 * number / burst.alerts, timeline.simulation.now))
        timeline.push(f"alert-{number}", channels=(burst.channel,))
    latest = 1.5 * burst.alerts / burst.rate + 60
    timeline.at(latest)
    rows = timeline.rows("ann")
    assert len(rows) == burst.alerts
    assert {row["status"] for row in rows} == {"sent"}
    assert {row["retry_count"] for row in rows} == {0}
    assert timeline.logged("dead_letter") == 0
    delivered = [a for a in timeline.simulation.endpoints.arrivals if a.status < 300]
    assert len(delivered) == burst.alerts
    refused = len(timeline.simulation.endpoints.arrivals) - burst.alerts
    assert refused <= 1.2 * burst.alerts, "an endpoint that is throttled is left alone"


@pytest.mark.requirement("C-0.31")
def test_while_an_endpoint_is_throttled_new_notifications_join_the_line_uncalled(
    timeline: SimulatedTimeline,
) -> None:
    timeline.endpoint("ann").down(between=(0, 60), status=429, retry_after="60")
    timeline.at(0).push("first").expect_reply("first", 200, results=["retry_scheduled"])
    for number in range(5):
        timeline.at(5 + number).push(f"n{number}")
        timeline.expect_reply(f"n{number}", 200, results=["retry_scheduled"])
    waits = [timeline.reply(f"n{n}").body["results"][0] for n in range(5)]
    assert all(result["code"] == "THROTTLED" for result in waits)
    told = [result["throttled_until"] for result in waits]
    assert told == sorted(told)
    assert len(set(told)) == 5
    timeline.at(58)
    assert len(timeline.attempts()) == 1
    timeline.at(90)
    for name in ("first", "n0", "n1", "n2", "n3", "n4"):
        timeline.expect(name, status="sent", retries=0)


@pytest.mark.requirement("C-0.31")
def test_another_recipient_is_not_slowed_down(timeline: SimulatedTimeline) -> None:
    timeline.configure("bob")
    timeline.endpoint("ann").down(status=429, retry_after="600")
    timeline.at(0).push("hers").at(5).push("his", to="bob")
    timeline.expect_reply("his", 200, results=["sent"])


@pytest.mark.requirement("C-0.31")
def test_what_came_due_while_the_endpoint_asked_again_for_time_is_not_called(
    timeline: SimulatedTimeline,
) -> None:
    timeline.endpoint("ann").down(between=(0, 5), status=429, retry_after="10")
    timeline.endpoint("ann").down(between=(5, 300), status=429, retry_after="300")
    timeline.at(0)
    for number in range(10):
        timeline.push(f"n{number}")
    timeline.at(200)
    calls_of_line = [a for a in timeline.attempts() if a.at > 5]
    assert len(calls_of_line) <= 5
    timeline.at(400)
    assert {row["status"] for row in timeline.rows("ann")} == {"sent"}


@pytest.mark.requirement("C-0.31")
def test_once_the_line_is_empty_sends_go_out_at_once_again(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").down(between=(0, 5), status=429, retry_after="20")
    timeline.at(0).push("order").at(60).expect("order", status="sent")
    timeline.push("new").expect_reply("new", 200, results=["sent"])


def keeps_pace(times: list[float], interval_s: float) -> bool:
    """Say whether no call came before its place; one that came late moves none of the others."""
    return all(at - times[0] > interval_s * place - 1 for place, at in enumerate(times))


@pytest.mark.requirement("C-0.31")
def test_a_configured_rate_is_kept(timeline: SimulatedTimeline) -> None:
    config = {"webhook_url": "https://hooks.example.com/services/ann", "rate": {"per_minute": 6}}
    body = {"user_id": "ann", "channel_type": "webhook", "config_data": config}
    timeline.call("rate", "POST", "/api/user-configs", body).expect_reply("rate", 200)
    timeline.endpoint("ann").down(between=(0, 5), status=429, retry_after="10")
    timeline.at(0)
    for number in range(4):
        timeline.push(f"n{number}")
    timeline.at(120)
    times = sorted(a.at for a in timeline.attempts() if a.status == 200)
    assert len(times) == 4
    assert keeps_pace(times, 10)


@pytest.mark.parametrize(
    "rate",
    [
        5,
        {},
        {"per_second": 0},
        {"per_second": True},
        {"per_second": 1, "per_minute": 1},
        {"per_hour": 3},
        {"per_minute": 5, "burst": "2"},
        {"per_second": 1_001},
    ],
)
def test_a_wrong_rate_is_refused(timeline: SimulatedTimeline, rate: object) -> None:
    config = {"webhook_url": "https://hooks.example.com/x", "rate": rate}
    body = {"user_id": "ann", "channel_type": "webhook", "config_data": config}
    timeline.call("rate", "POST", "/api/user-configs", body).expect_reply("rate", 400)
    assert "rate must be" in timeline.reply("rate").body["error"]


@pytest.mark.requirement("C-0.31")
def test_metrics_and_logs_show_who_waits_for_what(timeline: SimulatedTimeline) -> None:
    timeline.configure("ann", "slack")
    timeline.endpoint("ann").down(status=429, retry_after="600")
    timeline.endpoint("ann", "slack").down()
    timeline.at(0).push("one", channels=("webhook", "slack")).at(1).push("two").at(2)
    text = timeline.simulation.request("GET", "/metrics?format=prometheus").text
    lines = [line for line in text.splitlines() if line.startswith("notification_waiting{")]
    assert lines == [
        'notification_waiting{channel="slack",reason="retry"} 1',
        'notification_waiting{channel="webhook",reason="throttled"} 2',
    ]
    [line] = timeline.simulation.log_sink.of_type("endpoint_throttled")
    row = timeline.row("one")
    assert (line["logId"], line["nextRetryAt"]) == (row["id"], row["next_retry_at"])


@pytest.mark.requirement("C-0.31")
def test_a_stacks_rate_is_kept_where_a_configuration_has_none(timeline: SimulatedTimeline) -> None:
    timeline.simulation.environment["CHANNEL_RATES"] = '{"webhook": {"per_minute": 6}}'
    timeline.kill()
    timeline.endpoint("ann").down(between=(0, 5), status=429, retry_after="10")
    timeline.at(1)
    for number in range(3):
        timeline.push(f"n{number}")
    timeline.at(120)
    times = sorted(a.at for a in timeline.attempts() if a.status == 200)
    assert len(times) == 3
    assert keeps_pace(times, 10)


@pytest.mark.requirement("C-0.31")
def test_the_sends_of_one_batch_stand_behind_one_another(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").down(between=(0, 60), status=429, retry_after="60")
    timeline.at(0).push("first").at(5)
    sends = [
        {"user_id": "ann", "channels": ["webhook"], "custom_content": {"content": f"n{n}"}}
        for n in range(5)
    ]
    timeline.call("batch", "POST", "/api/notifications/batch", {"notifications": sends})
    results = timeline.reply("batch").body["results"]
    told = [result["results"][0]["throttled_until"] for result in results]
    assert len(set(told)) == 5
    assert told == sorted(told)
    timeline.at(90)
    assert {row["status"] for row in timeline.rows("ann")} == {"sent"}


def lead(timeline: SimulatedTimeline, user: str, url: str, channel: str = "webhook") -> None:
    body = {"user_id": user, "channel_type": channel, "config_data": {"webhook_url": url}}
    assert timeline.simulation.request("POST", "/api/user-configs", body).status in (200, 201)


SHARED = "https://hooks.example.com/services/ann"


@pytest.mark.requirement("C-0.31")
def test_recipients_who_share_a_url_wait_in_one_line(timeline: SimulatedTimeline) -> None:
    lead(timeline, "bob", "https://HOOKS.example.com/services/ann")
    timeline.endpoint("ann").down(between=(0, 60), status=429, retry_after="60")
    timeline.at(0).push("hers").at(5)
    timeline.push("his", to="bob").expect_reply("his", 200, results=["retry_scheduled"])
    timeline.push("hers too").expect_reply("hers too", 200, results=["retry_scheduled"])
    waits = [timeline.reply(n).body["results"][0]["throttled_until"] for n in ("his", "hers too")]
    assert len(set(waits)) == 2
    timeline.at(58)
    assert len(timeline.attempts()) == 1
    timeline.at(90)
    assert {row["status"] for row in (*timeline.rows("ann"), *timeline.rows("bob"))} == {"sent"}


@pytest.mark.requirement("C-0.31")
def test_a_burst_of_several_recipients_to_one_webhook_is_paced_as_one(
    timeline: SimulatedTimeline,
) -> None:
    timeline.simulation.endpoints.apis["hooks.slack.com"] = Slack()
    users = [f"user{n}" for n in range(6)]
    for user in users:
        lead(timeline, user, SLACK, "slack")
    for number in range(60):
        timeline.at(max(number / 30, timeline.simulation.now))
        timeline.push(f"alert-{number}", to=users[number % 6], channels=("slack",))
    timeline.at(150)
    rows = [row for user in users for row in timeline.rows(user)]
    assert len(rows) == 60
    assert {row["status"] for row in rows} == {"sent"}
    assert {row["retry_count"] for row in rows} == {0}
    assert len(timeline.simulation.endpoints.arrivals) <= 2.2 * 60


@pytest.mark.requirement("C-0.31")
def test_a_new_url_leaves_the_old_ones_line(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").down(status=429, retry_after="600")
    timeline.at(0).push("waits").at(5)
    lead(timeline, "ann", "https://hooks.example.com/services/new")
    timeline.push("goes").expect_reply("goes", 200, results=["sent"])


@pytest.mark.requirement("C-0.31")
def test_a_configuration_of_an_older_version_joins_the_shared_line_when_it_is_throttled(
    timeline: SimulatedTimeline,
) -> None:
    timeline.simulation.rows("UPDATE user_configs SET endpoint = NULL")
    timeline.endpoint("ann").down(between=(0, 60), status=429, retry_after="60")
    timeline.at(0).push("first").at(2)
    [config] = timeline.simulation.rows("SELECT endpoint FROM user_configs")
    lead(timeline, "bob", SHARED)
    timeline.push("his", to="bob").expect_reply("his", 200, results=["retry_scheduled"])
    lines = timeline.simulation.rows("SELECT endpoint FROM endpoint_lines")
    assert {line["endpoint"] for line in lines} == {config["endpoint"]}


@pytest.mark.requirement("C-0.31")
def test_a_bots_other_chats_go_on_and_its_retries_keep_its_30_a_second(
    timeline: SimulatedTimeline,
) -> None:
    api = Telegram()
    timeline.simulation.endpoints.apis["api.telegram.org"] = api
    chats = 120
    for number in range(chats):
        config = {"bot_token": "123456:" + "A" * 30, "chat_id": 1000 + number}
        body = {"user_id": f"user{number}", "channel_type": "telegram", "config_data": config}
        assert timeline.simulation.request("POST", "/api/user-configs", body).status == 201
    for number in range(chats):
        timeline.begin(
            f"n{number}",
            "POST",
            "/api/notifications/send",
            {
                "user_id": f"user{number}",
                "channels": ["telegram"],
                "custom_content": {"content": f"n{number}"},
            },
        )
    timeline.at(120)
    rows = [row for n in range(chats) for row in timeline.rows(f"user{n}")]
    assert len(rows) == chats
    assert {row["status"] for row in rows} == {"sent"}
    assert {row["retry_count"] for row in rows} == {0}
    assert len(timeline.simulation.endpoints.arrivals) < 2 * chats, "a retry is taken at once"


@pytest.mark.requirement("C-0.31")
def test_metrics_count_the_endpoints_that_have_a_line(timeline: SimulatedTimeline) -> None:
    lead(timeline, "bob", SHARED)
    timeline.endpoint("ann").down(status=429, retry_after="600")
    timeline.at(0).push("one").at(1).push("two", to="bob").at(2)
    text = timeline.simulation.request("GET", "/metrics?format=prometheus").text
    assert 'notification_endpoint_lines{channel="webhook"} 1\n' in text
    [left] = [x for x in text.splitlines() if x.startswith("notification_endpoint_line_seconds{")]
    assert 590 < float(left.rpartition(" ")[2]) < 610
    [line] = timeline.simulation.log_sink.of_type("endpoint_throttled")
    assert len(line["endpoint"]) == 16
    assert "hooks.example.com" not in str(line)
