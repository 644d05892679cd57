"""What a send costs the deployed service's database, until it is delivered and over its life.

With a key one more row is written when the key expires: the cron deletes it.
"""

from __future__ import annotations

import json
import secrets
from typing import Any, NamedTuple

import pytest

from ops.stacks.service import sign
from tests.eventually import eventually
from tests.integration.conformance.deployed import SEND, Deployed


class Cost(NamedTuple):
    """Round trips to the database, and rows written, index entries included, as D1 counts them."""

    round_trips: int
    rows: int


def measured(
    service: Deployed, method: str, path: str, body: dict[str, Any] | None = None
) -> tuple[dict[str, Any], Cost]:
    """One signed call: its answer, and its cost by its own log line."""
    timestamp = str(int(service.installation.now() * 1000))
    content = b"" if body is None else json.dumps(body).encode()
    key = service.installation.outputs()["api_secret_key"]
    request_id = f"cost-{secrets.token_hex(8)}"
    headers = {
        "X-Timestamp": timestamp,
        "X-Signature-Version": "2",
        "X-Signature": sign(key, timestamp, method, path, content),
        "X-Request-Id": request_id,
    }
    answer = service.open(method, path, content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json(), cost_of(service, request_id)


def cost_of(service: Deployed, request_id: str) -> Cost:
    """The cost of a request, by its own log line."""
    found: list[dict[str, Any]] = []

    def logged() -> bool:
        logs = service.installation.control("GET", "/local/logs?limit=1000").json()["logs"]
        found.extend(
            line
            for event in logs
            if event.get("type") == "log" and request_id in event["message"]
            if (line := json.loads(event["message"]))["type"] == "api_request"
        )
        return bool(found)

    eventually(logged, what="the request's log line")
    return Cost(found[0]["d1_calls"], found[0]["rows_written"])


@pytest.fixture
def body(service: Deployed, user: str) -> dict[str, Any]:
    service.configure(user, "webhook", webhook_url=service.hook(user))
    return {"user_id": user, "channels": ["webhook"], "custom_content": {"content": "It works"}}


def test_a_send_takes_three_round_trips_and_a_recipient_who_is_known_two(
    service: Deployed, body: dict[str, Any]
) -> None:
    _, cold = measured(service, "POST", SEND, body)
    _, warm = measured(service, "POST", SEND, body)
    assert (cold.round_trips, warm.round_trips) == (3, 2)


@pytest.mark.parametrize(
    ("key", "delivered", "deleted"), [(None, 3, 1), ("once", 4, 2)], ids=["without-key", "with-key"]
)
def test_a_send_writes_few_rows_until_it_is_delivered_and_few_when_it_is_deleted(
    service: Deployed, body: dict[str, Any], key: str | None, delivered: int, deleted: int
) -> None:
    answer, sending = measured(service, "POST", SEND, body | {"idempotency_key": key})
    [result] = answer["results"]
    assert result["status"] == "sent"
    _, deleting = measured(service, "DELETE", f"/api/notification-logs/{result['logId']}")
    assert (sending.rows, deleting.rows) == (delivered, deleted)


@pytest.mark.requirement("C-8.2")
@pytest.mark.parametrize("door", ["/web_hook/bridge", "/api/webhooks/standard"])
def test_a_wrong_token_costs_and_says_the_same_whether_or_not_the_recipient_exists(
    service: Deployed, user: str, door: str
) -> None:
    service.configure(user, "webhook", webhook_url=service.hook(user), bridge_token="her-own-token")
    told = []
    for recipient in (user, f"{user}-nobody"):
        request_id = f"cost-{secrets.token_hex(8)}"
        headers = {"X-Request-Id": request_id, "X-Bridge-Token": "a guess"}
        refused = service.open("POST", f"{door}/{recipient}/webhook", content="x", headers=headers)
        answer = {name: text for name, text in refused.json().items() if name != "request_id"}
        told.append((refused.status_code, answer, cost_of(service, request_id)))
    assert told[0] == told[1]
    assert told[0][0] == 401
    assert told[0][2].round_trips == 1
