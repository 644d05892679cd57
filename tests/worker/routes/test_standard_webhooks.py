"""Webhooks that come in with a Standard Webhooks signature."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import standardwebhooks

from tests.worker.caller import Answer
from tests.worker.world import ENDPOINT, World

pytestmark = pytest.mark.requirement("C-8.4")
PATH = "/api/webhooks/standard/u1/webhook"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(9, 41))).decode()
EVENT = {"type": "invoice.paid", "timestamp": "2026-01-05T10:00:00Z", "data": {"text": "12 EUR"}}


@pytest.fixture
def receiver(world: World) -> World:
    world.configure(webhook_url=ENDPOINT, inbound_secret=SECRET)
    return world


def post(
    world: World,
    event: Any = EVENT,
    *,
    secret: str = SECRET,
    delivery: str = "msg_1",
    off_s: int = 0,
    path: str = PATH,
    **changed: str,
) -> Answer:
    raw = event if isinstance(event, str) else json.dumps(event)
    now = world.clock.now_ms() // 1000 + off_s
    moment = datetime.fromtimestamp(now, UTC)
    headers = {
        "content-type": "application/json",
        "webhook-id": delivery,
        "webhook-timestamp": str(now),
        "webhook-signature": standardwebhooks.Webhook(secret).sign(delivery, moment, raw),
    }
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    return world.request("POST", path, raw=raw.encode(), signed=False, headers=headers)


def test_an_event_becomes_a_notification(receiver: World) -> None:
    forwarded = post(receiver)
    assert forwarded.status == 200
    [body] = receiver.endpoints.bodies
    assert (body["subject"], body["content"]) == ("invoice.paid", "12 EUR")
    [row] = receiver.logs()
    assert row["message_id"] == forwarded.json["message_id"]


@pytest.mark.parametrize(
    ("event", "subject", "content"),
    [
        ({"type": "a.b", "data": {"title": "T", "text": "x"}}, "T", "x"),
        ({"type": "a.b", "data": {"n": 1}}, "a.b", '{\n  "n": 1\n}'),
        ({"type": "a.b", "data": "x"}, "a.b", "x"),
        ({"type": "a.b", "data": {}}, "Webhook Notification", None),
        ({"message": "x"}, "Webhook Notification", "x"),
        ({"data": {"text": "x"}}, "Webhook Notification", "x"),
    ],
)
def test_data_is_the_content_and_type_the_subject_where_it_has_none(
    receiver: World, event: dict[str, Any], subject: str, content: str | None
) -> None:
    assert post(receiver, event).status == 200
    [body] = receiver.endpoints.bodies
    assert body["subject"] == subject
    if content is not None:
        assert body["content"] == content


def test_a_delivery_counts_once_however_often_it_is_signed_anew(receiver: World) -> None:
    first, again = post(receiver), post(receiver, off_s=5)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json["message_id"] == first.json["message_id"]
    assert post(receiver, delivery="msg_2").status == 200
    assert len(receiver.endpoints.bodies) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook_signature": "v1,AAAA"},
        {"webhook_signature": ""},
        {"webhook_signature": "v2,AAAA"},
        {"webhook_signature": "\udcff"},
        {"webhook_id": "msg_9"},
        {"webhook_id": ""},
        {"webhook_timestamp": "now"},
        {"webhook_timestamp": "1"},
        {"webhook_timestamp": "9" * 400},
    ],
)
def test_a_call_that_was_changed_is_refused(receiver: World, changed: dict[str, Any]) -> None:
    refused = post(receiver, **changed)
    assert (refused.status, refused.code) == (401, "UNAUTHORIZED")
    assert refused.json["error"].startswith("Invalid webhook signature")
    assert receiver.logs() == []


@pytest.mark.parametrize(("off_s", "status"), [(-300, 200), (-301, 401), (300, 200), (301, 401)])
def test_a_call_is_genuine_within_five_minutes(receiver: World, off_s: int, status: int) -> None:
    assert post(receiver, off_s=off_s).status == status


def test_another_secret_is_refused_and_several_overlap(receiver: World) -> None:
    assert post(receiver, secret=OTHER).status == 401
    receiver.configure(webhook_url=ENDPOINT, inbound_secret=[OTHER, SECRET])
    assert post(receiver, secret=OTHER, delivery="msg_2").status == 200
    assert post(receiver, delivery="msg_3").status == 200


@pytest.mark.parametrize(
    "path", ["/api/webhooks/standard/nobody/webhook", "/api/webhooks/standard/u1/pigeon"]
)
def test_who_exists_is_not_told_without_a_signature(receiver: World, path: str) -> None:
    refused = post(receiver, path=path)
    assert (refused.status, refused.code) == (401, "UNAUTHORIZED")


def test_a_recipient_without_a_secret_takes_none(world: World) -> None:
    world.configure()
    assert post(world).status == 401


def test_an_inactive_recipient_is_told_to_a_sender_who_signs(receiver: World) -> None:
    receiver.request(
        "POST",
        "/api/user-configs",
        {"user_id": "u1", "channel_type": "webhook", "is_active": False},
    )
    assert (post(receiver).status, post(receiver).code) == (404, "NOT_FOUND")


def test_the_secret_is_checked_when_saved_and_masked_when_shown(world: World) -> None:
    for wrong in ("short", "whsec_AAAA", [], [SECRET] * 6, 7):
        body = {
            "user_id": "u1",
            "channel_type": "webhook",
            "config_data": {"webhook_url": ENDPOINT, "inbound_secret": wrong},
        }
        refused = world.request("POST", "/api/user-configs", body)
        assert (refused.status, refused.code) == (400, "VALIDATION_ERROR"), wrong
        assert refused.json["error"].startswith("inbound_secret"), refused.json
    shown = world.configure(webhook_url=ENDPOINT, inbound_secret=[SECRET, OTHER])
    assert shown["config_data"]["inbound_secret"] == ["whse…", "whse…"]
    world.configure(**shown["config_data"])
    assert post(world).status == 200
