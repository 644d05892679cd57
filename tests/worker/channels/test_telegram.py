"""The Telegram channel."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notification.ports.outbound import OutboundAnswer, OutboundFailure, OutboundRequest
from tests.worker.endpoints import answer
from tests.worker.world import World

pytestmark = pytest.mark.requirement("C-4.2")

TOKEN = "123456789:AAF_abcdefghijklmnopqrstuvwxyz-12345"
CONFIG = {"bot_token": TOKEN, "chat_id": "-1001234567890"}
OK = '{"ok":true,"result":{"message_id":77}}'


@pytest.fixture
def chat(world: World) -> World:
    world.configure("u1", "telegram", **CONFIG)
    world.endpoints.behave = lambda request: answer(200, OK)
    return world


def _send(world: World, **more: Any) -> Any:
    return world.send(channels=["telegram"], **more).json["results"][0]


def test_the_call_matches_the_contract(chat: World) -> None:
    sent = _send(chat, custom_content={"subject": "Disk alert", "content": "95.5% used on node-1"})
    [(_, request)] = chat.endpoints.received
    assert request.url == f"https://api.telegram.org/bot{TOKEN}/sendMessage"
    assert json.loads(request.body) == {
        "chat_id": "-1001234567890",
        "text": "*Disk alert*\n\n95\\.5% used on node\\-1",
        "parse_mode": "MarkdownV2",
        "disable_web_page_preview": True,
        "disable_notification": False,
    }
    assert (sent["status"], sent["details"]) == ("sent", {"message_id": 77})


def test_the_api_address_can_be_configured(chat: World) -> None:
    chat.environment["TELEGRAM_API_URL"] = "http://127.0.0.1:9000/"
    _send(chat)
    assert chat.endpoints.received[0][1].url.startswith("http://127.0.0.1:9000/bot123")


@pytest.mark.parametrize("mode", ["Markdown", "HTML"])
def test_the_configured_mode_and_switches_are_used(world: World, mode: str) -> None:
    world.configure(
        "u1",
        "telegram",
        **CONFIG,
        parse_mode=mode,
        disable_web_page_preview=False,
        disable_notification=True,
    )
    _send(world)
    body = world.endpoints.bodies[0]
    assert body["parse_mode"] == mode
    assert body["disable_web_page_preview"] is False
    assert body["disable_notification"] is True


@pytest.mark.requirement("B-15")
def test_a_long_text_is_cut_to_what_telegram_takes_after_parsing(chat: World) -> None:
    _send(chat, custom_content={"content": "." * 10_000})
    text = chat.endpoints.bodies[0]["text"]
    assert len(text.replace("\\", "")) <= 4096
    assert text.endswith("…")


def test_a_long_text_is_split_on_request(world: World) -> None:
    world.configure("u1", "telegram", **CONFIG, split_long=True)
    world.endpoints.behave = lambda request: answer(200, OK)
    assert _send(world, custom_content={"content": "word " * 1500})["status"] == "sent"
    assert len(world.endpoints.received) == 2


def test_a_refused_part_ends_the_split_message(world: World) -> None:
    world.configure("u1", "telegram", **CONFIG, split_long=True)
    world.endpoints.behave = lambda request: answer(403, '{"ok":false}')
    assert _send(world, custom_content={"content": "word " * 1500})["status"] == "failed"
    assert len(world.endpoints.received) == 1


@pytest.mark.parametrize(
    ("status", "body", "shown", "error"),
    [
        (
            200,
            {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"},
            "failed",
            "Telegram API error: Bad Request: chat not found",
        ),
        (200, {"ok": False, "error_code": 403, "description": "blocked"}, "failed", "blocked"),
        (200, {"ok": False, "error_code": 500, "description": "x"}, "retry_scheduled", "x"),
        (200, "nonsense", "retry_scheduled", "the answer is not Telegram's"),
        (400, {"ok": False, "description": "Bad Request"}, "failed", "HTTP 400"),
        (429, {"ok": False}, "retry_scheduled", "HTTP 429"),
        (502, "", "retry_scheduled", "HTTP 502"),
    ],
)
@pytest.mark.requirement("B-14")
def test_answers_are_judged(chat: World, status: int, body: Any, shown: str, error: str) -> None:
    chat.endpoints.behave = lambda request: answer(status, json.dumps(body))
    result = _send(chat)
    assert result["status"] == shown
    assert error in result["error"]


def test_the_wait_of_a_flood_limit_is_honoured(chat: World) -> None:
    flood = {"ok": False, "error_code": 429, "parameters": {"retry_after": 100}}
    for status in (429, 200):
        chat.endpoints.behave = lambda request, s=status: answer(s, json.dumps(flood))  # type: ignore[misc]
        _send(chat)
        waiting = chat.retry_queue.waiting.pop()
        assert waiting.due_ms - chat.clock.ms == 100_000
        chat.clock.ms += 200_000


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"bot_token": None}, "bot_token is required for telegram channel"),
        ({"bot_token": "test-token"}, "bot_token is not a Telegram bot token"),
        ({"chat_id": None}, "chat_id is required for telegram channel"),
        ({"chat_id": True}, "chat_id is required for telegram channel"),
        ({"parse_mode": "Markup"}, "parse_mode must be one of"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(
    world: World, change: dict[str, Any], text: str
) -> None:
    config = {k: v for k, v in {**CONFIG, **change}.items() if v is not None}
    document = {"user_id": "u1", "channel_type": "telegram", "config_data": config}
    refused = world.request("POST", "/api/user-configs", document)
    assert refused.status == 400
    assert text in refused.json["error"]


def test_a_numeric_chat_and_a_test_token_work_in_development(world: World) -> None:
    world.environment["ENVIRONMENT"] = "development"
    world.configure("u1", "telegram", bot_token="test/token", chat_id=42)
    _send(world)
    assert world.endpoints.received[0][1].url.endswith("/bottest%2Ftoken/sendMessage")


def test_the_token_reaches_no_answer_row_or_line(chat: World) -> None:
    message = f"failed to fetch https://api.telegram.org/bot{TOKEN}/sendMessage"
    chat.endpoints.behave = lambda request: OutboundFailure(message)
    result = _send(chat)
    written = json.dumps([result, chat.logs(), chat.log_sink.lines])
    assert TOKEN not in written
    shown = chat.request("GET", "/api/user-configs?user_id=u1").json["data"][0]
    assert shown["config_data"]["bot_token"] == "1234…"


def _attempts(world: World) -> list[dict[str, Any]]:
    attempts: list[dict[str, Any]] = json.loads(world.logs()[-1]["attempts"])
    return attempts


UNPARSED = {
    "ok": False,
    "error_code": 400,
    "description": "Bad Request: can't parse entities: Unsupported start tag at byte offset 0",
}


def test_a_text_that_telegram_cannot_parse_goes_once_more_as_plain_text(chat: World) -> None:
    def behave(request: OutboundRequest) -> OutboundAnswer:
        if "parse_mode" in json.loads(request.body):
            return answer(400, json.dumps(UNPARSED))
        return answer(200, OK)

    chat.endpoints.behave = behave
    result = _send(chat, custom_content={"subject": "Disk", "content": "95.5%"})
    assert result["status"] == "sent"
    assert [body.get("parse_mode") for body in chat.endpoints.bodies] == ["MarkdownV2", None]
    assert chat.endpoints.bodies[1]["text"] == "Disk\n\n95.5%"
    [attempt] = _attempts(chat)
    assert attempt["note"] == "sent as plain text"


def test_plain_text_that_is_refused_as_well_is_not_tried_again(chat: World) -> None:
    chat.endpoints.behave = lambda request: answer(400, json.dumps(UNPARSED))
    assert _send(chat)["status"] == "failed"
    assert len(chat.endpoints.received) == 2


def test_a_text_that_was_cut_says_so_in_answer_row_and_line(chat: World) -> None:
    result = _send(chat, custom_content={"content": "x" * 5_000})
    assert result["truncated"] is True
    assert _attempts(chat)[0]["truncated"] is True
    assert "truncated" not in _send(chat)
