"""Which calls are made again, after what wait, and which never."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from notification_sdk import (
    ConflictError,
    NotFoundError,
    NotificationClient,
    NotificationError,
    RateLimitError,
    RequestTimeout,
    RetryPolicy,
    ServerError,
    TransportError,
    ValidationError,
)
from notification_sdk.testing import FakeNotificationService

pytestmark = pytest.mark.requirement("C-10.1")
CONTENT: Any = {"content": "hi"}


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def service() -> FakeNotificationService:
    return FakeNotificationService()


@pytest.fixture
def client(service: FakeNotificationService, waits: list[float]) -> NotificationClient:
    policy = RetryPolicy(chance=lambda: 0.5)
    return service.client(sleep=waits.append, retry=policy)


def keys(service: FakeNotificationService) -> list[str | None]:
    return [each.idempotency_key for each in service.sent]


def test_a_send_whose_answer_was_lost_is_repeated_and_sent_once(
    service: FakeNotificationService, client: NotificationClient, waits: list[float]
) -> None:
    service.lose_next_answer()
    sent = client.send_notification("ada", ["webhook"], custom_content=CONTENT)

    assert (len(service.requests), len(service.sent), len(waits)) == (2, 1, 1)
    assert sent.replayed
    assert sent.idempotency_key == service.sent[0].idempotency_key
    assert service.requests[0].content == service.requests[1].content


def test_each_send_gets_a_key_of_its_own_and_a_given_one_is_kept(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    for _ in range(2):
        client.send_notification("ada", ["webhook"], custom_content=CONTENT)
    client.send_notification("ada", ["webhook"], custom_content=CONTENT, idempotency_key="mine")
    first, second, third = keys(service)
    assert first is not None
    assert first != second
    assert third == "mine"


def test_without_a_key_a_send_whose_answer_was_lost_is_not_repeated(
    service: FakeNotificationService, waits: list[float]
) -> None:
    client = service.client(automatic_idempotency_keys=False, sleep=waits.append)
    service.lose_next_answer()
    with pytest.raises(TransportError):
        client.send_notification("ada", ["webhook"], custom_content=CONTENT)
    assert (len(service.sent), keys(service), waits) == (1, [None], [])


@pytest.mark.parametrize("status", [502, 503, 504])
def test_passing_refusals_are_tried_again_with_waits_that_grow(
    service: FakeNotificationService, client: NotificationClient, waits: list[float], status: int
) -> None:
    for _ in range(3):
        service.fail_next(status)
    client.send_notification("ada", ["webhook"], custom_content=CONTENT)
    assert waits == [0.75, 1.5, 3.0]
    assert len(service.sent) == 1


def test_after_the_last_retry_the_error_is_raised_as_it_came(
    service: FakeNotificationService, client: NotificationClient, waits: list[float]
) -> None:
    for number in range(5):
        service.fail_next(503, f"CODE_{number}")
    with pytest.raises(ServerError) as raised:
        client.send_notification("ada", ["webhook"], custom_content=CONTENT)
    assert (raised.value.code, raised.value.status) == ("CODE_3", 503)
    assert len(waits) == 3


@pytest.mark.parametrize(
    ("status", "kind"), [(400, ValidationError), (404, NotFoundError), (500, ServerError)]
)
def test_what_will_not_pass_is_raised_at_once(
    service: FakeNotificationService,
    client: NotificationClient,
    waits: list[float],
    status: int,
    kind: type[NotificationError],
) -> None:
    service.fail_next(status, "SOME_CODE")
    with pytest.raises(kind):
        client.send_notification("ada", ["webhook"], custom_content=CONTENT)
    assert (len(service.requests), waits) == (1, [])


def test_retry_after_is_the_wait(
    service: FakeNotificationService, client: NotificationClient, waits: list[float]
) -> None:
    service.fail_next(429, "RATE_LIMIT_EXCEEDED", retry_after=7)
    service.fail_next(503, "DB_ERROR", retry_after=60)
    client.send_notification("ada", ["webhook"], custom_content=CONTENT)
    assert waits == [7, 60]


def test_a_retry_after_that_is_too_long_is_raised_and_named(
    service: FakeNotificationService, client: NotificationClient, waits: list[float]
) -> None:
    service.fail_next(429, "RATE_LIMIT_EXCEEDED", retry_after=61)
    with pytest.raises(RateLimitError) as raised:
        client.send_notification("ada", ["webhook"], custom_content=CONTENT)
    assert (raised.value.retry_after, waits) == (61, [])


def test_a_send_that_is_still_under_way_is_asked_for_again(
    service: FakeNotificationService, client: NotificationClient, waits: list[float]
) -> None:
    service.fail_next(409, "IDEMPOTENCY_IN_PROGRESS", retry_after=1)
    client.send_notification("ada", ["webhook"], custom_content=CONTENT)
    assert waits == [1]


def test_any_other_conflict_is_raised(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    service.fail_next(409, "LOG_IN_FLIGHT")
    with pytest.raises(ConflictError):
        client.users.delete("ada")
    assert len(service.requests) == 1


def test_a_retry_by_hand_is_repeated_only_where_the_service_did_nothing(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    service.fail_next(503, "DB_ERROR")
    with pytest.raises(ServerError):
        client.retry.trigger()
    service.lose_next_answer()
    with pytest.raises(TransportError):
        client.retry.trigger()
    service.fail_next(429, "RATE_LIMIT_EXCEEDED", retry_after=1)
    service.fail_next(503, "MAINTENANCE", retry_after=2)
    assert client.retry.trigger() == 0
    assert len(service.requests) == 5


def test_a_deletion_whose_answer_was_lost_counts_as_done(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    client.configs.set("ada", "webhook", {"webhook_url": "https://example.com"})
    service.lose_next_answer()
    client.configs.delete("ada", "webhook")
    with pytest.raises(NotFoundError):
        client.configs.delete("ada", "webhook")


def failing(
    make: Callable[[httpx.Request], Exception], calls: list[str], waits: list[float], **options: Any
) -> NotificationClient:
    def handle(request: httpx.Request) -> httpx.Response:
        calls.append(request.method)
        raise make(request)

    return NotificationClient(
        "https://notify.example.com",
        "key",
        transport=httpx.MockTransport(handle),
        sleep=waits.append,
        **options,
    )


def test_a_service_that_cannot_be_reached_is_tried_again_even_without_a_key(
    waits: list[float],
) -> None:
    calls: list[str] = []
    client = failing(
        lambda request: httpx.ConnectError("refused", request=request),
        calls,
        waits,
        automatic_idempotency_keys=False,
    )
    with pytest.raises(TransportError, match=r"https://notify.example.com can't be reached"):
        client.send_notification("ada", ["webhook"], custom_content=CONTENT)
    assert (len(calls), len(waits)) == (4, 3)


def test_a_timeout_names_the_call_and_the_limit(waits: list[float]) -> None:
    calls: list[str] = []
    client = failing(
        lambda request: httpx.ReadTimeout("", request=request),
        calls,
        waits,
        timeout=12,
        max_retries=1,
    )
    with pytest.raises(RequestTimeout, match=r"GET /health within 12 s") as raised:
        client.health()
    assert (raised.value.code, len(calls)) == ("TIMEOUT", 2)
    assert not client.health_check()


def test_waits_stop_growing() -> None:
    error = ServerError("", code="DB_ERROR", status=503)
    policy = RetryPolicy(max_retries=20, delay=1, max_delay=8, chance=lambda: 1.0)
    waits = [policy.wait(error, retries=n, repeatable=True) for n in range(12)]
    assert waits[:4] == [0.5, 1, 2, 4]
    assert set(waits[3:]) == {4}
    assert policy.wait(error, retries=20, repeatable=True) is None
    patient = RetryPolicy(max_retries=5_000, chance=lambda: 0.0)
    assert patient.wait(error, retries=4_999, repeatable=True) == patient.max_delay


def test_waits_differ_from_client_to_client() -> None:
    error = ServerError("", code="DB_ERROR", status=503)
    first = {RetryPolicy().wait(error, retries=0, repeatable=True) for _ in range(20)}
    assert len(first) > 10
