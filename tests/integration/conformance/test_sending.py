"""Sending on the deployed service: fields, limits, results, repetition."""

from __future__ import annotations

import re
from typing import Any

import pytest

from notification.channels.registry import CHANNELS
from tests.integration.conformance.deployed import SEND, Deployed, expect

VALID = ", ".join(CHANNELS)


@pytest.mark.requirement("C-1.3", "C-1.11", "C-2.1", "B-25", "B-30", "B-31")
@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"user_id": None}, "INVALID_USER_ID", "user_id is required and must be a string"),
        ({"user_id": "\x01 "}, "INVALID_USER_ID", "user_id cannot be empty after sanitization"),
        ({"user_id": "x" * 101}, "INVALID_USER_ID", None),
        (
            {"channels": "webhook"},
            "INVALID_CHANNELS",
            "channels is required and must be a non-empty array",
        ),
        (
            {"channels": ["email"]},
            "INVALID_CHANNEL_TYPE",
            f"Invalid channel: email. Valid channels are: {VALID}",
        ),
        ({"template_key": 1}, "INVALID_TEMPLATE_KEY", "template_key must be a string"),
        ({"template_key": "a.b"}, "INVALID_TEMPLATE_KEY", None),
        ({"template_key": "x" * 101}, "INVALID_TEMPLATE_KEY", None),
        ({"variables": []}, "INVALID_VARIABLES", "variables must be an object"),
        ({"variables": {f"k{i}": 1 for i in range(101)}}, "INVALID_VARIABLES", None),
        ({"variables": {"k": "x" * 65_536}}, "INVALID_VARIABLES", None),
        ({"custom_content": "x"}, "INVALID_CUSTOM_CONTENT", "custom_content must be an object"),
        (
            {"custom_content": {"content": 5}},
            "INVALID_CONTENT",
            "custom_content.content is required and must be a string",
        ),
        ({"custom_content": {"content": "x" * 100_001}}, "INVALID_CONTENT", None),
        (
            {"custom_content": {"content": "x", "subject": 5}},
            "INVALID_SUBJECT",
            "custom_content.subject must be a string",
        ),
        ({"custom_content": {"content": "x", "subject": "x" * 1_001}}, "INVALID_SUBJECT", None),
        (
            {"custom_content": None},
            "MISSING_CONTENT",
            "Either template_key or custom_content must be provided",
        ),
        ({"idempotency_key": 5}, "INVALID_IDEMPOTENCY_KEY", "idempotency_key must be a string"),
        ({"idempotency_key": "x" * 256}, "INVALID_IDEMPOTENCY_KEY", None),
        ({"metadata": {"k": "x" * 4_096}}, "INVALID_METADATA", None),
        ({"custom_content": {"content": "\u200b "}}, "INVALID_CONTENT", None),
        (
            {"template_key": "no-such", "custom_content": None},
            "TEMPLATE_NOT_FOUND",
            "Template not found: no-such",
        ),
    ],
)
def test_a_request_with_a_mistake_is_refused_by_code_and_text(
    service: Deployed, hooked: str, change: dict[str, Any], code: str, text: str | None
) -> None:
    body = {"user_id": hooked, "channels": ["webhook"], "custom_content": {"content": "x"}}
    expect(service.call("POST", SEND, {**body, **change}), 400, code, text)
    assert service.installation.arrivals(f"/hook/{hooked}") == []


@pytest.mark.requirement("B-08", "C-1.3")
def test_a_recipient_without_channels_is_an_error(service: Deployed, user: str) -> None:
    body = {"user_id": user, "channels": ["slack"], "custom_content": {"content": "x"}}
    text = f"User {user} has no configured channels"
    expect(service.call("POST", SEND, body), 400, "USER_NO_CHANNELS", text)


@pytest.mark.requirement("C-2.1", "C-1.1", "C-1.4", "B-09", "B-24", "C-3.4", "C-0.6")
def test_results_keep_the_order_of_the_channels_each_once(service: Deployed, hooked: str) -> None:
    answer = service.call(
        "POST",
        SEND,
        {
            "user_id": hooked,
            "channels": ["slack", "webhook", "slack", "webhook"],
            "custom_content": {"content": "x"},
            "variables": {"a": 1},
            "metadata": {"order": 7},
        },
    )
    slack, webhook = answer.json()["results"]
    assert (slack["channelType"], slack["status"]) == ("slack", "failed")
    assert slack["code"] == "CHANNEL_NOT_CONFIGURED"
    assert slack["error"] == "No active configuration for channel slack"
    assert (webhook["channelType"], webhook["status"]) == ("webhook", "sent")
    assert re.fullmatch(r"ntf_\d{13}_webhook_[0-9a-f]{12}", webhook["messageId"])
    assert len(service.installation.arrivals(f"/hook/{hooked}")) == 1
    row = service.data("GET", f"/api/notification-logs/{webhook['logId']}")
    assert row["request_id"] == answer.headers["x-request-id"]
    assert (row["variables"], row["metadata"]) == ({"a": 1}, {"order": 7})
    assert (row["status"], row["retry_count"]) == ("sent", 0)
    [attempt] = row["attempts"]
    assert attempt.keys() >= {"at"}
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(stamp, row["created_at"])
    assert re.fullmatch(stamp, row["sent_at"])


@pytest.mark.requirement("C-2.1", "C-0.9", "B-07")
def test_a_key_repeats_the_first_answer_and_refuses_another_request(
    service: Deployed, hooked: str
) -> None:
    body = {"user_id": hooked, "channels": ["webhook"], "custom_content": {"content": "x"}}
    body["idempotency_key"] = "k"
    first = service.call("POST", SEND, body)
    again = service.call("POST", "/api/send-notification", {**body, "metadata": {"n": 1}})
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    ids = [answer.json()["results"][0]["messageId"] for answer in (first, again)]
    assert ids[0] == ids[1]
    other = service.call("POST", SEND, {**body, "variables": {"a": 1}})
    expect(other, 422, "IDEMPOTENCY_KEY_REUSED")
    assert len(service.installation.arrivals(f"/hook/{hooked}")) == 1


@pytest.mark.requirement("C-0.9", "B-08")
def test_a_refused_request_leaves_its_key_free(service: Deployed, hooked: str) -> None:
    body: dict[str, Any] = {
        "user_id": hooked,
        "channels": ["webhook"],
        "template_key": "no-such",
        "idempotency_key": "k",
    }
    expect(service.call("POST", SEND, body), 400, "TEMPLATE_NOT_FOUND")
    del body["template_key"]
    answer = service.call("POST", SEND, {**body, "custom_content": {"content": "x"}})
    assert answer.json()["results"][0]["status"] == "sent"


@pytest.mark.requirement("C-2.1", "C-5.3")
def test_custom_content_wins_over_a_template_and_is_not_rendered(
    service: Deployed, hooked: str
) -> None:
    service.send(
        hooked,
        template_key="system_alert",
        custom_content={"content": "as {{written}}"},
        variables={"written": "no"},
    )
    [arrival] = service.installation.arrivals(f"/hook/{hooked}")
    assert '"as {{written}}"' in arrival["body"]
