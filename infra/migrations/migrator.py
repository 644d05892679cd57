"""Applies migrations one by one, each with its ledger row in one transaction."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from infra.migrations.d1 import D1Database, Statement, retry_unavailable
from infra.migrations.errors import (
    ChangedMigration,
    D1SqlError,
    D1Unavailable,
    IncompatibleCode,
    MigrationFailed,
    MisorderedMigration,
    PrematureContraction,
    RefusedMigration,
    RowsLost,
    WriterBusy,
)
from infra.migrations.files import Migration, MigrationSet
from infra.migrations.lease import WriterLease
from infra.migrations.ledger import Applied, Ledger
from infra.migrations.lint import added_by, lint_pending
from infra.migrations.row_guard import RowGuard

_PROBE = "migration_statement_probe"


class Migrator:
    """Brings one database to a level, up or down.

    Safe at any crash: a migration and its ledger row are one transaction, so the ledger tells what
    is there. `sleep` takes seconds and waits for another writer's lease.
    """

    def __init__(
        self, database: D1Database, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._database = database
        self._ledger = Ledger(database)
        self._lease = WriterLease(database, sleep=sleep)

    def apply(
        self, migrations: MigrationSet, *, serving_level: int | None = None
    ) -> tuple[Applied, ...]:
        """Apply what is pending and return the ledger.

        `serving_level` is the level of the code that serves, and that a rollback goes back to:
        what takes something away from it waits for a later release.

        Each file is tried on a scratch database with this one's schema first, and the rows that
        it may touch are compared within its own transaction.

        Raise RefusedMigration, ChangedMigration, MisorderedMigration, IncompatibleCode,
        PrematureContraction, MigrationFailed, WriterBusy; D1Unavailable where the API stays silent.
        All of them leave only whole migrations behind.
        """
        retry_unavailable(self._ledger.prepare, [WriterLease.CREATE])
        pending = _pending(migrations, self._applied())
        _check_contraction(pending, serving_level)
        if pending:
            self._check_files(pending)
            retry_unavailable(self._lease.acquire)
            try:
                # Another writer may have finished some of them meanwhile.
                for migration in _pending(migrations, self._applied()):
                    self._take(_Step.up(migration, self._guard_up(migration)))
            finally:
                self._release()
        return self._applied()

    def roll_back(self, migrations: MigrationSet, *, to_level: int) -> tuple[Applied, ...]:
        """Undo applied migrations above a level, newest first, by their down files."""
        retry_unavailable(self._ledger.prepare, [WriterLease.CREATE])
        retry_unavailable(self._lease.acquire)
        try:
            names = {row.name for row in self._applied()}
            for migration in reversed(migrations.migrations):
                if migration.name in names and migration.level > to_level:
                    self._take(_Step.down(migration, self._guard_down(migrations, migration)))
        finally:
            self._release()
        return self._applied()

    def _check_files(self, pending: Sequence[Migration]) -> None:
        problems = retry_unavailable(lint_pending, self._database, pending)
        if problems:
            raise RefusedMigration(
                f"{' '.join(map(str, problems[:5]))} Nothing of it was run, and the database is as "
                "it was. Correct the file and deploy again."
            )

    def _guard_up(self, migration: Migration) -> RowGuard:
        return retry_unavailable(
            RowGuard.around, self._database, migration.statements, may_lose=migration.loses
        )

    def _guard_down(self, migrations: MigrationSet, migration: Migration) -> RowGuard:
        """Guard what was there before the migration: what it added goes with it."""
        added = added_by(migrations, migration)
        return retry_unavailable(
            RowGuard.around,
            self._database,
            migration.down_statements,
            may_lose=added | migration.loses | migration.down_loses,
        )

    def _take(self, step: "_Step") -> None:
        """Run one step's batch until the ledger says that it is done, or it is refused."""
        # Fenced at the end as well: a long step would otherwise leave a lease that has lapsed.
        batch = [
            self._lease.fence(),
            *step.guard.before,
            *step.statements,
            *step.guard.after,
            step.entry,
            self._lease.fence(),
        ]
        retry_unavailable(self._attempt, step, batch)

    def _attempt(self, step: "_Step", batch: Sequence[Statement]) -> None:
        try:
            self._database.batch(batch)
        except D1SqlError as error:
            if not step.is_done(self._names()):
                raise self._failure(step, error) from None
        except D1Unavailable:
            # Lost on the way there, or on the way back? The ledger knows.
            if not step.is_done(self._names()):
                raise

    def _failure(self, step: "_Step", error: D1SqlError) -> Exception:
        if WriterLease.was_lost(error):
            return WriterBusy(
                f"Another deployment took over before {step.file} was run. "
                "Wait until it is done, and deploy again."
            )
        if isinstance(error, RowsLost):
            names = ", ".join(error.tables) or "a table"
            return RefusedMigration(
                f"{step.file} would lose or change rows of {names} that it doesn't declare. It was "
                "taken back, and the database is as it was before this file. Keep those rows, or "
                f"declare it by '-- loses: {names}', and deploy again."
            )
        number = self._refused_statement(step.statements)
        where = f"statement {number} of {len(step.statements)}" if number else "the whole of it"
        return MigrationFailed(
            f"{step.file} failed at {where}: {error}. The database is as it was before this file, "
            "and the version that served still serves. Correct the file and deploy again."
        )

    def _refused_statement(self, statements: Sequence[Statement]) -> int | None:
        """Return the number of the first statement that fails, from 1; None if none does now.

        D1 doesn't say it. So beginnings of the batch are run with a last statement that always
        fails: nothing of them stays, and whose failure it was tells on which side to search.
        """
        probe = Statement(f"SELECT {_PROBE}()")
        good, bad = 0, len(statements) + 1
        while bad - good > 1:
            middle = (good + bad) // 2
            if self._fails_before(probe, statements[:middle]):
                bad = middle
            else:
                good = middle
        return bad if bad <= len(statements) else None

    def _fails_before(self, probe: Statement, statements: Sequence[Statement]) -> bool:
        try:
            retry_unavailable(self._database.batch, [*statements, probe])
        except D1SqlError as error:
            return _PROBE not in str(error)
        raise MigrationFailed("The database ran a function that doesn't exist.")

    def _names(self) -> set[str]:
        return {row.name for row in self._applied()}

    def _applied(self) -> tuple[Applied, ...]:
        return retry_unavailable(self._ledger.applied)

    def _release(self) -> None:
        try:
            self._lease.release()
        except D1Unavailable:
            return  # It lapses by itself.


