"""The order of checks, and what every answer carries."""

from __future__ import annotations

import json
import re

import pytest

from notification.ports.database import DatabaseError
from tests.worker.endpoints import answer
from tests.worker.surroundings import CountingLimiter
from tests.worker.world import World

SEND = "/api/notifications/send"
SIGNED_ROUTES = [
    ("POST", SEND),
    ("POST", "/api/send-notification"),
    ("GET", "/api/user-configs"),
    ("POST", "/api/user-configs"),
    ("DELETE", "/api/user-configs"),
    ("GET", "/api/users/u1/configs"),
    ("PUT", "/api/users/u1/configs/webhook"),
    ("DELETE", "/api/users/u1/configs/webhook"),
    ("GET", "/api/notification-logs"),
    ("GET", "/api/logs"),
    ("GET", "/api/notification-logs/5"),
]


@pytest.mark.parametrize(("method", "path"), SIGNED_ROUTES)
def test_every_signed_route_refuses_the_unsigned_and_writes_nothing(
    world: World, method: str, path: str
) -> None:
    answer = world.request(method, path, {"user_id": "u"}, signed=False)
    assert (answer.status, answer.code) == (401, "MISSING_SIGNATURE")
    assert world.database.calls == 0


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/api", "/healthz", "/health/", "/api/users//configs"]
)
@pytest.mark.parametrize("signed", [True, False])
def test_an_unknown_path_is_404_whether_signed_or_not(
    world: World, path: str, signed: bool
) -> None:
    answer = world.request("GET", path, signed=signed)
    assert (answer.status, answer.code, answer.json["error"]) == (404, "NOT_FOUND", "Not found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", SEND, "OPTIONS, POST"),
        ("PUT", "/health", "GET, HEAD, OPTIONS"),
        ("PATCH", "/api/user-configs", "DELETE, GET, HEAD, OPTIONS, POST"),
        ("POST", "/api/users/u1/configs/webhook", "DELETE, OPTIONS, PUT"),
    ],
)
def test_a_wrong_method_is_answered_with_the_allowed_ones(
    world: World, method: str, path: str, allowed: str
) -> None:
    answer = world.request(method, path, signed=False)
    assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == allowed


def test_options_answers_before_any_check(world: World) -> None:
    world.environment["MAINTENANCE_MODE"] = "true"
    answer = world.request("OPTIONS", SEND, signed=False)
    assert (answer.status, answer.text) == (204, "")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Access-Control-Max-Age"] == "86400"


@pytest.mark.requirement("C-0.2", "C-11")
def test_maintenance_comes_before_all_and_spares_health(world: World) -> None:
    world.environment["MAINTENANCE_MODE"] = "true"
    for path in (SEND, "/nothing"):
        answer = world.request("POST", path, signed=False)
        assert (answer.status, answer.code) == (503, "MAINTENANCE")
        assert answer.headers["Retry-After"] == "1800"
    assert world.request("GET", "/health", signed=False).status == 200


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_the_limit_is_413_before_authentication(world: World, declared: bool) -> None:
    world.environment["MAX_REQUEST_SIZE"] = "100"
    headers = {} if declared else {"content-length": ""}
    answer = world.request("POST", SEND, raw=b"x" * 101, signed=False, headers=headers)
    assert (answer.status, answer.code) == (413, "PAYLOAD_TOO_LARGE")
    assert answer.json["error"] == "Request body too large. Maximum size: 100 bytes"


def test_a_body_of_exactly_the_limit_is_read(world: World) -> None:
    world.environment["MAX_REQUEST_SIZE"] = "100"
    assert world.request("POST", SEND, raw=b"x" * 100).code == "INVALID_REQUEST"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":"\\ud800"}',
        b"\xff\xfe",
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
@pytest.mark.requirement("B-30")
def test_a_body_that_is_not_a_json_object_is_400(world: World, raw: bytes) -> None:
    answer = world.request("POST", SEND, raw=raw)
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    assert answer.json["error"] == "Invalid request body"


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"a":' * 3_206 + b"1" + b"}" * 3_206])
def test_a_body_that_nests_too_deep_is_400_and_names_the_limit(world: World, raw: bytes) -> None:
    answer = world.request("POST", SEND, raw=raw)
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    assert answer.json["error"] == "Invalid request body: nested deeper than 32 levels"


@pytest.mark.requirement("C-0.3", "C-1.10")
def test_failed_authentication_counts_against_the_address(world: World) -> None:
    world.address_limiter = CountingLimiter(2)
    codes = [world.request("GET", "/api/logs", signed=False).code for _ in range(3)]
    assert codes == ["MISSING_SIGNATURE", "MISSING_SIGNATURE", "RATE_LIMIT_EXCEEDED"]
    assert world.request("GET", "/api/logs", signed=False, address="203.0.113.1").status == 401
    assert world.request("GET", "/api/logs").status == 200


