"""Several databases return to one moment together, or none does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from ops.database import time_travel
from ops.database.time_travel import TimeTravel
from ops.stacks.errors import GateClosed, OperationError, UsageError

MOVED = "2026-11-29T12:00:00.000Z"
WHOLE = '{"n":2,"moving_to":null}'
LATER = "2026-11-29T13:00:00Z"


class Account:
    """Databases with what was last done to them.

    Attributes:
        at: for each database the bookmark at which it is.
        fails: the calls of travel, by number, that are refused.
        asked: the times of the bookmarks that were asked for.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, record: Sequence[str] | None) -> None:
        names = ("a", "b", "c")
        self.at = dict.fromkeys(names, "05-5")
        self.fails: set[int] = set()
        self.asked: list[str | None] = []
        self.travels: list[tuple[str, str]] = []
        rows = [] if record is None else [{"config_value": record[0], "updated_at": record[1]}]
        self.databases: list[Any] = [
            SimpleNamespace(
                account=self, database_id=name, name=name, stack="dev", query=lambda _: rows
            )
            for name in names
        ]
        monkeypatch.setattr(time_travel, "D1Transfer", Transfer)

    @property
    def travel(self) -> TimeTravel:
        return TimeTravel(self.databases)


class Transfer:
    """Time travel of one of them."""

    def __init__(self, account: Account, name: str) -> None:
        self._account, self._name = account, name

    def bookmark(self, at: str | None = None) -> str:
        self._account.asked.append(at)
        return self._account.at[self._name] if at is None else "01-1"

    def travel(self, bookmark: str) -> str:
        self._account.travels.append((self._name, bookmark))
        if len(self._account.travels) in self._account.fails:
            raise OperationError("The account gave no answer.")
        before, self._account.at[self._name] = self._account.at[self._name], bookmark
        return before


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    return Account(monkeypatch, (WHOLE, MOVED))


def test_a_bookmark_names_one_of_each_database_and_its_moment(account: Account) -> None:
    bookmark = account.travel.bookmark()
    assert bookmark.startswith("05-5,05-5,05-5@20")
    assert account.asked == [None, None, None]
    earlier = datetime(2026, 11, 29, 13, 30, 15, 400_000, tzinfo=UTC)
    assert account.travel.bookmark(earlier) == "01-1,01-1,01-1@2026-11-29T13:30:15Z"
    assert account.asked[3:] == ["2026-11-29T13:30:15Z"] * 3


def test_all_databases_return_and_the_answer_undoes_it(account: Account) -> None:
    account.at["b"] = "07-0"
    undo = account.travel.travel(f"01-1,02-2,03-3@{LATER}")
    assert account.at == {"a": "01-1", "b": "02-2", "c": "03-3"}
    assert undo.partition("@")[0] == "05-5,07-0,05-5"
    account.at = dict.fromkeys("abc", "09-0")
    account.travel.travel(undo)
    assert account.at == {"a": "05-5", "b": "07-0", "c": "05-5"}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_if_one_does_not_return_the_others_come_back(account: Account, number: int) -> None:
    account.fails = {number}
    with pytest.raises(OperationError, match="all databases are as they were: The account gave"):
        account.travel.travel(f"01-1,02-2,03-3@{LATER}")
    assert account.at == dict.fromkeys("abc", "05-5")


def test_what_does_not_come_back_is_told_with_the_command_that_brings_it(account: Account) -> None:
    account.fails = {3, 4}
    with pytest.raises(
        OperationError, match=r"Database c did not .* notifyctl db travel 05-5,05-5,05-5@\S+ --sta"
    ):
        account.travel.travel(f"01-1,02-2,03-3@{LATER}")


@pytest.mark.parametrize(
    "bookmark",
    [
        "01-1",
        f"01-1@{LATER}",
        f"01-1,02-2@{LATER}",
        f"01-1,02-2,03-3,04-4@{LATER}",
        "01-1,02-2,03-3",
        "01-1,02-2,03-3@yesterday",
        "01-1,02-2,03-3@2026-99-29T13:00:00Z",
        "01-1,02-2,03-3@2026-11-29T13:00:00",
        f"01-1,02-2,zz@{LATER}",
        "",
    ],
)
def test_what_is_no_bookmark_of_all_databases_moves_none(account: Account, bookmark: str) -> None:
    with pytest.raises(UsageError, match="isn't a bookmark of 3 databases"):
        account.travel.travel(bookmark)
    assert account.travels == []


def test_a_bookmark_of_the_future_of_one_database_moves_none(account: Account) -> None:
    with pytest.raises(UsageError, match="Bookmark 2, 05-6, is later than anything in database b"):
        account.travel.travel(f"05-5,05-6,03-3@{LATER}")
    assert account.travels == []


@pytest.mark.parametrize(
    ("record", "at", "is_refused"),
    [
        ((WHOLE, MOVED), "2026-11-29T12:00:01Z", False),
        ((WHOLE, MOVED), "2026-11-29T12:00:00Z", True),
        ((WHOLE, MOVED), "2026-11-29T11:00:00Z", True),
        (('{"n":2,"moving_to":3}', MOVED), LATER, True),
        (None, LATER, False),
    ],
)
def test_no_travel_crosses_a_move(
    monkeypatch: pytest.MonkeyPatch,
    record: tuple[str, str] | None,
    at: str,
    is_refused: bool,
) -> None:
    account = Account(monkeypatch, record)
    if not is_refused:
        account.travel.travel(f"01-1,02-2,03-3@{at}")
        assert len(account.travels) == 3
        return
    with pytest.raises(GateClosed, match="Recipients have moved between the databases of 'dev'"):
        account.travel.travel(f"01-1,02-2,03-3@{at}")
    assert account.travels == []


def test_one_database_has_a_bookmark_as_the_account_gives_it(account: Account) -> None:
    del account.databases[1:]
    assert account.travel.bookmark() == "05-5"
    assert account.travel.travel("zz") == "05-5"
    assert account.at["a"] == "zz"
