"""Migrations against SQLite behind the REST API's shape: order, refusals, two writers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from infra.migrations.d1 import D1Database, Row, Statement
from infra.migrations.errors import (
    ChangedMigration,
    D1Refused,
    D1SqlError,
    D1Unavailable,
    IncompatibleCode,
    MigrationFailed,
    MisorderedMigration,
    PrematureContraction,
    RefusedMigration,
    RowsLost,
)
from infra.migrations.files import MigrationSet
from infra.migrations.ledger import Applied, Ledger
from infra.migrations.migrator import Migrator
from tests.infra.d1_api import ACCOUNT, BASE_URL, DATABASE, D1Api
from tests.infra.stack_inputs import MIGRATIONS, write_migrations

PROJECT = Path(__file__).parents[2]
SECRET_DATA = "4929-1234-5678"


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "t" * 40)


def migrator(api: D1Api) -> Migrator:
    database = D1Database(
        account_id=ACCOUNT, database_id=DATABASE, base_url=BASE_URL, transport=api
    )
    return Migrator(database, sleep=api.sleep)


def files(folder: Path, **more: str) -> MigrationSet:
    added = {f"{name}.sql": text for name, text in more.items()}
    downs = {f"{name}.down.sql": "SELECT 1;" for name in more}
    return MigrationSet.read(write_migrations(folder, {**MIGRATIONS, **downs, **added}))


@pytest.mark.requirement("S0-37", "S0-51")
def test_an_empty_database_gets_every_migration_and_a_full_one_nothing(tmp_path: Path) -> None:
    api = D1Api()
    migrator(api).apply(files(tmp_path))
    assert api.ledger() == ["0001_first.sql", "0002_second.sql"]
    before, calls = api.dump(), api.calls
    migrator(api).apply(files(tmp_path))
    assert api.dump() == before
    assert api.calls - calls == 3  # prepare, read, read: no lease, no write
    assert any("note TEXT" in line for line in before)


@pytest.mark.requirement("PD-11")
def test_the_ledger_is_readable_by_wrangler_and_has_hash_level_and_range(tmp_path: Path) -> None:
    api, migrations = D1Api(), files(tmp_path)
    migrator(api).apply(migrations)
    row = api.connection.execute("SELECT * FROM d1_migrations WHERE id = 2").fetchone()
    assert row["name"] == "0002_second.sql"
    assert row["applied_at"]
    assert row["sha256"] == migrations.migrations[1].sha256
    assert (row["level"], row["min_code"], row["max_code"]) == (2, 1, 2)


@pytest.mark.requirement("PD-11")
def test_a_ledger_that_wrangler_wrote_is_taken_over(tmp_path: Path) -> None:
    api = D1Api()
    api.connection.executescript(
        "CREATE TABLE d1_migrations(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE,"
        " applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL);"
        "INSERT INTO d1_migrations(name) VALUES ('0001_first.sql');"
        "CREATE TABLE a(id INTEGER PRIMARY KEY); CREATE TABLE b(id INTEGER);"
    )
    applied = migrator(api).apply(files(tmp_path))
    assert [(row.name, row.level) for row in applied] == [
        ("0001_first.sql", 1),
        ("0002_second.sql", 2),
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"name": "0007_x.sql"}, Applied("0007_x.sql", 7, None, 0)),
        ({"name": "x.sql"}, Applied("x.sql", 0, None, 0)),
        ({"name": "x_7.sql", "level": None, "min_code": None}, Applied("x_7.sql", 0, None, 0)),
        (
            {"name": "0007_x.sql", "level": 3.0, "sha256": "a", "min_code": "2"},
            Applied("0007_x.sql", 3, "a", 2),
        ),
    ],
)
def test_a_row_of_the_ledger_tells_its_level_by_its_column_or_its_name(
    row: dict[str, Any], expected: Applied
) -> None:
    assert Applied.of_row(row) == expected


def test_a_ledger_that_cant_be_read_is_not_taken_for_an_empty_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = Ledger(D1Database(account_id="a", database_id="d", base_url=BASE_URL, token="t"))

    def refused(text: str) -> None:
        def batch(*_: Any) -> Any:
            raise D1SqlError(text)

        monkeypatch.setattr(D1Database, "batch", batch)

    refused("no such table: d1_migrations: SQLITE_ERROR")
    assert ledger.applied() == ()
    refused("no such column: id: SQLITE_ERROR")
    with pytest.raises(D1SqlError, match="no such column"):
        ledger.applied()


def test_a_failing_migration_leaves_the_database_and_names_file_statement_and_reason(
    tmp_path: Path,
) -> None:
    api = D1Api()
    migrator(api).apply(files(tmp_path))
    api.connection.execute("INSERT INTO a(id, note) VALUES (1, ?), (2, ?)", [SECRET_DATA] * 2)
    before = api.dump()
    third = (
        "CREATE TABLE c(id INTEGER);\n"
        "INSERT INTO c VALUES (7);\n"
        "CREATE TABLE d(note TEXT UNIQUE);\n"
        "INSERT INTO d SELECT note FROM a;\n"
        "CREATE TABLE e(id INTEGER);\n"
    )
    migrations = files(tmp_path, **{"0003_third": third})
    with pytest.raises(MigrationFailed) as caught:
        migrator(api).apply(migrations)
    message = str(caught.value)
    assert "0003_third.sql failed at statement 4 of 5: UNIQUE constraint failed: d.note" in message
    assert "deploy again" in message
    assert SECRET_DATA not in message
    assert "INSERT" not in message
    assert api.dump() == before
    assert api.ledger() == ["0001_first.sql", "0002_second.sql"]


TAKEN = "INSERT INTO a(id) VALUES (77777);"


def with_a_row(folder: Path) -> D1Api:
    """A migrated database that has the row which `TAKEN` would write again."""
    api = D1Api()
    migrator(api).apply(files(folder))
    api.connection.execute(TAKEN)
    return api


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_the_refused_statement_is_found_wherever_it_is(tmp_path: Path, number: int) -> None:
    statements = [f"CREATE TABLE t{n}(id INTEGER);" for n in range(1, 6)]
    statements[number - 1] = TAKEN
    api = with_a_row(tmp_path)
    with pytest.raises(MigrationFailed, match=rf"at statement {number} of 5: UNIQUE constraint"):
        migrator(api).apply(files(tmp_path, **{"0003_third": "\n".join(statements)}))
    assert not [line for line in api.dump() if "t1" in line]


@pytest.mark.parametrize("count", [5, 6])
def test_at_most_five_problems_of_a_file_are_told(tmp_path: Path, count: int) -> None:
    deletes = "".join(f"DELETE FROM a WHERE id = {n};\n" for n in range(count))  # noqa: S608
    with pytest.raises(RefusedMigration) as refused:
        migrator(D1Api()).apply(files(tmp_path, **{"0003_third": deletes}))
    told = [
        f"0003_third.sql:{line}: DELETE removes rows of a. Declare '-- loses: a'."
        for line in range(1, 6)
    ]
    assert str(refused.value) == (
        f"{' '.join(told)} Nothing of it was run, and the database is as it was. Correct the file "
        "and deploy again."
    )


def test_a_file_that_only_fails_as_a_whole_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, original = D1Api(), D1Database.batch

    def batch(self: D1Database, statements: Sequence[Statement]) -> list[list[Row]]:
        if any("0001_first.sql" in one.params for one in statements):
            raise D1SqlError("out of luck")
        return original(self, statements)

    monkeypatch.setattr(D1Database, "batch", batch)
    with pytest.raises(MigrationFailed) as failed:
        migrator(api).apply(files(tmp_path))
    assert str(failed.value) == (
        "0001_first.sql failed at the whole of it: out of luck. The database is as it was before "
        "this file, and the version that served still serves. Correct the file and deploy again."
    )


def test_after_the_file_is_corrected_the_same_deployment_succeeds(tmp_path: Path) -> None:
    api = with_a_row(tmp_path)
    with pytest.raises(MigrationFailed):
        migrator(api).apply(files(tmp_path, **{"0003_third": TAKEN}))
    migrator(api).apply(files(tmp_path, **{"0003_third": "CREATE TABLE c(id INTEGER);"}))
    assert api.ledger()[-1] == "0003_third.sql"
    assert api.now < 1_000_020  # the failed writer gave its lease back


@pytest.mark.requirement("PD-11")
def test_a_file_that_changed_after_it_was_applied_is_refused(tmp_path: Path) -> None:
    api = D1Api()
    migrator(api).apply(files(tmp_path))
    changed = {**MIGRATIONS, "0001_first.sql": "CREATE TABLE a(id INTEGER);\n"}
    before = api.dump()
    for text in ("", "-- a\n", "-- b\n", "-- c\n"):
        changed["0001_first.sql"] = f"{text}CREATE TABLE a(id INTEGER);\n"
        with pytest.raises(ChangedMigration, match=r"^0001_first\.sql was changed"):
            migrator(api).apply(MigrationSet.read(write_migrations(tmp_path, changed)))
    assert api.dump() == before


@pytest.mark.parametrize(("tables", "said"), [((), "a table"), (("a",), "a"), (("a", "b"), "a, b")])
def test_rows_that_would_be_lost_are_told_by_their_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tables: tuple[str, ...], said: str
) -> None:
    lost = RowsLost(tables)
    assert str(lost) == f"rows of {said} would be lost or changed"
    api = D1Api()
    original = D1Database.batch

    def batch(self: D1Database, statements: Sequence[Statement]) -> list[list[Row]]:
        if any("0001_first.sql" in one.params for one in statements):
            raise lost
        return original(self, statements)

    monkeypatch.setattr(D1Database, "batch", batch)
    with pytest.raises(RefusedMigration) as refused:
        migrator(api).apply(files(tmp_path))
    assert str(refused.value) == (
        f"0001_first.sql would lose or change rows of {said} that it doesn't declare. It was taken "
        "back, and the database is as it was before this file. Keep those rows, or declare it by "
        f"'-- loses: {said}', and deploy again."
    )


def test_older_code_runs_on_a_newer_schema_only_where_the_schema_allows_it(tmp_path: Path) -> None:
    api = D1Api()
    added = files(tmp_path / "added", **{"0003_third": "CREATE TABLE c(id INTEGER);"})
    migrator(api).apply(added)
    migrator(api).apply(files(tmp_path / "old"))  # an additive migration: older code still runs
    contract = {"0003_third": "CREATE TABLE c(id INTEGER);", "0004_fourth": CONTRACT}
    migrator(api).apply(files(tmp_path / "contract", **contract))
    with pytest.raises(IncompatibleCode, match=r"0004_fourth\.sql, which needs code of level 3"):
        migrator(api).apply(files(tmp_path / "old"))


CONTRACT = "-- min-code: 3\n-- loses: b\nDROP TABLE b;\n"


@pytest.mark.requirement("S4-24")
def test_what_the_serving_release_needs_is_taken_away_a_release_later_only(tmp_path: Path) -> None:
    api = D1Api()
    migrator(api).apply(files(tmp_path / "old"))
    both = {"0003_third": "CREATE TABLE c(id INTEGER);", "0004_fourth": CONTRACT}
    before = api.dump()
    with pytest.raises(PrematureContraction, match=r"without 0004_fourth\.sql first"):
        migrator(api).apply(files(tmp_path / "both", **both), serving_level=2)
    assert api.dump() == before
    expand = {"0003_third": both["0003_third"]}
    migrator(api).apply(files(tmp_path / "expand", **expand), serving_level=2)
    migrator(api).apply(files(tmp_path / "contract", **both), serving_level=3)
    assert len(api.ledger()) == 4


@pytest.mark.requirement("S4-24")
def test_a_first_deployment_applies_everything_at_once(tmp_path: Path) -> None:
    api = D1Api()
    both = {"0003_third": "CREATE TABLE c(id INTEGER);", "0004_fourth": CONTRACT}
    migrator(api).apply(files(tmp_path, **both))
    assert len(api.ledger()) == 4


def test_a_new_file_with_a_number_that_was_passed_is_refused(tmp_path: Path) -> None:
    api = D1Api()
    migrator(api).apply(files(tmp_path / "one", **{"0004_d": "CREATE TABLE d(id INTEGER);"}))
    before = api.dump()
    for name in ("0003_c", "0004_other"):
        late = files(tmp_path / name, **{name: "CREATE TABLE c(id INTEGER);"})
        with pytest.raises(MisorderedMigration, match=rf"{name}\.sql comes too late: 0004_d\.sql"):
            migrator(api).apply(late)
    several = dict.fromkeys(("0003_c", "0005_e"), "SELECT 1;")
    with pytest.raises(MisorderedMigration, match=r"^0003_c\.sql comes too late: 0004_d\.sql is"):
        migrator(api).apply(files(tmp_path / "several", **several))
    assert api.dump() == before


@pytest.mark.requirement("S0-84")
def test_the_projects_migrations_go_up_down_and_up_to_the_same_schema() -> None:
    api, migrations = D1Api(), MigrationSet.read(PROJECT / "sql" / "migrations")
    migrator(api).apply(migrations)
    schema, templates = structure(api), default_templates(api)
    assert any("notification_logs" in line for line in schema)
    assert len(templates) == 40
    for level in range(migrations.level - 1, -1, -1):
        migrator(api).roll_back(migrations, to_level=level)
        migrator(api).apply(migrations)
        assert structure(api) == schema, f"down to {level} and up again"
        assert default_templates(api) == templates, f"down to {level} and up again"
    migrator(api).roll_back(migrations, to_level=0)
    assert structure(api) == ["BEGIN TRANSACTION;", "COMMIT;"]


def structure(api: D1Api) -> list[str]:
    """Return the dump without rows: row ids go on counting, and are no part of the schema."""
    return [line for line in api.dump() if not line.startswith(("INSERT INTO", "DELETE FROM"))]


def default_templates(api: D1Api) -> list[tuple[str, ...]]:
    """Return every template's content by key and channel."""
    return api.connection.execute(
        "SELECT template_key, channel_type, content_template FROM template_contents"
        " ORDER BY template_key, channel_type"
    ).fetchall()


