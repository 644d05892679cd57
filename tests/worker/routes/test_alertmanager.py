"""The webhook for Prometheus's Alertmanager."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.worker.caller import Answer
from tests.worker.endpoints import answer
from tests.worker.world import World

pytestmark = pytest.mark.requirement("C-8.3")
PATH = "/api/webhooks/alertmanager"
USER, PASSWORD = "alerts", "a password of thirty-two letters"


@pytest.fixture
def alertmanager(world: World) -> World:
    world.environment["GRAFANA_WEBHOOK_USERNAME"] = USER
    world.environment["GRAFANA_WEBHOOK_PASSWORD"] = PASSWORD
    world.configure("ops-team")
    return world


def payload(**changes: Any) -> dict[str, Any]:
    """What Alertmanager sends (version 4), with some fields changed."""
    alert = {
        "status": "firing",
        "labels": {"alertname": "InstanceDown", "instance": "n1:9100", "severity": "page"},
        "annotations": {"summary": "n1 is down"},
        "startsAt": "2026-01-05T10:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
        "fingerprint": "f1",
    }
    return {
        "version": "4",
        "groupKey": '{}:{alertname="InstanceDown"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "ops-team",
        "groupLabels": {"alertname": "InstanceDown"},
        "commonLabels": {"alertname": "InstanceDown"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": [alert],
    } | changes


def post(world: World, body: Any, *, path: str = PATH, password: str = PASSWORD) -> Answer:
    basic = base64.b64encode(f"{USER}:{password}".encode()).decode()
    return world.request(
        "POST", path, body, signed=False, headers={"authorization": f"Basic {basic}"}
    )


def test_a_group_becomes_a_notification_that_names_prometheus(alertmanager: World) -> None:
    received = post(alertmanager, payload())
    assert received.status == 200
    assert received.json["data"]["processed_alerts"] == 1
    [body] = alertmanager.endpoints.bodies
    assert body["subject"] == "🚨 ALERT: InstanceDown"
    assert "n1 is down" in body["content"]
    assert "View in Prometheus" in body["content"]
    assert "Grafana" not in body["content"]


def test_the_channels_may_stand_in_the_url(alertmanager: World) -> None:
    alertmanager.configure(
        "ops-team", "slack", webhook_url="https://hooks.slack.com/services/a/b/c"
    )
    alertmanager.endpoints.behave = lambda request: answer(200, "ok")
    received = post(alertmanager, payload(), path=f"{PATH}?channels=slack")
    assert [each["channelType"] for each in received.json["data"]["notification_status"]] == [
        "slack"
    ]


def test_a_repetition_is_absorbed_and_a_resolution_is_not(alertmanager: World) -> None:
    first, again = post(alertmanager, payload()), post(alertmanager, payload())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json["data"]["message_ids"] == first.json["data"]["message_ids"]
    resolved = payload(status="resolved")
    resolved["alerts"][0] |= {"status": "resolved", "endsAt": "2026-01-05T11:00:00Z"}
    assert post(alertmanager, resolved).headers.get("Idempotent-Replayed") is None
    assert len(alertmanager.endpoints.bodies) == 2


def test_the_same_alert_from_grafana_is_another_message(alertmanager: World) -> None:
    post(alertmanager, payload())
    assert post(alertmanager, payload(), path="/api/webhooks/grafana").status == 200
    assert len(alertmanager.endpoints.bodies) == 2


def test_it_needs_the_credentials(alertmanager: World) -> None:
    refused = post(alertmanager, payload(), password="wrong")
    assert (refused.status, refused.code) == (401, "UNAUTHORIZED")
    assert alertmanager.endpoints.bodies == []
