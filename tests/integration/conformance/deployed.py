"""The deployed service as the conformance tests call it; every answer is held to the document."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import httpx

from ops.stacks.service import ServiceClient, sign
from tests.installation import Installation
from tests.worker.openapi.conformity import check_answer

SECRETS = {
    "adminApiKey": "an-administrators-key-of-forty-characters",
    "bridgeToken": "a-token-of-the-bridge-of-32-characters-and-more",
    "metricsToken": "a-scrapers-token-of-more-than-32-characters",
    "grafanaWebhookUsername": "grafana",
    "grafanaWebhookPassword": "a-password:with-a-colon-of-forty-letters",
}
"""Optional secrets of the suite's stack, by their keys."""
SEND = "/api/notifications/send"


@dataclass(frozen=True)
class Deployed:
    """``signed`` calls with a right signature, ``anyone`` with what the test gives it."""

    installation: Installation
    signed: ServiceClient
    anyone: httpx.Client

    def call(self, method: str, target: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """A signed call whose answer the OpenAPI document allows."""
        answer = self.signed.call(method, target, body=body)
        return self._checked(method, target, answer)

    def signed_raw(self, method: str, target: str, body: str) -> httpx.Response:
        """A signed call whose body is a text as it is."""
        key = str(self.installation.outputs()["api_secret_key"])
        timestamp = str(int(self.installation.now() * 1000))
        content = body.encode()
        headers = {
            "X-Timestamp": timestamp,
            "X-Signature-Version": "2",
            "X-Signature": sign(key, timestamp, method, target, content),
            "Content-Type": "application/json",
        }
        return self.anyone.request(method, target, content=content, headers=headers)

    def open(self, method: str, target: str, **options: Any) -> httpx.Response:
        """A call without a signature whose answer the OpenAPI document allows."""
        return self._checked(method, target, self.anyone.request(method, target, **options))

    def _checked(self, method: str, target: str, answer: httpx.Response) -> httpx.Response:
        kind = answer.headers.get("content-type", "")
        check_answer(method, target, answer.status_code, kind, answer.text)
        return answer

    def data(self, method: str, target: str, body: dict[str, Any] | None = None) -> Any:
        """The field ``data`` of an answer that has to be a success."""
        answer = self.call(method, target, body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()["data"]

    def hook(self, name: str, query: str = "") -> str:
        """The sink's URL that records under ``name``."""
        return f"{self.installation.sink_url}/hook/{name}{query}"

    def configure(self, user: str, channel: str, /, **config: Any) -> Any:
        body = {"user_id": user, "channel_type": channel, "config_data": config}
        return self.data("POST", "/api/user-configs", body)

    def send(self, user: str, *channels: str, **more: Any) -> list[dict[str, Any]]:
        """The results of a send that has to be accepted."""
        body: dict[str, Any] = {"user_id": user, "channels": list(channels or ("webhook",))}
        if "template_key" not in more:
            body["custom_content"] = {"content": "It works"}
        answer = self.call("POST", SEND, body | more)
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        return results

    def statement(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        """Rows of the deployed D1 database, read past the service."""
        outputs = self.installation.outputs()
        path = (
            f"/client/v4/accounts/{outputs['account_id']}/d1/database/{outputs['d1_database_id']}"
        )
        body = {"sql": sql, "params": list(params)}
        answer = self.installation.control("POST", f"{path}/query", json=body)
        rows: list[dict[str, Any]] = answer.raise_for_status().json()["result"][0]["results"]
        return rows


def expect(answer: httpx.Response, status: int, code: str, text: str | None = None) -> None:
    """Hold an error answer to the contract's status, code and text."""
    document = answer.json()
    assert (answer.status_code, document.get("code")) == (status, code), document
    assert document["success"] is False
    assert document["request_id"] == answer.headers["x-request-id"]
    if text is not None:
        assert document["error"] == text


def basic(user: str, password: str) -> dict[str, str]:
    """The header of HTTP Basic authentication, in UTF-8."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
