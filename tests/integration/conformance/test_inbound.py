"""Grafana's webhook and the bridge on the deployed service."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from notification.channels.registry import CHANNELS
from tests.integration.conformance.deployed import SECRETS, Deployed, basic, expect

GRAFANA = basic(SECRETS["grafanaWebhookUsername"], SECRETS["grafanaWebhookPassword"])
TOKEN = {"X-Bridge-Token": SECRETS["bridgeToken"]}
FORM = (
    '--edge\r\nContent-Disposition: form-data; name="title"\r\n\r\nGröße\r\n'
    '--edge\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nno\r\n'
    '--edge\r\nContent-Disposition: form-data; name="message"\r\n\r\n95 %\r\n--edge--\r\n'
).encode()


def alerts(receiver: str, **more: Any) -> dict[str, Any]:
    alert = {
        "status": "firing",
        "labels": {"alertname": "HighCPU", "severity": "critical"},
        "startsAt": "2025-01-05T10:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "abc",
        "values": {"B": 95.2, "severity": "shadow"},
    }
    return {"receiver": receiver, "status": "firing", "alerts": [alert], **more}


def receive(service: Deployed, body: dict[str, Any], **headers: str) -> httpx.Response:
    return service.open("POST", "/api/webhooks/grafana", json=body, headers=GRAFANA | headers)


@pytest.mark.requirement("C-8.1", "B-46")
def test_alerts_become_one_notification_however_often_they_come(
    service: Deployed, hooked: str
) -> None:
    channels = {"X-Notification-Channels": "WEBHOOK , fax"}
    first = receive(service, alerts(hooked), **channels).json()["data"]
    again = receive(service, alerts(hooked), **channels).json()["data"]
    assert first["processed_alerts"] == 1
    assert first["message_ids"] == again["message_ids"]
    [status] = first["notification_status"]
    assert (status["channelType"], status["status"], status["error"]) == ("webhook", "sent", None)
    [arrival] = service.installation.arrivals(f"/hook/{hooked}")
    body = json.loads(arrival["body"])
    assert body["subject"] == "🚨 ALERT: Alert"
    assert "   Started: 2025-01-05 10:00:00 UTC" in body["content"]


@pytest.mark.requirement("C-8.1", "B-10")
def test_a_delivery_that_was_put_off_counts_as_accepted(service: Deployed, user: str) -> None:
    service.configure(user, "webhook", webhook_url=service.hook(user, "?status=500"))
    answer = receive(service, alerts(user))
    assert answer.status_code == 200
    assert answer.json()["data"]["notification_status"][0]["status"] == "retry_scheduled"
    service.configure(user, "webhook", webhook_url=service.hook(user, "?status=404"))
    failed = receive(service, alerts(user, groupKey="other"))
    expect(failed, 500, "ADAPTER_ERROR")


@pytest.mark.requirement("C-8.1", "B-46")
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ([], "Invalid payload format"),
        ({}, "Missing or invalid receiver field"),
        ({"receiver": "a"}, "Missing or invalid status field"),
        ({"receiver": "a", "status": "firing"}, "Alerts must be an array"),
        (
            {"receiver": "a", "status": "firing", "alerts": [{"status": "odd"}]},
            "Invalid status in alert 0",
        ),
        (
            {"receiver": "a", "status": "firing", "alerts": [{"status": "firing"}]},
            "Missing labels in alert 0",
        ),
    ],
)
def test_a_payload_with_a_mistake_is_refused(service: Deployed, body: Any, text: str) -> None:
    answer = receive(service, body)
    assert (answer.status_code, answer.json()["error"]) == (400, text)


@pytest.mark.requirement("C-8.2", "B-11", "D-19")
def test_the_bridge_takes_json_forms_of_both_kinds_and_text(service: Deployed, hooked: str) -> None:
    path = f"/web_hook/bridge/{hooked}/webhook"
    calls: list[tuple[bytes, str]] = [
        (b'{"title":"Disk","message":{"used":95}}', "application/json"),
        (b"summary=Disk&text=95%25", "application/x-www-form-urlencoded"),
        (FORM, "multipart/form-data; boundary=edge"),
        (b"plain text", "text/plain"),
    ]
    for content, kind in calls:
        answer = service.open("POST", path, content=content, headers=TOKEN | {"Content-Type": kind})
        assert answer.json()["message"] == "Notification forwarded successfully"
    bodies = [json.loads(a["body"]) for a in service.installation.arrivals(f"/hook/{hooked}")]
    subjects = ["Disk", "Disk", "Größe", "Webhook Notification"]
    assert [body["subject"] for body in bodies] == subjects
    contents = ['{\n  "used": 95\n}', "95%", "95 %", "plain text"]
    assert [body["content"] for body in bodies] == contents


@pytest.mark.requirement("C-8.2", "C-0.37", "C-0.44")
def test_the_bridge_knows_a_repetition_by_the_callers_key_alone(
    service: Deployed, hooked: str
) -> None:
    path = f"/web_hook/bridge/{hooked}/webhook"

    def call(text: str, query: str = "", **headers: str) -> httpx.Response:
        return service.open("POST", path + query, content=text, headers=TOKEN | headers)

    trace = {"X-Request-Id": "trace-1"}
    answers = [call("one", **trace), call("two", **trace), call("two"), call("two")]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert not any("idempotent-replayed" in answer.headers for answer in answers)
    keyed = [call("x", "?idempotency_key=k"), call("x", **{"Idempotency-Key": "k"})]
    assert keyed[0].json()["message_id"] == keyed[1].json()["message_id"]
    assert keyed[1].headers["idempotent-replayed"] == "true"
    assert len(service.installation.arrivals(f"/hook/{hooked}")) == 5
    for long in (call("x", **{"Idempotency-Key": "k" * 5_000}), call("x", "?idempotency_key=")):
        expect(long, 400, "INVALID_IDEMPOTENCY_KEY")


@pytest.mark.requirement("C-8.2", "C-0.36", "C-0.50")
def test_the_bridge_reads_every_declared_encoding(service: Deployed, hooked: str) -> None:
    path = f"/web_hook/bridge/{hooked}/webhook"
    text = '{"text": "磁盘 Größe"}'
    json_type, form_type = "application/json", "application/x-www-form-urlencoded"
    calls: list[tuple[bytes, dict[str, str]]] = [
        (gzip.compress(text.encode()), {"Content-Type": json_type, "Content-Encoding": "gzip"}),
        (zlib.compress(text.encode()), {"Content-Type": json_type, "Content-Encoding": "deflate"}),
        (text.encode("gb18030"), {"Content-Type": f"{json_type}; charset=GB18030"}),
        ("磁盘 Größe".encode("utf-16"), {"Content-Type": "text/plain; charset=utf-16"}),
        (text.encode(), {"Content-Type": "application/cloudevents+json"}),
        (f"payload={quote(text)}".encode(), {"Content-Type": form_type}),
    ]
    for content, headers in calls:
        answer = service.open("POST", path, content=content, headers=TOKEN | headers)
        assert answer.status_code == 200, answer.text
        assert "replaced_bytes" not in answer.json()
    for charset, word in (
        ("iso-8859-1", "Größe"),
        ("gbk", "磁盘"),
        ("big5", "磁碟"),
        ("shift_jis", "ディスク"),
        ("euc-jp", "ディスク"),
        ("euc-kr", "디스크"),
        ("koi8-r", "диск"),
    ):
        kind = {"Content-Type": f"text/plain; charset={charset}"}
        answer = service.open("POST", path, content=word.encode(charset), headers=TOKEN | kind)
        assert (answer.status_code, answer.json()["success"]) == (200, True)
    arrived = [
        json.loads(a["body"])["content"] for a in service.installation.arrivals(f"/hook/{hooked}")
    ]
    words = ["Größe", "磁盘", "磁碟", "ディスク", "ディスク", "디스크", "диск"]
    assert arrived == ["磁盘 Größe"] * len(calls) + words
    broken = service.open(
        "POST", path, content=b"a\xffb", headers=TOKEN | {"Content-Type": "text/plain"}
    )
    assert broken.json()["replaced_bytes"] == 1


@pytest.mark.requirement("C-8.2", "C-0.36")
def test_the_bridge_refuses_what_it_cannot_decode(service: Deployed, hooked: str) -> None:
    path = f"/web_hook/bridge/{hooked}/webhook"

    def refused(content: bytes, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return service.open("POST", path, content=content, headers=TOKEN | named)

    expect(refused(b"x", Content_Encoding="br"), 415, "UNSUPPORTED_MEDIA_TYPE")
    odd = "text/plain; charset=ebcdic"
    expect(refused(b"x", Content_Type=odd), 415, "UNSUPPORTED_MEDIA_TYPE")
    expect(refused(b"x", Content_Encoding="gzip"), 400, "INVALID_REQUEST")
    bomb = gzip.compress(b"x" * 20_000_000)
    expect(refused(bomb, Content_Encoding="gzip"), 413, "PAYLOAD_TOO_LARGE")
    assert service.installation.arrivals(f"/hook/{hooked}") == []


@pytest.mark.requirement("C-8.2", "C-0.14")
def test_the_bridges_refusals_have_the_contracts_texts(service: Deployed, hooked: str) -> None:
    wrong = service.open("POST", f"/web_hook/bridge/{hooked}/fax", content=b"x", headers=TOKEN)
    text = f"Invalid channel type. Must be one of: {', '.join(CHANNELS)}"
    expect(wrong, 400, "INVALID_CHANNEL_TYPE", text)
    empty = service.open("POST", f"/web_hook/bridge/{hooked}/webhook", content=b"", headers=TOKEN)
    expect(empty, 400, "MISSING_CONTENT", "No content to send")
    nobody = service.open("POST", "/web_hook/bridge/nobody/telegram", content=b"x", headers=TOKEN)
    expect(nobody, 404, "NOT_FOUND", "User configuration not found")
    assert nobody.json()["errors"] == ["telegram: User config not found"]


@pytest.mark.requirement("C-8.2", "C-0.21", "B-40")
def test_a_recipients_own_token_closes_the_bridge_to_others(service: Deployed, user: str) -> None:
    service.configure(user, "webhook", webhook_url=service.hook(user), bridge_token="my-own-token")
    path = f"/web_hook/bridge/{user}/webhook"
    for others in ({}, TOKEN, {"X-Bridge-Token": "guessed"}):
        answer = service.open("POST", path, content=b"x", headers=others)
        expect(answer, 401, "UNAUTHORIZED")
    assert service.open("POST", f"{path}?token=my-own-token", content=b"x").status_code == 200
    header = {"X-Bridge-Token": "my-own-token"}
    assert service.open("POST", path, content=b"y", headers=header).status_code == 200
