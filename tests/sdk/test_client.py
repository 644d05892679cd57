"""The client's calls and what it reads of the answers, sync and async."""

from __future__ import annotations

import contextlib
import inspect
import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import anyio
import httpx
import pytest

from notification_sdk import (
    AuthenticationError,
    ConflictError,
    Hooks,
    InvalidResponse,
    NotFoundError,
    NotificationClient,
    NotificationError,
    NotificationRequest,
    PermissionDenied,
    RateLimitError,
    RequestTimeout,
    ServerError,
    StatusError,
    TransportError,
    UnknownFieldsWarning,
    ValidationError,
    _errors,
)
from notification_sdk.testing import TEST_KEY, FakeNotificationService

pytestmark = pytest.mark.requirement("C-10.1")
CONTENT: Any = {"content": "hi"}


@pytest.fixture
def service() -> FakeNotificationService:
    return FakeNotificationService()


@pytest.fixture
def client(service: FakeNotificationService) -> Iterator[NotificationClient]:
    with service.client() as made:
        yield made


def answering(response: httpx.Response, **options: Any) -> NotificationClient:
    transport = httpx.MockTransport(lambda request: response)
    return NotificationClient("https://notify.example.com", "key", transport=transport, **options)


def request(user: str = "ada", **more: Any) -> NotificationRequest:
    return NotificationRequest(
        user_id=user, **({"channels": ("webhook",), "custom_content": CONTENT} | more)
    )


def test_a_send_goes_out_whole_and_comes_back_typed(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    service.fail_channel("slack", code="HTTP_ERROR", error="HTTP 404")
    sent = client.send_notification(
        "ada",
        ["lark", "slack"],
        custom_content={"subject": "Hi", "content": "Shipped"},
        idempotency_key="order-1",
        metadata={"order": 1},
    )
    lark, slack = sent.results
    assert (lark.channel, lark.status, lark.error, lark.accepted) == ("lark", "sent", None, True)
    assert (slack.status, slack.code, slack.error) == ("failed", "HTTP_ERROR", "HTTP 404")
    assert sent.failed == (slack,)
    assert sent.accepted
    assert not sent.replayed
    [first, _] = service.sent
    assert (first.subject, first.content, first.metadata) == ("Hi", "Shipped", {"order": 1})
    assert (first.message_id, first.idempotency_key) == (lark.message_id, "order-1")
    assert client.send_notification(
        "ada",
        ["lark", "slack"],
        custom_content={"subject": "Hi", "content": "Shipped"},
        idempotency_key="order-1",
    ).replayed


def test_fields_that_are_not_set_are_not_sent() -> None:
    assert request().body() == {
        "user_id": "ada",
        "channels": ["webhook"],
        "custom_content": CONTENT,
    }


def test_without_channels_two_active_ones_are_chosen(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    service.add_user("ada", "slack", "webhook", "lark")
    client.configs.deactivate("ada", "lark")
    sent = client.send_notification("ada", custom_content=CONTENT)
    assert [result.channel for result in sent.results] == ["webhook", "slack"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ValidationError),
        (401, AuthenticationError),
        (403, PermissionDenied),
        (404, NotFoundError),
        (409, ConflictError),
        (402, StatusError),
        (405, StatusError),
        (410, StatusError),
        (412, StatusError),
        (413, ValidationError),
        (414, StatusError),
        (415, ValidationError),
        (416, StatusError),
        (418, StatusError),
        (421, StatusError),
        (422, ValidationError),
        (423, StatusError),
        (428, StatusError),
        (429, RateLimitError),
        (430, StatusError),
        (499, StatusError),
        (500, ServerError),
        (501, ServerError),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[StatusError]) -> None:
    document = {
        "success": False,
        "error": "No.",
        "code": "SOME_CODE",
        "request_id": "r-1",
        "details": [1],
    }
    client = answering(httpx.Response(status, json=document), max_retries=0)
    with pytest.raises(NotificationError) as raised:
        client.logs.query()
    error = raised.value
    assert type(error) is kind
    assert (error.message, error.code, error.status) == ("No.", "SOME_CODE", status)
    assert (error.request_id, error.details) == ("r-1", [1])
    assert error.request is not None
    assert error.request.url.path == "/api/notification-logs"


def test_a_refusal_by_something_else_still_says_what_was_asked() -> None:
    client = answering(
        httpx.Response(502, text="<html>", headers={"X-Request-Id": "r-2"}), max_retries=0
    )
    with pytest.raises(
        ServerError, match=r"GET /api/notification-logs was refused with 502"
    ) as raised:
        client.logs.query()
    assert (raised.value.code, raised.value.request_id) == ("HTTP_502", "r-2")


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (httpx.Response(200, text="hello"), r"answered 200 without a JSON object"),
        (httpx.Response(200, json=[]), r"answered 200 without a JSON object"),
        (httpx.Response(302, json={}), r"answered 302|results"),
        (httpx.Response(200, json={"request_id": "r"}), r"results should be a list and is nothing"),
        (httpx.Response(200, json={"request_id": "r", "results": {}}), r"results should be a list"),
        (httpx.Response(200, json={"request_id": 1, "results": []}), "request_id should be a text"),
        (httpx.Response(200, json={"request_id": "r", "results": [7]}), r"\[0\] should be an"),
        (
            httpx.Response(200, json={"request_id": "r", "results": [{"channelType": "x"}]}),
            r"results\[0\]\.status should be a text and is nothing",
        ),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_the_services_is_an_error_that_names_the_field(
    response: httpx.Response, said: str
) -> None:
    with pytest.raises(InvalidResponse, match=said) as raised:
        answering(response).send(request())
    assert raised.value.code == "INVALID_RESPONSE"


def test_a_body_that_is_not_what_its_encoding_says_is_no_answer() -> None:
    def handle(asked: httpx.Request) -> httpx.Response:
        headers = {"Content-Encoding": "gzip"}
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(b"a proxy's page"))

    client = NotificationClient("https://n.example", transport=httpx.MockTransport(handle))
    with pytest.raises(InvalidResponse, match=r"POST /api/notifications/send") as raised:
        client.send(request())
    assert raised.value.code == "INVALID_RESPONSE"


