"""A deployment ends with a notification that really arrives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.deploy.first_notification import USER, FirstNotification
from ops.stacks.console import Reporter
from ops.stacks.errors import VerificationFailed
from ops.stacks.service import ServiceClient
from tests.ops.answering_service import AnsweringService, answering_service


def document(**values: Any) -> tuple[int, bytes]:
    return 200, json.dumps({"success": True, **values}).encode()


def sent(service: AnsweringService, sink: AnsweringService, *ticks: float) -> str:
    passing = iter(ticks)
    with ServiceClient(service.url, "k" * 64) as client:
        return FirstNotification(
            client,
            sink_url=sink.url,
            reporter=Reporter(quiet=True),
            now=lambda: next(passing),
            sleep=lambda _: None,
        ).run()


def test_its_id_is_told_once_the_sink_has_it() -> None:
    with answering_service() as service, answering_service() as sink:
        result = {"status": "sent", "messageId": "ntf_1_webhook_a"}
        service.answers = [document(), document(results=[result])]
        sink.answers = [document(messages=[{"body": "message ntf_1_webhook_a"}])]
        assert sent(service, sink, 0.0, 0.0) == "ntf_1_webhook_a"
    configured, send = (json.loads(call["body"]) for call in service.seen)
    assert configured["user_id"] == send["user_id"] == USER
    assert configured["config_data"] == {"webhook_url": f"{sink.url}/hook/{USER}"}
    assert send["channels"] == ["webhook"]
    assert send["idempotency_key"].startswith(f"{USER}-")


def test_two_runs_are_two_notifications() -> None:
    with answering_service() as service, answering_service() as sink:
        result = {"status": "sent", "messageId": "m"}
        service.answers = [document(results=[result])]
        sink.answers = [document(messages=[{"body": "m"}])]
        for _ in range(2):
            sent(service, sink, 0.0, 0.0)
    keys = [json.loads(call["body"]).get("idempotency_key") for call in service.seen]
    assert len({key for key in keys if key}) == 2


def test_a_send_that_waits_fails_the_verification_with_its_reason() -> None:
    with answering_service() as service, answering_service() as sink:
        result = {"status": "retry_scheduled", "error": "the endpoint is away"}
        service.answers = [document(), document(results=[result])]
        with pytest.raises(
            VerificationFailed, match=r"is 'retry_scheduled' instead of 'sent': the endpoint is"
        ):
            sent(service, sink, 0.0)
        assert sink.seen == []


def test_what_never_arrives_fails_it_though_the_service_says_sent() -> None:
    with answering_service() as service, answering_service() as sink:
        result = {"status": "sent", "messageId": "ntf_1"}
        service.answers = [document(), document(results=[result])]
        sink.answers = [document(messages=[])]
        with pytest.raises(VerificationFailed, match=r"says that ntf_1 was sent, and the sink"):
            sent(service, sink, 0.0, 1.0, 16.0)
    assert len(sink.seen) == 2


@pytest.mark.parametrize(
    "answer", [{}, {"results": []}, {"results": 5}, {"results": [5]}, {"results": [{}]}]
)
def test_an_answer_without_a_result_fails_the_verification(answer: dict[str, Any]) -> None:
    with answering_service() as service, answering_service() as sink:
        service.answers = [document(), document(**answer)]
        with pytest.raises(VerificationFailed, match="unknown form"):
            sent(service, sink, 0.0)
