"""Taking backups, checking them, and going back to one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ops.database.backup_file import SEALED_SUFFIX, BackupFile, now
from ops.database.d1_transfer import D1Transfer
from ops.database.stack_database import StackDatabase
from ops.database.table_sum import TableSum, sums_of_dump, sums_of_live
from ops.database.tables import clearing
from ops.stacks.errors import GateClosed, OperationError, VerificationFailed

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

    def take(self, *, passphrase: str | None) -> tuple[BackupFile, tuple[str, ...]]:
        """Export the database, load the dump into a scratch database and compare every table.

        Returns:
            The backup, verified, and the tables that were written between the export and the
            reading of the live tables: what is in the backup is their state as of the export.

        Raises:
            VerificationFailed: the dump lacks a table that the database has.
        """
        taken_at = now()
        sql = D1Transfer(self.database.account, self.database.database_id).export()
        sums = sums_of_dump(sql)
        live = sums_of_live(self.database)
        if missing := sorted(live.keys() - sums.keys()):
            raise VerificationFailed(
                f"The export lacks the tables {', '.join(missing)}. Take another backup."
            )
        suffix = f".sql.gz{SEALED_SUFFIX}" if passphrase is not None else ".sql.gz"
        stamp = f"{taken_at:%Y%m%dT%H%M%SZ}"
        backup = BackupFile(
            path=self.folder / f"{self.database.name}-{stamp}{suffix}",
            stack=self.database.stack,
            database_id=self.database.database_id,
            schema_level=_level(sums, sql),
            taken_at=taken_at,
            tables=sums,
            file_sha256="",
        ).write(sql, passphrase)
        return self.verify(backup, passphrase=passphrase), differing(sums, live)

    def verify(self, backup: BackupFile, *, passphrase: str | None) -> BackupFile:
        """Read the file back, load it and compare counts and checksums of every table.

        Raises:
            VerificationFailed: a table isn't what it was when the backup was taken.
            UsageError: the passphrase is missing or wrong.
        """
        found = sums_of_dump(backup.content(passphrase))
        if wrong := differing(backup.tables, found):
            raise VerificationFailed(
                f"{backup.path.name} doesn't hold what it should in {', '.join(wrong)}. "
                "Don't rely on it; take another one."
            )
        return backup.mark_verified(now())

    def newest(self) -> BackupFile | None:
        """The newest backup of this very database in the folder, if there is one."""
        found = [
            BackupFile.read(path)
            for path in self.folder.glob(f"{self.database.name}-*.sql.gz*")
            if not path.name.startswith(".")
        ]
        of_this = [one for one in found if one.database_id == self.database.database_id]
        return max(of_this, key=lambda one: one.taken_at, default=None)

    def require_fresh(self, *, what: str) -> BackupFile:
        """The newest backup, if it was verified and is younger than an hour.

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

    def restore(self, backup: BackupFile, *, passphrase: str | None) -> tuple[str, ...]:
        """Replace everything in the database by what the backup holds, as one step.

        Returns:
            The tables that were written right after the restore (the service may be running).

        Raises:
            OperationError: the import failed, and the database is as it was.
            VerificationFailed: a table is missing afterwards.
        """
        sql = backup.content(passphrase)
        if differing(backup.tables, sums_of_dump(sql)):
            raise VerificationFailed(f"{backup.path.name} is damaged. Use another backup.")
        transfer = D1Transfer(self.database.account, self.database.database_id)
        cleared = "".join(f"{statement};\n" for statement in clearing(self.database))
        transfer.ingest(cleared.encode() + sql)
        live = sums_of_live(self.database)
        if missing := sorted(backup.tables.keys() - live.keys()):
            raise VerificationFailed(
                f"After the restore the tables {', '.join(missing)} are missing. Restore again."
            )
        return differing(backup.tables, live)


def differing(one: Mapping[str, TableSum], other: Mapping[str, TableSum]) -> tuple[str, ...]:
    """The tables that aren't the same in both, by name."""
    names = sorted(one.keys() | other.keys())
    return tuple(name for name in names if one.get(name) != other.get(name))


def _level(sums: Mapping[str, TableSum], sql: bytes) -> int:
    """The schema's level: how many migrations the ledger in the dump holds."""
    if not sql:
        raise OperationError("The export is empty. Take another one.")
    return sums["d1_migrations"].rows if "d1_migrations" in sums else 0
