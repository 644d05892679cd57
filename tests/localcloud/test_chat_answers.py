"""The whole answer of each chat provider: what was taken, and each error that comes on demand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.sink.chat import ChatAnswer, ChatApi, ChatCall, Lark, Slack, Telegram
from localcloud.sink.chat.discord import Discord
from localcloud.sink.chat.googlechat import Googlechat
from localcloud.sink.chat.ntfy import Ntfy
from localcloud.sink.chat.teams import Teams

AT_MS = 1_767_225_600_999
SPACE = "/v1/spaces/AAA_b-9/messages"
WEBHOOK = "key=k&token=t"


def google(code: int, status: str, message: str) -> tuple[int, dict[str, str], object]:
    return (code, {}, {"error": {"code": code, "message": message, "status": status}})


def lark(status: int, code: int, message: str) -> tuple[int, dict[str, str], object]:
    return (status, {}, {"code": code, "data": {}, "msg": message})


def ntfy(status: int, code: int, text: str) -> tuple[int, dict[str, str], object]:
    return (status, {}, {"code": code, "http": status, "error": text})


def teams(status: int, code: str, message: str) -> tuple[int, dict[str, str], object]:
    headers = {"Retry-After": "5"} if status == 429 else {}
    return (status, headers, {"error": {"code": code, "message": message}})


def telegram(status: int, text: str, **more: int) -> tuple[int, dict[str, str], object]:
    told: dict[str, Any] = {"ok": False, "error_code": status, "description": text}
    return (status, {}, told | ({"parameters": more} if more else {}))


def discord(status: int, code: int, message: str) -> tuple[int, dict[str, str], object]:
    return (status, {}, {"message": message, "code": code})


FAILURES: list[tuple[ChatApi, dict[str, tuple[int, dict[str, str], object]]]] = [
    (
        Discord(),
        {
            "10003": discord(404, 10003, "Unknown Channel"),
            "10015": discord(404, 10015, "Unknown Webhook"),
            "50006": discord(400, 50006, "Cannot send an empty message"),
            "50027": discord(401, 50027, "Invalid Webhook Token"),
            "50035": discord(400, 50035, "Invalid Form Body"),
            "40062": discord(429, 40062, "Service resource is being rate limited"),
            "500": discord(500, 0, "500: Internal Server Error"),
            "429": (
                429,
                {"Retry-After": "5"},
                {"message": "You are being rate limited.", "retry_after": 5.0, "global": False},
            ),
        },
    ),
    (
        Googlechat(),
        {
            status: google(code, status, message)
            for code, status, message in (
                (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
                (401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
                (403, "PERMISSION_DENIED", "The API is called without a valid token."),
                (404, "NOT_FOUND", "Requested entity was not found."),
                (429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
                (500, "INTERNAL", "Internal error encountered."),
                (503, "UNAVAILABLE", "The service is currently unavailable."),
            )
        },
    ),
    (
        Lark(),
        {
            "9499": lark(400, 9499, "too many request"),
            "bad_request": lark(400, 9499, "Bad Request"),
            "11232": lark(
                200, 11232, "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]"
            ),
            "99991400": lark(429, 99991400, "request trigger frequency limit"),
            "19001": lark(400, 19001, "param invalid: incoming webhook access token invalid"),
            "19021": lark(
                *(400, 19021),
                "sign match fail or timestamp is not within one hour from current time",
            ),
            "19022": lark(400, 19022, "Ip Not Allowed"),
            "19024": lark(400, 19024, "Key Words Not Found"),
        },
    ),
    (
        Ntfy(),
        {
            "40009": ntfy(400, 40009, "invalid request: topic invalid"),
            "40024": ntfy(400, 40024, "invalid request: request body must be valid JSON"),
            "40101": ntfy(401, 40101, "unauthorized"),
            "40301": ntfy(403, 40301, "forbidden"),
            "41303": ntfy(413, 41303, "JSON body too large"),
            "42901": ntfy(429, 42901, "limit reached: too many requests, please be nice"),
            "42908": ntfy(429, 42908, "limit reached: too many messages"),
            "50001": ntfy(500, 50001, "internal server error"),
        },
    ),
    (
        Slack(),
        {
            code: (status, {"Retry-After": "5"} if status == 429 else {}, code)
            for status, codes in {
                400: "invalid_payload no_text invalid_blocks too_many_attachments user_not_found",
                403: "invalid_token action_prohibited posting_to_general_channel_denied",
                404: "channel_not_found no_service no_active_hooks team_disabled no_team",
                410: "channel_is_archived",
                429: "rate_limited",
                500: "rollup_error",
            }.items()
            for code in codes.split()
        },
    ),
    (
        Teams(),
        {
            code: teams(status, code, message)
            for status, code, message in (
                (400, "WorkflowTriggerIsNotEnabled", "The workflow's trigger is not enabled"),
                (404, "WorkflowNotFound", "The workflow could not be found"),
                (401, "DirectApiAuthorizationRequired", "The request must be authenticated"),
                (429, "TooManyRequests", "Rate limit is exceeded. Try again in 5 seconds."),
                (500, "InternalServerError", "Encountered internal server error"),
            )
        },
    ),
    (
        Telegram(),
        {
            "400": telegram(400, "Bad Request: chat not found"),
            "401": telegram(401, "Unauthorized"),
            "403": telegram(403, "Forbidden: bot was blocked by the user"),
            "404": telegram(404, "Not Found"),
            "429": telegram(429, "Too Many Requests: retry after 5", retry_after=5),
            "500": telegram(500, "Internal Server Error"),
            "migrate": telegram(
                *(400, "Bad Request: group chat was upgraded to a supergroup chat"),
                migrate_to_chat_id=-1001234567890,
            ),
        },
    ),
]


def read(answer: ChatAnswer) -> tuple[int, dict[str, str], object]:
    """Status, headers and body, as JSON where it calls itself that."""
    body = json.loads(answer.body) if answer.is_json and answer.body else answer.body
    return answer.status, dict(answer.headers), body


@pytest.mark.parametrize(("api", "failures"), FAILURES, ids=lambda each: type(each).__name__)
def test_each_documented_error_is_told_as_the_provider_tells_it_and_reaches_nobody(
    api: ChatApi, failures: dict[str, tuple[int, dict[str, str], object]]
) -> None:
    answers = {code: api.failure(code) for code in failures}
    assert {code: read(a) for code, a in answers.items() if a is not None} == failures
    assert not any(answer.accepted for answer in answers.values() if answer is not None)
    assert api.failure("surprise") is None
    assert api.failure("") is None


CARD = {
    "contentType": "application/vnd.microsoft.card.adaptive",
    "content": {"type": "AdaptiveCard", "body": []},
}
TAKEN: list[tuple[ChatApi, str, object, int, list[object]]] = [
    (
        *(Discord(), "/api/webhooks/1/token", {"content": "hi"}, 200),
        [{"id": "1", "content": "hi", "type": 0}, {"id": "2", "content": "hi", "type": 0}],
    ),
    (
        *(Googlechat(), f"{SPACE}?{WEBHOOK}", {"text": "hi"}, 200),
        [
            {
                "name": f"spaces/AAA_b-9/messages/{number}.{number}",
                "thread": {"name": f"spaces/AAA_b-9/threads/{number}"},
            }
            for number in (1, 2)
        ],
    ),
    (
        *(Lark(), "/open-apis/bot/v2/hook/one", {"msg_type": "text", "content": {}}, 200),
        [{"code": 0, "data": {}, "msg": "success", "StatusCode": 0, "StatusMessage": "success"}]
        * 2,
    ),
    (
        *(Ntfy(), "/ntfy/", {"topic": "t", "message": "hi"}, 200),
        [
            {"id": f"m{number}", "time": time, "event": "message", "topic": "t", "message": "hi"}
            for number, time in ((1, 1_767_225_600), (2, 1_767_225_602))
        ],
    ),
    (Slack(), "/services/T0/B0/one", {"text": "hi"}, 200, ["ok", "ok"]),
    (
        Teams(),
        "/workflows/a/triggers/manual/paths/invoke",
        {"type": "message", "attachments": [CARD]},
        202,
        ["", ""],
    ),
    (
        *(Telegram(), "/bot1:a/sendMessage", {"chat_id": "-7", "text": "hi"}, 200),
        [
            {
                "ok": True,
                "result": {"message_id": number, "date": date, "chat": {"id": -7}, "text": "hi"},
            }
            for number, date in ((1, 1_767_225_600), (2, 1_767_225_602))
        ],
    ),
    (
        *(Telegram(), "/bot1:a/sendMessage", {"chat_id": "@news", "text": "hi"}, 200),
        [
            {
                "ok": True,
                "result": {
                    "message_id": number,
                    "date": date,
                    "chat": {"id": "@news"},
                    "text": "hi",
                },
            }
            for number, date in ((1, 1_767_225_600), (2, 1_767_225_602))
        ],
    ),
]


@pytest.mark.parametrize(
    ("api", "target", "body", "status", "documents"),
    TAKEN,
    ids=lambda each: type(each).__name__ if hasattr(each, "serves") else "",
)
def test_what_is_taken_is_answered_as_the_provider_answers_it(
    api: ChatApi, target: str, body: object, status: int, documents: list[object]
) -> None:
    path, _, query = target.partition("?")
    assert api.serves(path)
    content = json.dumps(body).encode()
    calls = [ChatCall(path, content, AT_MS + turn * 1_500, query) for turn in range(2)]
    answers = [api.receive(each) for each in calls]
    assert [read(answer) for answer in answers] == [(status, {}, each) for each in documents]
    assert all(answer.accepted for answer in answers)


def posted(api: Googlechat, body: object, *, query: str = WEBHOOK, at_ms: int = 0) -> ChatAnswer:
    return api.receive(ChatCall(SPACE, json.dumps(body).encode(), AT_MS + at_ms, query))


def said(answer: ChatAnswer) -> tuple[int, str]:
    if answer.accepted:
        return answer.status, ""
    error = json.loads(answer.body)["error"]
    return answer.status, error["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"text": "a" * 4_096}, ""),
        ({"text": "a" * 4_097}, "Message is longer than 4096 characters"),
        ({"text": " "}, "Message cannot be empty. Discarding empty message."),
        ({}, "Message cannot be empty. Discarding empty message."),
        ({"cardsV2": [{}]}, ""),
        ({"text": 7}, "Invalid value at 'message'"),
        ({"text": "a", "thread": []}, "Invalid value at 'message'"),
        ({"text": "a", "thread": {"threadKey": "k" * 4_000}}, ""),
        ({"text": "a", "thread": {"threadKey": "k" * 4_001}}, "Invalid thread key"),
        ({"text": "a", "markupSyntax": "MARKUP_SYNTAX_MARKDOWN"}, ""),
        ({"text": "a", "markupSyntax": "HTML"}, "Invalid value at 'message.markup_syntax'"),
        (
            {"text": "a", "z": 1, "b": 2},
            'Invalid JSON payload received. Unknown name "b": Cannot find field.',
        ),
        ([], "Invalid JSON payload received."),
        # The body of `{"text": "a", "fallbackText": "…"}` has 35 bytes beside the text.
        ({"text": "a", "fallbackText": "f" * (32_000 - 33)}, ""),
        (
            {"text": "a", "fallbackText": "f" * (32_000 - 32)},
            "Message is longer than 32000 bytes",
        ),
    ],
)
def test_google_chat_takes_a_message_within_its_limits(body: object, message: str) -> None:
    answer = posted(Googlechat(), body)
    assert said(answer) == (400 if message else 200, message)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (WEBHOOK, 200),
        ("", 403),
        ("key=k", 403),
        ("token=t", 403),
        ("key=&token=t", 403),
        (f"{WEBHOOK}&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD", 200),
        (f"{WEBHOOK}&messageReplyOption=REPLY_MESSAGE_OR_FAIL", 200),
        (f"{WEBHOOK}&messageReplyOption=ANYWHERE", 400),
    ],
)
def test_google_chat_wants_a_webhooks_key_and_token(query: str, status: int) -> None:
    assert posted(Googlechat(), {"text": "a"}, query=query).status == status


def test_google_chat_takes_a_message_a_second_in_a_space_and_a_request_once() -> None:
    api, once = Googlechat(), f"{WEBHOOK}&requestId=one"
    answers = [
        posted(api, {"text": "a"}, query=query, at_ms=at_ms)
        for query, at_ms in ((once, 0), (once, 0), (WEBHOOK, 999), (WEBHOOK, 1_000), (once, 1_001))
    ]
    assert [answer.status for answer in answers] == [200, 200, 429, 200, 200]
    names = [json.loads(answer.body).get("name", "")[-3:] for answer in answers]
    assert names == ["1.1", "1.1", "", "2.2", "1.1"]
    elsewhere = ChatCall("/v1/spaces/B/messages", b'{"text": "a"}', AT_MS, WEBHOOK)
    assert api.receive(elsewhere).accepted


@pytest.mark.parametrize(
    ("api", "paths"),
    [
        (Discord(), ["/api/webhooks/1/", "/api/webhooks/a/t", "/api/webhooks/1/t/slack"]),
        (
            Googlechat(),
            ["/v1/spaces//messages", "/v1/spaces/A/messages/1", "/v2/spaces/A/messages"],
        ),
        (Lark(), ["/open-apis/bot/v2/hook/", "/open-apis/bot/v2/hook/a/b"]),
        (Ntfy(), ["/ntfy", "/ntfy/topic"]),
        (Slack(), ["/services/", "/other/T/B"]),
        (Teams(), ["/workflows//triggers/manual/paths/invoke", "/workflows/a/triggers/manual"]),
        (Telegram(), ["/bot1:a/sendPhoto", "/bot1:a/b/sendMessage", "/sendMessage"]),
    ],
    ids=lambda each: type(each).__name__ if hasattr(each, "serves") else "",
)
def test_another_path_is_none_of_a_providers(api: ChatApi, paths: list[str]) -> None:
    assert [path for path in paths if api.serves(path)] == []
