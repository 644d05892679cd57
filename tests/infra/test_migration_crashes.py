"""A writer killed at any call leaves whole migrations only, and the next one finishes the work."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from infra.migrations.d1 import D1Database, Row, Statement
from infra.migrations.files import MigrationSet
from infra.migrations.migrator import Migrator
from tests.infra.d1_api import ACCOUNT, BASE_URL, DATABASE, D1Api, Killed
from tests.infra.stack_inputs import write_migrations

LEVELS = 5
LAST_CALL = 4 + LEVELS + 3


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "t" * 40)


def migrations(folder: Path) -> MigrationSet:
    """Five migrations: tables, a copied and rebuilt table, an index, a trigger, data."""
    bodies = [
        ("CREATE TABLE a(id INTEGER PRIMARY KEY, v TEXT);", "DROP TABLE a;"),
        (
            "INSERT INTO a(v) VALUES ('one'), ('two; three');\nCREATE INDEX a_v ON a(v);",
            "-- loses: a\nDROP INDEX a_v;\nDELETE FROM a;",
        ),
        (
            """DROP INDEX a_v; CREATE TABLE a2(id INTEGER PRIMARY KEY, v TEXT, w TEXT);
            INSERT INTO a2(id, v) SELECT id, v FROM a; DROP TABLE a; ALTER TABLE a2 RENAME TO a;""",
            "ALTER TABLE a DROP COLUMN w;\nCREATE INDEX a_v ON a(v);",
        ),
        (
            """CREATE TABLE log(v TEXT); CREATE TRIGGER t AFTER INSERT ON a BEGIN
            INSERT INTO log VALUES (new.v); DELETE FROM log WHERE v = 'gone'; END;""",
            "DROP TRIGGER t;\nDROP TABLE log;",
        ),
        ("INSERT INTO a(v) VALUES ('logged');", "-- loses: a\nDELETE FROM a WHERE v = 'logged';"),
    ]
    names = {}
    for number, (up, down) in enumerate(bodies, 1):
        names[f"{number:04}_step.sql"] = f"{up}\n"
        names[f"{number:04}_step.down.sql"] = f"{down}\n"
    return MigrationSet.read(write_migrations(folder, names))


def writer(api: D1Api) -> Migrator:
    database = D1Database(
        account_id=ACCOUNT, database_id=DATABASE, base_url=BASE_URL, transport=api
    )
    return Migrator(database, sleep=api.sleep)


def states_up(steps: MigrationSet) -> dict[int, list[str]]:
    """What the database holds at each level on the way up."""
    found = {}
    for level in range(LEVELS + 1):
        api = D1Api()
        if level:
            writer(api).apply(MigrationSet(steps.migrations[:level]))
        found[level] = api.dump()
    return found


def crash_and_recover(seed: int, steps: MigrationSet, states: dict[int, list[str]]) -> bool:
    """One run with up to three kills and some lost calls; whether any kill took place."""
    dice = random.Random(seed)  # noqa: S311 - a repeatable choice, nothing secret
    api = D1Api()
    was_killed = False
    for _ in range(dice.randint(1, 3)):
        api.restart_writer()
        start = api.calls
        point = start + dice.randrange(LAST_CALL)
        api.faults[point] = dice.choice(("killed before", "killed after"))
        for _ in range(dice.randrange(3)):
            lost = start + dice.randrange(LAST_CALL)
            api.faults.setdefault(lost, dice.choice(("lost", "answer lost", "server error")))
        try:
            writer(api).apply(steps)
        except Killed:
            was_killed = True
        assert api.dump() == states[len(api.ledger())], f"seed {seed}: half a migration"
    api.restart_writer()
    writer(api).apply(steps)
    assert api.ledger() == [m.name for m in steps], f"seed {seed}: the ledger is wrong"
    assert api.dump() == states[LEVELS], f"seed {seed}: the schema or the data is wrong"
    return was_killed


def test_a_killed_writer_leaves_whole_migrations_and_the_next_finishes(tmp_path: Path) -> None:
    steps = migrations(tmp_path)
    states = states_up(steps)
    assert len({tuple(state) for state in states.values()}) == LEVELS + 1
    kills = sum(crash_and_recover(seed, steps, states) for seed in range(100))
    assert kills > 80


@pytest.mark.soak
def test_a_thousand_crash_points_end_as_applied_or_not_applied(tmp_path: Path) -> None:
    steps = migrations(tmp_path)
    states = states_up(steps)
    kills = sum(crash_and_recover(seed, steps, states) for seed in range(100, 1100))
    assert kills > 800


def test_a_batch_that_is_not_atomic_is_found_by_the_crash_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = migrations(tmp_path)
    states = states_up(steps)
    whole = D1Database.batch

    def one_by_one(self: D1Database, statements: Sequence[Statement]) -> list[list[Row]]:
        return [whole(self, [statement])[0] for statement in statements]

    monkeypatch.setattr(D1Database, "batch", one_by_one)

    def crash_often() -> None:
        for seed in range(100):
            crash_and_recover(seed, steps, states)

    with pytest.raises(AssertionError, match="half a migration"):
        crash_often()


def test_a_writer_killed_on_the_way_down_leaves_a_whole_level(tmp_path: Path) -> None:
    steps = migrations(tmp_path)
    for call in range(10):
        api = D1Api()
        writer(api).apply(steps)
        api.faults[api.calls + call] = "killed after"
        with pytest.raises(Killed):
            writer(api).roll_back(steps, to_level=0)
        api.restart_writer()
        writer(api).roll_back(steps, to_level=0)
        assert api.ledger() == []
        assert api.dump() == ["BEGIN TRANSACTION;", "COMMIT;"]
