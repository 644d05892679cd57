"""Judges migration files before anything is applied: by reading them, and by trying them.

A file is tried on a scratch database in which every table has made-up rows: up, and back by its
down file. What was there before and isn't afterwards is a loss, and the file has to declare it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from infra.migrations.contents import Changes, Contents, Loss
from infra.migrations.d1 import Statement
from infra.migrations.d1_rules import broken_rules
from infra.migrations.errors import D1SqlError
from infra.migrations.file_reading import FileReading
from infra.migrations.files import Migration, MigrationSet
from infra.migrations.sample_rows import sample_rows, without_triggers
from infra.migrations.schema import Queries, read_objects, read_tables
from infra.migrations.scratch import ScratchDatabase
from infra.migrations.statement_form import Kind, StatementForm

DEFER = Statement("PRAGMA defer_foreign_keys = TRUE")

Scratch = Callable[[], AbstractContextManager[Queries]]
"""Makes an empty scratch database, which is gone at the end of its context."""


@dataclass(frozen=True)
class Problem:
    """Why a file isn't applied. `line` is None where the file as a whole is meant."""

    file: str
    line: int | None
    message: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.message}."

    def document(self) -> dict[str, object]:
        """As JSON."""
        return {"file": self.file, "line": self.line, "message": self.message}


def lint(
    migrations: MigrationSet,
    *,
    applied: Collection[str] = (),
    scratch: Scratch = ScratchDatabase,
) -> list[Problem]:
    """Return what is wrong with the files, in their order.

    Args:
        migrations: all files of the project.
        applied: names of files that are run but not judged: they can't be changed any more.
        scratch: where the files are tried.
    """
    problems: list[Problem] = []
    with scratch() as database:
        for migration in migrations:
            if migration.name in applied:
                _run(database, migration.statements)
                continue
            found = [*_read(migration), *_read_down(migration)]
            found += _tried(database, migration, both_ways=True)
            problems += found
            if any(problem.line is None or problem.file == migration.name for problem in found):
                # What later files would run on isn't there, or isn't what they expect.
                break
    return problems


def lint_pending(
    database: Queries, pending: Sequence[Migration], *, scratch: Scratch = ScratchDatabase
) -> list[Problem]:
    """Return what is wrong with the files for a database as it is; its rows aren't read.

    Args:
        database: whose schema the files are to be applied to.
        pending: the files, in order.
        scratch: where the files are tried.
    """
    problems: list[Problem] = []
    objects = [Statement(found.sql) for found in read_objects(database)]
    with scratch() as copy:
        if objects:
            copy.batch(objects)
        for migration in pending:
            problems += [*_read(migration), *_tried(copy, migration, both_ways=False)]
            if problems:
                break
    return problems


def lint_on_copy(copy: Queries, pending: Sequence[Migration]) -> list[Problem]:
    """Return what is wrong with the files for a database's own rows, tried up and down on a copy.

    Args:
        copy: schema, rows and ledger of the database; what is done to it is nobody's loss.
        pending: the files, in order.
    """
    problems: list[Problem] = []
    for migration in pending:
        problems += [*_read(migration), *_read_down(migration)]
        problems += _tried(copy, migration, both_ways=True)
        if problems:
            break
    return problems


def added_by(migrations: MigrationSet, migration: Migration) -> frozenset[str]:
    """Return the tables and `table.column`s that one migration brings, in small letters.

    They go when it is undone. Found by running the files before it, and it, on a scratch database.
    """
    every = migrations.migrations
    with ScratchDatabase() as database:
        for earlier in every[: every.index(migration)]:
            _run(database, earlier.statements)
        before = _names(database)
        _run(database, migration.statements)
        return _names(database) - before


def _names(database: Queries) -> frozenset[str]:
    tables = read_tables(database)
    columns = (f"{key}.{one.name.lower()}" for key, table in tables.items() for one in table.stored)
    return frozenset([*tables, *columns])


def _read(migration: Migration) -> Iterator[Problem]:
    """Yield what the text of the file itself shows."""
    reading = FileReading.of(migration.statements)
    mine = reading.made | {""}
    for sql, line, form in zip(migration.statements, migration.lines, reading.forms, strict=True):
        for message in broken_rules(sql, form):
            yield Problem(migration.name, line, message)
        if form.target not in mine:
            for message in _undeclared(form, migration, reading):
                yield Problem(migration.name, line, message)
    if migration.has_min_code and migration.min_code > migration.level:
        yield Problem(
            migration.name,
            None,
            f"min-code is {migration.min_code}, and no code is newer than this file's own level, "
            f"{migration.level}. Give that or a lower one",
        )


def _read_down(migration: Migration) -> Iterator[Problem]:
    for sql, line in zip(migration.down_statements, migration.down_lines, strict=True):
        for message in broken_rules(sql, StatementForm.of(sql)):
            yield Problem(migration.down_name, line, message)


