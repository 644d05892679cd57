"""Migrations, and moves of rows, on the real edge runtime's D1, through the REST API."""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import httpx
import pytest

from infra.migrations.d1 import D1Database, Statement
from infra.migrations.errors import D1SqlError, MigrationFailed, RefusedMigration
from infra.migrations.files import MigrationSet
from infra.migrations.lease import WriterLease
from infra.migrations.migrator import Migrator
from infra.shards.mover import Mover
from infra.shards.placement import shard_of
from infra.shards.record import Placement
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


def test_rows_move_between_databases_as_they_were(
    new_database: Callable[[str], D1Database],
) -> None:
    databases = [new_database(f"shard-{number}") for number in range(3)]
    migrations = MigrationSet.read(PROJECT / "sql" / "migrations")
    for database in databases:
        Migrator(database).apply(migrations)
    users = ["ann", "bob", "dan", "u1", "u3", "用户"]
    texts = ["plain", "a\0b", "ü" * 390_000, "x" * 900_000, '{"json": 1}', ""]
    for number, (user, text) in enumerate(zip(users, texts, strict=True)):
        insert = (
            "INSERT INTO notification_logs (id, message_id, user_id, channel_type, content, "
            "send_at, variables) VALUES (?1, ?2, ?3, 'webhook', ?4, NULL, '{\"a\": [1.5, null]}')"
        )
        moment = f"ntf_1704067200001_webhook_{number:03x}000000000"
        databases[0].batch(
            [
                Statement(insert, (str(4096 + number), moment, user, text)),
                Statement(
                    "INSERT INTO user_configs (user_id, channel_type, config_data) "
                    "VALUES (?1, 'webhook', 'enc:v2:k:abc')",
                    (user,),
                ),
                Statement(
                    "INSERT INTO idempotency_keys (user_id, idempotency_key, message_ids, "
                    "expires_at) VALUES (?1, 'k', '[]', '2027')",
                    (user,),
                ),
            ]
        )
    tables = ("notification_logs", "user_configs", "idempotency_keys")

    def rows(database: D1Database) -> list[list[tuple[tuple[str, object], ...]]]:
        # The names are the test's own.
        asked = [Statement(f"SELECT * FROM {name}") for name in tables]  # noqa: S608
        return [[tuple(row.items()) for row in found] for found in database.batch(asked)]

    before = [sorted(found) for found in rows(databases[0])]
    waits: list[float] = []
    for n in (3, 2, 1):
        assert Mover(databases, sleep=waits.append).move(n) == Placement(n)
        found = [rows(database) for database in databases]
        together = zip(*found, strict=True)
        assert [sorted(chain.from_iterable(one)) for one in together] == before
        for shard, of_shard in enumerate(found):
            held = {dict(row)["user_id"] for table in of_shard for row in table}
            assert held == {user for user in users if shard_of(user, n) == shard}
    assert len(waits) == 3
