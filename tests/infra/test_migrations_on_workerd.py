"""Migrations on the real edge runtime's D1, through the local cloud's REST API."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from infra.migrations.d1 import D1Database, Statement
from infra.migrations.errors import D1SqlError, MigrationFailed, RefusedMigration
from infra.migrations.files import MigrationSet
from infra.migrations.lease import WriterLease
from infra.migrations.migrator import Migrator
from localcloud.daemon import LocalCloud
from localcloud.endpoints import Ports
from tests.infra.stack_inputs import MIGRATIONS, write_migrations
from tests.installation import free_ports

pytestmark = pytest.mark.workerd

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], D1Database]]:
    """Makes an empty D1 database in a local cloud of these tests' own."""
    cloud = LocalCloud(tmp_path_factory.mktemp("cloud"), Ports(*free_ports(3)))
    endpoints = cloud.start()

    def create(name: str) -> D1Database:
        answer = httpx.post(
            f"{endpoints.control_url}/accounts/{endpoints.account_id}/d1/database",
            json={"name": name, "read_replication": {"mode": "disabled"}},
            headers={"Authorization": f"Bearer {endpoints.api_token}"},
            trust_env=False,
        ).raise_for_status()
        return D1Database(
            account_id=endpoints.account_id,
            database_id=answer.json()["result"]["uuid"],
            base_url=endpoints.control_url,
        )

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CLOUDFLARE_API_TOKEN", endpoints.api_token)
            yield create
    finally:
        cloud.erase()


def tables(database: D1Database) -> set[str]:
    rows = database.batch([Statement("SELECT name FROM sqlite_master WHERE type = 'table'")])[0]
    return {str(row["name"]) for row in rows if not str(row["name"]).startswith(("_cf", "sqlite"))}


def test_the_projects_migrations_go_up_and_down(
    new_database: Callable[[str], D1Database],
) -> None:
    database, migrations = (
        new_database("project"),
        MigrationSet.read(PROJECT / "sql" / "migrations"),
    )
    applied = Migrator(database).apply(migrations)
    assert [row.name for row in applied] == [m.name for m in migrations]
    assert {"notification_logs", "user_configs"} < tables(database)
    assert Migrator(database).roll_back(migrations, to_level=0) == ()
    assert tables(database) == {"d1_migrations", "d1_migrations_lease"}


def test_a_migration_that_fails_half_way_leaves_nothing_of_itself(
    tmp_path: Path, new_database: Callable[[str], D1Database]
) -> None:
    broken = (
        "CREATE TABLE c(id INTEGER);\nINSERT INTO c VALUES (1);\n"
        "INSERT INTO a(id) VALUES (77777);\nCREATE TABLE d(id INTEGER);\n"
    )
    files = {**MIGRATIONS, "0003_c.sql": broken, "0003_c.down.sql": "DROP TABLE c;\n"}
    database = new_database("broken")
    good = MigrationSet.read(write_migrations(tmp_path / "good", MIGRATIONS))
    Migrator(database).apply(good)
    database.batch([Statement("INSERT INTO a(id) VALUES (77777)")])
    with pytest.raises(MigrationFailed, match=r"0003_c\.sql failed at statement 3 of 4"):
        Migrator(database).apply(MigrationSet.read(write_migrations(tmp_path, files)))
    assert tables(database) == {"a", "b", "d1_migrations", "d1_migrations_lease"}


def test_rows_that_would_be_lost_make_d1_take_the_whole_file_back(
    tmp_path: Path, new_database: Callable[[str], D1Database]
) -> None:
    first = {
        "0001_a.sql": "CREATE TABLE a(id INTEGER PRIMARY KEY, name TEXT);\nCREATE TABLE b("
        "a INTEGER REFERENCES A (id) ON DELETE CASCADE, x BLOB);\n",
        "0001_a.down.sql": "DROP TABLE b;\nDROP TABLE a;\n",
    }
    database = new_database("guarded")
    Migrator(database).apply(MigrationSet.read(write_migrations(tmp_path / "first", first)))
    database.batch(
        [
            Statement("INSERT INTO a VALUES (9000, 'real'), (9001, 'other')"),
            Statement("INSERT INTO b VALUES (9000, x'00ff'), (9000, x'00ff'), (9001, 'a')"),
        ]
    )
    second = {
        **first,
        "0002_b.sql": "-- loses: a\nDELETE FROM a WHERE name = 'real';\n",
        "0002_b.down.sql": "SELECT 1;\n",
    }
    with pytest.raises(RefusedMigration, match=r"0002_b\.sql would lose or change rows of b"):
        Migrator(database).apply(MigrationSet.read(write_migrations(tmp_path / "second", second)))
    counts = [Statement(f"SELECT count(*) AS n FROM {name}") for name in ("a", "b")]  # noqa: S608
    assert [rows[0]["n"] for rows in database.batch(counts)] == [2, 3]
    second["0002_b.sql"] = f"-- loses: b\n{second['0002_b.sql']}"
    Migrator(database).apply(MigrationSet.read(write_migrations(tmp_path / "second", second)))
    assert [rows[0]["n"] for rows in database.batch(counts)] == [1, 1]
    assert tables(database) == {"a", "b", "d1_migrations", "d1_migrations_lease"}


def test_a_lost_lease_fails_the_whole_batch(new_database: Callable[[str], D1Database]) -> None:
    database = new_database("lease")
    database.batch([WriterLease.CREATE])
    WriterLease(database).acquire()
    with pytest.raises(D1SqlError) as caught:
        database.batch([WriterLease(database).fence(), Statement("CREATE TABLE x(id INTEGER)")])
    assert WriterLease.was_lost(caught.value)
    assert tables(database) == {"d1_migrations_lease"}
