"""Which backup counts, and what a comparison with it comes to; without a database."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.migrations.ledger import TABLE
from ops.database import backup as module
from ops.database.backup import Backups, _level, _lost, differing
from ops.database.backup_file import BackupFile
from ops.database.table_sum import TableSum
from ops.stacks.errors import GateClosed, VerificationFailed

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def tables(**rows: int) -> dict[str, TableSum]:
    return {name: TableSum(count, f"{count:064x}") for name, count in rows.items()}


@pytest.fixture
def backups(tmp_path: Path) -> Backups:
    database: Any = SimpleNamespace(name="notify", stack="dev", database_id="d1")
    return Backups(database, tmp_path)


def taken(folder: Path, *, age_s: float = 0, database: str = "d1", **more: Any) -> BackupFile:
    """A backup that lies in the folder, taken before noon."""
    at = NOON - timedelta(seconds=age_s)
    path = folder / f"notify-{at:%Y%m%dT%H%M%SZ}.sql.gz"
    made = BackupFile(path, "dev", database, 4, at, tables(a=1), "f" * 64, NOON)
    source = folder / "some.sql"
    source.write_text("SELECT 1;")
    written = replace(made, **more).write(source, None)
    return (
        written.mark_verified(NOON) if made.verified_at and "verified_at" not in more else written
    )


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "now", lambda: NOON)


def test_the_newest_backup_of_the_database_is_found(backups: Backups, tmp_path: Path) -> None:
    assert backups.newest() is None
    taken(tmp_path, age_s=60)
    newest = taken(tmp_path, age_s=30)
    taken(tmp_path, age_s=10, database="another")
    (tmp_path / "notify-20261129T115959Z.sql.gz").write_bytes(b"a dump that a killed run left")
    found = backups.newest()
    assert found is not None
    assert found.path == newest.path


@pytest.mark.parametrize(
    ("age_s", "verified", "is_fresh"),
    [(0, True, True), (3_600, True, True), (3_601, True, False), (10, False, False)],
)
def test_a_backup_is_fresh_for_an_hour_once_it_is_verified(
    backups: Backups, tmp_path: Path, noon: None, age_s: int, verified: bool, is_fresh: bool
) -> None:
    unverified: dict[str, Any] = {} if verified else {"verified_at": None}
    made = taken(tmp_path, age_s=age_s, **unverified)
    if is_fresh:
        assert backups.require_fresh(what="A restore").path == made.path
    else:
        with pytest.raises(GateClosed, match="A restore of 'dev' needs a verified backup"):
            backups.require_fresh(what="A restore")


def test_without_a_backup_the_gate_names_the_command_that_takes_one(backups: Backups) -> None:
    with pytest.raises(GateClosed, match="notifyctl db backup --stack dev"):
        backups.require_fresh(what="A reset")


def test_tables_differ_by_content_and_by_being_there() -> None:
    assert differing(tables(a=1, b=2), tables(a=1, b=2)) == ()
    assert differing(tables(a=1, b=2, d=4), tables(a=1, b=3, c=4)) == ("b", "c", "d")


def test_the_level_is_how_many_migrations_the_ledger_holds() -> None:
    assert _level(tables(**{TABLE: 4, "a": 9})) == 4
    assert _level(tables(a=9)) == 0


def objects(**plain: str) -> list[Any]:
    return [
        SimpleNamespace(kind="table", key=name, name=name.upper(), plain=text)
        for name, text in plain.items()
    ]


def test_what_of_a_schema_is_lost_is_named() -> None:
    assert _lost(objects(a="x", b="y"), objects(a="x", b="y", c="z")) == ""
    assert _lost(objects(a="x", b="y", c="z"), objects(a="x", b="other")) == "table B, table C"
    many = {f"t{number:02}": "x" for number in range(12)}
    assert _lost(objects(**many), []).count("table T") == 10


@pytest.fixture
def loaded(backups: Backups, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a scratch database hold what a test says, and the stack's own, too."""
    world = SimpleNamespace(scratch=tables(a=1), live=tables(a=1), ingested=[])
    monkeypatch.setattr(Backups, "_restored", lambda *_: (world.scratch, ()))
    monkeypatch.setattr(module, "sums", lambda *_: world.live)
    monkeypatch.setattr(module, "_ingest", lambda *given: world.ingested.append(given[0]))

    @contextmanager
    def connected() -> Any:
        yield None

    backups.database.connected = connected  # type: ignore[method-assign]
    return world


def test_a_backup_that_is_as_it_was_gets_the_time_of_its_verification(
    backups: Backups, tmp_path: Path, loaded: Any, noon: None
) -> None:
    made = taken(tmp_path, verified_at=None)
    assert backups.verify(made, passphrase=None).verified_at == NOON
    assert BackupFile.read(made.path).verified_at == NOON
    loaded.scratch = tables(a=2, b=1)
    with pytest.raises(VerificationFailed, match=r"doesn't hold what it should in a, b\."):
        backups.verify(made, passphrase=None)


def test_a_restore_compares_before_and_after(backups: Backups, tmp_path: Path, loaded: Any) -> None:
    made = taken(tmp_path)
    assert backups.restore(made, passphrase=None) == ()
    assert loaded.ingested == [backups.database]
    loaded.live = tables(a=2, b=1)
    assert backups.restore(made, passphrase=None) == ("a", "b")
    loaded.live = tables(b=1)
    with pytest.raises(VerificationFailed, match="After the restore the tables a are missing"):
        backups.restore(made, passphrase=None)
    loaded.ingested.clear()
    loaded.scratch = tables(a=3)
    with pytest.raises(VerificationFailed, match="Don't rely on it"):
        backups.restore(made, passphrase=None)
    assert loaded.ingested == []
