"""Taking backups, checking them, and going back to one."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from infra.migrations.ledger import TABLE
from infra.migrations.schema import Queries, SchemaObject, read_objects
from ops.database.backup_file import (
    SEALED_SUFFIX,
    BackupFile,
    manifest_of,
    now,
    working_folder,
)
from ops.database.d1_transfer import D1Transfer, Told, untold
from ops.database.dump import exported_rows, refuse_unkept, write_dump
from ops.database.scratch_d1 import scratch_d1
from ops.database.stack_database import StackDatabase
from ops.database.table_sum import TableSum, sums
from ops.database.tables import clearing
from ops.stacks.errors import GateClosed, VerificationFailed

_CHUNK = 1 << 20
FRESH = timedelta(hours=1)
"""A backup that a restore or a reset of production relies on may be so old."""


@dataclass(frozen=True)
class Backups:
    """The backups of one stack, in one folder.

    Attributes:
        database: the stack's database.
        folder: where the files lie.
    """

    database: StackDatabase
    folder: Path

    def take(
        self, *, passphrase: str | None, told: Told = untold
    ) -> tuple[BackupFile, tuple[str, ...]]:
        """Write everything that the database holds, restore it to a scratch D1, and compare.

        Everything is read and written in parts: a database of any size takes little memory.

        Args:
            passphrase: seals the file, if given.
            told: hears how far it is, with the total.

        Returns:
            The backup, verified, and the tables that were written since the rows were read: what
            is in the backup is their state as of then.

        Raises:
            VerificationFailed: a table can't be kept, or isn't what it was after the restore.
        """
        taken_at = now()
        with working_folder(self.folder) as folder, self.database.connected() as rows:
            sql = folder / "dump.sql"
            self._dump(sql, rows, told)
            found, restored = self._restored(sql, told)
            live = sums(rows, told)
            wanted = read_objects(rows, with_ledger=True)
            if lost := _lost(wanted, restored):
                raise VerificationFailed(
                    f"The backup lacks what the database has: {lost}. Take another one, while "
                    "nobody changes the schema."
                )
            suffix = f".sql.gz{SEALED_SUFFIX}" if passphrase is not None else ".sql.gz"
            stamp = f"{taken_at:%Y%m%dT%H%M%SZ}"
            backup = BackupFile(
                path=self.folder / f"{self.database.name}-{stamp}{suffix}",
                stack=self.database.stack,
                database_id=self.database.database_id,
                schema_level=_level(found),
                taken_at=taken_at,
                tables=found,
                file_sha256="",
            ).write(sql, passphrase)
            again = folder / "again.sql"
            backup.unpack(again, passphrase)
            if not filecmp.cmp(sql, again, shallow=False):
                raise VerificationFailed(f"{backup.path} can't be read back. Take another backup.")
        return backup.mark_verified(now()), differing(found, live)

    def verify(
        self, backup: BackupFile, *, passphrase: str | None, told: Told = untold
    ) -> BackupFile:
        """Restore the file into a scratch D1, and compare counts and checksums of every table.

        Raises:
            VerificationFailed: a table isn't what it was when the backup was taken.
            OperationError: D1 doesn't take the file.
            UsageError: the passphrase is missing or wrong.
        """
        with self._checked(backup, passphrase, told):
            return backup.mark_verified(now())

    @contextmanager
    def _checked(self, backup: BackupFile, passphrase: str | None, told: Told) -> Iterator[Path]:
        """Give the dump of a backup that was compared in a scratch D1."""
        with working_folder(backup.path.parent) as folder:
            sql = folder / "dump.sql"
            backup.unpack(sql, passphrase)
            found, _ = self._restored(sql, told)
            if wrong := differing(backup.tables, found):
                raise VerificationFailed(
                    f"{backup.path.name} doesn't hold what it should in {', '.join(wrong)}. "
                    "Don't rely on it; take another one."
                )
            yield sql

    def _dump(self, to: Path, live: Queries, told: Told) -> None:
        """Write everything as SQL: as of one moment where D1 exports it, else table by table."""
        objects = read_objects(live, with_ledger=True)
        refuse_unkept(objects)
        if not any(one.is_virtual for one in objects):
            export = to.with_name("export.sql")
            D1Transfer(self.database.account, self.database.database_id).export(export, told)
            with exported_rows(export, live, told) as rows:
                if rows is not None:
                    write_dump(rows, read_objects(live, with_ledger=True), to, told)
            export.unlink()
            if rows is not None:
                return
        write_dump(live, objects, to, told)

    def _restored(
        self, sql: Path, told: Told
    ) -> tuple[Mapping[str, TableSum], tuple[SchemaObject, ...]]:
        """Return what a scratch D1 holds after a restore of the file by a restore's own calls."""
        with scratch_d1(self.database) as scratch:
            _ingest(scratch, sql, told)
            with scratch.connected() as rows:
                return sums(rows, told), read_objects(rows, with_ledger=True)

    @contextmanager
    def copied(self, told: Told = untold) -> Iterator[StackDatabase]:
        """Give a scratch D1 with everything that the database holds; it is gone afterwards.

        Raises:
            OperationError: the account refused it, or D1 doesn't take the copy.
        """
        with working_folder(self.folder) as folder:
            sql = folder / "dump.sql"
            with self.database.connected() as rows:
                self._dump(sql, rows, told)
            with scratch_d1(self.database) as scratch:
                _ingest(scratch, sql, told)
                yield scratch

    def newest(self) -> BackupFile | None:
        """Return the newest backup of this very database in the folder, if there is one.

        A dump that a killed run left without a description is none.
        """
        dumps = self.folder.glob(f"{self.database.name}-*.sql.gz*")
        found = [BackupFile.read(path) for path in dumps if manifest_of(path).is_file()]
        of_this = [one for one in found if one.database_id == self.database.database_id]
        return max(of_this, key=lambda one: one.taken_at, default=None)

    def require_fresh(self, *, what: str) -> BackupFile:
        """Return the newest backup, if it was verified and is younger than an hour.

        Raises:
            GateClosed: there is none; ``what`` says what needs it.
        """
        newest = self.newest()
        if newest is not None and newest.verified_at and now() - newest.taken_at <= FRESH:
            return newest
        raise GateClosed(
            f"{what} of '{self.database.stack}' needs a verified backup that is younger than an "
            f"hour, and {self.folder} has none. Take one: "
            f"notifyctl db backup --stack {self.database.stack}"
        )

    def restore(
        self, backup: BackupFile, *, passphrase: str | None, told: Told = untold
    ) -> tuple[str, ...]:
        """Replace everything in the database by what the backup holds, as one step.

        Returns:
            The tables that were written right after the restore (the service may be running).

        Raises:
            OperationError: the import failed, and the database is as it was.
            VerificationFailed: a table is missing afterwards.
        """
        with self._checked(backup, passphrase, told) as sql:
            _ingest(self.database, sql, told)
        with self.database.connected() as rows:
            live = sums(rows, told)
        if missing := sorted(backup.tables.keys() - live.keys()):
            raise VerificationFailed(
                f"After the restore the tables {', '.join(missing)} are missing. Restore again."
            )
        return differing(backup.tables, live)


