"""Bad requests on the real runtime: the contract's code and text each, and nothing is written."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.installation import Installation

pytestmark = pytest.mark.workerd

SEND = "/api/notifications/send"


@dataclass(frozen=True)
class Caller:
    """Sends raw requests with a signature of version 1, right or wrong on purpose."""

    http: httpx.Client
    key: str
    now: Callable[[], float]

    def signed(
        self, body: bytes, *, path: str = SEND, timestamp: str | None = None, key: str | None = None
    ) -> httpx.Response:
        stamp = timestamp if timestamp is not None else str(int(self.now() * 1000))
        text = stamp.encode() + body
        signature = hmac.new((key or self.key).encode(), text, hashlib.sha256).hexdigest()
        headers = {"X-Timestamp": stamp, "X-Signature": signature}
        return self.http.post(path, content=body, headers=headers)


@pytest.fixture
def caller(installation: Installation) -> Iterator[Caller]:
    outputs = installation.outputs()
    with httpx.Client(base_url=outputs["service_url"], trust_env=False, timeout=30) as http:
        yield Caller(http=http, key=outputs["api_secret_key"], now=installation.now)


@pytest.fixture(autouse=True)
def user(installation: Installation) -> Iterator[str]:
    """A user with a working endpoint, of whom no row may exist after the test."""
    name = f"refused-{secrets.token_hex(4)}"
    with installation.service() as service:
        config = {"webhook_url": f"{installation.sink_url}/hook/{name}"}
        service.result(
            "POST",
            "/api/user-configs",
            body={"user_id": name, "channel_type": "webhook", "config_data": config},
        )
        yield name
        logs = service.result("GET", "/api/notification-logs", query={"user_id": name})
    assert logs["data"]["total"] == 0
    assert installation.arrivals(f"/hook/{name}") == []


def body(user: str, **more: object) -> bytes:
    document = {"user_id": user, "channels": ["webhook"], "custom_content": {"content": "x"}}
    return json.dumps(document | more).encode()


def expect(answer: httpx.Response, status: int, code: str, text: str) -> None:
    document = answer.json()
    assert (answer.status_code, document["code"]) == (status, code), document
    assert document["error"] == text
    assert document["success"] is False
    assert document["request_id"] == answer.headers["x-request-id"]


def test_an_unsigned_request_is_refused(caller: Caller, user: str) -> None:
    for path in (SEND, "/api/send-notification"):
        answer = caller.http.post(path, content=body(user))
        expect(answer, 401, "MISSING_SIGNATURE", "Missing signature headers")


def test_a_badly_signed_request_is_refused(caller: Caller, user: str) -> None:
    answer = caller.signed(body(user), key="0" * 64)
    expect(answer, 401, "INVALID_SIGNATURE", "Invalid signature")


def test_an_expired_request_is_refused(caller: Caller, user: str) -> None:
    for minutes in (-6, 6):
        stamp = str(int((caller.now() + minutes * 60) * 1000))
        answer = caller.signed(body(user), timestamp=stamp)
        expect(answer, 401, "REQUEST_EXPIRED", "Request expired")


def test_a_timestamp_that_is_no_number_is_refused(caller: Caller, user: str) -> None:
    answer = caller.signed(body(user), timestamp="yesterday")
    expect(answer, 401, "INVALID_TIMESTAMP", "Invalid timestamp")


@pytest.mark.parametrize("text", [b"{", b"[]", b'"text"', b"\xff\xfe", b""])
def test_a_malformed_body_is_refused(caller: Caller, text: bytes) -> None:
    expect(caller.signed(text), 400, "INVALID_REQUEST", "Invalid request body")


def test_an_oversized_body_is_refused_before_its_signature_is_looked_at(
    caller: Caller, user: str
) -> None:
    text = "Request body too large. Maximum size: 1048576 bytes"
    huge = body(user, metadata={"filler": "x" * 1_048_576})
    expect(caller.http.post(SEND, content=huge), 413, "PAYLOAD_TOO_LARGE", text)


def test_an_oversized_body_without_a_length_is_refused_too(caller: Caller) -> None:
    text = "Request body too large. Maximum size: 1048576 bytes"
    chunks = (b"x" * 65_536 for _ in range(17))
    expect(caller.http.post(SEND, content=chunks), 413, "PAYLOAD_TOO_LARGE", text)


def test_an_unknown_route_is_not_found_signed_or_not(caller: Caller, user: str) -> None:
    for path in ("/nothing", "/api/notifications/sends", "/api/notifications/send/"):
        expect(caller.http.post(path, content=body(user)), 404, "NOT_FOUND", "Not found")
        expect(caller.signed(body(user), path=path), 404, "NOT_FOUND", "Not found")


def test_a_wrong_verb_is_refused_with_the_verbs_that_work(caller: Caller) -> None:
    answer = caller.http.get(SEND)
    expect(answer, 405, "METHOD_NOT_ALLOWED", "Method not allowed")
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("field", "code", "text"),
    [
        ({"user_id": " \t"}, "INVALID_USER_ID", "user_id cannot be empty after sanitization"),
        ({"user_id": 7}, "INVALID_USER_ID", "user_id is required and must be a string"),
        (
            {"channels": []},
            "INVALID_CHANNELS",
            "channels is required and must be a non-empty array",
        ),
        (
            {"custom_content": {}},
            "INVALID_CONTENT",
            "custom_content.content is required and must be a string",
        ),
        (
            {"custom_content": None},
            "MISSING_CONTENT",
            "Either template_key or custom_content must be provided",
        ),
    ],
)
def test_a_bad_field_is_refused_by_name(
    caller: Caller, user: str, field: dict[str, object], code: str, text: str
) -> None:
    expect(caller.signed(body(user, **field)), 400, code, text)
