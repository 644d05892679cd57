"""The webhook channel."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from notification.channels.answer import parsed_details, retry_after_seconds
from notification.channels.webhook import sign_body
from notification.ports.outbound import OutboundFailure
from tests.worker.endpoints import answer
from tests.worker.world import ENDPOINT, World

pytestmark = pytest.mark.requirement("C-4.1")


def test_the_outgoing_signature_matches_the_golden_vector() -> None:
    body = (
        '{"content":"hi","timestamp":"2025-01-05T18:00:00.000Z",'
        '"metadata":{"channel":"webhook","version":"1.0"}}'
    )
    assert sign_body("whsec", "1736100000", body) == (
        "sha256=b25451f569ef99e1fe291990a3eac0f09035d2a6599aa196f918937607eaeaeb"
    )


def test_the_envelope_holds_what_the_contract_names(world: World) -> None:
    world.configure()
    sent = world.send().json["results"][0]
    [(_, request)] = world.endpoints.received
    assert (request.method, request.url) == ("POST", ENDPOINT)
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"] == "Notification-System/1.0"
    assert request.headers["X-Notification-Event"] == "notification.sent"
    assert request.headers["X-Notification-MessageId"] == sent["messageId"]
    assert json.loads(request.body) == {
        "content": "Shipped",
        "subject": "Hi",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "metadata": {
            "channel": "webhook",
            "version": "1.0",
            "message_id": sent["messageId"],
            "content_type": "text",
        },
    }


def test_without_a_subject_the_payload_has_no_subject(world: World) -> None:
    world.configure()
    world.send(custom_content={"content": "x"})
    assert "subject" not in world.endpoints.bodies[0]


def test_a_receiver_can_check_the_signature(world: World) -> None:
    world.configure(webhook_url=ENDPOINT, secret="shared")
    world.send(custom_content={"content": "Grüße 👋"})
    [(_, request)] = world.endpoints.received
    timestamp = request.headers["X-Notification-Timestamp"]
    assert timestamp == str(world.clock.ms // 1000)
    expected = hmac.new(b"shared", timestamp.encode() + request.body.encode(), hashlib.sha256)
    assert request.headers["X-Notification-Signature"] == f"sha256={expected.hexdigest()}"


def test_custom_headers_come_last_and_never_replace_the_services_own(world: World) -> None:
    world.configure(
        webhook_url=ENDPOINT,
        secret="s",
        headers={
            "X-Team": "a\r\nEvil: b",
            "Empty": "\n",
            "content-type": "text/plain",
            "HOST": "evil.example",
            "X-Notification-Signature": "forged",
            "Authorization": "Bearer t",
        },
    )
    world.send()
    headers = world.endpoints.received[0][1].headers
    assert headers["X-Team"] == "aEvil: b"
    assert headers["Authorization"] == "Bearer t"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Notification-Signature"].startswith("sha256=")
    assert not {"Empty", "HOST", "content-type"} & set(headers)


@pytest.mark.requirement("C-4.1")
@pytest.mark.parametrize(
    ("name", "sent"),
    [
        *((name, True) for name in ("Webhook-Token", "X-Notifications", "X-Host", "Accept")),
        *((name, False) for name in ("Webhook-ID", "webhook-timestamp", "WEBHOOK-SIGNATURE")),
        *((name, False) for name in ("X-Notification-Custom", "Host", "Content-Length")),
        *((name, False) for name in ("Connection", "Transfer-Encoding", "Upgrade")),
    ],
)
def test_only_the_services_and_the_connections_headers_are_left_out(
    world: World, name: str, sent: bool
) -> None:
    world.configure(webhook_url=ENDPOINT, headers={name: "mine"})
    world.send()
    assert (world.endpoints.received[0][1].headers.get(name) == "mine") is sent


@pytest.mark.requirement("C-4.1")
def test_a_header_is_sent_once_however_its_name_is_written(world: World) -> None:
    world.configure(
        headers={"user-agent": "Ours/2", "X-Team": "a", "x-team": "b"}, webhook_url=ENDPOINT
    )
    world.send()
    headers = world.endpoints.received[0][1].headers
    assert (headers["user-agent"], headers["x-team"]) == ("Ours/2", "b")
    assert len({name.lower() for name in headers}) == len(headers)


def test_method_and_timeout_are_the_recipients(world: World) -> None:
    world.configure(webhook_url=ENDPOINT, method="PUT", timeout=1500)
    world.send()
    request = world.endpoints.received[0][1]
    assert (request.method, request.timeout_ms) == ("PUT", 1500)


@pytest.mark.parametrize(("configured", "used"), [(None, 10_000), (30_000, 20_000)])
def test_an_attempt_takes_ten_seconds_by_default_and_twenty_at_most(
    world: World, configured: int | None, used: int
) -> None:
    config: dict[str, Any] = {} if configured is None else {"timeout": configured}
    world.configure(webhook_url=ENDPOINT, **config)
    world.send()
    assert world.endpoints.received[0][1].timeout_ms == used


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({}, "webhook_url is required for webhook channel"),
        ({"webhook_url": ""}, "webhook_url is required for webhook channel"),
        ({"webhook_url": 5}, "webhook_url must be a valid HTTP(S) URL"),
        ({"webhook_url": "nonsense"}, "webhook_url must be a valid HTTP(S) URL"),
        ({"webhook_url": "https://127.0.0.1/"}, "webhook_url is blocked: loopback addresses"),
        ({"webhook_url": "http://example.com/"}, "webhook_url is blocked: only https"),
        ({"webhook_url": "https://service.example.com/x"}, "the service must not call itself"),
        ({"webhook_url": ENDPOINT, "headers": {"a b": "c"}}, "headers must be"),
        ({"webhook_url": ENDPOINT, "headers": {"a": 1}}, "headers must be"),
        ({"webhook_url": ENDPOINT, "headers": {"a": "日"}}, "headers must be"),
        ({"webhook_url": ENDPOINT, "method": "GET"}, "method must be"),
        ({"webhook_url": ENDPOINT, "payload_mode": "x"}, "payload_mode must be"),
        ({"webhook_url": ENDPOINT, "timeout": 999}, "timeout must be"),
        ({"webhook_url": ENDPOINT, "secret": 1}, "secret must be"),
    ],
)
def test_a_configuration_that_could_never_work_is_refused_on_save(
    world: World, config: dict[str, object], text: str
) -> None:
    document = {"user_id": "u1", "channel_type": "webhook", "config_data": config}
    refused = world.request("POST", "/api/user-configs", document)
    assert (refused.status, refused.code) == (400, "VALIDATION_ERROR")
    assert text in refused.json["error"]
    assert world.database.rows("SELECT * FROM user_configs") == []


def test_an_endpoint_that_became_forbidden_is_not_called(world: World) -> None:
    world.environment["ALLOW_LOOPBACK_ENDPOINTS"] = "true"
    world.configure(webhook_url="http://127.0.0.1:9000/hook")
    world.environment["ALLOW_LOOPBACK_ENDPOINTS"] = "false"
    [result] = world.send().json["results"]
    assert (result["status"], result["code"]) == ("failed", "SSRF_BLOCKED")
    assert world.endpoints.received == []


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (200, "sent"),
        (204, "sent"),
        (301, "failed"),
        (302, "failed"),
        (400, "failed"),
        (404, "failed"),
        (429, "retry_scheduled"),
        (500, "retry_scheduled"),
        (503, "retry_scheduled"),
    ],
)
def test_the_status_decides(world: World, status: int, shown: str) -> None:
    world.configure()
    world.endpoints.behave = lambda request: answer(status, "text")
    [result] = world.send().json["results"]
    assert result["status"] == shown
    assert shown == "sent" or result["error"] == f"HTTP {status}: text"


def test_unreachable_and_silent_endpoints_are_retried(world: World) -> None:
    world.configure(webhook_url=ENDPOINT, timeout=1000)
    world.endpoints.behave = lambda request: OutboundFailure("connection refused")
    [result] = world.send().json["results"]
    assert (result["status"], result["code"]) == ("retry_scheduled", "NETWORK_ERROR")
    assert result["error"] == "Network error: connection refused"
    world.endpoints.takes_ms = 1001
    [result] = world.send().json["results"]
    assert (result["code"], result["error"]) == ("TIMEOUT_ERROR", "Request timeout")


@pytest.mark.parametrize(
    ("body", "details"),
    [('{"a":1}', {"a": 1}), ("plain", {}), ("[1]", [1]), ('"' + "x" * 3000 + '"', {}), ("NaN", {})],
)
def test_details_are_short_json_or_nothing(body: str, details: object) -> None:
    assert parsed_details(answer(200, body)) == details


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("99999999999", 999_999_999),
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(world: World, text: str, seconds: int) -> None:
    assert retry_after_seconds(answer(503, retry_after=text), world.clock.ms) == seconds


def test_long_texts_are_cut_at_whole_characters(world: World) -> None:
    world.configure()
    world.endpoints.behave = lambda request: answer(500, "é" * 5000)
    [result] = world.send(custom_content={"content": "👋" * 80_000}).json["results"]
    assert result["error"] == "HTTP 500: " + "é" * 500
    assert world.endpoints.bodies[0]["content"] == "👋" * 80_000


def test_a_blank_content_is_never_sent(world: World) -> None:
    world.configure()
    contents = {"webhook": {"content_template": "{{v}}"}}
    world.request("POST", "/api/templates/blank", {"contents": contents})
    refused = world.send(custom_content=None, template_key="blank", variables={"v": "\u200b"})
    assert world.endpoints.received == []
    assert "INVALID_CONTENT" in str(refused.json)
