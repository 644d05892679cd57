"""The webhook for Grafana's alerts."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from notification.grafana.payload import read_payload
from notification.grafana.variables import alert_variables
from notification.schema.migration_files import MIGRATIONS
from tests.worker.caller import Answer
from tests.worker.endpoints import answer
from tests.worker.grafana.calls import alert, call
from tests.worker.surroundings import CountingLimiter
from tests.worker.world import World

pytestmark = pytest.mark.requirement("C-8.1")

PATH = "/api/webhooks/grafana"
USER, PASSWORD = "grafana", "pässword:with a colon, of 32 letters"


def basic(user: str = USER, password: str = PASSWORD) -> str:
    """An `Authorization` header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def grafana(world: World) -> World:
    """An installation with credentials for Grafana and one recipient."""
    world.environment["GRAFANA_WEBHOOK_USERNAME"] = USER
    world.environment["GRAFANA_WEBHOOK_PASSWORD"] = PASSWORD
    world.configure("ops-team")
    return world


def _post(world: World, body: Any = None, *, path: str = PATH, **headers: str) -> Answer:
    sent = {"authorization": basic()}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return world.request("POST", path, body or call(), signed=False, headers=sent)


@pytest.mark.parametrize("path", [PATH, "/api/grafana/webhook"])
def test_alerts_become_a_notification_to_the_receiver(grafana: World, path: str) -> None:
    received = _post(grafana, path=path)
    assert received.status == 200
    [row] = grafana.logs()
    assert received.json["data"] == {
        "message_ids": [row["message_id"]],
        "processed_alerts": 1,
        "notification_status": [
            {
                "channelType": "webhook",
                "status": "sent",
                "messageId": row["message_id"],
                "error": None,
            }
        ],
    }
    assert row["user_id"] == "ops-team"
    [body] = grafana.endpoints.bodies
    assert body["subject"] == "🚨 ALERT: HighCPU"
    assert "Started: 2025-01-05 10:00:00 UTC" in body["content"]


def test_the_header_may_name_an_endpoint_of_a_channel(grafana: World) -> None:
    grafana.configure("ops-team", "webhook:oncall", webhook_url="https://hooks.example.com/oncall")
    sent = _post(grafana, x_notification_channels="webhook:oncall, webhook:UP!")
    [entry] = sent.json["data"]["notification_status"]
    assert (entry["channelType"], entry["status"]) == ("webhook:oncall", "sent")
    assert grafana.endpoints.received[0][1].url == "https://hooks.example.com/oncall"
    many = ",".join(f"webhook:e{number}" for number in range(11))
    refused = _post(grafana, x_notification_channels=many)
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER")


@pytest.mark.requirement("S0-32")
@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("", "Missing Authorization header"),
        ("Bearer abc", "Invalid authorization type, expected Basic"),
        ("Basic", "Invalid credentials format"),
        ("Basic ***", "Invalid base64 encoding in Authorization header"),
        ("Basic Z3JhZmFuYQ", "Invalid base64 encoding in Authorization header"),
        ("Basic Z3JhZmFuYQ==", "Invalid credentials format"),
        ("Basic /zr/", "Invalid credentials format"),
        (basic(password="wrong"), "Invalid username or password"),
        (basic(user="other"), "Invalid username or password"),
        (basic(password=PASSWORD + "x"), "Invalid username or password"),
    ],
)
@pytest.mark.requirement("B-53")
def test_wrong_credentials_are_challenged(grafana: World, header: str, text: str) -> None:
    refused = _post(grafana, authorization=header)
    assert (refused.status, refused.code, refused.json["error"]) == (401, "UNAUTHORIZED", text)
    assert refused.headers["WWW-Authenticate"] == 'Basic realm="Grafana Webhook"'
    assert grafana.endpoints.received == []


def test_the_scheme_is_case_insensitive(grafana: World) -> None:
    assert _post(grafana, authorization=basic().replace("Basic", "bASIC")).status == 200


@pytest.mark.parametrize("missing", ["GRAFANA_WEBHOOK_USERNAME", "GRAFANA_WEBHOOK_PASSWORD"])
def test_without_credentials_of_its_own_the_service_refuses(grafana: World, missing: str) -> None:
    grafana.environment[missing] = ""
    refused = _post(grafana, authorization=basic(user="", password=""))
    assert (refused.status, refused.json["error"]) == (401, "Server authentication not configured")


def test_a_published_sample_password_stops_production(grafana: World) -> None:
    grafana.environment["GRAFANA_WEBHOOK_PASSWORD"] = "test-password"
    refused = _post(grafana, authorization=basic(password="test-password"))
    assert (refused.status, refused.code) == (503, "WEAK_SECRET")


