from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest

from ops.stacks.errors import ServiceError
from ops.stacks.service import ServiceClient, sign
from tests.ops.answering_service import AnsweringService, answering_service

KEY = "k" * 64


@pytest.fixture
def service() -> Iterator[AnsweringService]:
    with answering_service() as started:
        yield started


def test_a_request_is_signed_over_method_target_and_body(service: AnsweringService) -> None:
    with ServiceClient(service.url, KEY, now=lambda: 1736100000.0) as client:
        client.result("POST", "/api/x", query={"user_id": "张三 a"}, body={"a": 1})

    seen = service.seen[0]
    digest = hashlib.sha256(seen["body"]).hexdigest()
    text = f"1736100000000\nPOST\n{seen['target']}\n{digest}"
    expected = hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()
    assert seen["headers"]["x-signature"] == expected
    assert seen["headers"]["x-signature-version"] == "2"
    assert seen["headers"]["x-timestamp"] == "1736100000000"
    assert json.loads(seen["body"]) == {"a": 1}


def test_a_url_may_end_with_a_slash(service: AnsweringService) -> None:
    with ServiceClient(service.url + "/") as client:
        client.call("GET", "/health")
        assert client.base_url == service.url

    assert service.seen[0]["target"] == "/health"


def test_a_client_without_a_key_signs_nothing(service: AnsweringService) -> None:
    with ServiceClient(service.url) as client:
        client.call("GET", "/health")

    assert "x-signature" not in service.seen[0]["headers"]


def test_a_refusal_keeps_status_code_and_reason(service: AnsweringService) -> None:
    service.answers = [
        (
            401,
            b'{"success":false,"error":"Invalid signature","code":"INVALID_SIGNATURE"}',
        )
    ]
    with (
        ServiceClient(service.url, KEY) as client,
        pytest.raises(ServiceError, match="401 INVALID_SIGNATURE: Invalid signature") as caught,
    ):
        client.result("GET", "/api/logs")
    assert caught.value.status == 401
    assert caught.value.code == "INVALID_SIGNATURE"


def test_an_answer_that_is_no_object_is_refused(service: AnsweringService) -> None:
    service.answers = [(200, b"<html>")]
    with (
        ServiceClient(service.url, KEY) as client,
        pytest.raises(ServiceError, match="JSON object"),
    ):
        client.result("GET", "/api/logs")


def test_a_dead_service_is_named(service: AnsweringService) -> None:
    with (
        ServiceClient("http://127.0.0.1:9", KEY) as client,
        pytest.raises(ServiceError, match=r"^http://127\.0\.0\.1:9 can't be reached: ") as caught,
    ):
        client.call("GET", "/health")
    assert caught.value.unanswered


def test_the_key_is_part_of_no_error(service: AnsweringService) -> None:
    service.answers = [(500, b'{"error":"x"}')]
    with ServiceClient(service.url, KEY) as client, pytest.raises(ServiceError) as caught:
        client.result("GET", "/api/logs")
    assert KEY not in str(caught.value)


def test_signatures_differ_by_method_target_and_body() -> None:
    base = sign(KEY, "1", "GET", "/a", b"")
    others = {
        sign(KEY, "1", "DELETE", "/a", b""),
        sign(KEY, "1", "GET", "/b", b""),
        sign(KEY, "1", "GET", "/a", b"x"),
        sign(KEY, "2", "GET", "/a", b""),
    }
    assert len(others) == 4
    assert base not in others
