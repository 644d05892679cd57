"""Request signatures."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.http.authentication import string_to_sign
from notification.http.request import Request
from tests.worker.caller import API_KEY, Answer, signature
from tests.worker.world import World

PATH = "/api/notification-logs"
VECTOR_KEY = "dev-secret-key-for-testing"
VECTOR_BODY = (
    b'{"user_id":"user123","channels":["lark"],"template_key":"order-confirmation",'
    b'"variables":{"orderId":"ORD-12345"}}'
)


async def _unread(limit: int) -> bytes:
    raise AssertionError("nothing reads the body here")


def _signed(method: str, target: str, timestamp: str, body: bytes = b"") -> str:
    import hmac

    request = Request(method=method, host="h", target=target, headers={}, read=_unread)
    request._body = body
    message = string_to_sign(request, timestamp, 1)
    return hmac.new(VECTOR_KEY.encode(), message, "sha256").hexdigest()


@pytest.mark.parametrize(
    ("method", "target", "timestamp", "body", "expected"),
    [
        (
            "POST",
            "/api/notifications/send",
            "1736100000000",
            VECTOR_BODY,
            "e17d0008443418c0d78fc5e00dadc9f182f7ef3ecc1adcc3f789475420a7ead3",
        ),
        (
            "POST",
            "/api/notifications/send",
            "1736100000",
            VECTOR_BODY,
            "3822bf072cb41598c724edd3bfda807a131db9ffed71cadd707bc9a04395123c",
        ),
        (
            "GET",
            "/api/notification-logs?user_id=user123&limit=10",
            "1736100000000",
            b"",
            "c993b28524d66af12102f36e32d8102ee6d9f5aab01be19d7efc1026ead56372",
        ),
        (
            "GET",
            "/api/user-configs?user_id=%E5%BC%A0%E4%B8%89%20a",
            "1736100000000",
            b"",
            "6acc2aff4357ac800fb2afbf758f092e827e6ea97b2bb14466eb2b2ba611a087",
        ),
        (
            "POST",
            "/api/notifications/retry",
            "1736100000000",
            b"",
            "6c5b9d8ef6767b139014438ad86b0bf222a268b41afe8019a9cfc658780111f6",
        ),
    ],
)
@pytest.mark.requirement("C-16", "C-1.6")
def test_version_1_matches_the_golden_vectors(
    method: str, target: str, timestamp: str, body: bytes, expected: str
) -> None:
    assert _signed(method, target, timestamp, body) == expected


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_both_versions_are_accepted(world: World, version: int, method: str) -> None:
    assert world.request(method, PATH, version=version).status == 200


@pytest.mark.requirement("C-1.6", "D-01", "D-04")
def test_seconds_and_upper_case_hex_are_accepted(world: World) -> None:
    headers = signature("GET", PATH, b"", now_ms=world.clock.ms // 1000)
    headers["x-signature"] = headers["x-signature"].upper()
    assert world.request("GET", PATH, signed=False, headers=headers).status == 200


@pytest.mark.parametrize("missing", ["x-timestamp", "x-signature"])
def test_a_missing_header_is_named_first(world: World, missing: str) -> None:
    headers = {**signature("GET", PATH, b"", now_ms=0), missing: ""}
    answer = world.request("GET", PATH, signed=False, headers=headers)
    assert (answer.status, answer.code) == (401, "MISSING_SIGNATURE")
    assert answer.json["error"] == "Missing signature headers"


@pytest.mark.requirement("B-29")
@pytest.mark.parametrize("timestamp", ["abc", "-1", "1.5", "١٢٣", "1" * 17, "0x10", " 5"])
def test_an_unreadable_timestamp_is_401_and_never_500(world: World, timestamp: str) -> None:
    headers = {"X-Timestamp": timestamp, "X-Signature": "0" * 64}
    answer = world.request("GET", PATH, signed=False, headers=headers)
    assert (answer.status, answer.code) == (401, "INVALID_TIMESTAMP")


@pytest.mark.parametrize(("shift_ms", "status"), [(0, 200), (1, 401)])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.requirement("C-1.6")
def test_the_window_is_five_minutes_both_ways(
    world: World, shift_ms: int, status: int, sign: int
) -> None:
    headers = signature("GET", PATH, b"", now_ms=world.clock.ms + sign * (300_000 + shift_ms))
    answer = world.request("GET", PATH, signed=False, headers=headers)
    assert answer.status == status
    assert status == 200 or answer.code == "REQUEST_EXPIRED"


@pytest.mark.requirement("C-1.6")
def test_the_window_is_checked_before_the_signature(world: World) -> None:
    headers = {"X-Timestamp": "1", "X-Signature": "nonsense"}
    assert world.request("GET", PATH, signed=False, headers=headers).code == "REQUEST_EXPIRED"


@pytest.mark.parametrize(
    "forged", ["", "0" * 64, "ü" * 64, "0" * 63, "0" * 65, "g" * 64, "0x" + "0" * 62]
)
def test_a_wrong_signature_of_any_shape_is_refused(world: World, forged: str) -> None:
    headers = {"X-Timestamp": str(world.clock.ms), "X-Signature": forged or "-"}
    answer = world.request("GET", PATH, signed=False, headers=headers)
    assert (answer.status, answer.code) == (401, "INVALID_SIGNATURE")


@pytest.mark.requirement("C-1.6")
def test_the_previous_key_works_while_it_is_set(world: World) -> None:
    old = "the-secret-of-last-quarter-is-as-long-as-this"
    assert world.request("GET", PATH, key=old).status == 401
    world.environment["API_SECRET_KEY_PREVIOUS"] = old
    assert world.request("GET", PATH, key=old).status == 200
    assert world.request("GET", PATH, key=API_KEY).status == 200


@pytest.mark.requirement("C-0.13")
def test_version_1_can_be_switched_off(world: World) -> None:
    world.environment["SIGNATURE_V1"] = "off"
    assert world.request("GET", PATH, version=1).code == "INVALID_SIGNATURE"
    assert world.request("GET", PATH, version=2).status == 200


@pytest.mark.requirement("B-36", "C-0.13")
def test_version_2_covers_the_method_the_path_and_a_deletes_body(world: World) -> None:
    path = "/api/user-configs?user_id=u1&channel_type=webhook"

    def call(method: str, target: str, body: bytes) -> Answer:
        return world.request(method, target, raw=body, signed=False, headers=headers)

    world.configure()
    headers = signature("DELETE", path, b"{}", now_ms=world.clock.ms, version=2)
    for method, target, body in (
        ("DELETE", path.replace("u1", "u2"), b"{}"),
        ("DELETE", path, b'{"force":true}'),
        ("DELETE", "/api/templates?key=t", b"{}"),
        ("GET", path, b"{}"),
        ("POST", "/api/notifications/send", b"{}"),
    ):
        assert call(method, target, body).code == "INVALID_SIGNATURE", (method, target, body)
    assert call("DELETE", path, b"{}").status == 200


@settings(deadline=None)
@given(st.binary(max_size=64), st.integers(0, 10**14), st.sampled_from(["1", "2", "3", ""]))
def test_no_signature_that_was_not_made_with_the_key_is_accepted(
    forged: bytes, timestamp: int, version: str
) -> None:
    world = World()
    world.clock.ms = timestamp
    headers = {
        "X-Timestamp": str(timestamp),
        "X-Signature": forged.hex().ljust(64, "0")[:64],
        "X-Signature-Version": version,
    }
    assert world.request("GET", PATH, signed=False, headers=headers).status == 401


@settings(deadline=None)
@given(st.text(alphabet="abcXYZ/%20?&=é", max_size=20), st.binary(max_size=40))
def test_what_is_signed_by_the_key_is_accepted_whatever_its_bytes(tail: str, body: bytes) -> None:
    world = World()
    answer = world.request("POST", f"/api/notifications/send?{tail}", raw=body, version=2)
    assert answer.status == 400
    answer = world.request("POST", f"/api/notifications/send?{tail}", raw=body, version=1)
    assert answer.status == 400


@pytest.mark.requirement("B-39")
def test_no_refusal_reveals_a_secret_or_signature(world: World) -> None:
    headers = {"X-Timestamp": str(world.clock.ms), "X-Signature": "1" * 64}
    answer = world.request("GET", PATH, signed=False, headers=headers)
    written = answer.text + str(world.log_sink.lines)
    right = signature("GET", PATH, b"", now_ms=world.clock.ms)["x-signature"]
    assert API_KEY not in written
    assert right not in written


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("API_SECRET_KEY", "", "API_SECRET_KEY is not set"),
        ("API_SECRET_KEY", "short", "API_SECRET_KEY is shorter than 32 characters"),
        ("API_SECRET_KEY", "PLACEHOLDER_" + "x" * 40, "API_SECRET_KEY is a published sample value"),
        ("ENCRYPT_KEY", "dev-encrypt-key-32-chars-secure!", "ENCRYPT_KEY is a published sample"),
        ("ENCRYPT_KEY", "x" * 33, "ENCRYPT_KEY must be exactly 32 ASCII characters"),
    ],
)
@pytest.mark.requirement("C-11")
def test_production_refuses_weak_secrets(world: World, name: str, value: str, reason: str) -> None:
    world.environment[name] = value
    answer = world.request("GET", PATH)
    assert (answer.status, answer.code) == (503, "WEAK_SECRET")
    assert reason in answer.json["error"]
    health = world.request("GET", "/health", signed=False)
    assert health.status == 503
    assert health.json["errors"][0]["code"] == "WEAK_SECRET"


@pytest.mark.requirement("C-11")
def test_development_accepts_sample_secrets(world: World) -> None:
    world.environment |= {
        "ENVIRONMENT": "development",
        "API_SECRET_KEY": VECTOR_KEY,
        "ENCRYPT_KEY": "dev-encrypt-key-32-chars-secure!",
    }
    assert world.request("GET", PATH, key=VECTOR_KEY).status == 200
