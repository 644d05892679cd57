"""How a deployment finds the database: what is applied, changed, pending or missing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.migrations.ledger import Applied
from ops.access.checks.outcome import Outcome
from ops.database.migration_lint import MigrationLint
from ops.database.schema_state import SchemaState
from ops.database.stack_database import StackDatabase
from ops.deploy.preflight import migration_state as module
from ops.deploy.preflight.migration_state import look_at_migrations
from tests.ops.contexts import context_of

FILES = ("0001_a.sql", "0002_b.sql")


@pytest.fixture
def looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "Pulumi.x.yaml").write_text("config: {}\n")
    judged: list[list[str]] = []

    class Files(list[Any]):
        level = 2

    files = Files(SimpleNamespace(name=name, sha256=f"sum of {name}") for name in FILES)
    monkeypatch.setattr(module, "migrations", lambda _: files)

    def look(
        *applied: Applied,
        stacks: tuple[str, ...] = ("x",),
        database: object = True,
        pending: tuple[str, ...] = (),
        missing: tuple[str, ...] = (),
        problems: tuple[str, ...] = (),
        others: tuple[SimpleNamespace, ...] = (),
    ) -> list[Outcome]:
        def lint(_: object, *, applied: Any) -> MigrationLint:
            judged.append(sorted(applied))
            found: Any = problems
            return MigrationLint(2, found, on_d1=False)

        state = SimpleNamespace(applied=applied, pending=pending, missing=missing)
        monkeypatch.setattr(MigrationLint, "of", lint)
        monkeypatch.setattr(module, "stack_names", lambda _: list(stacks))
        databases = (0, *others) if database else ()
        states = [state, *others]
        monkeypatch.setattr(StackDatabase, "find_all", lambda _: tuple(range(len(databases))))
        monkeypatch.setattr(SchemaState, "read", lambda database, _: states[database])
        return list(look_at_migrations(context_of(tmp_path, "x")))

    look.judged = judged  # type: ignore[attr-defined]
    return look


def state(*rows: Applied, **changes: Any) -> SimpleNamespace:
    """Another database of the stack."""
    return SimpleNamespace(**{"applied": rows, "pending": (), "missing": (), **changes})


def applied(name: str, digest: str | None) -> Applied:
    return Applied(name, int(name[:4]), digest, 1)


@pytest.mark.parametrize("none", [{"stacks": ("y",)}, {"database": None}])
def test_a_stack_without_a_database_gets_all_of_them(looked: Any, none: dict[str, Any]) -> None:
    files, found = looked(**none)
    assert (files.check, files.result) == ("migration files", "ok")
    assert (found.result, found.found) == ("ok", "the first deployment applies all, up to level 2")
    assert looked.judged == [[]]


def test_a_database_that_has_all_of_them_is_well(looked: Any) -> None:
    rows = [applied(name, f"sum of {name}") for name in FILES]
    files, found = looked(*rows)
    assert files.found == "2 to be applied, each tried up and down"
    assert (found.result, found.found) == ("ok", "2 applied, none pending, no file changed")
    assert looked.judged == [list(FILES)]


def test_a_file_that_changed_after_it_was_applied_fails(looked: Any) -> None:
    rows = [applied(FILES[0], "another sum"), applied(FILES[1], f"sum of {FILES[1]}")]
    _, found = looked(*rows, pending=("0003_c.sql",))
    assert (found.result, found.found) == (
        "fail",
        "changed after they had been applied: 0001_a.sql",
    )
    assert found.advice.endswith("notifyctl db generate")


def test_a_row_without_a_sum_or_without_a_file_has_not_changed(looked: Any) -> None:
    # Wrangler writes no sum, and newer code may have applied what this checkout doesn't have.
    rows = [applied(FILES[0], None), applied("0009_newer.sql", "x")]
    assert looked(*rows)[1].result == "ok"


def test_what_is_pending_is_warned_of_with_the_backup(looked: Any) -> None:
    _, found = looked(pending=("0003_c.sql", "0004_d.sql"), missing=("t",))
    assert (found.result, found.found) == ("warn", "pending: 0003_c.sql, 0004_d.sql")
    assert "notifyctl db backup --stack x" in found.advice


def test_tables_that_are_missing_fail(looked: Any) -> None:
    _, found = looked(missing=("t", "u"))
    assert (found.result, found.found) == ("fail", "tables are missing: t, u")
    assert found.advice.endswith("notifyctl db check --stack x")


def test_problems_of_the_files_are_told_three_at_most(looked: Any) -> None:
    files, _ = looked(problems=("one.", "two.", "three.", "four."))
    assert (files.result, files.found) == ("fail", "one. two. three.")


def test_what_any_of_several_databases_lacks_is_told_and_judged(looked: Any) -> None:
    rows = [applied(name, f"sum of {name}") for name in FILES]
    behind = state(rows[0], pending=(FILES[1],))
    _, found = looked(*rows, others=(behind,))
    assert (found.result, found.found) == ("warn", f"pending: {FILES[1]}")
    assert looked.judged == [[FILES[0]]]

    changed = state(rows[0], applied(FILES[1], "another sum"))
    _, found = looked(*rows, others=(changed,))
    assert found.found == f"changed after they had been applied: {FILES[1]}"

    _, found = looked(*rows, others=(state(*rows, missing=("t",)),))
    assert found.found == "tables are missing: t"

    _, found = looked(*rows, others=(state(*rows),))
    assert found.result == "ok"
