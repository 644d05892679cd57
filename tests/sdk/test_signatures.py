"""Signatures, webhooks and rendering against the contract's golden vectors."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
import standardwebhooks

from notification.channels.standard_webhooks import standard_headers
from notification.channels.webhook import sign_body
from notification_sdk import (
    TemplateRenderer,
    WebhookEvent,
    WebhookHandler,
    WebhookVerificationError,
    WebhookVerifier,
    create_hmac_signature,
    sign_request,
    verify_hmac_signature,
    verify_standard_webhook,
    verify_webhook_signature,
)
from notification_sdk.testing import FakeNotificationService

KEY = "dev-secret-key-for-testing"
BODY = (
    b'{"user_id":"user123","channels":["lark"],"template_key":"order-confirmation",'
    b'"variables":{"orderId":"ORD-12345"}}'
)
HOOK = (
    '{"content":"hi","timestamp":"2025-01-05T18:00:00.000Z",'
    '"metadata":{"channel":"webhook","version":"1.0"}}'
)
HOOK_SIGNATURE = "sha256=b25451f569ef99e1fe291990a3eac0f09035d2a6599aa196f918937607eaeaeb"
NOW = 1_736_100_000
STANDARD_SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()


@pytest.mark.requirement("C-16")
@pytest.mark.parametrize(
    ("method", "timestamp", "target", "body", "signature"),
    [
        (
            "POST", "1736100000000", "/api/notifications/send", BODY,
            "e17d0008443418c0d78fc5e00dadc9f182f7ef3ecc1adcc3f789475420a7ead3",
        ),
        (
            "POST", "1736100000", "/api/notifications/send", BODY,
            "3822bf072cb41598c724edd3bfda807a131db9ffed71cadd707bc9a04395123c",
        ),
        (
            "GET", "1736100000000", "/api/notification-logs?user_id=user123&limit=10", b"",
            "c993b28524d66af12102f36e32d8102ee6d9f5aab01be19d7efc1026ead56372",
        ),
        (
            "GET", "1736100000000", "/api/user-configs?user_id=%E5%BC%A0%E4%B8%89%20a", b"",
            "6acc2aff4357ac800fb2afbf758f092e827e6ea97b2bb14466eb2b2ba611a087",
        ),
        (
            "POST", "1736100000000", "/api/notifications/retry", b"",
            "6c5b9d8ef6767b139014438ad86b0bf222a268b41afe8019a9cfc658780111f6",
        ),
    ],
)  # fmt: skip
def test_version_1_gives_the_contracts_signatures(
    method: str, timestamp: str, target: str, body: bytes, signature: str
) -> None:
    made = sign_request(
        KEY, timestamp=timestamp, method=method, target=target, body=body, version=1
    )
    assert made == signature


@pytest.mark.requirement("C-0.13")
def test_version_2_covers_time_method_target_and_body() -> None:
    base: dict[str, Any] = {"timestamp": "1736100000000", "method": "POST", "target": "/a?b=1"}
    first = sign_request(KEY, **base, body=b"{}")
    others = [
        sign_request(KEY, **{**base, "timestamp": "1736100000001"}, body=b"{}"),
        sign_request(KEY, **{**base, "method": "PUT"}, body=b"{}"),
        sign_request(KEY, **{**base, "target": "/a?b=2"}, body=b"{}"),
        sign_request(KEY, **base, body=b"{ }"),
        sign_request("another", **base, body=b"{}"),
    ]
    assert len({first, *others}) == 6
    assert len(first) == 64
    assert first == first.lower()


def test_the_client_signs_the_target_as_it_is_sent() -> None:
    service = FakeNotificationService(KEY)
    client = service.client(now=lambda: 1_736_100_000.0)
    client.configs.list("张三 a")
    [request] = service.requests
    target = request.url.raw_path.decode()
    assert "user_id=%E5%BC%A0%E4%B8%89%20a" in target
    assert request.headers["x-timestamp"] == "1736100000000"
    assert request.headers["x-signature-version"] == "2"
    assert request.headers["x-signature"] == sign_request(
        KEY, timestamp="1736100000000", method="GET", target=target
    )


def hook_headers(timestamp: int = NOW, signature: str = HOOK_SIGNATURE) -> dict[str, str]:
    return {"X-Notification-Timestamp": str(timestamp), "X-Notification-Signature": signature}


def check(headers: Mapping[str, str], *, body: str = HOOK, now: float = NOW) -> bool:
    return verify_webhook_signature(headers, body.encode(), "whsec", now=lambda: now)


@pytest.mark.requirement("C-16", "C-10.3")
def test_the_contracts_webhook_is_genuine_in_any_case_of_its_headers() -> None:
    assert check(hook_headers())
    assert check({name.lower(): value for name, value in hook_headers().items()})
    assert check(httpx.Headers(hook_headers()))
    assert sign_body("whsec", str(NOW), HOOK) == HOOK_SIGNATURE


@pytest.mark.requirement("C-10.3")
def test_a_webhook_is_refused_when_changed_old_or_from_the_future() -> None:
    assert not check(hook_headers(), body=HOOK + " ")
    assert not check(hook_headers(timestamp=NOW + 1))
    assert check(hook_headers(), now=NOW + 300)
    assert not check(hook_headers(), now=NOW + 301)
    assert check(hook_headers(), now=NOW - 300)
    assert not check(hook_headers(), now=NOW - 301)


@pytest.mark.requirement("C-10.3")
@pytest.mark.parametrize(
    "signature", ["", "sha256=", "sha256=ab", HOOK_SIGNATURE[7:], "ü", "x" * 99]
)
def test_a_signature_of_any_length_or_kind_is_refused_and_never_an_error(signature: str) -> None:
    assert not check(hook_headers(signature=signature))


@pytest.mark.parametrize("timestamp", ["", "now", "-1", "1e9", "\uff11\uff12", "9" * 40])
def test_a_timestamp_that_is_no_number_is_refused_even_if_it_is_signed(timestamp: str) -> None:
    signed = {
        "X-Notification-Timestamp": timestamp,
        "X-Notification-Signature": sign_body("whsec", timestamp, HOOK),
    }
    assert not check(signed)


@pytest.mark.parametrize(
    ("timestamp", "genuine"), [("0" * 11 + "5", True), ("0" * 12 + "5", False)]
)
def test_a_timestamp_has_at_most_twelve_digits(timestamp: str, genuine: bool) -> None:
    signed = {
        "X-Notification-Timestamp": timestamp,
        "X-Notification-Signature": sign_body("whsec", timestamp, HOOK),
    }
    assert check(signed, now=5) is genuine


def standard(*secrets: str, body: str = HOOK, now: int = NOW) -> dict[str, str]:
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    return standard_headers("ntf_1", now, body, keys)


@pytest.mark.requirement("C-0.23", "C-10.3")
def test_standard_webhooks_of_the_service_are_genuine_while_secrets_rotate() -> None:
    headers = standard(OTHER_SECRET, STANDARD_SECRET)
    for secrets in (
        STANDARD_SECRET,
        [STANDARD_SECRET],
        [OTHER_SECRET],
        ["whsec_" + "A" * 44, OTHER_SECRET],
    ):
        assert verify_standard_webhook(headers, HOOK.encode(), secrets, now=lambda: NOW)
    assert not verify_standard_webhook(
        standard(OTHER_SECRET), HOOK.encode(), STANDARD_SECRET, now=lambda: NOW
    )


@pytest.mark.requirement("C-10.3")
def test_standard_webhooks_agree_with_the_reference_library() -> None:
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(NOW, UTC)
    signature = standardwebhooks.Webhook(STANDARD_SECRET).sign("msg_1", moment, HOOK)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(NOW),
        "webhook-signature": signature,
    }
    assert verify_standard_webhook(headers, HOOK.encode(), STANDARD_SECRET, now=lambda: NOW)
    for name, value in (
        ("webhook-id", "msg_2"),
        ("webhook-timestamp", str(NOW + 1)),
        ("webhook-signature", signature[:-4] + "AAA="),
        ("webhook-signature", signature.removeprefix("v1,")),
        ("webhook-id", ""),
    ):
        changed = {**headers, name: value}
        assert not verify_standard_webhook(changed, HOOK.encode(), STANDARD_SECRET, now=lambda: NOW)
    late = NOW + 301
    assert not verify_standard_webhook(headers, HOOK.encode(), STANDARD_SECRET, now=lambda: late)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_AAAA", "whsec_!", "short"])
def test_a_standard_secret_that_is_none_is_an_error_of_the_program(secret: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        WebhookVerifier(standard_secrets=secret)


def test_a_verifier_without_any_secret_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="secret"):
        WebhookVerifier()


def test_a_verified_webhook_is_read_from_what_was_signed() -> None:
    body = json.dumps(
        {"content": "hi", "subject": "Order", "metadata": {"message_id": "ntf_signed"}}
    )
    headers = {
        **hook_headers(signature=sign_body("whsec", str(NOW), body)),
        "X-Notification-Event": "notification.sent",
        "X-Notification-MessageId": "ntf_forged",
    }
    event = WebhookVerifier(secret="whsec", now=lambda: NOW).verify(headers, body.encode())
    assert (event.type, event.message_id) == ("notification.sent", "ntf_signed")
    assert (event.content, event.subject) == ("hi", "Order")
    assert event.document is not None


def test_a_raw_webhook_is_named_by_the_signed_id() -> None:
    headers = {**standard(STANDARD_SECRET, body="[1]"), "x-notification-messageid": "ntf_forged"}
    verifier = WebhookVerifier(standard_secrets=STANDARD_SECRET, now=lambda: NOW)
    event = verifier.verify(headers, b"[1]")
    assert (event.message_id, event.content, event.document) == ("ntf_1", None, None)


def test_a_handler_calls_the_functions_of_the_type_and_those_of_all_types() -> None:
    handler = WebhookHandler(WebhookVerifier(secret="whsec", now=lambda: NOW))
    calls: list[str] = []

    @handler.on("notification.sent")
    def sent(event: WebhookEvent) -> None:
        calls.append(f"sent {event.content}")

    @handler.on("notification.failed")
    def failed(event: WebhookEvent) -> None:
        calls.append("failed")

    @handler.on("*")
    def every(event: WebhookEvent) -> None:
        calls.append("every")

    handler.handle(hook_headers(), HOOK.encode())
    assert calls == ["sent hi", "every"]
    with pytest.raises(WebhookVerificationError, match=r"doesn't match.*300 s"):
        handler.handle(hook_headers(), b"{}")
    assert calls == ["sent hi", "every"]


@pytest.mark.requirement("C-16", "C-10.3")
def test_the_nonce_scheme_gives_the_contracts_signature() -> None:
    signature = create_hmac_signature("1736100000", "abc", "{}", "whsec")
    assert signature == "aW10ahNaagObTcfNCl1nrHhgdbvkj4Kf1X4YzCVikwk="

    def verified(given: str, now: float = NOW, nonce: str = "abc") -> bool:
        return verify_hmac_signature(given, str(NOW), nonce, "{}", "whsec", now=lambda: now)

    assert verified(signature)
    assert not verified(signature, nonce="abd")
    assert not verified(signature[:-1])
    assert not verified(signature, now=NOW - 301)
    assert not verified(signature, now=NOW + 301)


@pytest.mark.requirement("C-16", "C-10.3")
def test_the_renderer_gives_the_contracts_text() -> None:
    template = "Hi {{name}} {{missing}} {{n}} {{ok}} {{nil}}"
    variables = {"name": "A&B", "n": 1, "ok": True, "nil": None}
    renderer = TemplateRenderer()
    assert renderer.render(template, variables) == "Hi A&B {{missing}} 1 true "
    assert renderer.extract_variables(template + "{{n}}") == ("name", "missing", "n", "ok", "nil")
    assert renderer.validate_variables(template, variables).missing == ("missing",)
    assert not renderer.validate_variables(template, variables).valid
    assert renderer.validate_variables("{{n}}", variables).valid


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.078, "0.078"),
        (1.0, "1"),
        (-0.0, "0"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        ([1.0, {"a": 2.0}], '[1,{"a":2}]'),
        ([1, "a", None], "1,a,"),
        ({"a": [1]}, '{"a":[1]}'),
        (" x ", "x"),
        ("{{n}}", "{{n}}"),
    ],
)
def test_the_renderer_writes_values_as_the_service_does(value: object, text: str) -> None:
    assert TemplateRenderer().render("{{v}}", {"v": value, "n": 1}) == text


@pytest.mark.requirement("C-10.3")
def test_nothing_is_genuine_under_an_empty_secret() -> None:
    body, timestamp = b"{}", str(NOW)
    forged = hmac.new(b"", timestamp.encode() + body, "sha256").hexdigest()
    headers = {
        "X-Notification-Timestamp": timestamp,
        "X-Notification-Signature": f"sha256={forged}",
    }
    assert not verify_webhook_signature(headers, body, "", now=lambda: NOW)
    signature = create_hmac_signature(timestamp, "abc", "{}", "")
    assert not verify_hmac_signature(signature, timestamp, "abc", "{}", "", now=lambda: NOW)
    assert not verify_standard_webhook({}, body, [], now=lambda: NOW)


@pytest.mark.parametrize(
    "secrets", [5, None, [5], [None], b"whsec_", "whsec_", [STANDARD_SECRET, ""]]
)
def test_what_cannot_be_a_secret_is_refused_when_the_verifier_is_made(secrets: Any) -> None:
    with pytest.raises(ValueError, match=r"whsec_|give secret or standard_secrets"):
        WebhookVerifier(standard_secrets=secrets)
    with pytest.raises(ValueError, match="whsec_"):
        verify_standard_webhook({}, b"", secrets)


@pytest.mark.parametrize("age", [-1, float("nan"), "300", None])
def test_an_age_that_no_webhook_can_have_is_refused(age: Any) -> None:
    with pytest.raises(ValueError, match="max_age must be at least 0"):
        WebhookVerifier(secret=KEY, max_age=age)


def test_a_body_that_was_decoded_is_refused_by_its_type() -> None:
    """Decoding may have changed what was signed."""
    text: Any = "{}"
    calls: list[Callable[[], object]] = [
        lambda: verify_webhook_signature({}, text, KEY),
        lambda: verify_standard_webhook({}, text, STANDARD_SECRET),
        lambda: WebhookVerifier(secret=KEY).verify({}, text),
        lambda: WebhookHandler(WebhookVerifier(standard_secrets=STANDARD_SECRET)).handle({}, text),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"must be the raw bytes as they arrived, .* type str"):
            call()