def _undeclared(form: StatementForm, migration: Migration, reading: FileReading) -> Iterator[str]:
    table = form.target
    declared = table in migration.loses
    columns = [name for name in form.columns if f"{table}.{name}" not in migration.loses]
    takes_away = (
        form.kind in (Kind.DROP_COLUMN, Kind.RENAME_COLUMN, Kind.RENAME_TABLE)
        or table in reading.gone
    )
    if takes_away and not migration.has_min_code:
        yield (
            f"{form.kind.value} takes away what earlier code may use. Say by a line "
            "'-- min-code: N' which level of code has to serve before (the first one that does "
            "without it)"
        )
    if form.kind == Kind.UPDATE and not form.has_where and not declared:
        backfill = all((table, name) in reading.added for name in form.columns)
        if columns and not backfill:
            yield (
                f"UPDATE without WHERE changes every row of {table}. Limit it by WHERE, or declare "
                f"'-- loses: {table}.{columns[0]}'"
            )
    # A counter that falls is told by what the files do to the rows, not by the statement's form.
    is_counter = table == "sqlite_sequence" and form.has_where
    if form.kind == Kind.DELETE and not declared and not is_counter:
        limit = "" if form.has_where else " without WHERE"
        yield f"DELETE{limit} removes rows of {table}. Declare '-- loses: {table}'"
    if form.kind == Kind.REPLACE and not declared:
        yield (
            f"REPLACE removes the row that was there, and by ON DELETE CASCADE its children. Use "
            f"INSERT … ON CONFLICT … DO UPDATE, or declare '-- loses: {table}'"
        )
    if form.kind == Kind.UNKNOWN:
        yield "the statement can't be read, so nobody knows what it does to data. Write it plainer"


def _tried(database: Queries, migration: Migration, *, both_ways: bool) -> Iterator[Problem]:
    """Yield what running the file shows; then the database has it applied, or is as it was."""
    if untried := _add_rows(database):
        yield Problem(migration.name, None, f"it can't be tried: {untried}")
        return
    before = Contents.read(database)
    reading = FileReading.of(migration.statements)
    refused = _run(database, migration.statements)
    if refused is not None:
        yield _refusal(migration.name, migration.lines, refused)
        return
    after = Contents.read(database)
    yield from _losses(migration, before.losses(after, reading.changes))
    yield from _idle_declarations(migration, before)
    if unwritable := _add_rows(database):
        yield Problem(migration.name, None, f"after it {unwritable}")
        return
    if not both_ways:
        return
    refused = _run(database, migration.down_statements)
    if refused is not None:
        yield _refusal(migration.down_name, migration.down_lines, refused)
        return
    yield from _differences(migration, before, Contents.read(database), reading.changes)
    # Up again, for the next file: back from what the way back left.
    refused = _run(database, migration.statements)
    if refused is not None:
        yield Problem(
            migration.down_name,
            None,
            f"after it {migration.name} can't be applied again: {refused[1]}",
        )


def _add_rows(database: Queries) -> str:
    """Fill the empty tables; return why one can't be filled, or nothing."""
    statements, without = sample_rows(database)
    if without:
        return (
            f"no row could be made up for {', '.join(without)}, by the constraints that it has. "
            "Write simpler CHECK constraints"
        )
    try:
        if statements:
            database.batch([DEFER, *without_triggers(read_objects(database), statements)])
    except D1SqlError as error:
        return f"no row can be written: {error}"
    return ""


def _run(database: Queries, statements: Sequence[str]) -> tuple[int, str] | None:
    """Run a file in one transaction; where it is refused, which statement (from 0) and why."""
    batch = [Statement(sql) for sql in statements]
    try:
        database.batch(batch)
    except D1SqlError as error:
        refused = error
    else:
        return None
    for count in range(1, len(batch) + 1):
        try:
            # Nothing of it stays: its last statement always fails.
            database.batch([*batch[:count], Statement("SELECT migration_statement_probe()")])
        except D1SqlError as error:
            if "migration_statement_probe" not in str(error):
                return count - 1, str(error)
    return len(batch) - 1, str(refused)


def _refusal(file: str, lines: Sequence[int], refused: tuple[int, str]) -> Problem:
    at, reason = refused
    return Problem(
        file,
        lines[at],
        f"statement {at + 1} of {len(lines)} is refused on tables with rows in them: {reason}",
    )


def _losses(migration: Migration, losses: Sequence[Loss]) -> Iterator[Problem]:
    undeclared = [loss for loss in losses if not loss.covers & migration.loses]
    if not undeclared:
        return
    # What can't be had back comes first.
    undeclared.sort(key=lambda loss: ("rows are gone" not in loss.reason, "." in loss.name))
    shown = "; ".join(str(loss) for loss in undeclared[:5])
    more = f"; and {len(undeclared) - 5} more" if len(undeclared) > 5 else ""
    yield Problem(
        migration.name,
        None,
        f"it loses what it doesn't declare: {shown}{more}. Keep it (a table that others refer to "
        "is rebuilt with them: copy the children too, drop them first, rename all at the end), or "
        f"declare it: '-- loses: {', '.join(sorted({loss.name for loss in undeclared}))}'",
    )


def _idle_declarations(migration: Migration, before: Contents) -> Iterator[Problem]:
    """Yield each declaration of what isn't there, which is a slip of the pen."""
    known = {f"{t.key}.{c.name.lower()}" for t in before.tables.values() for c in t.columns}
    known |= {f"{key}.{what}" for key in before.tables for what in ("constraints", "autoincrement")}
    known |= before.objects.keys()
    for name in sorted(migration.loses - known):
        yield Problem(
            migration.name, None, f"'-- loses: {name}' names nothing that the database has"
        )


def _differences(
    migration: Migration, before: Contents, back: Contents, changes: Changes
) -> Iterator[Problem]:
    """Where up and down don't lead back to what was before."""
    given_up = migration.loses
    meant = Changes(updated=changes.updated)
    losses = [loss for loss in before.losses(back, meant) if not loss.covers & given_up]
    leftovers = [
        text
        for text in before.leftovers(back)
        if not any(f" {name} " in f"{text} " for name in given_up)
    ]
    found = [*map(str, losses), *leftovers]
    if found:
        yield Problem(
            migration.down_name,
            None,
            f"it isn't the way back of {migration.name}: {'; '.join(found[:5])}. Undo what that "
            "file does, and nothing else",
        )