def differing(one: Mapping[str, TableSum], other: Mapping[str, TableSum]) -> tuple[str, ...]:
    """Return the tables that aren't the same in both, by name."""
    names = sorted(one.keys() | other.keys())
    return tuple(name for name in names if one.get(name) != other.get(name))


def _ingest(database: StackDatabase, sql: Path, told: Told) -> None:
    """Replace what a database holds by a dump, as one step."""
    whole = sql.with_name("ingest.sql")
    with whole.open("wb") as target, sql.open("rb") as source:
        target.writelines(f"{statement};\n".encode() for statement in clearing(database))
        shutil.copyfileobj(source, target, _CHUNK)
    try:
        D1Transfer(database.account, database.database_id).ingest(whole, told)
    finally:
        whole.unlink()


def _lost(wanted: Sequence[SchemaObject], found: Sequence[SchemaObject]) -> str:
    """Return what of a schema another one lacks or has otherwise: kinds and names."""
    there = {(one.kind, one.key): one.plain for one in found}
    lost = [
        f"{one.kind} {one.name}" for one in wanted if there.get((one.kind, one.key)) != one.plain
    ]
    return ", ".join(lost[:10])


def _level(tables: Mapping[str, TableSum]) -> int:
    """Return the schema's level: how many migrations the ledger in the dump holds."""
    return tables[TABLE].rows if TABLE in tables else 0