def test_a_target_that_no_url_can_have_is_refused_before_anything_is_sent(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    with pytest.raises(ValidationError, match="GET /api/user-configs"):
        client.configs.get("a" * 70_000, "lark")
    assert service.requests == []


@pytest.mark.parametrize(
    ("failure", "seconds"), [(httpx.ConnectTimeout, "5"), (httpx.ReadTimeout, "30")]
)
def test_a_timeout_says_how_long_was_waited(
    failure: type[httpx.TimeoutException], seconds: str
) -> None:
    def handle(asked: httpx.Request) -> httpx.Response:
        raise failure("", request=asked)

    transport = httpx.MockTransport(handle)
    client = NotificationClient("https://n.example", transport=transport, max_retries=0)
    with pytest.raises(RequestTimeout, match=f"within {seconds} s"):
        client.send(request())


@pytest.mark.parametrize("value", [object(), float("nan"), {1, 2}, b"bytes"])
def test_a_value_that_is_no_json_is_refused_before_anything_is_sent(
    service: FakeNotificationService, client: NotificationClient, value: object
) -> None:
    with pytest.raises(
        ValidationError, match=r"POST /api/notifications/send can't be written as JSON"
    ):
        client.send_notification("ada", ["webhook"], template_key="t", variables={"v": value})
    assert service.requests == []


def test_the_hierarchy_in_the_module_is_the_real_one() -> None:
    drawn: dict[str, tuple[str, str]] = {}
    parents: dict[int, str] = {}
    for line in (_errors.__doc__ or "").splitlines():
        found = re.match(r"^( {4}[ │]*)(?:[├└]─ )?([A-Z]\w+)\b *(.*)$", line)
        if found:
            depth = len(found[1])
            above = [name for level, name in parents.items() if level < depth]
            drawn[found[2]] = (above[-1] if above else "Exception", found[3])
            parents = {lvl: n for lvl, n in parents.items() if lvl < depth} | {depth: found[2]}
    classes = {
        name: value
        for name, value in vars(_errors).items()
        if inspect.isclass(value) and issubclass(value, NotificationError)
    }
    assert {name: value.__bases__[0].__name__ for name, value in classes.items()} == {
        name: parent for name, (parent, _) in drawn.items()
    }
    for name, (_, statuses) in drawn.items():
        for status in re.findall(r"\b[45][0-9]{2}\b", statuses):
            assert _errors.status_error_type(int(status)) is classes[name], status


def test_configurations_are_set_found_switched_and_deleted(client: NotificationClient) -> None:
    assert client.configs.get("ada", "lark") is None
    made = client.configs.set("ada", "lark", {"webhook_url": "https://example.com"})
    assert (made.user_id, made.channel, made.is_active) == ("ada", "lark", True)
    assert not client.configs.deactivate("ada", "lark").is_active
    assert client.configs.active_channels("ada") == ()
    switched = client.configs.activate("ada", "lark")
    assert switched.is_active
    assert switched.config == {"webhook_url": "https://example.com"}
    assert client.configs.active_channels("ada") == ("lark",)
    client.configs.delete("ada", "lark")
    assert client.configs.list("ada") == ()


def test_templates_are_saved_changed_shown_and_switched_off(client: NotificationClient) -> None:
    client.templates.create(
        "order",
        name="Order",
        variables=["id"],
        contents={"lark": {"content_template": "Order {{id}}", "content_type": "markdown"}},
    )
    client.templates.update("order", description="An order")
    template = client.templates.get("order")
    assert (template.name, template.description, template.variables) == (
        "Order",
        "An order",
        ("id",),
    )
    assert template.channels == ("lark",)
    assert template.contents[0].content_type == "markdown"
    preview = client.templates.render("order", {"id": 7})["lark"]
    assert (preview.content, preview.missing_variables) == ("Order 7", ())
    assert client.templates.render("order", {})["lark"].missing_variables == ("id",)
    client.templates.delete("order")
    assert client.templates.list() == ()
    assert [each.key for each in client.templates.list(include_inactive=True)] == ["order"]


def test_keys_and_ids_with_any_character_reach_the_service_whole(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    client.templates.create("a/b c?d", contents={"slack": {"content_template": "x"}})
    assert client.templates.get("a/b c?d").key == "a/b c?d"
    client.configs.set("张/三&x=1", "slack", {"webhook_url": "https://example.com"})
    assert client.configs.active_channels("张/三&x=1") == ("slack",)


def test_logs_are_found_by_each_filter(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    first = client.send_notification("ada", ["lark"], custom_content=CONTENT)
    client.send_notification("bob", ["slack"], custom_content=CONTENT)
    page = client.logs.query(user_id="ada")
    assert (page.total, page.has_more, page.logs[0].channel) == (1, False, "lark")
    assert client.logs.query(channel="slack").logs[0].user_id == "bob"
    assert client.logs.query(status="failed").logs == ()
    assert client.logs.get(first.results[0].log_id).message_id == first.results[0].message_id
    [entry] = client.logs.get_by_request_id(first.request_id)
    assert entry.user_id == "ada"
    assert client.get_notification_logs(user_id="ada", limit=1).total == 1
    with pytest.raises(NotFoundError):
        client.logs.get(999)


def test_times_are_sent_in_utc_and_a_time_without_zone_is_refused(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    client.logs.query(start_date=datetime(2026, 1, 2, 3, tzinfo=UTC), end_date=date(2026, 1, 3))
    query = dict(service.requests[-1].url.params)
    assert query["start_date"] == "2026-01-02T03:00:00.000Z"
    assert query["end_date"] == "2026-01-03"
    with pytest.raises(ValidationError, match="no time zone"):
        client.logs.query(start_date=datetime(2026, 1, 2))


def test_every_notification_is_yielded_once_while_others_arrive(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    for number in range(7):
        client.send_notification(f"user-{number}", ["lark"], custom_content=CONTENT)
    found = []
    for entry in client.logs.iterate(page_size=2):
        found.append(entry.user_id)
        client.send_notification("late", ["lark"], custom_content=CONTENT)
    assert found == [f"user-{number}" for number in reversed(range(7))]


def test_iteration_goes_on_where_the_service_stopped_looking() -> None:
    asked: list[dict[str, str]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        query = dict(request.url.params)
        asked.append(query)
        further = {} if "end_date" in query else {"searched_from": "2026-01-01T00:00:00.000Z"}
        data = {"logs": [], "total": 0, "limit": 2, "offset": 0, **further}
        return httpx.Response(200, json={"data": data, "pagination": {"hasMore": False}})

    client = NotificationClient("https://n.example", transport=httpx.MockTransport(handle))
    assert list(client.logs.iterate(channel="lark", page_size=2)) == []
    assert [query.get("end_date") for query in asked] == [None, "2026-01-01T00:00:00.000Z"]
    assert [query["offset"] for query in asked] == ["0", "0"]


def test_iteration_ends_where_the_service_stops_at_the_same_place_again() -> None:
    asked: list[str | None] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("end_date"))
        assert len(asked) < 5
        # Later than where the service stopped before: no reason to stop.
        stops = "2026-01-01T00:00:00.000Z" if len(asked) == 1 else "2026-01-02T00:00:00.000Z"
        data = {"logs": [], "total": 0, "limit": 2, "offset": 0, "searched_from": stops}
        return httpx.Response(200, json={"data": data, "pagination": {"hasMore": False}})

    client = NotificationClient("https://n.example", transport=httpx.MockTransport(handle))
    assert list(client.logs.iterate()) == []
    assert asked == [None, "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"]


def test_what_an_answer_leaves_out_is_read_as_not_so() -> None:
    result = {"channelType": "lark", "status": "sent", "messageId": "m", "userId": "u", "logId": 1}
    send = {"success": True, "results": [result], "request_id": "r"}
    client = answering(httpx.Response(200, json=send))
    [read] = client.send_notification("u", ["lark"], custom_content=CONTENT).results
    assert (read.truncated, read.fallback_of, read.waits_until) == (False, None, None)
    data = {"logs": [], "total": 0, "limit": 2, "offset": 0}
    paged = {"data": data, "pagination": {"hasMore": False}}
    page = answering(httpx.Response(200, json=paged)).logs.query()
    assert (page.total_capped, page.has_more, page.searched_from) == (False, False, None)


def test_a_templates_channels_are_those_of_its_contents_or_of_the_list() -> None:
    moment = "2026-01-01T00:00:00.000Z"
    row = {"template_key": "k", "template_name": "n", "variables": [], "is_active": True}
    row |= {"created_at": moment, "updated_at": moment, "supported_channels": ["lark", "slack"]}
    content = {"channel_type": "webhook", "content_type": "text", "content_template": "x"}
    whole = {"data": {**row, "contents": [content]}}

    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=whole if request.url.path.endswith("/k") else listed)

    listed = {"data": [row], "pagination": {"hasMore": False}}
    client = NotificationClient("https://n.example", transport=httpx.MockTransport(handle))
    [found] = list(client.templates.iterate())
    assert (found.channels, found.contents) == (("lark", "slack"), ())
    got = client.templates.get("k")
    assert got.channels == ("webhook",)
    assert [each.channel for each in got.contents] == ["webhook"]


def test_retries_of_a_user_are_added_up() -> None:
    states = [("failed", 0), ("failed", 1), ("failed", 2), ("failed", 3)]
    states += [("sent", 4), ("retry_scheduled", 5), ("pending", 0)]
    logs = [
        {"id": at, "message_id": "m", "user_id": "u", "channel_type": "lark", "status": status}
        | {"retry_count": retries, "created_at": "2026-01-01T00:00:00.000Z"}
        for at, (status, retries) in enumerate(states)
    ]
    data = {"logs": logs, "total": len(logs), "limit": 1000, "offset": 0}
    found = answering(
        httpx.Response(200, json={"data": data, "pagination": {"hasMore": False}})
    ).retry.get_stats("u")
    assert (found.total_retries, found.failed_after_retries, found.pending_retries) == (15, 2, 1)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5])
def test_templates_and_configurations_are_yielded_over_all_pages(
    service: FakeNotificationService, client: NotificationClient, count: int
) -> None:
    for number in range(count):
        service.add_template(f"t{number}", "x")
        service.add_user(f"u{number}", "lark")
    assert [each.key for each in client.templates.iterate(page_size=2)] == [
        f"t{number}" for number in range(count)
    ]
    assert [each.user_id for each in client.configs.iterate(page_size=2)] == [
        f"u{number}" for number in range(count)
    ]


def test_a_batch_keeps_the_order_and_every_outcome(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    requests = [request(f"user-{number}") for number in range(9)]
    requests[4] = request("", channels=("webhook",))
    outcome = client.send_batch_notifications(requests, concurrency=3)
    assert [item.request for item in outcome.items] == requests
    assert [item.response.results[0].user_id for item in outcome.items if item.response] == [
        f"user-{number}" for number in range(9) if number != 4
    ]
    [failed] = outcome.failed
    assert isinstance(failed.error, ValidationError)
    assert (len(outcome.responses), outcome.skipped) == (8, ())


def test_a_batch_that_stops_on_an_error_begins_nothing_after_it(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    requests = [request("ada"), request(""), request("bob"), request("eve")]
    outcome = client.send_batch_notifications(requests, concurrency=1, stop_on_error=True)
    assert [item.request.user_id for item in outcome.skipped] == ["bob", "eve"]
    assert [each.user_id for each in service.sent] == ["ada"]


def test_bulk_takes_a_hundred_a_request_and_keeps_the_order_and_every_outcome(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    requests = [request(f"user-{number}") for number in range(101)]
    requests[4] = request("")
    outcome = client.send_bulk(requests)
    assert [each.url.path for each in service.requests] == ["/api/notifications/batch"] * 2
    assert [item.request.user_id for item in outcome.items] == [r.user_id for r in requests]
    [failed] = outcome.failed
    assert isinstance(failed.error, ValidationError)
    assert (failed.error.code, failed.error.status) == ("INVALID_USER_ID", 400)
    sent = [item.response.results[0].user_id for item in outcome.items if item.response]
    assert sent == [r.user_id for r in requests if r.user_id]
    assert client.send_bulk([]).items == ()


def test_a_bulk_whose_answer_was_lost_is_repeated_and_sent_once(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    service.lose_next_answer()
    outcome = client.send_bulk([request("ada"), request("bob")])
    assert [each.replayed for each in outcome.responses] == [True, True]
    assert len(service.sent) == 2


def test_a_bulk_that_is_too_large_is_sent_in_halves_and_keeps_the_order() -> None:
    service, bodies = FakeNotificationService(), list[int]()

    def handle(request: httpx.Request) -> httpx.Response:
        bodies.append(len(request.content))
        if len(request.content) > 1_000:
            document = {"success": False, "error": "too large", "code": "PAYLOAD_TOO_LARGE"}
            return httpx.Response(413, json=document)
        return service.handle(request)

    client = service.client(transport=httpx.MockTransport(handle))
    texts = ["a" * 300, "b" * 2_000, "c" * 300, "d" * 300, "e" * 300]
    outcome = client.send_bulk([request(custom_content={"content": text}) for text in texts])
    assert [sent.content[0] for sent in service.sent] == ["a", "c", "d", "e"]
    assert [item.error and item.error.code for item in outcome.items] == [
        None, "PAYLOAD_TOO_LARGE", None, None, None,
    ]  # fmt: skip
    assert max(bodies) == bodies[0]


def test_all_rows_of_a_batch_are_found_by_its_request() -> None:
    """A batch of 100 sends over several channels has more rows than a page."""
    unsigned = FakeNotificationService("")

    def handle(request: httpx.Request) -> httpx.Response:
        assert request.url.params["request_id"] == "one batch"
        listed = httpx.Request("GET", request.url.copy_remove_param("request_id"))
        return unsigned.handle(listed)

    sender = unsigned.client()
    for number in range(250):
        sender.quick.lark("ada", str(number))
    client = unsigned.client(transport=httpx.MockTransport(handle))
    found = client.logs.get_by_request_id("one batch")
    assert [entry.content for entry in found] == [str(n) for n in reversed(range(250))]


def test_a_user_is_reached_over_more_endpoints_than_a_page_has() -> None:
    service = FakeNotificationService()
    named = [f"webhook:e{number}" for number in range(101)]
    service.add_user("ada", *named)
    assert service.client().configs.active_channels("ada") == tuple(named)


def test_what_is_kept_about_a_person_is_exported_in_pages_and_erased(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    service.add_user("ada", "lark")
    for number in range(5):
        client.quick.lark("ada", str(number))
    pages = list(client.users.export("ada", page_size=2))
    texts = [[row["content"] for row in page["notifications"]] for page in pages]
    assert texts == [["0", "1"], ["2", "3"], ["4"]]
    service.fail_channel("lark", retry=True)
    client.quick.lark("ada", "waits")
    with pytest.raises(ConflictError):
        client.users.delete("ada")
    client.users.delete("ada", force=True)
    for call in (client.users.delete, lambda user: list(client.users.export(user))):
        with pytest.raises(NotFoundError):
            call("ada")


def test_an_export_goes_on_for_keys_when_no_notification_is_left() -> None:
    pages = iter(
        [
            {"notifications": [], "idempotency_keys": ["a"], "next_after": 7, "next_key": "a"},
            {"notifications": [], "idempotency_keys": ["b"], "next_after": None, "next_key": None},
        ]
    )
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.query.decode())
        return httpx.Response(200, json={"success": True, "data": next(pages)})

    client = NotificationClient("https://n.example", "key", transport=httpx.MockTransport(handle))
    found = [page["idempotency_keys"] for page in client.users.export("ada", page_size=9)]
    assert found == [["a"], ["b"]]
    assert asked == ["after=0&limit=9", "after=7&after_key=a&limit=9"]


def test_settled_notifications_are_cleaned_up_by_age_and_status(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    client.quick.lark("ada", "sent")
    service.fail_channel("lark")
    client.quick.lark("ada", "failed")
    assert client.logs.cleanup("2020-01-01") == 0
    assert client.logs.cleanup("2030-01-01", status="failed") == 1
    with pytest.raises(ValidationError):
        client.logs.cleanup("2030-01-01", status="pending")
    assert client.logs.cleanup("2030-01-01") == 1
    assert client.logs.query().total == 0


def test_a_bulk_that_is_refused_as_a_whole_fails_for_each(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    service.fail_next(401, "INVALID_SIGNATURE")
    outcome = client.send_bulk([request("ada"), request("bob")])
    assert [type(item.error) for item in outcome.failed] == [AuthenticationError] * 2


def test_one_of_a_bulk_that_cannot_be_sent_fails_alone(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    requests = [
        request("ada"),
        request("bob", send_at=datetime(2026, 1, 1)),
        request("cyd", metadata={"a": object()}),
        request("dan"),
    ]
    outcome = client.send_bulk(requests)
    assert [item.response is not None for item in outcome.items] == [True, False, False, True]
    assert [type(item.error) for item in outcome.failed] == [ValidationError] * 2
    assert [item.request.user_id for item in outcome.items] == ["ada", "bob", "cyd", "dan"]
    assert [each.user_id for each in service.sent] == ["ada", "dan"]


def test_what_a_bulk_has_sent_is_told_though_a_later_part_fails(
    service: FakeNotificationService,
) -> None:
    client = service.client(max_retries=0)
    requests = [*(request(f"user-{n}") for n in range(100)), request("eve", channels=())]

    def break_off(sent: httpx.Request) -> None:
        if sent.url.path == "/api/user-configs":
            raise httpx.ConnectError("gone", request=sent)

    client._caller._http.event_hooks["request"].append(break_off)
    outcome = client.send_bulk(requests)
    assert len(outcome.responses) == 100
    [failed] = outcome.failed
    assert (failed.request.user_id, type(failed.error)) == ("eve", TransportError)


def test_a_bulk_in_which_nothing_can_be_sent_asks_for_nothing(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    assert len(client.send_bulk([request(metadata={"a": object()})]).failed) == 1
    assert service.requests == []


def test_a_bulk_answer_of_another_length_is_no_answer() -> None:
    response = httpx.Response(200, json={"request_id": "r", "results": []})
    [item] = answering(response).send_bulk([request()]).items
    assert isinstance(item.error, InvalidResponse)


def test_a_batch_sends_as_many_at_once_as_asked(service: FakeNotificationService) -> None:
    meeting = threading.Barrier(3, timeout=20)

    def handle(request: httpx.Request) -> httpx.Response:
        meeting.wait()
        return service.handle(request)

    client = NotificationClient(
        "https://n.example", TEST_KEY, transport=httpx.MockTransport(handle)
    )
    outcome = client.send_batch_notifications([request() for _ in range(6)], concurrency=3)
    assert len(outcome.responses) == 6
    with pytest.raises(ValueError, match="concurrency"):
        client.send_batch_notifications([], concurrency=0)


def test_a_send_is_confirmed_once_every_message_is_delivered(
    service: FakeNotificationService,
) -> None:
    service.fail_channel("lark", retry=True)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            service.settle(service.sent[0].message_id, "sent")

    client = service.client(sleep=sleep)
    response, confirmed = client.send_and_confirm(request(channels=("lark", "webhook")))
    assert (confirmed, waits) == (True, [5, 5, 5])
    assert response.results[0].status == "retry_scheduled"


def test_a_send_that_is_not_delivered_in_time_is_not_confirmed(
    service: FakeNotificationService,
) -> None:
    service.fail_channel("lark", retry=True)
    waits: list[float] = []
    client = service.client(sleep=waits.append)
    # An earlier notification that was delivered says nothing about this one.
    client.send(request(channels=("webhook",)))
    _, confirmed = client.send_and_confirm(
        request(channels=("lark",)), timeout=12, check_interval=4
    )
    assert (confirmed, waits) == (False, [4, 4, 4])


def test_a_send_that_fails_for_good_is_not_waited_for(service: FakeNotificationService) -> None:
    waits: list[float] = []
    client = service.client(sleep=waits.append)
    service.fail_channel("lark")
    assert client.send_and_confirm(request(channels=("lark", "webhook")))[1] is False
    assert waits == []
    service.fail_channel("slack", retry=True)

    def fail(seconds: float) -> None:
        waits.append(seconds)
        service.settle(service.sent[-1].message_id, "failed")

    assert service.client(sleep=fail).send_and_confirm(request(channels=("slack",)))[1] is False
    assert waits == [5]


def test_retries_are_added_up(service: FakeNotificationService, client: NotificationClient) -> None:
    service.fail_channel("lark", retry=True)
    client.send(request(channels=("lark", "webhook")))
    stats = client.retry.get_stats("ada")
    assert (stats.total_retries, stats.pending_retries, stats.failed_after_retries) == (1, 1, 0)


def test_an_unhealthy_service_is_an_answer() -> None:
    document = {
        "status": "unhealthy",
        "version": "1",
        "environment": "production",
        "database": "disconnected",
        "cache": "connected",
        "queues": "connected",
    }
    client = answering(httpx.Response(503, json=document))
    assert client.health().database == "disconnected"
    assert not client.health_check()
    assert answering(httpx.Response(200, json={**document, "status": "healthy"})).health_check()


def test_hooks_see_each_try(service: FakeNotificationService) -> None:
    seen: list[str] = []
    hooks = Hooks(
        on_request=lambda request: seen.append(request.method),
        on_response=lambda response: seen.append(str(response.status_code)),
        on_error=lambda error: seen.append(error.code),
    )
    service.fail_next(503, "DB_ERROR")
    service.client(hooks=hooks).logs.query()
    assert seen == ["GET", "503", "DB_ERROR", "GET", "200"]


def test_calls_are_spread_to_the_rate_that_is_asked_for(service: FakeNotificationService) -> None:
    waits: list[float] = []
    client = service.client(sleep=waits.append, max_requests_per_second=0.01)
    for _ in range(3):
        client.health()
    first, second, third = waits
    assert first == 0
    assert 90 < second <= 100
    assert 190 < third <= 200
    with pytest.raises(ValueError, match="max_requests_per_second"):
        service.client(max_requests_per_second=0)


def test_a_key_never_stands_in_an_error_or_in_what_is_printed(
    service: FakeNotificationService,
) -> None:
    other = FakeNotificationService("another-key")
    client = NotificationClient("https://n.example", "very-secret-key", transport=other.transport())
    with pytest.raises(AuthenticationError) as raised:
        client.logs.query()
    shown = f"{raised.value!r} {raised.value.__dict__} {raised.value.request.headers}"  # type: ignore[union-attr]
    assert "very-secret-key" not in shown
    assert "very-secret-key" not in repr(client)


@pytest.mark.parametrize("url", ["", "notify.example.com", "ftp://x", "http://"])
def test_a_base_url_that_is_none_is_refused_by_name(url: str) -> None:
    with pytest.raises(ValueError, match="base_url must be an http or https URL"):
        NotificationClient(url)


@pytest.mark.parametrize(
    ("url", "connected", "host"),
    [
        ("https://notify.example.com/", "https://notify.example.com/health", "notify.example.com"),
        ("http://pr-1.localhost:8788", "http://127.0.0.1:8788/health", "pr-1.localhost:8788"),
        ("http://localhost:8788", "http://localhost:8788/health", "localhost:8788"),
    ],
)
def test_names_under_localhost_are_this_machine(url: str, connected: str, host: str) -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(404, json={})

    client = NotificationClient(url, transport=httpx.MockTransport(handle))
    with pytest.raises(NotFoundError):
        client.health()
    assert (str(seen[0].url), seen[0].headers["host"]) == (connected, host)


def test_the_async_client_does_the_same(service: FakeNotificationService) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def run() -> None:
        async with service.async_client(sleep=sleep) as client:
            service.fail_next(503, retry_after=2)
            sent = await client.send_notification("ada", ["lark"], custom_content=CONTENT)
            assert sent.results[0].status == "sent"
            for number in range(4):
                await client.notify().to(f"user-{number}").via("slack").content("x").send()
            seen = [entry.user_id async for entry in client.logs.iterate(page_size=2)]
            assert seen == ["user-3", "user-2", "user-1", "user-0", "ada"]
            outcome = await client.send_batch_notifications(
                [request(f"batch-{number}") for number in range(5)], concurrency=2
            )
            assert [
                item.response.results[0].user_id for item in outcome.items if item.response
            ] == [f"batch-{number}" for number in range(5)]
            await client.presets.verification_code("ada", "123", "login", channels=["lark"])

    with pytest.raises(ValidationError, match="Template not found"):
        anyio.run(run)
    assert waits == [2]


def test_async_sends_run_at_once(service: FakeNotificationService) -> None:
    async def run() -> None:
        arrived = 0
        together = anyio.Event()

        async def handle(request: httpx.Request) -> httpx.Response:
            nonlocal arrived
            arrived += 1
            if arrived == 3:
                together.set()
            with anyio.fail_after(20):
                await together.wait()
            return service.handle(request)

        client = service.async_client(transport=httpx.MockTransport(handle))
        outcome = await client.send_batch_notifications(
            [request() for _ in range(3)], concurrency=3
        )
        assert len(outcome.responses) == 3

    anyio.run(run)


def test_failed_ones_are_redriven_by_a_filter_page_by_page(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    service.fail_channel("lark", code="LARK_ERROR")
    service.fail_channel("slack", code="SLACK_ERROR")
    for _ in range(3):
        client.send_notification("ada", ["lark", "slack"], custom_content={"content": "Hi"})
    first = client.retry.redrive(code="LARK_ERROR", limit=2)
    assert (first.matched, first.queued, first.skipped) == (3, 2, {})
    rest = client.retry.redrive(code="LARK_ERROR", limit=2, cursor=first.next)
    assert (rest.matched, rest.queued, rest.next) == (1, 1, None)
    assert {entry.channel for entry in client.logs.iterate(status="failed")} == {"slack"}


def test_a_redrive_sends_its_times_in_utc(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    since = datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    client.retry.redrive(since=since, until="2026-01-02", template_key="order")
    body = json.loads(service.requests[-1].content)
    assert body == {
        "since": "2026-01-01T00:00:00.000Z",
        "until": "2026-01-02",
        "template_key": "order",
    }


def test_a_planned_send_is_cancelled_and_no_other(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    sends = [
        client.send_notification(
            "ada", ["lark"], custom_content={"content": "Hi"}, send_at="2026-12-01T09:00:00Z"
        )
        for _ in range(2)
    ]
    assert client.retry.cancel() == 0
    assert client.retry.cancel(sends[0].results[0].log_id) == 1
    assert [client.logs.get(sent.results[0].log_id).status for sent in sends] == [
        "cancelled",
        "retry_scheduled",
    ]


@pytest.mark.parametrize("status", [201, 400])
def test_fields_that_the_service_does_not_know_are_a_warning_of_python(status: int) -> None:
    config = {"id": 1, "user_id": "ada", "channel_type": "lark", "config_data": {}}
    answer = {
        "success": status < 400,
        "error": "No URL",
        "code": "VALIDATION_ERROR",
        "data": {**config, "is_active": True, "created_at": "x", "updated_at": "x"},
        "warnings": [
            {"code": "TRUNCATED", "message": "cut"},
            {"code": "UNKNOWN_FIELDS", "message": "No effect: Secret", "fields": ["Secret"]},
        ],
    }
    transport = httpx.MockTransport(lambda request: httpx.Response(status, json=answer))
    client = NotificationClient("https://notify.example.com", "key", transport=transport)
    with pytest.warns(UnknownFieldsWarning) as told, contextlib.suppress(NotificationError):
        client.configs.set("ada", "lark", {"Secret": "s"})
    assert [str(each.message) for each in told] == ["POST /api/user-configs: No effect: Secret"]


@pytest.mark.parametrize("warnings", [None, "UNKNOWN_FIELDS", ["UNKNOWN_FIELDS"], [{}]])
def test_warnings_of_another_form_are_no_warning_of_python(
    warnings: object, recwarn: pytest.WarningsRecorder
) -> None:
    answer = {"success": True, "data": [], "warnings": warnings}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))
    client = NotificationClient("https://notify.example.com", "key", transport=transport)
    assert client.configs.get("ada", "lark") is None
    assert list(recwarn) == []
