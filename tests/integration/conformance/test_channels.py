"""Each channel on the deployed service, against servers that answer as the originals do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conformance.chat_apis import LARK_SECRET, ChatApis
from tests.integration.conformance.deployed import SECRETS, Deployed

TOKEN = "123456789:AAF_abcdefghijklmnopqrstuvwxyz-12345"
ALERT = {"subject": "Disk", "content": "95.5% on <node-1> & more"}


def only(results: list[dict[str, Any]]) -> dict[str, Any]:
    [result] = results
    return result


def waits_s(service: Deployed, result: dict[str, Any]) -> float:
    """Seconds from acceptance to the next attempt, as the row has them."""
    [row] = service.statement(
        "SELECT (julianday(next_retry_at) - julianday(created_at)) * 86400 AS waits"
        " FROM notification_logs WHERE id = ?",
        result["logId"],
    )
    return float(row["waits"])


@pytest.mark.requirement("C-4.2", "C-4", "C-16")
def test_a_bot_sends_escaped_text_to_the_chat(service: Deployed, apis: ChatApis, user: str) -> None:
    service.configure(user, "telegram", bot_token=TOKEN, chat_id=user)
    result = only(service.send(user, "telegram", custom_content=ALERT))
    assert (result["status"], result["details"]) == ("sent", {"message_id": 77})
    [body] = [b for b in apis.bodies(f"/bot{TOKEN}/sendMessage") if b["chat_id"] == user]
    assert body["text"] == "*Disk*\n\n95\\.5% on <node\\-1\\> & more"
    assert body["parse_mode"] == "MarkdownV2"


@pytest.mark.requirement("C-4.2", "B-14")
@pytest.mark.parametrize(
    ("chat", "status", "text"),
    [
        ("missing", "failed", "chat not found"),
        ("kicked", "failed", "bot was kicked"),
        ("flood", "retry_scheduled", "retry after 7"),
    ],
)
def test_telegrams_errors_are_judged(
    service: Deployed, user: str, chat: str, status: str, text: str
) -> None:
    service.configure(user, "telegram", bot_token=TOKEN, chat_id=chat)
    result = only(service.send(user, "telegram"))
    assert (result["status"], text in result["error"]) == (status, True), result
    assert TOKEN not in str(result)
    row = service.data("GET", f"/api/notification-logs/{result['logId']}")
    assert TOKEN not in str(row)


@pytest.mark.requirement("C-4.3", "C-0.27", "C-16")
def test_lark_takes_the_signed_message(service: Deployed, apis: ChatApis, user: str) -> None:
    path = "/open-apis/bot/v2/hook/signed"
    service.configure(user, "lark", webhook_url=apis.url + path, secret=LARK_SECRET)
    assert only(service.send(user, "lark", custom_content=ALERT))["status"] == "sent"
    body = apis.bodies(path)[-1]
    assert body["msg_type"] == "text"
    assert body["content"]["text"] == "Disk\n\n95.5% on <node-1> & more"
    service.configure(user, "lark", webhook_url=apis.url + path, secret="another")
    refused = only(service.send(user, "lark"))
    assert (refused["status"], refused["code"]) == ("failed", "LARK_ERROR")
    assert refused["error"].startswith("Lark API error: sign match fail")


@pytest.mark.requirement("C-4.3", "B-14")
@pytest.mark.parametrize(
    ("hook", "status", "code"),
    [
        ("gone", "failed", "LARK_ERROR"),
        ("keyword", "failed", "LARK_ERROR"),
        ("busy", "retry_scheduled", "THROTTLED"),
    ],
)
def test_larks_codes_are_judged(
    service: Deployed, apis: ChatApis, user: str, hook: str, status: str, code: str
) -> None:
    url = f"{apis.url}/open-apis/bot/v2/hook/{hook}"
    service.configure(user, "lark", webhook_url=url)
    result = only(service.send(user, "lark"))
    assert (result["status"], result["code"]) == (status, code)


@pytest.mark.requirement("C-4.3", "C-5.4", "D-16")
def test_a_card_in_a_json_template_is_larks_own_message(
    service: Deployed, apis: ChatApis, user: str
) -> None:
    card = {"msg_type": "interactive", "card": {"header": {"title": "{{title}}"}}}
    contents = {"lark": {"content_type": "json", "content_template": card}}
    service.data("POST", f"/api/templates/card-{user}", {"contents": contents})
    path = f"/open-apis/bot/v2/hook/{user}"
    service.configure(user, "lark", webhook_url=apis.url + path)
    service.send(user, "lark", template_key=f"card-{user}", variables={"title": 'a"b\n'})
    assert apis.bodies(path)[0]["card"]["header"]["title"] == 'a"b'


@pytest.mark.requirement("C-4.4", "B-16")
def test_slack_gets_blocks_with_its_three_characters_escaped(
    service: Deployed, apis: ChatApis, user: str
) -> None:
    path = f"/services/T0/B0/{user}"
    service.configure(user, "slack", webhook_url=apis.url + path, channel="#ops")
    result = only(service.send(user, "slack", custom_content=ALERT))
    assert (result["status"], result["details"]) == ("sent", {"ok": True})
    [body] = apis.bodies(path)
    assert (body["text"], body["channel"]) == ("Disk", "#ops")
    assert body["blocks"][0]["text"]["text"] == "Disk"
    assert body["blocks"][1]["text"]["text"] == "95.5% on &lt;node-1&gt; &amp; more"


@pytest.mark.requirement("C-4.4", "B-17")
@pytest.mark.parametrize(
    ("hook", "status", "code"),
    [
        ("archived", "failed", "SLACK_ERROR"),
        ("malformed", "failed", "SLACK_ERROR"),
        ("odd", "failed", "SLACK_ERROR"),
        ("limited", "retry_scheduled", "THROTTLED"),
    ],
)
def test_slacks_answers_are_judged(
    service: Deployed, apis: ChatApis, user: str, hook: str, status: str, code: str
) -> None:
    service.configure(user, "slack", webhook_url=f"{apis.url}/services/T0/B0/{hook}")
    result = only(service.send(user, "slack"))
    assert (result["status"], result["code"]) == (status, code)
    if hook == "limited":
        assert waits_s(service, result) >= 30


@pytest.mark.requirement("C-4", "C-4.1", "C-0.5", "B-37", "B-50")
@pytest.mark.parametrize(
    ("manner", "status", "code"),
    [
        ("redirect", "failed", "HTTP_ERROR"),
        ("slow", "retry_scheduled", "TIMEOUT_ERROR"),
        ("broken-403", "failed", "HTTP_ERROR"),
        ("broken-500", "retry_scheduled", "HTTP_ERROR"),
        ("dripping-403", "failed", "HTTP_ERROR"),
        ("misencoded-403", "failed", "HTTP_ERROR"),
        ("misencoded-429", "retry_scheduled", "THROTTLED"),
        ("deep-403", "failed", "HTTP_ERROR"),
        ("oversized", "retry_scheduled", "HTTP_ERROR"),
    ],
)
def test_a_bad_endpoint_is_judged_and_never_followed(
    service: Deployed, apis: ChatApis, user: str, manner: str, status: str, code: str
) -> None:
    service.configure(user, "webhook", webhook_url=f"{apis.url}/bad/{manner}", timeout=1_000)
    result = only(service.send(user))
    assert (result["status"], result["code"]) == (status, code), result
    assert "/target" not in [path for path, _, _ in apis.received]
    [row] = service.statement(
        "SELECT length(error) AS size FROM notification_logs WHERE id = ?", result["logId"]
    )
    assert row["size"] <= 2_000


@pytest.mark.requirement("C-4.1")
def test_a_webhook_gets_the_envelope_or_the_rendered_json_itself(
    service: Deployed, apis: ChatApis, user: str
) -> None:
    url = f"{apis.url}/hook/{user}"
    service.configure(user, "webhook", webhook_url=url, headers={"X-Tenant": "t", "Host": "evil"})
    sent = only(service.send(user, custom_content=ALERT))
    path, headers, _ = next(entry for entry in apis.received if entry[0] == f"/hook/{user}")
    assert headers["user-agent"] == "Notification-System/1.0"
    assert headers["x-notification-messageid"] == sent["messageId"]
    assert headers["x-notification-event"] == "notification.sent"
    assert (headers["x-tenant"], headers["host"]) == ("t", apis.url.removeprefix("http://"))
    [body] = apis.bodies(path)
    assert (body["subject"], body["metadata"]["channel"]) == ("Disk", "webhook")
    contents = {"webhook": {"content_type": "json", "content_template": {"n": "{{n}}"}}}
    service.data("POST", f"/api/templates/raw-{user}", {"contents": contents})
    service.configure(user, "webhook", webhook_url=url, method="PUT", payload_mode="raw")
    raw = only(service.send(user, template_key=f"raw-{user}", variables={"n": 'a"'}))
    assert raw["status"] == "sent"
    assert apis.bodies(path)[-1] == {"n": 'a"'}


@pytest.mark.requirement("C-0.41", "C-0.29")
@pytest.mark.parametrize("manner", ["broken", "dripping", "misencoded", "deep", "bomb"])
def test_a_success_whose_body_is_no_use_is_delivered_once(
    service: Deployed, apis: ChatApis, user: str, manner: str
) -> None:
    path = f"/bad/{manner}"
    before = len([found for found, _, _ in apis.received if found == path])
    service.configure(user, "webhook", webhook_url=f"{apis.url}{path}", timeout=1_000)
    result = only(service.send(user, "webhook"))
    assert (result["status"], result["details"]) == ("sent", {})
    assert len([found for found, _, _ in apis.received if found == path]) == before + 1


@pytest.mark.requirement("C-0.41")
def test_a_chat_whose_confirmation_breaks_off_is_sent_and_says_that_it_is_unconfirmed(
    service: Deployed, apis: ChatApis, user: str
) -> None:
    service.configure(user, "lark", webhook_url=f"{apis.url}/bad/broken")
    result = only(service.send(user, "lark"))
    assert result["status"] == "sent"
    [attempt] = service.data("GET", f"/api/notification-logs/{result['logId']}")["attempts"]
    assert attempt["unconfirmed"] is True


@pytest.mark.requirement("C-0.29")
@pytest.mark.parametrize("body", ["[" * 20_000, '{"a":' * 3_206 + "1" + "}" * 3_206])
def test_a_body_that_nests_too_deep_is_refused_at_every_door(
    service: Deployed, hooked: str, body: str
) -> None:
    for method, path in (
        ("POST", "/api/notifications/send"),
        ("POST", "/api/user-configs"),
        ("POST", "/api/templates"),
        ("POST", f"/web_hook/bridge/{hooked}/webhook?token={SECRETS['bridgeToken']}"),
    ):
        answer = service.signed_raw(method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST"), path
        assert "32 levels" in answer.json()["error"]
    assert service.anyone.get("/health").status_code == 200
