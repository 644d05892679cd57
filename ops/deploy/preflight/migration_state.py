"""How the stack's database stands to the migration files that would be deployed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from ops.access.checks.outcome import Outcome
from ops.database.migration_lint import MigrationLint
from ops.database.schema_state import SchemaState
from ops.database.stack_database import StackDatabase, migrations
from ops.stacks.context import StackContext
from ops.stacks.listing import stack_names
from ops.stacks.project import Project

CHECK = "migrations"
FILES = "migration files"


def look_at_migrations(context: StackContext) -> Iterator[Outcome]:
    """Yield whether an applied file was changed, and what is pending.

    Raises:
        OperationError: the files can't be used, or the database can't be asked.
    """
    project, stack = context.project, context.stack
    files = migrations(project)
    # A stack that was made for its keys, or whose first update failed, has none either.
    databases = StackDatabase.find_all(context) if stack in stack_names(context) else ()
    if not databases:
        yield _judged(project, applied=())
        yield Outcome.ok(CHECK, f"the first deployment applies all, up to level {files.level}")
        return
    states = [SchemaState.read(database, project) for database in databases]
    # What one database lacks is applied to it, and so has to be safe.
    everywhere = set.intersection(*({row.name for row in state.applied} for state in states))
    yield _judged(project, applied=everywhere)
    sums = {migration.name: migration.sha256 for migration in files}
    changed = _distinct(
        row.name
        for state in states
        for row in state.applied
        if row.sha256 and sums.get(row.name, row.sha256) != row.sha256
    )
    pending = _distinct(name for state in states for name in state.pending)
    missing = _distinct(name for state in states for name in state.missing)
    if changed:
        yield Outcome.fail(
            CHECK,
            f"changed after they had been applied: {', '.join(changed)}",
            "Restore the files, and put the change into a new migration: notifyctl db generate",
        )
    elif pending:
        yield Outcome.warn(
            CHECK,
            f"pending: {', '.join(pending)}",
            "The deployment applies them: have a fresh backup (notifyctl db backup --stack "
            f"{stack}), and deploy in a window for migrations.",
        )
    elif missing:
        yield Outcome.fail(
            CHECK,
            f"tables are missing: {', '.join(missing)}",
            f"See what happened to them: notifyctl db check --stack {stack}",
        )
    else:
        yield Outcome.ok(CHECK, f"{len(everywhere)} applied, none pending, no file changed")


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _judged(project: Project, *, applied: Collection[str]) -> Outcome:
    found = MigrationLint.of(project, applied=applied)
    if found.problems:
        return Outcome.fail(
            FILES, " ".join(map(str, found.problems[:3])), "See all: notifyctl db lint"
        )
    return Outcome.ok(FILES, f"{found.files} to be applied, each tried up and down")