def test_failed_attempts_count_for_their_address_and_good_ones_do_not(grafana: World) -> None:
    grafana.address_limiter = CountingLimiter(2)
    codes = [_post(grafana, authorization=basic(user="x")).status for _ in range(3)]
    assert codes == [401, 401, 429]
    assert _post(grafana).status == 200


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ([], "Invalid payload format"),
        (call(receiver=""), "Missing or invalid receiver field"),
        (call(status="ok"), "Missing or invalid status field"),
        (call(alerts={}), "Alerts must be an array"),
        (call(alerts=[]), "Alerts must not be empty"),
        (call(alerts=[alert(), alert(status="x")]), "Invalid status in alert 1"),
        (call(alerts=[alert(labels=None)]), "Missing labels in alert 0"),
    ],
)
def test_a_payload_that_grafana_would_not_send_is_400(grafana: World, body: Any, text: str) -> None:
    refused = grafana.request("POST", PATH, body, signed=False, headers={"authorization": basic()})
    assert (refused.status, refused.json["error"]) == (400, text)


@pytest.mark.requirement("B-46")
def test_alerts_without_annotations_are_accepted(grafana: World) -> None:
    bare = alert()
    del bare["annotations"]
    assert _post(grafana, call(alerts=[bare])).status == 200


def test_a_receiver_without_channels_is_400(grafana: World) -> None:
    refused = _post(grafana, call(receiver="nobody"))
    assert (refused.status, refused.code) == (400, "USER_NO_CHANNELS")
    assert refused.json["error"] == "User nobody has no configured channels"


@pytest.mark.requirement("B-10")
def test_what_is_scheduled_for_retry_is_accepted(grafana: World) -> None:
    grafana.endpoints.behave = lambda request: answer(500, "boom")
    received = _post(grafana)
    assert received.status == 200
    [status] = received.json["data"]["notification_status"]
    assert status["status"] == "retry_scheduled"
    assert status["error"].startswith("HTTP 500")


@pytest.mark.requirement("B-10")
def test_grafanas_own_repetition_is_absorbed_for_five_minutes(grafana: World) -> None:
    first = _post(grafana)
    grafana.clock.ms += 299_000
    reworded = call(alerts=[alert(values={"B": 97.5}, annotations={"summary": "still high"})])
    again = _post(grafana, reworded)
    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(grafana.endpoints.received) == 1
    grafana.clock.ms += 1_001
    assert _post(grafana).json != first.json
    assert len(grafana.endpoints.received) == 2


def test_another_state_is_another_notification(grafana: World) -> None:
    _post(grafana)
    _post(grafana, call(status="resolved", alerts=[alert(status="resolved")]))
    assert [b["subject"] for b in grafana.endpoints.bodies] == [
        "🚨 ALERT: HighCPU",
        "✅ RESOLVED: HighCPU",
    ]


def test_when_every_channel_refuses_the_answer_is_500_with_the_reasons(grafana: World) -> None:
    grafana.endpoints.behave = lambda request: answer(404, "no such hook")
    failed = _post(grafana)
    assert (failed.status, failed.code) == (500, "ADAPTER_ERROR")
    assert failed.json["error"].startswith("webhook: HTTP 404")


def test_unknown_channels_in_the_header_are_dropped(grafana: World) -> None:
    received = _post(grafana, x_notification_channels=" pigeon , WebHook,webhook")
    assert [s["channelType"] for s in received.json["data"]["notification_status"]] == ["webhook"]


@pytest.mark.parametrize("key", ["missing-template", "no key at all!"])
def test_an_unknown_template_falls_back_to_the_plain_message(grafana: World, key: str) -> None:
    labels = {"alertname": "HighCPU", "notification_template": key}
    assert _post(grafana, call(commonLabels=labels)).status == 200
    assert grafana.endpoints.bodies[0]["subject"] == "🚨 ALERT: HighCPU"
    assert any(line.get("template") == key for line in grafana.log_sink.lines)


def test_a_template_that_the_alerts_name_is_used(grafana: World) -> None:
    template = {
        "contents": {
            "webhook": {
                "subject_template": "{{alertname}} on {{instance}} ({{alertCount}})",
                "content_template": "{{#each alerts}}{{this.summary}}: {{B}}{{/each}} {{state}}",
            }
        }
    }
    grafana.request("POST", "/api/templates/ours", template)
    labels = {"alertname": "HighCPU", "notification_template": "ours"}
    assert _post(grafana, call(alerts=[alert(labels=alert()["labels"] | labels)])).status == 200
    [body] = grafana.endpoints.bodies
    assert body["subject"] == "HighCPU on server-01 (1)"
    assert body["content"].endswith("firing")
    assert grafana.logs()[0]["template_key"] == "ours"


