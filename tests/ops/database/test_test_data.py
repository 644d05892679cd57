"""Data to try a service with is written through its own API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.database.test_data import TestData
from ops.stacks.errors import ServiceError
from ops.stacks.service import ServiceClient
from tests.ops.answering_service import AnsweringService, answering_service


def answer(**document: Any) -> tuple[int, bytes]:
    return 200, json.dumps({"success": True, **document}).encode()


def written(service: AnsweringService, *, users: int, sends: int) -> dict[str, int]:
    with ServiceClient(service.url, "k" * 64) as client:
        return TestData(client, "http://sink.example/hook").write(users=users, sends=sends)


def test_each_user_gets_an_endpoint_and_each_send_a_key_of_its_own() -> None:
    with answering_service() as service:
        service.answers = [answer(results=[{"status": "sent"}])]
        counts = written(service, users=2, sends=3)
    assert counts == {"users": 2, "templates": 1, "sends": 6, "delivered": 6}
    bodies = [json.loads(call["body"]) for call in service.seen]
    paths = [call["target"] for call in service.seen]
    assert paths[:3] == ["/api/templates/sample-order", "/api/user-configs", "/api/user-configs"]
    assert [body["config_data"]["webhook_url"] for body in bodies[1:3]] == [
        "http://sink.example/hook/sample-user-1",
        "http://sink.example/hook/sample-user-2",
    ]
    assert [(body["idempotency_key"], body["variables"]["orderId"]) for body in bodies[3:]] == [
        (f"sample-sample-user-{user}-{order}", order) for user in (1, 2) for order in (1, 2, 3)
    ]


def test_a_send_that_waits_is_not_counted_as_delivered() -> None:
    with answering_service() as service:
        service.answers = [
            answer(),
            answer(),
            answer(results=[{"status": "sent"}, {"status": "retry_scheduled"}]),
            answer(results=[{"status": "sent"}]),
        ]
        assert written(service, users=1, sends=2)["delivered"] == 1


@pytest.mark.parametrize("results", [None, [], "sent"])
def test_an_answer_without_results_is_refused(results: object) -> None:
    with answering_service() as service:
        service.answers = [answer(), answer(), answer(results=results)]
        with pytest.raises(ServiceError, match="answered a send without results"):
            written(service, users=1, sends=1)
