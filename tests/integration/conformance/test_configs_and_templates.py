"""Configurations and templates on the deployed service."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notification.channels.registry import CHANNELS
from tests.integration.conformance.deployed import Deployed, expect


@pytest.mark.requirement("C-2.3", "C-0.12", "C-3.1", "B-22", "B-32", "B-47")
def test_a_configuration_is_created_replaced_masked_and_deleted(
    service: Deployed, user: str
) -> None:
    config = {
        "webhook_url": service.hook(user),
        "secret": "a-secret-of-mine",
        "headers": {"X-Tenant": "tenant-1"},
    }
    body = {"user_id": user, "channel_type": "webhook", "config_data": config}
    created = service.call("POST", "/api/user-configs", body)
    assert created.status_code == 201
    assert created.json()["message"] == "User configuration created successfully"
    masked = created.json()["data"]["config_data"]
    assert masked == {
        "webhook_url": config["webhook_url"],
        "secret": "a-se…",
        "headers": {"X-Tenant": "tena…"},
    }
    alias = {"user_id": user, "channel": "webhook", "config": masked, "is_active": False}
    replaced = service.call("POST", "/api/user-configs", alias)
    assert (replaced.status_code, replaced.json()["data"]["is_active"]) == (200, False)
    only_switch = service.call("PUT", f"/api/users/{user}/configs/webhook", {"is_active": True})
    assert only_switch.json()["data"]["is_active"] is True
    service.send(user)
    [arrival] = service.installation.arrivals(f"/hook/{user}")
    headers = {name.lower(): value for name, value in dict(arrival["headers"]).items()}
    assert headers["x-tenant"] == "tenant-1"
    [shown] = service.data("GET", f"/api/user-configs?user_id={user}&mask=true")
    assert shown["config_data"]["secret"] == "a-***ne"
    assert service.data("GET", f"/api/users/{user}/configs") != []
    gone = service.call("DELETE", f"/api/user-configs?user_id={user}&channel_type=webhook")
    assert gone.json()["message"] == "User configuration deleted successfully"
    again = service.call("DELETE", f"/api/users/{user}/configs/webhook")
    expect(again, 404, "NOT_FOUND", "Configuration not found")


@pytest.mark.requirement("C-2.3", "B-27")
def test_lists_of_configurations_are_bounded_and_counted(service: Deployed, hooked: str) -> None:
    answer = service.call("GET", "/api/user-configs?limit=1")
    assert (len(answer.json()["data"]), answer.json()["meta"]["total"] >= 1) == (1, True)
    for query in ("limit=0", "limit=1001", "limit=abc", "offset=-1"):
        expect(service.call("GET", f"/api/user-configs?{query}"), 400, "INVALID_PARAMETER")
    [row] = service.data("GET", f"/api/user-configs?user_id={hooked}&channel_type=webhook")
    assert row["user_id"] == hooked


@pytest.mark.requirement("C-4", "C-4.1", "C-4.2", "C-4.3", "C-4.4", "C-2.3", "B-37")
@pytest.mark.parametrize(
    ("channel", "config", "text"),
    [
        ("webhook", {}, "webhook_url is required for webhook channel"),
        ("webhook", {"webhook_url": "ftp://a.example"}, "webhook_url must be a valid HTTP(S) URL"),
        ("telegram", {"chat_id": 1}, "bot_token is required for telegram channel"),
        ("telegram", {"bot_token": "1:x"}, "chat_id is required for telegram channel"),
        ("lark", {}, "webhook_url is required for lark channel"),
        ("lark", {"webhook_url": "https://example.com/x"}, "Invalid lark webhook URL"),
        ("slack", {}, "webhook_url is required for slack channel"),
        ("slack", {"webhook_url": "https://example.com/x"}, "Invalid slack webhook URL"),
        ("webhook", {"webhook_url": "http://169.254.169.254/"}, None),
        ("webhook", {"webhook_url": "http://[::ffff:10.0.0.1]/"}, None),
        ("webhook", {"webhook_url": "http://0xa9fea9fe/"}, None),
        ("webhook", {"webhook_url": "https://user:pw@example.com/"}, None),
        ("webhook", {"webhook_url": "https://example.com/", "headers": {"A": "x" * 16_384}}, None),
    ],
)
def test_what_could_never_be_sent_is_refused_when_saved(
    service: Deployed, user: str, channel: str, config: dict[str, Any], text: str | None
) -> None:
    body = {"user_id": user, "channel_type": channel, "config_data": config}
    expect(service.call("POST", "/api/user-configs", body), 400, "VALIDATION_ERROR", text)


@pytest.mark.requirement("C-2.3", "C-1.3")
def test_incomplete_configurations_are_refused_with_the_contracts_texts(
    service: Deployed, user: str
) -> None:
    missing = service.call("POST", "/api/user-configs", {"user_id": user})
    text = "Missing required fields: user_id, channel_type, config_data"
    expect(missing, 400, "MISSING_PARAMETER", text)
    body = {"user_id": user, "channel_type": "email", "config_data": {}}
    text = f"Invalid channel_type. Must be one of: {', '.join(CHANNELS)}"
    expect(service.call("POST", "/api/user-configs", body), 400, "VALIDATION_ERROR", text)
    text = "Missing required parameters: user_id, channel_type"
    expect(service.call("DELETE", "/api/user-configs"), 400, "MISSING_PARAMETER", text)


@pytest.mark.requirement("C-3.9", "C-0.11", "B-32")
def test_the_database_holds_the_sealed_form_only(service: Deployed, user: str) -> None:
    service.configure(user, "webhook", webhook_url=service.hook(user), secret="not-to-be-read")
    [row] = service.statement("SELECT config_data FROM user_configs WHERE user_id = ?", user)
    version, form, key_id, sealed = row["config_data"].split(":")
    assert (version, form, len(key_id)) == ("enc", "v2", 8)
    assert "not-to-be-read" not in row["config_data"]
    assert sealed


@pytest.mark.requirement("C-3.9", "B-21")
def test_a_configuration_that_cant_be_read_disables_its_channel_alone(
    service: Deployed, hooked: str
) -> None:
    service.configure(hooked, "slack", webhook_url=service.hook(f"{hooked}-slack"))
    service.statement(
        "UPDATE user_configs SET config_data = 'enc:v2:00000000:AAAA', revision = revision + 1"
        " WHERE user_id = ? AND channel_type = 'slack'",
        hooked,
    )
    slack, webhook = service.send(hooked, "slack", "webhook")
    assert (slack["status"], slack["code"]) == ("failed", "INVALID_CONFIG")
    assert webhook["status"] == "sent"


@pytest.mark.requirement("C-2.4", "C-3.2", "C-3.3", "C-5.1", "C-5.4", "B-12", "B-18", "D-11")
def test_a_template_is_saved_shown_previewed_sent_and_switched_off(
    service: Deployed, hooked: str
) -> None:
    key = f"order-{hooked}"
    contents = {
        "webhook": {
            "subject_template": "Order {{orderId}}",
            "content_template": "For {{customer}}: {{missing}} {{constructor}} {{n}}",
        },
        "lark": {"content_type": "json", "content_template": {"msg_type": "text", "a": "{{n}}"}},
    }
    body = {"name": "Order", "variables": ["orderId"], "contents": contents}
    saved = service.call("POST", f"/api/templates?key={key}", body)
    assert (saved.status_code, saved.json()["message"]) == (200, "Template saved successfully")
    shown = service.data("GET", f"/api/templates/{key}")
    assert shown["variables"] == shown["template"]["variables"] == ["orderId"]
    kinds = {row["channel_type"]: row["content_type"] for row in shown["contents"]}
    assert kinds == {"webhook": "text", "lark": "json"}
    variables = {"orderId": "A-1", "customer": "Li & Co {{orderId}}", "n": 1}
    preview = service.data("POST", f"/api/templates/{key}/preview", {"variables": variables})
    assert preview["webhook"]["missing_variables"] == ["missing", "constructor"]
    service.send(hooked, template_key=key, variables=variables)
    [arrival] = service.installation.arrivals(f"/hook/{hooked}")
    sent = json.loads(arrival["body"])
    assert sent["content"] == "For Li & Co {{orderId}}: {{missing}} {{constructor}} 1"
    assert sent["content"] == preview["webhook"]["content"]
    assert sent["subject"] == "Order A-1"
    assert service.call("DELETE", f"/api/templates/{key}").status_code == 200
    refused = service.call(
        "POST",
        "/api/notifications/send",
        {"user_id": hooked, "channels": ["webhook"], "template_key": key},
    )
    expect(refused, 400, "TEMPLATE_NOT_FOUND", f"Template not found: {key}")


@pytest.mark.requirement("C-2.4", "C-5.2", "B-18")
@pytest.mark.parametrize(
    ("key", "body", "text"),
    [
        (
            "a.b",
            {},
            "Template key must contain only alphanumeric characters, underscores, and hyphens",
        ),
        ("x" * 101, {}, "Template key must not exceed 100 characters"),
        ("ok", {"variables": "a"}, "Variables must be an array"),
        ("ok", {"contents": []}, "Contents must be an object"),
        ("ok", {"contents": {"fax": {"content_template": "x"}}}, None),
        ("ok", {"contents": {"lark": {}}}, None),
        ("ok", {"contents": {"lark": {"content_template": "{{#each a}}"}}}, None),
        ("ok", {"template_name": "x" * 201}, None),
    ],
)
def test_a_template_with_a_mistake_is_refused(
    service: Deployed, key: str, body: dict[str, Any], text: str | None
) -> None:
    answer = service.call("POST", f"/api/templates/{key}", body)
    assert answer.status_code == 400
    if text is not None:
        assert answer.json()["error"] == text


@pytest.mark.requirement("C-5.2")
def test_a_syntax_error_is_told_with_line_and_column(service: Deployed) -> None:
    body = {"contents": {"lark": {"content_template": "one\n  {{#if x}} two"}}}
    answer = service.call("POST", "/api/templates/broken", body)
    expect(answer, 400, "VALIDATION_ERROR")
    assert answer.json()["error"].startswith("Invalid template syntax: ")
    assert "line 2, column 3" in answer.json()["error"]


@pytest.mark.requirement("C-2.4", "C-1.3")
def test_a_missing_template_is_not_found(service: Deployed) -> None:
    for method, path in (
        ("GET", "/api/templates/none"),
        ("GET", "/api/templates?key=none"),
        ("GET", "/api/templates/none/contents"),
        ("DELETE", "/api/templates/none"),
    ):
        expect(service.call(method, path), 404, "NOT_FOUND", "Template not found")


@pytest.mark.requirement("C-5.6", "C-5.2", "D-15")
def test_the_default_templates_are_there_for_every_channel(service: Deployed) -> None:
    rows = service.data("GET", "/api/templates?limit=200")
    found = {row["template_key"]: row["supported_channels"] for row in rows}
    for key in ("grafana-alert", "grafana-alert-critical", "system_alert"):
        assert set(found[key]) == set(CHANNELS)
    assert {"user_notification", "status_update"} <= found.keys()


@pytest.mark.requirement("C-5.3", "B-08")
def test_a_channel_without_a_content_fails_by_itself(service: Deployed, hooked: str) -> None:
    key = f"lark-only-{hooked}"
    service.data("POST", f"/api/templates/{key}", {"contents": {"lark": {"content_template": "x"}}})
    [result] = service.send(hooked, template_key=key)
    assert (result["status"], result["code"]) == ("failed", "TEMPLATE_CONTENT_NOT_FOUND")
