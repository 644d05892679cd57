"""What the deployed service writes to its log: a line for each request and failed attempt."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

import httpx
import pytest

from ops.stacks.service import sign
from tests.eventually import eventually
from tests.integration.conformance.chat_apis import ChatApis
from tests.integration.conformance.deployed import SECRETS, SEND, Deployed, basic

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
CANARY = f"canary{secrets.token_hex(8)}"
CONFIGS: dict[str, dict[str, Any]] = {
    "webhook": {"secret": f"{CANARY}-secret", "headers": {"X-Key": f"{CANARY}-header"}},
    "telegram": {"bot_token": f"123456789:{CANARY}-abcdefghijklmnopqrst", "chat_id": "kicked"},
    "lark": {"secret": f"{CANARY}-lark"},
}


def lines_of(service: Deployed) -> list[dict[str, Any]]:
    """Everything that the Worker has written lately."""
    answer = service.installation.control("GET", "/local/logs?limit=1000")
    events = answer.raise_for_status().json()["logs"]
    found = []
    for event in events:
        if event.get("type") == "log" and event["message"].startswith("{"):
            found.append({"console": event["level"], **json.loads(event["message"])})
    return found


@pytest.fixture(scope="module")
def request_id() -> str:
    return f"logged-{secrets.token_hex(6)}"


@pytest.fixture(scope="module")
def logged(service: Deployed, apis: ChatApis, request_id: str) -> list[dict[str, Any]]:
    """The lines after one send over three channels and calls with every kind of credential, all of
    which carry a canary where a secret stands."""
    user = f"user-{secrets.token_hex(4)}"
    urls = {
        "webhook": f"{service.hook(user)}/{CANARY}-path?key={CANARY}-query",
        "lark": f"{apis.url}/open-apis/bot/v2/hook/{CANARY}-hook",
    }
    for channel, config in CONFIGS.items():
        url = {"webhook_url": urls[channel]} if channel in urls else {}
        service.configure(user, channel, **config, **url)
    body = {
        "user_id": user,
        "channels": list(CONFIGS),
        "custom_content": {"subject": f"{CANARY}-subject", "content": f"{CANARY}-content"},
        "variables": {"password": f"{CANARY}-variable"},
        "metadata": {"note": f"{CANARY}-metadata"},
        "idempotency_key": f"{CANARY}-idempotency",
    }
    assert signed(service, body, request_id).status_code == 200
    wrong = {"X-Timestamp": "1736100000000", "X-Signature": f"{CANARY}-signature"}
    service.open("POST", SEND, content=f"{CANARY}-body", headers=wrong)
    service.open("GET", "/metrics", headers={"Authorization": f"Bearer {CANARY}-bearer"})
    service.open("POST", "/api/cleanup-logs", headers={"X-API-Key": f"{CANARY}-key"})
    service.open("POST", "/api/webhooks/grafana", json={}, headers=basic("a", f"{CANARY}-basic"))
    bridge = f"/web_hook/bridge/{user}/webhook?token={CANARY}-token"
    service.open("POST", bridge, content=f"{CANARY}-bridged", headers={"Cookie": f"{CANARY}-c"})
    marker = f"logged-{secrets.token_hex(6)}"
    service.open("GET", "/health", headers={"X-Request-Id": marker})
    eventually(
        lambda: any(line["requestId"] == marker for line in lines_of(service)),
        what="the log line of the last request",
    )
    return lines_of(service)


def signed(service: Deployed, body: dict[str, Any], request_id: str) -> httpx.Response:
    timestamp = str(int(service.installation.now() * 1000))
    content = json.dumps(body).encode()
    key = service.installation.outputs()["api_secret_key"]
    headers = {
        "X-Timestamp": timestamp,
        "X-Signature-Version": "2",
        "X-Signature": sign(key, timestamp, "POST", SEND, content),
        "X-Request-Id": request_id,
    }
    return service.open("POST", SEND, content=content, headers=headers)


@pytest.mark.requirement("C-12.1", "C-1.4")
def test_a_request_leaves_one_line_with_its_figures(
    service: Deployed, logged: list[dict[str, Any]], request_id: str
) -> None:
    [line] = [
        line for line in logged if line["requestId"] == request_id and line["type"] == "api_request"
    ]
    version = service.installation.outputs()["version_id"]
    assert (line["method"], line["path"], line["statusCode"]) == ("POST", SEND, 200)
    assert (line["environment"], line["versionId"]) == ("development", version)
    assert (line["level"], line["console"]) == ("info", "info")
    assert line["message"] == f"POST {SEND} 200 {line['duration']}ms"
    assert ISO.fullmatch(line["timestamp"])
    assert line["d1_calls"] >= 2


@pytest.mark.requirement("C-12.1", "C-1.4")
def test_an_accepted_attempt_stands_in_its_requests_line_and_a_refused_one_in_its_own(
    logged: list[dict[str, Any]], request_id: str
) -> None:
    lines = [line for line in logged if line["requestId"] == request_id]
    [request] = [line for line in lines if line["type"] == "api_request"]
    refused = [line for line in lines if line["type"] == "delivery_attempt"]
    channels = [each["channel"] for each in (*request["attempts"], *refused)]
    assert sorted(channels) == sorted(CONFIGS)
    [sent] = [each for each in request["attempts"] if each["channel"] == "webhook"]
    assert (sent["outcome"], sent["statusCode"]) == ("delivered", 200)
    [kicked] = [line for line in refused if line["channel"] == "telegram"]
    assert (kicked["accepted"], kicked["retryable"]) == (False, False)
    assert (kicked["statusCode"], kicked["level"]) == (403, "warn")
    assert ISO.fullmatch(kicked["timestamp"])
    for each in (*request["attempts"], *refused):
        assert each["messageId"].startswith("ntf_")
        assert (each["retryCount"], isinstance(each["duration"], int)) == (0, True)


@pytest.mark.requirement("C-12.1")
def test_a_refused_request_is_a_warning(logged: list[dict[str, Any]]) -> None:
    refused = [line for line in logged if line.get("statusCode") == 401 and line["path"] == SEND]
    assert refused
    assert {(line["level"], line["console"]) for line in refused} == {("warn", "warn")}


@pytest.mark.requirement("C-12.1", "B-39")
def test_no_line_holds_a_secret_a_credential_or_a_body(
    service: Deployed, logged: list[dict[str, Any]]
) -> None:
    text = json.dumps(logged, ensure_ascii=False)
    assert "delivery_attempt" in text
    assert CANARY not in text
    for secret in (service.installation.outputs()["api_secret_key"], *SECRETS.values()):
        assert secret == "grafana" or secret not in text
