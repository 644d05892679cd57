"""Notifications are chosen by conditions, found across pages, and retried in parcels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any, cast

import pytest

from notification_sdk import NotFoundError, NotificationClient
from ops.observe.notifications import Selection, advice, by_id, discard, retry_in_bulk
from ops.stacks.errors import UsageError
from ops.stacks.service import ServiceClient
from tests.ops.answering_service import AnsweringService, answering_service

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def entry(number: int, code: str | None = None) -> SimpleNamespace:
    created = NOON - timedelta(minutes=number)
    return SimpleNamespace(id=number, created_at=created, document={"last_error_code": code})


class Logs:
    """Answers with pages in turn, and keeps what was asked."""

    def __init__(self, *pages: SimpleNamespace, rows: dict[int, Any] | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self._pages = list(pages)
        self._rows = rows or {}

    def query(self, **conditions: Any) -> SimpleNamespace:
        self.asked.append(conditions)
        return self._pages.pop(0)

    def get(self, number: int) -> Any:
        if number not in self._rows:
            raise NotFoundError.__new__(NotFoundError)
        return self._rows[number]


def page(*entries: Any, more: bool = False, searched: datetime | None = None) -> SimpleNamespace:
    return SimpleNamespace(logs=list(entries), has_more=more, searched_from=searched)


def client(logs: Logs) -> NotificationClient:
    return cast(NotificationClient, SimpleNamespace(logs=logs))


def test_pages_are_read_until_there_are_no_more_and_none_comes_twice() -> None:
    logs = Logs(page(entry(1), entry(2), more=True), page(entry(2), entry(3)))
    assert [one.id for one in Selection(user="u").find(client(logs))] == [1, 2, 3]
    assert [(one["offset"], one["end_date"]) for one in logs.asked] == [
        (0, None),
        (200, entry(1).created_at),
    ]
    assert {one["limit"] for one in logs.asked} == {200}
    assert logs.asked[0]["user_id"] == "u"


def test_a_search_that_ends_early_goes_on_from_where_it_stopped() -> None:
    early = NOON - timedelta(days=1)
    logs = Logs(
        page(entry(1), searched=early), page(searched=early - timedelta(days=1)), page(entry(9))
    )
    assert [one.id for one in Selection().find(client(logs))] == [1, 9]
    assert [one["end_date"] for one in logs.asked] == [None, early, early - timedelta(days=1)]


def test_a_search_that_gets_no_further_ends() -> None:
    logs = Logs(page(searched=NOON))
    assert list(Selection(until=NOON).find(client(logs))) == []


def test_a_code_is_looked_for_among_what_the_others_leave() -> None:
    logs = Logs(page(entry(1, "THROTTLED"), entry(2, "HTTP_ERROR"), entry(3)))
    assert [one.id for one in Selection(code="HTTP_ERROR").find(client(logs))] == [2]


def test_a_bulk_retry_takes_the_conditions_that_are_set() -> None:
    paris = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=1)))
    chosen = Selection(user="u", channel="lark", code="C", template="t", since=paris)
    assert chosen.redrive_body() == {
        "user_id": "u",
        "channel": "lark",
        "code": "C",
        "template_key": "t",
        "since": "2026-01-01T01:00:00Z",
    }
    assert Selection(status="failed").redrive_body() == {}


@pytest.mark.parametrize("chosen", [Selection(request_id="r"), Selection(status="sent")])
def test_a_bulk_retry_refuses_other_conditions(chosen: Selection) -> None:
    with pytest.raises(UsageError, match="failed notifications alone"):
        chosen.redrive_body()


def test_a_number_is_a_row_and_else_an_id_of_a_message_or_a_request() -> None:
    row = entry(7)
    assert by_id(client(Logs(rows={7: row})), "7") == [row]
    by_message = Logs(page(row))
    assert by_id(client(by_message), "m7") == [row]
    assert by_message.asked[0]["message_id"] == "m7"
    by_request = Logs(page(), page(row))
    assert by_id(client(by_request), "r7") == [row]
    assert by_request.asked[1]["request_id"] == "r7"
    with pytest.raises(UsageError, match="No notification has the id '8'"):
        by_id(client(Logs(page(), page())), "8")


def test_a_number_of_more_than_sixteen_digits_is_no_row() -> None:
    logs = Logs(page(entry(1)), rows={int("1" * 17): entry(2)})
    assert [one.id for one in by_id(client(logs), "1" * 17)] == [1]
    rows = Logs(rows={int("1" * 16): entry(2)})
    assert [one.id for one in by_id(client(rows), "1" * 16)] == [2]


def test_advice_names_user_and_channel() -> None:
    assert advice("INVALID_CONFIG", "ada", "lark") == (
        "Correct the configuration: notifyctl users set ada --channel lark"
    )
    assert advice("SOMETHING", "ada", "lark") == ""
    assert advice("MISSING_CHAT_ID", "ada", "telegram").endswith("users set ada -c telegram")


def test_a_user_whose_id_a_shell_would_obey_is_quoted_in_the_command() -> None:
    told = advice("INVALID_CONFIG", "x; rm -rf ~", "CHANNEL USER")
    assert told.endswith("notifyctl users set 'x; rm -rf ~' --channel 'CHANNEL USER'")


@pytest.fixture
def api() -> Iterator[AnsweringService]:
    with answering_service() as service:
        yield service


def data(**fields: Any) -> tuple[int, bytes]:
    return 200, json.dumps({"success": True, "data": fields}).encode()


def bodies(api: AnsweringService) -> list[Any]:
    return [json.loads(call["body"]) for call in api.seen]


def test_a_bulk_retry_goes_on_by_its_cursor_and_sums_what_was_queued(
    api: AnsweringService,
) -> None:
    api.answers = [
        data(matched=5, queued=3, skipped=["x"], next=9),
        data(matched=2, queued=2, skipped=["y"], next=None),
    ]
    with ServiceClient(api.url, "k" * 64) as service:
        found = retry_in_bulk(service, {"channel": "lark"})
    assert found == {"matched": 5, "queued": 5, "skipped": ["x"]}
    assert bodies(api) == [
        {"channel": "lark", "limit": 1000},
        {"channel": "lark", "limit": 1000, "cursor": 9},
    ]


def test_counts_that_a_service_leaves_out_are_none(api: AnsweringService) -> None:
    api.answers = [data(), data(matched=None, queued=None, skipped=None), data(updated=None)]
    with ServiceClient(api.url, "k" * 64) as service:
        for _ in range(2):
            found = retry_in_bulk(service, {})
            assert found == {"matched": 0, "queued": 0, "skipped": []}
        assert discard(service, [1]) == 0


def test_failed_notifications_are_discarded_a_thousand_at_once(api: AnsweringService) -> None:
    api.answers = [data(updated=1000), data(updated=1)]
    with ServiceClient(api.url, "k" * 64) as service:
        assert discard(service, list(range(1, 1002))) == 1001
    assert [len(body["taskIds"]) for body in bodies(api)] == [1000, 1]
    assert bodies(api)[1] == {"taskIds": [1001]}