@pytest.mark.requirement("C-1.10")
def test_health_counts_against_the_address(world: World) -> None:
    assert "X-RateLimit-Limit" not in world.request("GET", "/health", signed=False).headers
    world.address_limiter = CountingLimiter(1)
    passed = world.request("GET", "/health", signed=False)
    assert (passed.status, passed.headers["X-RateLimit-Limit"]) == (200, "100")
    # What the platform's counter doesn't tell is left out.
    assert not {"X-RateLimit-Remaining", "X-RateLimit-Reset"} & set(passed.headers)
    answer = world.request("GET", "/health", signed=False)
    assert answer.status == 429
    assert int(answer.headers["X-RateLimit-Reset"]) == world.clock.now_ms() // 1000 + 60
    assert answer.json["retryAfter"] == 60
    assert answer.headers["Retry-After"] == "60"


@pytest.mark.requirement("C-0.3", "C-1.10")
def test_recipients_are_limited_before_their_request_is_validated(world: World) -> None:
    limiter = CountingLimiter(1)
    world.recipient_limiter = limiter
    body = {"user_id": "u1", "channels": "wrong"}
    first = world.request("POST", SEND, body)
    assert first.code == "INVALID_CHANNELS"
    second = world.request("POST", SEND, body)
    assert (second.status, second.code) == (429, "RATE_LIMIT_EXCEEDED")
    assert second.headers["X-RateLimit-Limit"] == "100"
    assert second.headers["X-RateLimit-Remaining"] == "0"
    assert world.request("POST", SEND, body, signed=False).code == "MISSING_SIGNATURE"
    assert limiter.counts == {"u1": 2}


@pytest.mark.requirement("C-0.3")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("DELETE", "/health", 405), ("OPTIONS", SEND, 204)],
)
@pytest.mark.parametrize("signed", [True, False])
def test_calls_that_reach_no_route_count_towards_the_address(
    world: World, method: str, path: str, status: int, signed: bool
) -> None:
    world.address_limiter = CountingLimiter(2)
    answers = [world.request(method, path, signed=signed).status for _ in range(3)]
    assert answers == [status, status, 429]


@pytest.mark.requirement("C-12.1")
def test_a_log_line_is_bounded_whatever_a_call_holds(world: World) -> None:
    path = "/x" + "y" * 15_000
    assert world.request("GET", path, signed=False).status == 404
    [line] = world.log_sink.lines
    assert len(json.dumps(line)) < 1_500
    assert line["path"] == path[:300]
    assert line["message"].startswith(f"GET {path[:300]} 404 ")
    assert path[:400] not in world.request("GET", path, signed=False).text


@pytest.mark.requirement("C-0.3", "C-1.11")
def test_every_spelling_of_a_recipient_counts_towards_one_limit(world: World) -> None:
    world.configure("rl")
    world.recipient_limiter = limiter = CountingLimiter(5)
    spellings = ["rl", "rl ", "rl\x00", "\ufeffrl", " rl"]
    answers = [world.send(user) for user in spellings]
    assert [answer.status for answer in answers] == [200, 200, 400, 200, 200]
    assert answers[2].code == "SECURITY_THREAT_DETECTED"
    assert [world.send(user).status for user in spellings] == [429] * 5
    assert set(limiter.counts) == {"rl"}
    assert {row["user_id"] for row in world.logs()} == {"rl"}
    [shown] = {
        world.request("GET", f"/api/notification-logs?user_id={user}").json["data"]["total"]
        for user in ("rl", "rl%20", "%EF%BB%BFrl", "rl%00")
    }
    assert shown == 4


@pytest.mark.parametrize("path", ["/health", "/nothing", "/api/logs"])
def test_every_answer_carries_the_security_headers(world: World, path: str) -> None:
    headers = world.request("GET", path, signed=False).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "no-store" in headers["Cache-Control"]
    assert headers["Content-Type"] == "application/json"


@pytest.mark.requirement("C-1.5")
def test_only_listed_origins_are_allowed_where_there_is_a_list(world: World) -> None:
    world.environment["ALLOWED_ORIGINS"] = "https://a.example, https://b.example"
    listed = world.request("GET", "/health", signed=False, headers={"Origin": "https://b.example"})
    assert listed.headers["Access-Control-Allow-Origin"] == "https://b.example"
    other = world.request("GET", "/health", signed=False, headers={"Origin": "https://c.example"})
    assert "Access-Control-Allow-Origin" not in other.headers
    assert other.headers["Vary"] == "Origin"


