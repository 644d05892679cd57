"""The chat providers on this machine have the limits and errors that the real ones document."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from localcloud.sink.chat import ChatAnswer, ChatApi, ChatCall, Lark, Slack, Telegram
from localcloud.sink.chat.discord import Discord
from localcloud.sink.chat.ntfy import Ntfy
from localcloud.sink.chat.teams import Teams
from tests.localcloud.running_cloud import RunningCloud

BOT = "/bot123:AAEhBOweik9ai2o01MKJmLBxlYg1qhCR0nI/sendMessage"
LARK = "/open-apis/bot/v2/hook/one"
SLACK = "/services/T0/B0/one"
DISCORD = "/api/webhooks/1/token_-9"
NTFY = "/ntfy/"
TEAMS = "/workflows/abc/triggers/manual/paths/invoke"
PRIVATE, GROUP = 42, -100123


def telegram(text: str = "hi", *, chat: int | str = PRIVATE, **fields: Any) -> bytes:
    return json.dumps({"chat_id": chat, "text": text, **fields}).encode()


def lark(text: str = "hi") -> bytes:
    return json.dumps({"msg_type": "text", "content": {"text": text}}).encode()


def slack(**fields: Any) -> bytes:
    return json.dumps({"text": "hi", **fields}).encode()


def call(api: ChatApi, path: str, body: bytes, at_s: float = 0) -> ChatAnswer:
    assert api.serves(path)
    return api.receive(ChatCall(path, body, round(at_s * 1000)))


def accepted_of(api: ChatApi, path: str, body: bytes, seconds: list[float]) -> list[float]:
    """The moments at which a call was let through."""
    return [at for at in seconds if call(api, path, body, at).accepted]


def description(answer: ChatAnswer) -> str:
    return str(json.loads(answer.body)["description"])


def test_a_chat_takes_a_message_a_second_after_a_short_burst() -> None:
    moments = [0.0, 0.1, 0.2, 0.3, 0.9, 1.1, 1.5, 2.1]
    assert accepted_of(Telegram(), BOT, telegram(), moments) == [0.0, 0.1, 0.2, 1.1, 2.1]


def test_a_group_takes_twenty_messages_in_any_minute() -> None:
    api, body = Telegram(), telegram(chat=GROUP)
    moments = [float(second) for second in range(70)]
    accepted = accepted_of(api, BOT, body, moments)
    assert accepted == [*map(float, range(20)), *map(float, range(60, 70))]


def test_a_bot_takes_thirty_messages_a_second_over_all_chats() -> None:
    api = Telegram()
    taken = [call(api, BOT, telegram(chat=chat)).accepted for chat in range(1, 41)]
    assert taken.count(True) == 30


def test_a_flood_is_told_with_the_seconds_to_wait() -> None:
    api, body = Telegram(), telegram(chat=GROUP)
    for second in range(20):
        call(api, BOT, body, second)
    answer = call(api, BOT, body, 20.5)
    assert answer.status == 429
    document = json.loads(answer.body)
    assert (document["ok"], document["error_code"]) == (False, 429)
    assert document["parameters"] == {"retry_after": 40}
    assert document["description"] == "Too Many Requests: retry after 40"
    assert call(api, BOT, body, 60.5).accepted


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        ("", None, "message text is empty"),
        (" \n", None, "message text is empty"),
        ("a" * 4097, None, "message is too long"),
        ("😀" * 2049, None, "message is too long"),
        ("<b></b>", "HTML", "message text is empty"),
        ("<b>x", "HTML", "can't parse entities"),
        ("95.5%", "MarkdownV2", "can't parse entities"),
        ("array[0]", "Markdown", "can't parse entities"),
        ("x", "Pug", "unsupported parse_mode"),
        ("*a* " * 101, "Markdown", "too many entities"),
    ],
)
def test_telegram_refuses_a_text_that_it_cannot_show(
    text: str, mode: str | None, told: str
) -> None:
    fields = {} if mode is None else {"parse_mode": mode}
    answer = call(Telegram(), BOT, telegram(text, **fields))
    assert (answer.status, told in description(answer)) == (400, True)


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("a" * 4096, "HTML"),
        ("😀" * 2048, "HTML"),
        ("<b>" + "a" * 4096 + "</b>", "HTML"),
        ("&lt;" * 4096, "html"),
        (r"95\.5%", "MarkdownV2"),
        ("*a* " * 100, "Markdown"),
        ("[a](u) " * 100, "Markdown"),
    ],
)
def test_telegram_counts_what_is_left_after_its_entities_are_parsed(text: str, mode: str) -> None:
    assert call(Telegram(), BOT, telegram(text, parse_mode=mode)).accepted


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("/botnope/sendMessage", telegram(), 404, "Not Found"),
        (BOT, telegram(chat=""), 400, "chat_id is empty"),
        (BOT, telegram(chat="no chat"), 400, "chat not found"),
        (BOT, telegram(chat="1" * 5_000), 400, "chat not found"),
        (BOT, b"[]", 400, "message text is empty"),
    ],
)
def test_telegram_refuses_what_it_cannot_place(
    path: str, body: bytes, status: int, told: str
) -> None:
    answer = call(Telegram(), path, body)
    assert (answer.status, told in description(answer)) == (status, True)


def test_lark_takes_five_calls_a_second_and_a_hundred_a_minute() -> None:
    api = Lark()
    first_second = [call(api, LARK, lark(), 0).status for _ in range(7)]
    assert first_second == [200] * 5 + [400] * 2
    moments = [1 + turn * 0.2 for turn in range(100)]
    accepted = accepted_of(api, LARK, lark(), moments)
    assert len(accepted) == 95
    too_many = json.loads(call(api, LARK, lark(), 30).body)
    assert (too_many["code"], "frequency limited" in too_many["msg"]) == (11232, True)
    assert call(api, LARK, lark(), 61).accepted


def test_lark_says_that_it_is_too_much_in_the_words_of_a_bad_request() -> None:
    api = Lark()
    answers = [call(api, LARK, lark()) for _ in range(6)]
    assert (answers[-1].status, json.loads(answers[-1].body)) == (
        400,
        {"code": 9499, "data": {}, "msg": "too many request"},
    )


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{}",
        lark("a" * 20 * 1024),
        b'{"msg_type": "interactive", "content": {}}',
        b'{"msg_type": "card", "card": {}}',
    ],
)
def test_lark_refuses_what_is_no_message_of_twenty_kilobytes_at_most(body: bytes) -> None:
    answer = call(Lark(), LARK, body)
    assert (answer.status, json.loads(answer.body)["code"]) == (400, 9499)
    assert json.loads(answer.body)["msg"] == "Bad Request"


def test_slack_takes_a_message_a_second_after_a_burst_of_five() -> None:
    moments = [0.0] * 7 + [0.5, 1.0, 1.5, 2.0]
    assert accepted_of(Slack(), SLACK, slack(), moments) == [0.0] * 5 + [1.0, 2.0]


def test_slack_says_in_a_header_how_long_to_wait() -> None:
    api = Slack()
    answers = [call(api, SLACK, slack()) for _ in range(6)]
    assert (answers[-1].status, answers[-1].body) == (429, "rate_limited")
    assert answers[-1].headers == {"Retry-After": "1"}
    assert call(api, "/services/T0/B0/another", slack()).accepted


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_payload"),
        (b"[]", "invalid_payload"),
        (slack(text=1), "invalid_payload"),
        (slack(attachments={}), "invalid_payload"),
        (slack(text=" "), "no_text"),
        (slack(text="a" * 40_001), "msg_too_long"),
        (slack(blocks=[section("a")] * 51), "invalid_blocks"),
        (slack(blocks=[section("a" * 3_001)]), "invalid_blocks"),
        (slack(blocks=[section("")]), "invalid_blocks"),
        (slack(blocks=[{"type": "surprise"}]), "invalid_blocks"),
        (
            slack(blocks=[{"type": "header", "text": {"type": "mrkdwn", "text": "a"}}]),
            "invalid_blocks",
        ),
        (slack(blocks=[{"type": "context", "elements": []}]), "invalid_blocks"),
        (slack(blocks=[{"type": "context", "elements": [{}] * 11}]), "invalid_blocks"),
        (
            slack(blocks=[{"type": "header", "text": {"type": "plain_text", "text": "a" * 151}}]),
            "invalid_blocks",
        ),
        (slack(attachments=[{}] * 101), "too_many_attachments"),
    ],
)
def test_slack_refuses_a_payload_by_its_code(body: bytes, code: str) -> None:
    answer = call(Slack(), SLACK, body)
    assert (answer.status, answer.body, answer.is_json) == (400, code, False)


@pytest.mark.parametrize(
    "body",
    [
        slack(blocks=[section("a" * 3_000)] * 50),
        slack(text="a" * 40_000),
        slack(text="", blocks=[{"type": "divider"}]),
        slack(blocks=[{"type": "context", "elements": [{}] * 10}]),
        slack(text="", attachments=[{"text": "a"}] * 100),
        slack(blocks=[{"type": "header", "text": {"type": "plain_text", "text": "a" * 150}}]),
    ],
)
def test_slack_takes_what_its_limits_allow(body: bytes) -> None:
    assert call(Slack(), SLACK, body).body == "ok"


@pytest.fixture
def sink(shared: RunningCloud) -> httpx.Client:
    return httpx.Client(base_url=shared.endpoints.sink_url, trust_env=False, timeout=10)


def kept(sink: httpx.Client, path: str) -> list[int]:
    messages = sink.get("/api/messages", params={"path": path}).json()["messages"]
    return [message["status"] for message in messages]


def discord(content: Any = "hi", **fields: Any) -> bytes:
    return json.dumps({"content": content, **fields}).encode()


def test_discord_takes_five_calls_in_two_seconds_and_thirty_a_minute() -> None:
    burst = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 1.9, 2.0, 2.05, 2.1]
    assert accepted_of(Discord(), DISCORD, discord(), burst) == [*burst[:5], 2.0, 2.1]
    steady = [float(second) for second in range(62)]
    assert accepted_of(Discord(), DISCORD, discord(), steady) == [*steady[:30], 60.0, 61.0]


def test_discord_says_how_long_to_wait_in_body_and_header() -> None:
    api = Discord()
    for _ in range(5):
        call(api, DISCORD, discord())
    answer = call(api, DISCORD, discord(), 0.75)
    assert (answer.status, answer.headers) == (429, {"Retry-After": "2"})
    assert json.loads(answer.body)["retry_after"] == 1.25
    assert call(api, DISCORD.replace("/1/", "/2/"), discord(), 0.75).accepted


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (discord("x" * 2_000, username="u" * 80, allowed_mentions={}), 200, None),
        (discord("x" * 2_001), 400, 50035),
        (discord("x", username="u" * 81), 400, 50035),
        (discord("x", username=""), 400, 50035),
        (discord("x", allowed_mentions=[]), 400, 50035),
        (discord(7), 400, 50035),
        (discord("  "), 400, 50006),
        (b"{}", 400, 50006),
        (b"[]", 400, 50035),
        (b"{", 400, 50035),
    ],
)
def test_discord_refuses_a_message_by_its_code(body: bytes, status: int, code: int | None) -> None:
    answer = call(Discord(), DISCORD, body)
    assert (answer.status, answer.accepted) == (status, code is None)
    assert json.loads(answer.body).get("code") == code


def ntfy(**fields: Any) -> bytes:
    return json.dumps({"topic": "alerts", "message": "hi", **fields}).encode()


def test_ntfy_takes_sixty_calls_at_once_and_then_one_in_five_seconds() -> None:
    api = Ntfy()
    assert [call(api, NTFY, ntfy()).status for _ in range(61)] == [200] * 60 + [429]
    assert [call(api, NTFY, ntfy(), at).status for at in (4.9, 5.0, 5.1, 10.1)] == [
        *(429, 200, 429, 200)
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (ntfy(topic="a" * 64), 200),
        (ntfy(topic="a" * 65), 400),
        (ntfy(topic="a b"), 400),
        (ntfy(topic=""), 400),
        (ntfy(topic=7), 400),
        (b"[]", 400),
    ],
)
def test_ntfy_takes_a_topic_of_64_letters(body: bytes, status: int) -> None:
    assert call(Ntfy(), NTFY, body).status == status


def test_a_long_message_becomes_ntfys_attachment() -> None:
    short, long = (
        json.loads(call(Ntfy(), NTFY, ntfy(message="\u00fc" * count)).body)
        for count in (2_048, 2_049)
    )
    assert "attachment" not in short
    assert long["attachment"]["size"] == 4_098
    assert json.loads(call(Ntfy(), NTFY, ntfy(message="")).body)["message"] == "triggered"


def card(*elements: Any, **changes: Any) -> bytes:
    content = {"type": "AdaptiveCard", "body": list(elements)}
    kind = "application/vnd.microsoft.card.adaptive"
    attachment = {"contentType": kind, "content": content, **changes}
    return json.dumps({"type": "message", "attachments": [attachment]}).encode()


TEXT = {"type": "TextBlock", "text": "hi"}


def test_teams_takes_four_calls_a_second() -> None:
    moments = [0.0, 0.1, 0.2, 0.3, 0.4, 0.99, 1.0, 1.05, 1.1]
    assert accepted_of(Teams(), TEAMS, card(TEXT), moments) == [0.0, 0.1, 0.2, 0.3, 1.0, 1.1]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (card(TEXT), 202),
        (card(), 202),
        (card({"type": "Carousel"}), 400),
        (card("text"), 400),
        (card(TEXT, contentType="text/plain"), 400),
        (card(TEXT, content={"type": "MessageCard", "body": []}), 400),
        (card(TEXT, content={"type": "AdaptiveCard"}), 400),
        (json.dumps({"type": "message", "attachments": []}).encode(), 400),
        (json.dumps({"type": "message", "attachments": [1]}).encode(), 400),
        (json.dumps({"type": "card", "attachments": [1]}).encode(), 400),
        (b"[]", 400),
        (card(TEXT).ljust(28 * 1024), 202),
        (card(TEXT).ljust(28 * 1024 + 1), 413),
    ],
)
def test_teams_takes_one_card_of_known_elements(body: bytes, status: int) -> None:
    answer = call(Teams(), TEAMS, body)
    assert (answer.status, answer.accepted) == (status, status == 202)


def test_the_sink_speaks_for_every_provider_and_keeps_what_arrived(sink: httpx.Client) -> None:
    path = BOT.replace("123:", "7:")
    assert sink.post(path, content=telegram()).json()["result"]["text"] == "hi"
    assert sink.post("/open-apis/bot/v2/hook/kept", content=lark()).json()["code"] == 0
    assert sink.post("/services/T/B/kept", content=slack()).text == "ok"
    assert kept(sink, path) == kept(sink, "/services/T/B/kept") == [200]


@pytest.mark.parametrize(
    ("fail", "status", "words"),
    [
        ("lark:9499", 400, "too many request"),
        ("lark:19024", 400, "Key Words Not Found"),
        ("slack:channel_is_archived", 410, "channel_is_archived"),
        ("telegram:403", 403, "bot was blocked"),
        ("telegram:migrate", 400, "migrate_to_chat_id"),
    ],
)
def test_an_error_of_a_provider_comes_on_demand(
    sink: httpx.Client, fail: str, status: int, words: str
) -> None:
    for path in (SLACK, "/hook/on-demand"):
        answer = sink.post(path, params={"fail": fail}, content=b"{}")
        assert (answer.status_code, words in answer.text) == (status, True)


def test_planned_errors_meet_the_next_calls_of_a_path(sink: httpx.Client) -> None:
    path = BOT.replace("123:", "8:")
    plan = {"path_prefix": "/bot8:", "fail": "telegram:429", "count": 2}
    assert sink.post("/api/failures", json=plan).status_code == 200
    answers = [sink.post(path, content=telegram(chat=chat)).status_code for chat in (1, 2, 3)]
    assert answers == [429, 429, 200]
    sink.post("/api/failures", json=plan)
    sink.delete("/api/failures")
    assert sink.post(path, content=telegram(chat=4)).status_code == 200


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ({"path_prefix": "bot", "fail": "telegram:429"}, "path_prefix"),
        ({"path_prefix": "/b", "fail": "telegram:429", "count": 0}, "count"),
        ({"path_prefix": "/b", "fail": "telegram:418"}, "fail"),
        ({"path_prefix": "/b", "fail": "pager:500"}, "fail"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_by_its_field(
    sink: httpx.Client, plan: dict[str, Any], told: str
) -> None:
    answer = sink.post("/api/failures", json=plan)
    assert (answer.status_code, told in answer.json()["error"]) == (400, True)


def test_what_is_no_providers_path_is_not_found(sink: httpx.Client) -> None:
    assert sink.post("/nothing/here", content=b"x").status_code == 404
    assert sink.get(SLACK).status_code == 404
    assert kept(sink, "/nothing/here") == []
