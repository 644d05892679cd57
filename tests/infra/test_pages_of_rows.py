"""What a move of recipients reads, copies and deletes, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from infra.migrations.d1 import Row, Statement
from infra.migrations.scratch import ScratchDatabase
from infra.shards.lines import copy_holds_of_all, copy_lines
from infra.shards.user_rows import UserRows

NOTES = UserRows("notes", ("user_id", "id", "text"), ("user_id", "id"))
LINES = (
    "CREATE TABLE endpoint_lines (endpoint TEXT PRIMARY KEY, channel_type TEXT, "
    "throttled_until INTEGER, next_slot INTEGER, interval_ms INTEGER, burst INTEGER)"
)
HOLDS = (
    "CREATE TABLE channel_holds (channel_type TEXT, user_id TEXT, held_until TEXT, reason TEXT, "
    "created_at TEXT, PRIMARY KEY (channel_type, user_id))"
)


class Counted(ScratchDatabase):
    """A scratch database that counts its calls."""

    def __init__(self, *statements: str) -> None:
        super().__init__()
        self.batch([Statement(sql) for sql in statements])
        self.calls = 0

    def batch(self, statements: Sequence[Statement]) -> list[list[Row]]:
        self.calls = getattr(self, "calls", 0) + 1
        return super().batch(statements)

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        [rows] = super().batch([Statement(sql)])
        return [tuple(row.values()) for row in rows]


@pytest.fixture
def notes() -> Iterator[Counted]:
    made = "CREATE TABLE notes (user_id TEXT, id INTEGER, text TEXT, PRIMARY KEY (user_id, id))"
    with Counted(made) as database:
        yield database


def fill(database: Counted, sql: str, count: int) -> None:
    """Run an INSERT … SELECT over the numbers 1 to `count` as `n`."""
    numbers = f"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count})"  # noqa: S608
    database.batch([Statement(f"{numbers} {sql}")])
    database.calls = 0


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (500, [500]), (501, [500, 1]), (1_001, [500, 500, 1])]
)
def test_recipients_come_by_five_hundred_each_once_and_in_order(
    notes: Counted, count: int, sizes: list[int]
) -> None:
    if count:
        for id_ in (1, 2):
            fill(
                notes,
                f"INSERT INTO notes SELECT printf('u%05d', n), {id_}, 'x' FROM c",  # noqa: S608
                count,
            )
    notes.batch([Statement("INSERT INTO notes VALUES ('', 1, 'of nobody')")])
    notes.calls = 0
    pages = list(NOTES.users(notes))
    assert [len(page) for page in pages] == sizes
    assert [user for page in pages for user in page] == [f"u{n:05}" for n in range(1, count + 1)]
    assert notes.calls == len(sizes) + 1


@pytest.mark.parametrize(
    ("length", "count", "first"),
    [
        (10, 499, 499),
        (10, 500, 500),
        (10, 501, 500),
        # With `u`, an id of one digit and the text each row has that many bytes.
        (199_998, 3, 2),
        (199_997, 3, 3),
        (399_998, 3, 1),
        (399_997, 3, 2),
        (900_000, 3, 1),
    ],
)
def test_a_page_has_at_most_five_hundred_rows_and_few_large_ones(
    notes: Counted, length: int, count: int, first: int
) -> None:
    fill(
        notes,
        f"INSERT INTO notes SELECT 'u', n, substr(hex(zeroblob({length})), 1, {length}) FROM c",  # noqa: S608
        count,
    )
    notes.batch([Statement("INSERT INTO notes VALUES ('other', 1, 'x')")])
    page = NOTES.first_page(notes, ["u"])
    assert [row["id"] for row in page] == list(range(1, first + 1))
    assert NOTES.same_rows(notes, page) == page
    NOTES.delete(notes, page)
    left = notes.ask("SELECT user_id, id FROM notes ORDER BY user_id DESC, id")
    assert left == [*(("u", id_) for id_ in range(first + 1, count + 1)), ("other", 1)]


def test_a_row_without_values_counts_as_nothing(notes: Counted) -> None:
    notes.batch([Statement("INSERT INTO notes VALUES ('u', 1, NULL), ('u', 2, NULL)")])
    assert [row["text"] for row in NOTES.first_page(notes, ["u"])] == [None, None]


@pytest.mark.parametrize(("count", "calls"), [(0, 1), (500, 2), (501, 3), (1_001, 4)])
def test_every_line_is_copied_and_the_later_time_counts(count: int, calls: int) -> None:
    with Counted(LINES) as source, Counted(LINES) as target:
        if count:
            fill(
                source,
                "INSERT INTO endpoint_lines "
                "SELECT printf('e%05d', n), 'webhook', n, n, 3, 4 FROM c",
                count,
            )
        kept = "INSERT INTO endpoint_lines VALUES ('e00001', 'lark', 9, 0, 5, 6)"
        target.batch([Statement(kept)])
        source.calls = target.calls = 0
        copy_lines(source, target)
        assert (source.calls, target.calls) == (calls, calls - 1)
        found = target.ask("SELECT * FROM endpoint_lines ORDER BY endpoint")
        assert found[0] == ("e00001", "lark", 9, 1 if count else 0, 5, 6)
        assert found[1:] == [(f"e{n:05}", "webhook", n, n, 3, 4) for n in range(2, count + 1)]


def test_holds_of_a_whole_channel_are_given_to_another_database_and_nobody_elses() -> None:
    with Counted(HOLDS) as first, Counted(HOLDS) as target:
        first.batch(
            [
                Statement(
                    "INSERT INTO channel_holds VALUES ('lark', '', '2027', 'r', '2026'), "
                    "('slack', '', '2028', 's', '2026'), ('lark', 'u', '2029', 't', '2026')"
                )
            ]
        )
        target.batch(
            [
                Statement(
                    "INSERT INTO channel_holds VALUES ('lark', '', '2030', 'old', '2020'), "
                    "('sms', '', '2030', 'ended in the first', '2020'), "
                    "('lark', 'v', '2031', 'v', '2026')"
                )
            ]
        )
        copy_holds_of_all(first, target)
        assert target.ask("SELECT * FROM channel_holds ORDER BY channel_type, user_id") == [
            ("lark", "", "2027", "r", "2026"),
            ("lark", "v", "2031", "v", "2026"),
            ("slack", "", "2028", "s", "2026"),
        ]
        first.batch([Statement("DELETE FROM channel_holds WHERE user_id = ''")])
        copy_holds_of_all(first, target)
        assert target.ask("SELECT channel_type, user_id FROM channel_holds") == [("lark", "v")]
