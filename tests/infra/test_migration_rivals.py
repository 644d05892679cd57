"""Two writers on one database: one waits or gives up, and no migration runs twice."""

from pathlib import Path

import pytest

from infra.migrations.d1 import D1Database
from infra.migrations.errors import WriterBusy
from infra.migrations.files import MigrationSet
from infra.migrations.lease import WriterLease
from infra.migrations.migrator import Migrator
from tests.infra.d1_api import ACCOUNT, BASE_URL, DATABASE, D1Api
from tests.infra.stack_inputs import write_migrations


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "t" * 40)


def migrator(api: D1Api) -> Migrator:
    database = D1Database(
        account_id=ACCOUNT, database_id=DATABASE, base_url=BASE_URL, transport=api
    )
    return Migrator(database, sleep=api.sleep)


def test_a_second_writer_waits_for_the_first_ones_lease_to_lapse(tmp_path: Path) -> None:
    api, migrations = D1Api(), MigrationSet.read(write_migrations(tmp_path))
    migrator(api).apply(MigrationSet(migrations.migrations[:1]))
    hold_lease(api, seconds=15)
    migrator(api).apply(migrations)
    assert api.now >= 1_000_015
    assert api.ledger()[-1] == "0002_second.sql"


def test_a_writer_whose_rival_never_ends_gives_up_with_advice(tmp_path: Path) -> None:
    api, migrations = D1Api(), MigrationSet.read(write_migrations(tmp_path))
    migrator(api).apply(MigrationSet(migrations.migrations[:1]))
    hold_lease(api, seconds=10_000)
    began = api.now
    with pytest.raises(WriterBusy, match="this database for 60 seconds"):
        migrator(api).apply(migrations)
    assert api.ledger() == ["0001_first.sql"]
    assert api.now - began == 60


def test_a_writer_that_lost_its_lease_applies_nothing_more(tmp_path: Path) -> None:
    api, migrations = D1Api(), MigrationSet.read(write_migrations(tmp_path))

    def rival(statements: list[str]) -> None:
        if any("ALTER TABLE a" in sql for sql in statements):
            api.before = None
            hold_lease(api, seconds=20)

    api.before = rival
    with pytest.raises(WriterBusy, match=r"0002_second\.sql"):
        migrator(api).apply(migrations)
    assert api.ledger() == ["0001_first.sql"]


def test_a_migration_that_a_rival_finished_meanwhile_is_not_run_twice(tmp_path: Path) -> None:
    api, migrations = D1Api(), MigrationSet.read(write_migrations(tmp_path))

    def rival(statements: list[str]) -> None:
        if any("CREATE TABLE b" in sql for sql in statements):
            api.before = None
            api.sleep(60)  # the first writer stalls, its lease lapses
            migrator(api).apply(migrations)

    api.before = rival
    migrator(api).apply(migrations)
    assert api.ledger() == ["0001_first.sql", "0002_second.sql"]


def test_a_lease_holds_for_twenty_seconds_and_not_after_it_is_given_up() -> None:
    api = D1Api()
    database = D1Database(
        account_id=ACCOUNT, database_id=DATABASE, base_url=BASE_URL, transport=api
    )
    lease = WriterLease(database, sleep=api.sleep)
    database.batch([WriterLease.CREATE])
    lease.acquire()
    lease.acquire()  # its own lease doesn't keep a writer waiting
    until = "SELECT expires_at FROM d1_migrations_lease"
    assert api.connection.execute(until).fetchone()[0] == int(api.now) + 20
    lease.release()
    assert api.connection.execute(until).fetchall() == []
    WriterLease(database, sleep=api.sleep).acquire()
    assert api.connection.execute(until).fetchone()[0] == int(api.now) + 20


def hold_lease(api: D1Api, *, seconds: int) -> None:
    api.connection.execute(
        "INSERT OR REPLACE INTO d1_migrations_lease VALUES (1, 'rival', ?)",
        [int(api.now) + seconds],
    )
