"""A signed notification on the real runtime, from the request to the endpoint."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from ops.stacks.notification import Notification
from ops.stacks.service import ServiceClient
from tests.eventually import eventually
from tests.installation import Installation

pytestmark = pytest.mark.workerd


@pytest.fixture
def installation(moving: Installation) -> Installation:
    """These tests let time pass."""
    return moving


@pytest.fixture
def user() -> str:
    return f"user-{secrets.token_hex(4)}"


def send(service: ServiceClient, user: str, url: str, **more: Any) -> dict[str, Any]:
    notification = Notification(
        user=user, channels=("webhook",), message="It works", subject="Hello", url=url, **more
    )
    return notification.send(service)


def rows(service: ServiceClient, user: str) -> list[dict[str, Any]]:
    found = service.result("GET", "/api/notification-logs", query={"user_id": user})
    logs: list[dict[str, Any]] = found["data"]["logs"]
    return logs


def only_row(service: ServiceClient, user: str) -> dict[str, Any]:
    found = rows(service, user)
    assert len(found) == 1
    return found[0]


def await_retry(installation: Installation, user: str, attempts: int) -> None:
    """Move the clock past the next retry and wait until the endpoint has seen it."""
    installation.advance_clock(40)
    eventually(
        lambda: len(installation.arrivals(f"/hook/{user}")) == attempts,
        what=f"attempt {attempts}",
    )


def test_a_signed_notification_arrives_and_its_row_says_sent(
    installation: Installation, user: str
) -> None:
    with installation.service() as service:
        answer = send(service, user, f"{installation.sink_url}/hook/{user}")
        row = only_row(service, user)

    result = answer["results"][0]
    assert (result["channelType"], result["status"]) == ("webhook", "sent")
    [arrival] = installation.arrivals(f"/hook/{user}")
    body = json.loads(arrival["body"])
    assert (body["subject"], body["content"]) == ("Hello", "It works")
    assert body["metadata"]["message_id"] == result["messageId"]
    assert (row["status"], row["message_id"]) == ("sent", result["messageId"])
    assert row["request_id"] == answer["request_id"]


def test_the_same_key_sends_once_and_answers_the_same(
    installation: Installation, user: str
) -> None:
    url = f"{installation.sink_url}/hook/{user}"
    with installation.service() as service:
        first = send(service, user, url, idempotency_key="order-1")
        second = send(service, user, url, idempotency_key="order-1")
        only_row(service, user)

    assert first["results"][0]["messageId"] == second["results"][0]["messageId"]
    assert len(installation.arrivals(f"/hook/{user}")) == 1


def test_the_same_key_with_another_text_is_refused(installation: Installation, user: str) -> None:
    url = f"{installation.sink_url}/hook/{user}"
    with installation.service() as service:
        send(service, user, url, idempotency_key="order-1")
        answer = service.call(
            "POST",
            "/api/notifications/send",
            body={
                "user_id": user,
                "channels": ["webhook"],
                "custom_content": {"content": "another text"},
                "idempotency_key": "order-1",
            },
        )

    assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert len(installation.arrivals(f"/hook/{user}")) == 1


def test_a_failing_endpoint_is_tried_again_until_it_confirms(
    installation: Installation, user: str
) -> None:
    url = f"{installation.sink_url}/hook/{user}?fail_first=2&status=500"
    with installation.service() as service:
        answer = send(service, user, url)
        assert answer["results"][0]["status"] == "retry_scheduled"
        for attempts in (2, 3):
            await_retry(installation, user, attempts)
        row = eventually(
            lambda: next((r for r in rows(service, user) if r["status"] == "sent"), None),
            what="the row to say sent",
        )
        only_row(service, user)

    bodies = [json.loads(message["body"]) for message in installation.arrivals(f"/hook/{user}")]
    assert {body["metadata"]["message_id"] for body in bodies} == {row["message_id"]}
    assert row["retry_count"] == 2


def test_an_endpoint_that_never_confirms_ends_as_failed_and_dead_letter(
    installation: Installation, user: str
) -> None:
    url = f"{installation.sink_url}/hook/{user}?status=500"
    with installation.service() as service:
        send(service, user, url)
        for attempts in (2, 3):
            await_retry(installation, user, attempts)
        row = eventually(
            lambda: next((r for r in rows(service, user) if r["status"] == "failed"), None),
            what="the row to say failed",
        )
        installation.advance_clock(60)
        eventually(
            lambda: "moved to DLQ" in only_row(service, user)["error"],
            what="the dead-letter consumer's mark",
        )

    assert row["error"].startswith("HTTP 500")
    assert len(installation.arrivals(f"/hook/{user}")) == 3


def test_a_permanent_refusal_is_not_tried_again(installation: Installation, user: str) -> None:
    with installation.service() as service:
        answer = send(service, user, f"{installation.sink_url}/hook/{user}?status=404")
        installation.advance_clock(120)
        row = only_row(service, user)

    assert answer["results"][0]["status"] == "failed"
    assert row["status"] == "failed"
    assert len(installation.arrivals(f"/hook/{user}")) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/hook",
        "http://169.254.169.254/latest/meta-data",
        "http://192.168.1.1/",
        "http://[fd00::1]/",
    ],
)
def test_private_endpoints_off_this_machine_are_refused_when_saved(
    installation: Installation, user: str, url: str
) -> None:
    with installation.service() as service:
        answer = service.call(
            "POST",
            "/api/user-configs",
            body={
                "user_id": user,
                "channel_type": "webhook",
                "config_data": {"webhook_url": url},
            },
        )
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
