"""Moving recipients between databases: on SQLite with the real schema, and with every fault."""

import contextlib
import json
import random
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.migrations.d1 import D1Database, Row, Statement
from infra.migrations.errors import D1Unavailable, MigrationError, WriterBusy
from infra.migrations.files import MigrationSet
from infra.migrations.migrator import Migrator
from infra.shards.mover import SETTLED_S, Mover, MoveRefused
from infra.shards.placement import shard_of
from infra.shards.record import Placement, PlacementUnknown
from infra.shards.user_rows import UserRows
from tests.infra.d1_api import ACCOUNT, BASE_URL, DATABASE, D1Api, Killed

ROOT = Path(__file__).parents[2]
MIGRATIONS = MigrationSet.read(ROOT / "sql" / "migrations")
USERS = [f"user-{number}" for number in range(60)]
TABLES = (
    "notification_logs",
    "idempotency_keys",
    "endpoint_paces",
    "channel_holds",
    "user_configs",
)


@cache
def _migrated() -> sqlite3.Connection:
    """A database with the project's schema, made once by its migrations."""
    api = D1Api()
    with D1Database(
        account_id=ACCOUNT, database_id=DATABASE, base_url=BASE_URL, token="t", transport=api
    ) as database:
        Migrator(database).apply(MIGRATIONS)
    return api.connection