def test_a_valid_request_id_is_kept_and_another_replaced(world: World) -> None:
    kept = world.request("GET", "/health", signed=False, headers={"X-Request-Id": "abc-1_2.3"})
    assert kept.headers["X-Request-Id"] == "abc-1_2.3"
    for wrong in ("a b", "x" * 101, "é", ""):
        made = world.request("GET", "/nothing", signed=False, headers={"X-Request-Id": wrong})
        assert made.headers["X-Request-Id"] != wrong
        assert len(made.headers["X-Request-Id"]) == 36
        assert made.json["request_id"] == made.headers["X-Request-Id"]
    lines = world.log_sink.of_type("api_request")
    assert lines[0]["requestId"] == "abc-1_2.3"


def test_head_answers_as_get_without_a_body(world: World) -> None:
    answer = world.request("HEAD", "/health", signed=False)
    assert (answer.status, answer.text) == (200, "")


def test_a_failing_database_is_503_without_details(world: World) -> None:
    def fail(statements: object) -> None:
        raise DatabaseError("no such table: secret_table")

    world.database.before_batch = fail
    answer = world.request("GET", "/api/logs")
    assert (answer.status, answer.code) == (503, "DB_ERROR")
    assert "secret_table" not in answer.text


@pytest.mark.requirement("B-33", "S4-13")
def test_an_unexpected_failure_is_500_without_details(world: World) -> None:
    def fail(statements: object) -> None:
        raise RuntimeError("SELECT secret")

    world.database.before_batch = fail
    answer = world.request("GET", "/api/logs")
    assert (answer.status, answer.code, answer.json["error"]) == (
        500,
        "INTERNAL_ERROR",
        "Internal server error",
    )
    assert "SELECT" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert any("RuntimeError" in str(line) for line in world.log_sink.lines)


@pytest.mark.parametrize(("length", "kept"), [(300, 300), (301, 300)])
def test_the_log_has_the_start_of_an_unexpected_failure_and_its_place(
    world: World, length: int, kept: int
) -> None:
    def fail(statements: object) -> None:
        raise RuntimeError("x" * length)

    world.database.before_batch = fail
    world.request("GET", "/api/logs")
    [line] = [line for line in world.log_sink.lines if line["message"] == "Unexpected failure"]
    assert re.fullmatch(f"RuntimeError: x{{{kept}}} \\(.+, line [0-9]+ of .+\\)", line["error"])


@pytest.mark.parametrize(
    ("path", "fails", "status", "level"),
    [
        ("/api/logs", None, 200, "info"),
        ("/api/logs?limit=0", None, 400, "warn"),
        ("/api/logs/1", None, 404, "warn"),
        ("/api/logs", RuntimeError("x"), 500, "error"),
        ("/api/logs", DatabaseError("x"), 503, "error"),
    ],
)
def test_a_requests_line_has_the_level_of_its_answer(
    world: World, path: str, fails: Exception | None, status: int, level: str
) -> None:
    def fail(statements: object) -> None:
        if fails is not None:
            raise fails

    world.database.before_batch = fail
    assert world.request("GET", path).status == status
    [line] = world.log_sink.of_type("api_request")
    assert (line["level"], line["statusCode"]) == (level, status)


@pytest.mark.parametrize(
    ("status", "level", "message"),
    [
        (200, "info", "Attempt over webhook: accepted"),
        (500, "warn", "Attempt over webhook: HTTP_ERROR"),
        (429, "warn", "Attempt over webhook: THROTTLED"),
    ],
)
def test_a_retrys_line_has_the_level_of_its_outcome(
    world: World, status: int, level: str, message: str
) -> None:
    world.configure()
    world.endpoints.behave = lambda request: answer(500)
    world.send()
    world.log_sink.lines.clear()
    world.endpoints.behave = lambda request: answer(status)
    world.clock.ms += 60_000
    world.deliver_queues()
    line = world.log_sink.of_type("delivery_attempt")[0]
    assert (line["level"], line["message"]) == (level, message)
    assert (line["accepted"], line["retryable"]) == (status == 200, status != 200)


@pytest.mark.requirement("C-12.1")
def test_one_log_line_per_request_reports_its_cost(world: World) -> None:
    world.configure()
    world.send()
    line = world.log_sink.of_type("api_request")[-1]
    assert (line["method"], line["path"]) == ("POST", SEND)
    assert line["statusCode"] == 200
    assert line["d1_calls"] == 3
    world.send()
    assert world.log_sink.of_type("api_request")[-1]["d1_calls"] == 2
