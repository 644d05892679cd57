"""Changes of a stack's schema: migrations up and down, new migration files, a synchronisation."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.migrations.files import MigrationSet
from infra.migrations.ledger import TABLE, Ledger
from infra.migrations.location import MIGRATIONS
from infra.migrations.migrator import Migrator
from infra.migrations.statements import StatementError, split_statements
from infra.shards.record import Placement, read_placement, replace_text
from ops.database.schema_difference import NO_SHADOW, SchemaDifference
from ops.database.stack_database import StackDatabase, migrations
from ops.database.tables import clearing
from ops.stacks.errors import GateClosed, OperationError, UsageError
from ops.stacks.project import Project

_NAME = re.compile(r"[a-z][a-z0-9_]{2,60}")
_OBJECTS = (
    "SELECT name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL "  # noqa: S608
    # GLOB, where '_' is itself: in LIKE it stands for any letter.
    "AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_cf_*' "
    f"AND tbl_name NOT IN ('{TABLE}', '{TABLE}_lease') AND {NO_SHADOW} ORDER BY rowid"
)


@dataclass(frozen=True)
class SchemaChanges:
    """Changes the schema of one stack's database.

    Attributes:
        database: the database.
        project: whose migration files and ``sql/schema.sql`` are meant.
    """

    database: StackDatabase
    project: Project

    def migrate(self) -> tuple[str, ...]:
        """Apply what is pending and return the names of what was applied.

        Raises:
            OperationError: a migration failed, and the database is as it was before that one.
        """
        before = self.applied()
        files = migrations(self.project)
        with self.database.connected() as connected:
            after = Migrator(connected).apply(files)
        return tuple(row.name for row in after if row.name not in before)

    def above(self, to_level: int) -> tuple[str, ...]:
        """Return the names of the applied migrations above a level, newest first.

        Raises:
            GateClosed: the deployed code needs one of them.
        """
        files = migrations(self.project)
        undone = [m for m in reversed(files.migrations) if m.level > to_level]
        names = self.applied()
        needed = [m for m in undone if m.name in names and m.level <= self.database.code_level]
        if needed:
            raise GateClosed(
                f"The deployed code is of level {self.database.code_level} and may need "
                f"{needed[-1].name}. Roll the code back first: notifyctl rollback "
                f"--stack {self.database.stack}"
            )
        return tuple(m.name for m in undone if m.name in names)

    def down(self, to_level: int) -> tuple[str, ...]:
        """Undo every migration above a level and return their names, newest first.

        Raises:
            GateClosed: the deployed code needs one of them.
        """
        names = self.above(to_level)
        with self.database.connected() as connected:
            Migrator(connected).roll_back(migrations(self.project), to_level=to_level)
        return names

    def difference(self) -> SchemaDifference:
        """Return what leads from the database as it is to ``sql/schema.sql``."""
        return SchemaDifference.between(self._live(), wanted_schema(self.project))

    def push(self, difference: SchemaDifference) -> None:
        """Make a difference without a migration file; for trying things out.

        The statements run as one transaction. The ledger stays as it is.
        """
        if difference.statements:
            self.database.batch(difference.statements)

    def reset(self) -> tuple[str, ...]:
        """Drop every table and apply all migrations; everything in the database is lost."""
        self.database.batch(clearing(self.database))
        return self.migrate()

    def applied(self) -> set[str]:
        """Return the names of the migrations that the database has."""
        with self.database.connected() as connected:
            return {row.name for row in Ledger(connected).applied()}

    def _live(self) -> list[str]:
        """Return the statements that the database itself was made by, the ledger left out."""
        return [str(row["sql"]) for row in self.database.query(_OBJECTS)]


def reset_all(every: Sequence[SchemaChanges]) -> tuple[str, ...]:
    """Reset all databases of a stack; return the names of the migrations that were applied.

    The first one comes last: until then its record tells who was where. It is written again, so
    that new recipients are spread as before.
    """
    first, *others = every
    if not others:
        return first.reset()
    with first.database.connected() as connected:
        placement = read_placement(connected)
    for changes in reversed(others):
        changes.reset()
    names = first.reset()
    if placement is not None:
        with first.database.connected() as connected:
            replace_text(connected, Placement(placement.n))
    return names


def wanted_schema(project: Project) -> Sequence[str]:
    """Return the statements of ``sql/schema.sql``, which a person edits to say what is wanted.

    Raises:
        OperationError: the file is missing or isn't SQL.
    """
    path = project.root / "sql" / "schema.sql"
    try:
        return split_statements(path.read_text(encoding="utf-8"))
    except (OSError, StatementError) as error:
        raise OperationError(f"sql/schema.sql can't be read: {error}. Restore it.") from None


def write_migration(project: Project, name: str) -> tuple[Path, Path, SchemaDifference]:
    """Write the next migration, and its way back, from an edited ``sql/schema.sql``.

    The files are the same each time for the same schemas. ``schema.sql`` and the Worker's copy of
    the migrations are generated again afterwards.

    Raises:
        UsageError: the name isn't one, or the schema wasn't changed.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' can't name a migration. Use lower-case letters, digits and _, "
            "such as add_recipient_index."
        )
    files = migrations(project)
    before = _schema_of(files)
    after = list(wanted_schema(project))
    difference = SchemaDifference.between(before, after)
    if not difference.statements:
        raise UsageError(
            "sql/schema.sql already matches the migrations. Edit it to the schema that you want, "
            "and run this again."
        )
    stem = f"{files.level + 1:04d}_{name}"
    folder = project.root / MIGRATIONS
    up, down = folder / f"{stem}.sql", folder / f"{stem}.down.sql"
    back = SchemaDifference.between(after, before)
    if not back.statements:
        raise UsageError(
            "Nothing was written, because no statement undoes this change. Write the migration "
            "and its down file by hand."
        )
    up.write_text(_text(difference, f"{stem}: from level {files.level}."), encoding="utf-8")
    down.write_text(_text(back, f"Undoes {stem}."), encoding="utf-8")
    subprocess.run(
        [sys.executable, str(project.root / "sql" / "generate_schema.py")],
        cwd=project.root,
        check=True,
    )
    return up, down, difference


def _schema_of(files: MigrationSet) -> list[str]:
    scratch = sqlite3.connect(":memory:")
    try:
        for migration in files:
            for statement in migration.statements:
                scratch.execute(statement)
        return [
            str(sql)
            for (sql,) in scratch.execute(
                "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL "  # noqa: S608  a constant
                f"AND name NOT GLOB 'sqlite_*' AND {NO_SHADOW} ORDER BY rowid"
            )
        ]
    finally:
        scratch.close()


def _text(difference: SchemaDifference, title: str) -> str:
    lost = [f"-- Loses the content of {what}." for what in difference.loses_data]
    head = "\n".join([f"-- {title}", *lost])
    return head + "\n\n" + "\n\n".join(f"{sql};" for sql in difference.statements) + "\n"
