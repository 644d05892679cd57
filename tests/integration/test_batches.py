"""A batch on the real runtime: the same promise as a send, in three round trips."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from tests.eventually import eventually
from tests.installation import Installation

pytestmark = [pytest.mark.workerd, pytest.mark.requirement("C-2.1b")]
PATH = "/api/notifications/batch"


def test_a_hundred_sends_arrive_once_each_and_a_repetition_sends_none(
    installation: Installation,
) -> None:
    user = f"user-{secrets.token_hex(4)}"
    hook = f"/hook/{user}"
    content = [{"content": f"text {number}"} for number in range(100)]
    sends: list[dict[str, Any]] = [
        {
            "user_id": user,
            "channels": ["webhook"],
            "custom_content": each,
            "idempotency_key": f"{user}-{number}",
        }
        for number, each in enumerate(content)
    ]
    with installation.service() as service:
        config = {"webhook_url": f"{installation.sink_url}{hook}"}
        body = {"user_id": user, "channel_type": "webhook", "config_data": config}
        service.result("POST", "/api/user-configs", body=body)
        first = service.result("POST", PATH, body={"notifications": sends})
        eventually(
            lambda: len(installation.arrivals(hook)) >= 100, what="what the queue has attempted"
        )
        again = service.result("POST", PATH, body={"notifications": sends})
        line = eventually(
            lambda: _line(installation, first["request_id"]), what="the request's log line"
        )

    statuses = [each["results"][0]["status"] for each in first["results"]]
    assert statuses == ["sent"] * 40 + ["pending"] * 60
    assert all(each["replayed"] for each in again["results"])
    texts = sorted(json.loads(each["body"])["content"] for each in installation.arrivals(hook))
    assert texts == sorted(each["content"] for each in content)
    # One more for each second by which the endpoint's answers lie apart.
    assert 3 <= line["d1_calls"] <= 8


def _line(installation: Installation, request_id: str) -> dict[str, Any] | None:
    logs = installation.control("GET", "/local/logs?limit=1000").json()["logs"]
    found = [json.loads(e["message"]) for e in logs if request_id in e.get("message", "")]
    return next((line for line in found if line.get("type") == "api_request"), None)
