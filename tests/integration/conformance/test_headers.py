"""What every answer carries: security and CORS headers, request id, cache rules."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.integration.conformance.deployed import SEND, Deployed

SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "referrer-policy": "strict-origin-when-cross-origin",
    "permissions-policy": "geolocation=(), microphone=(), camera=()",
    "x-xss-protection": "1; mode=block",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, PUT, DELETE, OPTIONS",
    "access-control-max-age": "86400",
}
UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def answers(service: Deployed) -> dict[str, httpx.Response]:
    """One answer of every kind."""
    return {
        "success": service.call("GET", "/api/user-configs"),
        "health": service.open("GET", "/health"),
        "refusal": service.open("POST", SEND, content=b"{}"),
        "bad request": service.call("POST", SEND, {}),
        "unknown path": service.open("GET", "/nothing"),
        "wrong verb": service.open("PUT", SEND),
        "too large": service.open("POST", SEND, content=b"x" * 1_048_577),
        "preflight": service.open("OPTIONS", SEND),
        "text": service.call("GET", "/metrics?format=prometheus"),
    }


@pytest.mark.requirement("C-1.12", "C-1.5", "B-34")
def test_every_answer_carries_the_security_and_cors_headers(
    answers: dict[str, httpx.Response],
) -> None:
    for kind, answer in answers.items():
        for name, value in {**SECURITY, **CORS}.items():
            assert answer.headers.get(name) == value, (kind, name)
        allowed = answer.headers["access-control-allow-headers"].split(", ")
        assert {"X-API-Key", "Idempotency-Key", "X-Notification-Channels"} <= set(allowed)
        assert {"Authorization", "X-Request-Id", "X-Signature", "X-Timestamp"} <= set(allowed)
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert {"X-Request-Id", "Retry-After", "X-RateLimit-Reset"} <= set(exposed)
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.requirement("C-1.5")
def test_a_preflight_is_answered_empty_before_anything_is_checked(
    answers: dict[str, httpx.Response],
) -> None:
    assert (answers["preflight"].status_code, answers["preflight"].content) == (204, b"")


@pytest.mark.requirement("C-1.4", "B-24")
def test_a_request_id_is_kept_where_it_is_well_formed_and_made_where_not(
    service: Deployed, answers: dict[str, httpx.Response]
) -> None:
    for answer in answers.values():
        assert re.fullmatch(UUID4, answer.headers["x-request-id"])
    for sent in ("abc", "A-b_c.9", "x" * 100):
        answer = service.open("GET", "/nothing", headers={"X-Request-Id": sent})
        assert answer.headers["x-request-id"] == answer.json()["request_id"] == sent
    for sent in ("x" * 101, "a b", "é", "<script>"):
        answer = service.open("GET", "/health", headers={"X-Request-Id": sent.encode()})
        assert re.fullmatch(UUID4, answer.headers["x-request-id"])


@pytest.mark.requirement("C-1.1", "C-1.2", "C-1.3")
def test_every_json_answer_is_an_object_in_the_envelope(
    answers: dict[str, httpx.Response],
) -> None:
    for kind, answer in answers.items():
        if kind in ("preflight", "text"):
            continue
        assert answer.headers["content-type"] == "application/json"
        document: dict[str, Any] = answer.json()
        if kind == "health":
            continue
        assert document["success"] is (answer.status_code < 400)
        if answer.status_code >= 400:
            assert {"error", "code", "request_id"} <= document.keys()


@pytest.mark.requirement("C-1.12", "C-2.6", "C-2.7")
def test_nothing_is_stored_by_caches_unless_the_route_says_so(
    service: Deployed, answers: dict[str, httpx.Response]
) -> None:
    rules = {
        "health": "no-cache, no-store, must-revalidate",
        "text": "private, max-age=60",
    }
    for kind, answer in answers.items():
        assert answer.headers["cache-control"] == rules.get(kind, "no-store"), kind
    tasks = service.open("GET", "/health/scheduled-tasks")
    assert tasks.headers["cache-control"] == "max-age=30"


@pytest.mark.requirement("C-0.19")
def test_head_is_answered_like_get_without_a_body(service: Deployed) -> None:
    for path in ("/health", "/openapi.json"):
        answer = service.anyone.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
    assert service.call("HEAD", "/api/templates").status_code == 200
    assert service.open("HEAD", "/api/templates").status_code == 401


@pytest.mark.requirement("C-1.3", "C-0.2")
def test_a_known_path_names_the_verbs_that_it_takes(answers: dict[str, httpx.Response]) -> None:
    assert answers["wrong verb"].headers["allow"] == "OPTIONS, POST"


@pytest.mark.requirement("C-1.11", "C-0.2")
def test_a_body_beyond_the_limit_is_refused_before_the_caller_is_known(
    answers: dict[str, httpx.Response],
) -> None:
    text = "Request body too large. Maximum size: 1048576 bytes"
    assert (answers["too large"].status_code, answers["too large"].json()["error"]) == (413, text)
