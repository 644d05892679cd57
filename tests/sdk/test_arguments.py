"""Wrong arguments are refused by name before anything is sent, and never taken for a default."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from notification_sdk import (
    NotificationClient,
    NotificationRequest,
    RetryPolicy,
    SmartChannelSelector,
    TransportError,
    ValidationError,
    sign_request,
)
from notification_sdk.testing import TEST_URL, FakeNotificationService

pytestmark = pytest.mark.requirement("C-10.1")
CONTENT: Any = {"content": "hi"}
wrong: Any = lambda value: value  # noqa: E731 - hides a value's type from mypy


def selector() -> SmartChannelSelector:
    return SmartChannelSelector()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: sign_request("k", timestamp="1", method="GET", target="/", version=wrong(3)),
            "version must be one of 1, 2, and is 3",
        ),
        (
            lambda: selector().select_channels(["lark"], priority=wrong("asap")),
            "priority must be one of urgent, normal, marketing, transactional, and is 'asap'",
        ),
        (
            lambda: selector().set_priority_channels(wrong("asap"), ["lark"]),
            "priority must be one of urgent, normal, marketing, transactional, and is 'asap'",
        ),
        (
            lambda: selector().select_channels_by_urgency(["lark"], wrong("now")),
            "urgency must be one of immediate, high, normal, low, and is 'now'",
        ),
        (
            lambda: selector().select_channels(["lark"], max_channels=0),
            "max_channels must be at least 1, and is 0",
        ),
        (
            lambda: selector().select_channels(["lark", "slack"], max_channels=-1),
            "max_channels must be at least 1, and is -1",
        ),
        (lambda: RetryPolicy(max_retries=-1), "max_retries must be at least 0, and is -1"),
        (lambda: RetryPolicy(delay=float("nan")), "delay must be at least 0, and is nan"),
        (lambda: RetryPolicy(max_delay=-0.5), "max_delay must be at least 0, and is -0.5"),
        (
            lambda: RetryPolicy(max_retry_after=wrong("1")),
            "max_retry_after must be at least 0, and is '1'",
        ),
        (lambda: NotificationClient(TEST_URL, timeout=0), "timeout must be over 0, and is 0"),
        (
            lambda: NotificationClient(TEST_URL, timeout=wrong(None)),
            "timeout must be over 0, and is None",
        ),
        (
            lambda: NotificationClient(TEST_URL, timeout=wrong(True)),
            "timeout must be over 0, and is True",
        ),
        (
            lambda: NotificationClient(TEST_URL, max_retries=wrong(True)),
            "max_retries must be at least 0, and is True",
        ),
        (
            lambda: NotificationClient(TEST_URL, retry_delay=-1),
            "delay must be at least 0, and is -1",
        ),
        (
            lambda: NotificationClient(TEST_URL, max_requests_per_second=float("nan")),
            "max_requests_per_second must be over 0, and is nan",
        ),
        (
            lambda: NotificationClient(TEST_URL, wrong(b"key")),
            "api_key must be a text, and is of type bytes",
        ),
        (
            lambda: NotificationClient(TEST_URL, wrong(None)),
            "api_key must be a text, and is of type NoneType",
        ),
    ],
)
def test_an_argument_that_has_no_meaning_is_named_with_what_it_may_be(
    call: Callable[[], object], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()


@pytest.mark.parametrize(
    ("send", "argument"),
    [
        (lambda p: p.order_update("ada", "7", "lost"), "status"),
        (lambda p: p.security_alert("ada", "lost"), "event"),
        (lambda p: p.alert("ada", "fatal", "t", "m"), "severity"),
        (lambda p: p.report("ada", "yearly", {}), "period"),
    ],
)
def test_a_preset_that_does_not_exist_asks_the_service_for_nothing(
    send: Callable[[Any], object], argument: str
) -> None:
    service = FakeNotificationService()
    with pytest.raises(ValueError, match=f"^{argument} must be one of "):
        send(service.client().presets)
    assert service.requests == []


@pytest.mark.parametrize(
    "url",
    [
        None,
        5,
        "https://notify.example.com/api",
        "https://notify.example.com?x=1",
        "https://notify.example.com#top",
        "https://notify.example.com:99999",
        "http://[::1",
    ],
)
def test_a_url_that_the_service_cannot_have_is_refused_by_name(url: Any) -> None:
    said = (
        "base_url must be an http or https URL without a path, such as "
        f"https://notify.example.com, and is {url!r}"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        NotificationClient(url)


def test_a_password_in_the_url_stands_in_no_error() -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    password = "-".join(("very", "private"))
    url = f"https://proxy-user:{password}@notify.example.com"
    client = NotificationClient(url, "key", max_retries=0, transport=httpx.MockTransport(lost))
    with pytest.raises(TransportError) as raised:
        client.health()
    assert raised.value.message == (
        "https://…@notify.example.com can't be reached for GET /health: refused."
    )
    with pytest.raises(ValueError, match=r"https://…@notify\.example\.com/api") as refused:
        NotificationClient(f"{url}/api")
    assert password not in str(refused.value)


@pytest.mark.parametrize("channels", [5, [5], [["lark"], None]])
def test_channels_that_are_no_names_are_refused(channels: Any) -> None:
    service = FakeNotificationService()
    with pytest.raises(ValidationError) as refused:
        service.client().send_notification("ada", channels, custom_content=CONTENT)
    assert (refused.value.code, service.requests) == ("INVALID_CHANNELS", [])
    assert repr(channels) in refused.value.message


def test_one_text_is_never_a_list_of_letters() -> None:
    service = FakeNotificationService()
    client = service.client()
    for value in ("abc", 5, [5]):
        calls: list[Callable[[Any], object]] = [
            lambda value: client.templates.update("t", variables=value),
            lambda value: client.select_channels("ada", preferred=value),
            lambda value: selector().set_priority_channels("urgent", value),
            lambda value: selector().set_fallback_channels("lark", value),
        ]
        for call in calls:
            with pytest.raises(ValidationError, match=r" must be a list of names, and is "):
                call(value)
    assert not [each for each in service.requests if each.method != "GET"]


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.logs.query(user_id=""),
        lambda c: list(c.logs.iterate(channel=" ")),
        lambda c: c.configs.active_channels(""),
        lambda c: c.smart_send("", "Hi"),
        lambda c: c.retry.redrive(user_id=""),
        lambda c: c.retry.trigger(channel=""),
        lambda c: c.logs.cleanup("2026-01-01", status=""),
        lambda c: list(c.templates.iterate(channel="")),
    ],
)
def test_an_empty_filter_is_refused_where_the_service_would_answer_for_everybody(
    call: Callable[[NotificationClient], object],
) -> None:
    service = FakeNotificationService()
    with pytest.raises(ValidationError, match=r"is empty\. Name one, or leave it out"):
        call(service.client())
    assert service.requests == []


def test_an_answer_that_points_elsewhere_is_not_the_services() -> None:
    def moved(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, json={"success": True, "results": [], "request_id": "r"})

    client = NotificationClient(TEST_URL, "key", transport=httpx.MockTransport(moved))
    outcome = client.send_batch_notifications(
        [NotificationRequest(user_id="ada", channels=("lark",), custom_content=CONTENT)]
    )
    [item] = outcome.failed
    assert item.error is not None
    assert (item.error.code, item.error.status) == ("INVALID_RESPONSE", 302)


@pytest.mark.parametrize(
    ("header", "waited"),
    [
        ("Mon, 30 Nov 2026 23:00:07 GMT", 7.0),
        ("Mon, 30 Nov 2026 22:00:00 GMT", 0.0),
        ("Mon, 30 Nov 2026 23:00:07", 7.0),
        ("7", 7.0),
        ("soon", 0.5),
        ("-1", 0.5),
        ("1.5", 0.5),
        ("Mon, 30 Nov 99999 23:00:07 GMT", 0.5),
    ],
)
def test_a_proxys_retry_after_may_be_a_date(header: str, waited: float) -> None:
    answers = iter([httpx.Response(503, headers={"Retry-After": header})])
    service = FakeNotificationService()
    waits: list[float] = []

    def handle(request: httpx.Request) -> httpx.Response:
        return next(answers, None) or service.handle(request)

    client = service.client(
        transport=httpx.MockTransport(handle),
        sleep=waits.append,
        now=lambda: 1_796_079_600.0,  # 2026-11-30T23:00:00Z
        retry=RetryPolicy(chance=lambda: 1.0),
    )
    client.quick.lark("ada", "hi")
    assert waits == [waited]


def test_the_fake_is_told_only_what_can_happen() -> None:
    service = FakeNotificationService()
    [result] = service.client().quick.lark("ada", "hi").results
    calls: list[Callable[[], object]] = [
        lambda: service.fail_next(200),
        lambda: service.fail_next(503, retry_after=-1),
        lambda: service.fail_channel("lrk"),
        lambda: service.add_user("ada", "lark", "lrk"),
        lambda: service.add_user("ada"),
        lambda: service.settle(result.message_id, "delivered"),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r" must be |name at least one channel"):
            call()
    with pytest.raises(KeyError):
        service.settle("ntf_unknown", "sent")
    assert service.client().configs.list("ada") == ()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"custom_content": "text"}, "INVALID_CUSTOM_CONTENT"),
        ({"custom_content": {"content": ""}}, "INVALID_CONTENT"),
        ({"custom_content": {"content": " "}}, "INVALID_CONTENT"),
        ({"custom_content": {"content": "x" * 100_001}}, "INVALID_CONTENT"),
        ({"idempotency_key": "k" * 256}, "INVALID_IDEMPOTENCY_KEY"),
        ({"idempotency_key": ""}, "INVALID_IDEMPOTENCY_KEY"),
        ({"metadata": {"a": "b" * 4_090}}, "INVALID_METADATA"),
        ({"metadata": []}, "INVALID_METADATA"),
        ({"variables": []}, "INVALID_VARIABLES"),
        ({"variables": {"a": "b" * 65_530}}, "INVALID_VARIABLES"),
        ({"send_at": "tomorrow"}, "INVALID_REQUEST"),
        ({"send_at": "2026-12-01T09:00:00"}, "INVALID_REQUEST"),
    ],
)
def test_the_fake_refuses_a_send_that_the_service_refuses(fields: Any, code: str) -> None:
    service = FakeNotificationService()
    with pytest.raises(ValidationError) as refused:
        service.client().send_notification("ada", ["lark"], **{"custom_content": CONTENT, **fields})
    assert (refused.value.code, service.sent) == (code, [])


@pytest.mark.parametrize(
    "query", [{"status": "lost"}, {"limit": 0}, {"limit": 1001}, {"offset": -1}]
)
def test_the_fake_refuses_a_query_that_the_service_refuses(query: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        FakeNotificationService().client().logs.query(**query)
    assert refused.value.code == "INVALID_PARAMETER"