@pytest.mark.parametrize("key", ["grafana-alert", "grafana-alert-critical"])
def test_the_default_templates_show_an_alert(grafana: World, key: str) -> None:
    if not grafana.database.rows("SELECT 1 FROM notification_templates_v2"):
        defaults = next(m for m in MIGRATIONS if m.name.endswith("default_templates.sql"))
        grafana.database.connection.executescript("".join(defaults.statements))
    labels = {"alertname": "HighCPU", "notification_template": key}
    assert _post(grafana, call(commonLabels=labels)).status == 200
    assert grafana.logs()[0]["template_key"] == key
    assert "HighCPU" in json.dumps(grafana.endpoints.bodies[0])


def test_a_template_gets_as_many_alerts_as_variables_may_hold(grafana: World) -> None:
    template = {"contents": {"webhook": {"content_template": "{{alertCount}}+{{truncatedAlerts}}"}}}
    grafana.request("POST", "/api/templates/ours", template)
    alerts = [
        alert(fingerprint=str(n), annotations={"description": "x" * 2_000}) for n in range(130)
    ]
    labels = {"notification_template": "ours"}
    assert _post(grafana, call(commonLabels=labels, alerts=alerts)).status == 200
    shown, left_out = map(int, grafana.endpoints.bodies[0]["content"].split("+"))
    assert 0 < shown < 100
    assert shown + left_out == 130
    assert len(str(grafana.logs()[0]["variables"])) < 66_000


def test_variables_of_65536_bytes_are_whole_and_of_one_more_are_halved(grafana: World) -> None:
    template = {"contents": {"webhook": {"content_template": "{{alertCount}}+{{truncatedAlerts}}"}}}
    grafana.request("POST", "/api/templates/ours", template)

    def body(size: int) -> dict[str, Any]:
        alerts = [alert(annotations={"description": "ü" * 1_000}), alert(generatorURL="x" * size)]
        return call(commonLabels={"notification_template": "ours"}, alerts=alerts)

    def size_of(body: dict[str, Any]) -> int:
        variables = alert_variables(read_payload(body))
        return len(json.dumps(variables, ensure_ascii=False).encode())

    room = 65_536 - size_of(body(0))
    assert size_of(body(room)) == 65_536
    for size, shown in ((room, "2+0"), (room + 1, "1+1")):
        grafana.clock.ms += 3_600_000
        assert _post(grafana, body(size)).status == 200
        assert grafana.endpoints.bodies[-1]["content"] == shown


def test_more_alerts_than_are_shown_are_counted(grafana: World) -> None:
    alerts = [alert(fingerprint=str(n)) for n in range(130)]
    received = _post(grafana, call(alerts=alerts))
    assert received.json["data"]["processed_alerts"] == 100
    assert "30 more alerts are not shown." in grafana.endpoints.bodies[0]["content"]


@pytest.mark.requirement("C-0.43")
def test_two_alerts_without_fingerprint_that_began_together_are_both_delivered(
    grafana: World,
) -> None:
    labels = [{"alertname": "HighCPU", "instance": instance} for instance in ("a", "b")]
    for some in (*labels, labels[0]):
        bare = {"status": "firing", "labels": some, "startsAt": "2025-01-05T10:00:00Z"}
        body = {"receiver": "ops-team", "status": "firing", "alerts": [bare]}
        assert _post(grafana, body).status == 200
    assert len(grafana.logs()) == len(grafana.endpoints.received) == 2


def test_the_default_message_is_drawn_for_each_channel(grafana: World) -> None:
    world = grafana
    world.configure("ops", "webhook", webhook_url="https://hooks.example.com/in")
    world.configure("ops", "slack", webhook_url="https://hooks.slack.com/services/a/b/c")
    world.configure("ops", "telegram", bot_token="1:" + "x" * 30, chat_id="1")
    world.endpoints.behave = lambda request: answer(200, '{"ok":true}')
    headers = {"authorization": basic(), "x-notification-channels": "webhook,slack,telegram"}
    done = world.request("POST", "/api/webhooks/grafana", call(receiver="ops"), headers=headers)
    assert done.status == 200
    bodies = {
        request.url.split("/")[2]: json.loads(request.body)
        for _, request in world.endpoints.received
    }
    plain = bodies["hooks.example.com"]
    assert plain["content"].startswith("Status: FIRING\n")
    assert "View in Grafana: http://grafana.example.com/x" in plain["content"]
    assert "**" not in plain["content"]
    assert plain["subject"] == "🚨 ALERT: HighCPU"
    assert "*Status*: FIRING" in bodies["hooks.slack.com"]["blocks"][1]["text"]["text"]
    html = bodies["api.telegram.org"]["text"]
    assert "<b>Status</b>: FIRING" in html
    assert '<a href="http://grafana.example.com/x">View in Grafana</a>' in html