@dataclass
class Shards:
    """Databases with the project's schema, recipients in them, and a mover's clock."""

    apis: list[D1Api] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    waiting: Callable[[], None] = lambda: None

    @classmethod
    def of(cls, count: int) -> "Shards":
        made = cls()
        for _ in range(count):
            made.add()
        return made

    def add(self) -> None:
        api = D1Api()
        _migrated().backup(api.connection)
        self.apis.append(api)

    def database(self, shard: int) -> D1Database:
        return D1Database(
            account_id=ACCOUNT,
            database_id=DATABASE,
            base_url=BASE_URL,
            token="t",
            transport=self.apis[shard],
        )

    def mover(self) -> Mover:
        return Mover([self.database(n) for n in range(len(self.apis))], sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.waiting()

    def sql(self, shard: int, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        rows = self.apis[shard].connection.execute(sql, values).fetchall()
        return [tuple(row) for row in rows]

    def add_user(self, shard: int, user: str, *, logs: int = 3, text: str = "hello") -> None:
        number = USERS.index(user) if user in USERS else 99
        self.sql(
            shard,
            "INSERT INTO user_configs (id, user_id, channel_type, config_data) VALUES (?, ?, ?, ?)",
            1_000 + number,
            user,
            "webhook",
            "enc:v2:k:abc",
        )
        for at in range(logs):
            slot = number * 16 + at
            message = f"ntf_1704067200001_webhook_{slot:03x}000000000"
            self.sql(
                shard,
                "INSERT INTO notification_logs (id, message_id, user_id, channel_type, content, "
                "status, sent_at, variables) VALUES (?, ?, ?, 'webhook', ?, 'sent', '2026', ?)",
                4096 + slot,
                message,
                user,
                text,
                json.dumps({"a": ["ü", None, at]}),
            )
        self.sql(
            shard,
            "INSERT INTO idempotency_keys (user_id, idempotency_key, message_ids, expires_at) "
            "VALUES (?, 'k1', '[]', '2027')",
            user,
        )
        self.sql(shard, "INSERT INTO endpoint_paces VALUES (?, 'webhook', 5, 6, 7, 8)", user)
        self.sql(
            shard, "INSERT INTO channel_holds VALUES ('webhook', ?, '2027', 'r', '2026')", user
        )

    def record(self) -> str | None:
        found = self.sql(0, "SELECT config_value FROM system_configs WHERE config_key = 'shards'")
        return found[0][0] if found else None

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """All recipients' rows of all databases, sorted: a row that is there twice shows twice."""
        return {
            table: sorted(
                (
                    row
                    for n in range(len(self.apis))
                    for row in self.sql(n, f"SELECT * FROM {table} WHERE user_id <> ''")  # noqa: S608
                ),
                key=repr,
            )
            for table in TABLES
        }

    def strays(self, n: int) -> list[tuple[str, int]]:
        return [
            (user, shard)
            for shard in range(len(self.apis))
            for table in TABLES
            for (user,) in self.sql(
                shard,
                f"SELECT DISTINCT user_id FROM {table} WHERE user_id <> ''",  # noqa: S608
            )
            if shard_of(user, n) != shard
        ]


@pytest.fixture
def one() -> Shards:
    """A database with sixty recipients."""
    shards = Shards.of(1)
    for user in USERS:
        shards.add_user(0, user)
    return shards


def test_every_row_moves_home_as_it_was(one: Shards) -> None:
    before = one.rows()
    one.add()
    one.add()
    assert one.mover().move(3) == Placement(3)
    assert one.rows() == before
    assert one.strays(3) == []
    assert all(one.sql(n, "SELECT count(*) FROM notification_logs")[0][0] for n in range(3))
    assert one.record() == '{"n":3,"moving_to":null}'


def test_growing_and_shrinking_leave_every_history_whole(one: Shards) -> None:
    before = one.rows()
    for _ in range(3):
        one.add()
    for n in (3, 4, 2, 1):
        one.mover().move(n)
        assert one.rows() == before
        assert one.strays(n) == []
    assert [one.sql(n, "SELECT count(*) FROM user_configs")[0][0] for n in range(4)] == [
        60,
        0,
        0,
        0,
    ]


def test_rows_stand_still_before_the_first_is_copied(one: Shards) -> None:
    one.add()
    seen: list[tuple[str | None, int]] = []
    one.waiting = lambda: seen.append(
        (one.record(), one.sql(1, "SELECT count(*) FROM notification_logs")[0][0])
    )
    one.mover().move(2)
    assert one.waits == [SETTLED_S]
    assert seen == [('{"n":1,"moving_to":2}', 0)]


def test_nothing_waits_where_everybody_is_home(one: Shards) -> None:
    one.add()
    one.mover().move(2)
    one.waits.clear()
    assert one.mover().move(2) == Placement(2)
    assert one.waits == []


def test_what_is_no_recipients_stays_in_the_first_database(one: Shards) -> None:
    one.sql(0, "INSERT INTO system_configs (config_key, config_value) VALUES ('x', '1')")
    one.add()
    templates = one.sql(0, "SELECT count(*) FROM notification_templates_v2")
    one.mover().move(2)
    assert one.sql(0, "SELECT config_value FROM system_configs WHERE config_key = 'x'") == [("1",)]
    assert one.sql(1, "SELECT * FROM system_configs WHERE config_key IN ('x', 'shards')") == []
    assert one.sql(0, "SELECT count(*) FROM notification_templates_v2") == templates


def test_a_hold_of_a_whole_channel_holds_in_every_database(one: Shards) -> None:
    one.sql(0, "INSERT INTO channel_holds VALUES ('slack', '', '2027', 'r', '2026')")
    one.add()
    one.mover().move(2)
    for shard in (0, 1):
        assert one.sql(shard, "SELECT channel_type FROM channel_holds WHERE user_id = ''") == [
            ("slack",)
        ]


def test_what_an_earlier_service_left_stays_where_it_is(one: Shards) -> None:
    one.sql(0, "CREATE TABLE earlier_notification_logs (id INTEGER PRIMARY KEY, user_id TEXT)")
    one.sql(0, "CREATE INDEX earlier_by_user ON earlier_notification_logs (user_id)")
    one.sql(0, "INSERT INTO earlier_notification_logs (user_id) VALUES ('u1'), ('dan')")
    one.add()
    one.mover().move(2)
    assert one.strays(2) == []
    assert one.sql(0, "SELECT count(*) FROM earlier_notification_logs") == [(2,)]


def test_a_hold_that_ended_under_a_version_of_one_database_holds_nobody(one: Shards) -> None:
    one.add()
    one.sql(1, "INSERT INTO channel_holds VALUES ('slack', '', '2027', 'r', '2026')")
    one.mover().move(2)
    assert one.sql(1, "SELECT channel_type FROM channel_holds WHERE user_id = ''") == []


def test_who_moves_waits_in_the_line_as_before(one: Shards) -> None:
    one.sql(0, "INSERT INTO endpoint_lines VALUES ('https://a', 'webhook', 10, 900, 1, 1)")
    one.add()
    one.sql(1, "INSERT INTO endpoint_lines VALUES ('https://a', 'webhook', 20, 800, 1, 1)")
    one.mover().move(2)
    lines = "SELECT throttled_until, next_slot FROM endpoint_lines"
    assert one.sql(1, lines) == [(20, 900)]
    assert one.sql(0, lines) == [(10, 900)]


@pytest.mark.parametrize("text", ["a\0b", "x" * 500_000, "ü" * 390_000, '{"json": 1}', ""])
def test_any_text_arrives_as_it_was(text: str) -> None:
    shards = Shards.of(1)
    moving = next(user for user in USERS if shard_of(user, 2) == 1)
    shards.add_user(0, moving, logs=5, text=text)
    before = shards.rows()
    shards.add()
    shards.mover().move(2)
    assert shards.rows() == before
    assert shards.strays(2) == []


def test_a_call_is_bounded_however_many_rows_there_are() -> None:
    shards = Shards.of(1)
    moving = next(user for user in USERS if shard_of(user, 2) == 1)
    shards.add_user(0, moving, logs=16, text="x" * 100_000)
    shards.add()
    shards.mover().move(2)
    assert max(len(request.content) for api in shards.apis for request in api.requests) < 2_000_000
    assert shards.strays(2) == []


def _killed_at(shards: Shards, fault: str, api: int, call: int, n: int) -> bool:
    """Move with one fault; return whether it took effect."""
    shards.apis[api].calls = 0
    shards.apis[api].faults = {call: fault}  # type: ignore[dict-item]
    with contextlib.suppress(Killed, D1Unavailable):
        shards.mover().move(n)
    hit = shards.apis[api].calls > call
    for one in shards.apis:
        one.restart_writer()
    return hit


@pytest.mark.parametrize("api", [0, 1])
def test_a_move_that_was_cut_off_anywhere_is_simply_made_again(api: int) -> None:
    for call in range(400):
        shards = Shards.of(2)
        for user in USERS[:8]:
            shards.add_user(0, user, logs=1)
        before = shards.rows()
        hit = _killed_at(shards, "killed after", api, call, 2)
        found = shards.rows()
        # Nothing is gone at any moment, and what is there twice is the same row.
        assert {t: sorted(set(rows), key=repr) for t, rows in found.items()} == before
        assert shards.mover().move(2) == Placement(2)
        assert shards.rows() == before
        assert shards.strays(2) == []
        if not hit:
            break
    assert call > 15


@pytest.mark.parametrize("first", range(3))
def test_every_call_may_be_made_twice_since_its_answer_was_lost(one: Shards, first: int) -> None:
    before = one.rows()
    one.add()
    for api in one.apis:
        api.faults = dict.fromkeys(range(first, 1_000, 3), "answer lost")
    assert one.mover().move(2) == Placement(2)
    assert one.rows() == before
    assert one.strays(2) == []


@pytest.mark.parametrize("seed", range(4))
def test_any_sequence_of_moves_and_kills_ends_whole(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  a sequence to try
    shards = Shards.of(4)
    for user in USERS[:30]:
        shards.add_user(0, user)
    before = shards.rows()
    for _ in range(8):
        fault = chance.choice(["killed before", "killed after"])
        _killed_at(shards, fault, chance.randrange(4), chance.randrange(40), chance.randint(1, 4))
    last = chance.randint(1, 4)
    shards.mover().move(last)
    assert shards.rows() == before
    assert shards.strays(last) == []


def test_a_move_to_another_number_is_taken_back_first(one: Shards) -> None:
    before = one.rows()
    for _ in range(3):
        one.add()
    one.mover().move(2)
    assert _killed_at(one, "killed after", 0, 40, 4)
    record = one.record()
    assert record is not None
    assert json.loads(record) == {"n": 2, "moving_to": 4}
    seen: list[str | None] = []
    one.waiting = lambda: seen.append(one.record())
    one.mover().move(3)
    assert seen == ['{"n":2,"moving_to":4}', '{"n":2,"moving_to":3}']
    assert one.rows() == before
    assert one.strays(3) == []


def test_two_rows_with_one_id_stop_the_move_and_nothing_is_lost() -> None:
    shards = Shards.of(3)
    shards.mover().move(2)
    shards.waits.clear()
    moving = [user for user in USERS if shard_of(user, 3) == 2]
    one = next(user for user in moving if shard_of(user, 2) == 0)
    other = next(user for user in moving if shard_of(user, 2) == 1)
    shards.add_user(0, one)
    shards.add_user(1, other)
    shards.sql(1, "DELETE FROM notification_logs")
    shards.sql(
        1,
        "INSERT INTO notification_logs (id, message_id, user_id, channel_type) "
        "VALUES (?, ?, ?, 'webhook')",
        *shards.sql(0, "SELECT id, message_id FROM notification_logs LIMIT 1")[0],
        other,
    )
    before = shards.rows()
    with pytest.raises(MoveRefused, match="notification_logs can't be had in database 2"):
        shards.mover().move(3)
    assert shards.record() == Placement(2).text
    assert shards.rows() == before
    assert shards.strays(2) == []


def _refused(shards: Shards, error: type[MigrationError], n: int, match: str) -> None:
    before, record = shards.rows(), shards.record()
    with pytest.raises(error, match=match):
        shards.mover().move(n)
    assert shards.rows() == before
    assert shards.record() == record
    assert shards.waits == []


def test_databases_that_differ_are_refused_before_anything_moves(one: Shards) -> None:
    one.add()
    one.sql(1, "DROP INDEX idx_notification_user")
    _refused(one, MoveRefused, 2, "idx_notification_user")


@pytest.mark.parametrize("count", [5, 6])
def test_at_most_five_differences_of_a_schema_are_named(one: Shards, count: int) -> None:
    one.add()
    for number in range(count):
        one.sql(1, f"CREATE TABLE aa_{number} (id INTEGER)")
    names = ", ".join(f"aa_{number}" for number in range(5))
    _refused(one, MoveRefused, 2, f"schema of the first one: {names} differ. Nothing was moved.")


def test_a_database_behind_in_migrations_is_refused(one: Shards) -> None:
    one.add()
    one.sql(1, "DELETE FROM d1_migrations WHERE name LIKE '0012%'")
    _refused(one, MoveRefused, 2, "0012_endpoint_lines.sql")


def test_a_record_that_names_more_databases_than_there_are_is_refused(one: Shards) -> None:
    one.add()
    one.mover().move(2)
    one.waits.clear()
    one.apis.pop()
    _refused(one, PlacementUnknown, 1, "spread over 2 databases, and this deployment has 1")


def test_a_lost_record_is_not_taken_for_a_new_stack(one: Shards) -> None:
    one.add()
    one.mover().move(2)
    one.waits.clear()
    one.sql(0, "DELETE FROM system_configs WHERE config_key = 'shards'")
    _refused(one, PlacementUnknown, 2, "doesn't say over how many")


@pytest.mark.parametrize("text", ["3", "", '{"n":1}'])
def test_a_malformed_record_is_refused(one: Shards, text: str) -> None:
    one.add()
    one.sql(0, "INSERT INTO system_configs (config_key, config_value) VALUES ('shards', ?)", text)
    _refused(one, PlacementUnknown, 2, "system_configs")


def test_a_record_that_somebody_changed_meanwhile_stays(one: Shards) -> None:
    one.add()
    one.add()

    def change() -> None:
        one.sql(0, "UPDATE system_configs SET config_value = ?", Placement(1, 3).text)

    one.waiting = change
    with pytest.raises(PlacementUnknown, match="was changed meanwhile"):
        one.mover().move(2)
    assert one.record() == Placement(1, 3).text


def test_a_task_that_runs_is_waited_for(one: Shards) -> None:
    one.add()
    one.sql(
        0,
        "INSERT INTO scheduled_tasks (task_name, lease_token, lease_until) "
        "VALUES ('data_cleanup', 't', strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 hour'))",
    )

    def end_after_three() -> None:
        assert one.sql(1, "SELECT count(*) FROM notification_logs") == [(0,)]
        if len(one.waits) == 4:
            one.sql(0, "UPDATE scheduled_tasks SET lease_until = NULL")

    one.waiting = end_after_three
    one.mover().move(2)
    assert len(one.waits) == 4
    assert one.strays(2) == []


def test_a_task_that_never_ends_stops_the_move(one: Shards) -> None:
    one.add()
    one.sql(
        0,
        "INSERT INTO scheduled_tasks (task_name, lease_token, lease_until) "
        "VALUES ('redelivery', 't', '2999-01-01T00:00:00.000Z'), "
        "('key_rotation', 't', '2999-01-01T00:00:00.000Z'), "
        "('cleanup', 't', '2001-01-01T00:00:00.000Z')",
    )
    before = one.rows()
    with pytest.raises(
        WriterBusy, match="task key_rotation has been running for 600 seconds, so that no recipient"
    ):
        one.mover().move(2)
    assert one.rows() == before


class Written:
    """Keeps what is written, and how."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []

    def batch(self, statements: Sequence[Statement]) -> list[list[Row]]:
        self.statements += statements
        return [[] for _ in statements]


@pytest.mark.parametrize(
    ("text", "by_itself"),
    [
        ("x" * 399_999, False),
        ("x" * 399_998 + "\0", True),
        ("x" * 400_000, True),
        ("\N{GRINNING FACE}" * 100_000, True),
    ],
)
def test_a_row_that_fits_in_no_list_is_written_by_itself(text: str, by_itself: bool) -> None:
    rows = UserRows("notes", ("user_id", "text", "size"), ("user_id", "text"))
    database = Written()
    row = {"user_id": "u", "text": text, "size": None}
    rows.insert(database, [row, {"user_id": "v", "text": "", "size": 7}])
    into = 'INSERT INTO "notes" ("user_id", "text", "size")'
    cells = ", ".join(f"json_extract(value, '$[{at}]')" for at in range(3))
    many = f"{into} SELECT {cells} FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING"  # noqa: S608
    one = Statement(f"{into} VALUES (?, ?, NULL) ON CONFLICT DO NOTHING", ("u", text))
    plain = [["v", "", 7]] if by_itself else [["u", text, None], ["v", "", 7]]
    listed = Statement(many, (json.dumps(plain, ensure_ascii=False),))
    assert database.statements == ([one] if by_itself else []) + [listed]


def test_a_move_tells_how_far_it_is() -> None:
    shards = Shards.of(2)
    users = [user for user in USERS if shard_of(user, 2) == 1][:4]
    for user in users:
        shards.add_user(0, user, logs=5)
    rows = sum(len(found) for found in shards.rows().values())
    told: list[str] = []
    databases = [shards.database(n) for n in range(2)]
    Mover(databases, settled=90, sleep=shards.sleep, say=told.append, every=0).move(2)
    first, *pages, last = told
    assert "move from 1 to 2 databases. The service learns of it within 90 seconds" in first
    counts = [int(line.partition(" rows have moved")[0]) for line in pages]
    assert counts == sorted(counts)
    assert counts[-1] == rows
    assert "now of user_configs" in pages[-1]
    assert last.startswith(f"{rows} rows have moved, ")
    assert last.endswith("Recipients are spread over 2 databases.")
    told.clear()
    Mover(databases, settled=90, sleep=shards.sleep, say=told.append, every=0).move(2)
    assert told == []
    Mover(databases, settled=90, sleep=shards.sleep, say=told.append, every=3_600).move(1)
    assert len(told) == 2


@pytest.mark.parametrize("count", [2, 3])
def test_a_stack_that_begins_spread_has_nobody_to_move_and_waits_for_nothing(count: int) -> None:
    shards = Shards.of(count)
    text = Placement(count).text
    shards.sql(
        0, "INSERT INTO system_configs (config_key, config_value) VALUES ('shards', ?)", text
    )
    assert shards.mover().move(count) == Placement(count)
    assert (shards.waits, shards.record()) == ([], text)