@dataclass(frozen=True)
class _Step:
    """One migration in one direction: a file's statements, and what they do to the ledger."""

    file: str
    name: str
    statements: tuple[Statement, ...]
    guard: RowGuard
    entry: Statement
    enters: bool

    @classmethod
    def up(cls, migration: Migration, guard: RowGuard) -> "_Step":
        statements = tuple(Statement(sql) for sql in migration.statements)
        entry = Ledger.record(migration)
        return cls(migration.name, migration.name, statements, guard, entry, True)

    @classmethod
    def down(cls, migration: Migration, guard: RowGuard) -> "_Step":
        statements = tuple(Statement(sql) for sql in migration.down_statements)
        entry = Ledger.erase(migration)
        return cls(migration.down_name, migration.name, statements, guard, entry, False)

    def is_done(self, names: Collection[str]) -> bool:
        """Whether a ledger with these names has the step behind it."""
        return (self.name in names) == self.enters


def _pending(migrations: MigrationSet, applied: Sequence[Applied]) -> list[Migration]:
    """Return the migrations that aren't applied; refuse files that don't fit it and old code."""
    rows = {row.name: row for row in applied}
    for migration in migrations:
        row = rows.get(migration.name)
        if row and row.sha256 and row.sha256 != migration.sha256:
            raise ChangedMigration(
                f"{migration.name} was changed after it had been applied. Restore the file, and "
                "put the change into a new migration."
            )
    for row in applied:
        if row.level > migrations.level < row.min_code:
            raise IncompatibleCode(
                f"The database has {row.name}, which needs code of level {row.min_code} or newer; "
                f"this code is of level {migrations.level}. Deploy newer code, or undo that "
                "migration first."
            )
    pending = [migration for migration in migrations if migration.name not in rows]
    last = max(applied, key=lambda row: row.level, default=None)
    if pending and last and pending[0].level <= last.level:
        raise MisorderedMigration(
            f"{pending[0].name} comes too late: {last.name} is applied already. Give the new file "
            "the next number after it."
        )
    return pending


def _check_contraction(pending: Sequence[Migration], serving_level: int | None) -> None:
    """Refuse to take away what the code that serves needs: expand first, contract a release later.

    Nothing serves before the first release is complete, so nothing is refused then.
    """
    for migration in pending:
        if serving_level is not None and migration.min_code > serving_level:
            raise PrematureContraction(
                f"{migration.name} needs code of level {migration.min_code} or newer, and the "
                f"release that serves, to which a rollback would go, is of level {serving_level}. "
                f"Deploy without {migration.name} first, and with it in a later release."
            )