@pytest.mark.requirement("S0-84")
def test_down_and_up_again_gives_the_same_schema_and_keeps_older_data(tmp_path: Path) -> None:
    api, migrations = D1Api(), files(tmp_path)
    migrator(api).apply(migrations)
    api.connection.execute("INSERT INTO a(id) VALUES (5)")
    before = api.dump()
    migrator(api).roll_back(migrations, to_level=1)
    assert api.ledger() == ["0001_first.sql"]
    assert not any("note TEXT" in line for line in api.dump())
    migrator(api).apply(migrations)
    assert api.dump() == before
    migrator(api).roll_back(migrations, to_level=0)
    assert api.ledger() == []
    assert api.dump() == ["BEGIN TRANSACTION;", "COMMIT;"]


def test_a_lost_call_is_repeated_and_a_lost_answer_is_not(tmp_path: Path) -> None:
    for fault in ("lost", "answer lost", "server error"):
        for call in range(12):
            api = D1Api()
            api.faults[call] = fault
            migrator(api).apply(files(tmp_path))
            assert api.ledger() == ["0001_first.sql", "0002_second.sql"], (fault, call)


def test_an_api_that_stays_silent_ends_in_one_sentence(tmp_path: Path) -> None:
    api = D1Api()
    api.faults = dict.fromkeys(range(1000), "lost")
    with pytest.raises(D1Unavailable, match="no answer"):
        migrator(api).apply(files(tmp_path))


def test_without_a_token_nothing_is_asked_and_the_variable_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN")
    api = D1Api()
    with pytest.raises(D1Refused, match="CLOUDFLARE_API_TOKEN"):
        migrator(api).apply(files(tmp_path))
    assert api.calls == 0
