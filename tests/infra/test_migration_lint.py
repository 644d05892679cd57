"""Files that would lose data, or that D1 refuses, are named before anything is applied."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from infra.migrations.d1 import Statement
from infra.migrations.files import MigrationSet
from infra.migrations.lint import Problem, added_by, lint, lint_on_copy
from infra.migrations.scratch import ScratchDatabase
from tests.infra.stack_inputs import write_migrations

PROJECT = Path(__file__).parents[2]
PARENT = """CREATE TABLE labels (
  name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 100),
  colour TEXT NOT NULL DEFAULT 'red'
) WITHOUT ROWID;
"""
CHILD = """CREATE TABLE notes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  label TEXT REFERENCES Labels (name) ON DELETE {action},
  body TEXT
);
CREATE INDEX notes_by_label ON notes (label);
"""
REBUILD = """PRAGMA {pragma};
CREATE TABLE labels_new (
  name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 200),
  colour TEXT NOT NULL DEFAULT 'red'
) WITHOUT ROWID;
INSERT INTO labels_new SELECT * FROM labels;
DROP TABLE labels;
ALTER TABLE labels_new RENAME TO labels;
"""


def found(folder: Path, second: str, down: str = "SELECT 1;", first: str = "") -> list[Problem]:
    """The problems of a second migration on a first one with a parent and its children."""
    first = first or PARENT + CHILD.format(action="CASCADE")
    files = {
        "0001_first.sql": first,
        "0001_first.down.sql": "DROP TABLE IF EXISTS notes;\nDROP TABLE IF EXISTS labels;\n",
        "0002_second.sql": second,
        "0002_second.down.sql": down,
    }
    return lint(MigrationSet.read(write_migrations(folder, files)), applied=["0001_first.sql"])


def texts(problems: Sequence[Problem], file: str = "0002_second.sql") -> str:
    """The problems of one file, a line each."""
    return "\n".join(str(problem) for problem in problems if problem.file == file)


def test_the_projects_own_migrations_have_no_problem() -> None:
    assert lint(MigrationSet.read(PROJECT / "sql" / "migrations")) == []


TEMPLATES = """{before}CREATE TABLE templates_new (
  template_key TEXT PRIMARY KEY, template_name TEXT NOT NULL, description TEXT,
  variables TEXT NOT NULL DEFAULT '[]', is_active INTEGER NOT NULL DEFAULT 1,
  revision INTEGER NOT NULL DEFAULT 1, created_at TEXT NOT NULL DEFAULT '',
  updated_at TEXT NOT NULL DEFAULT '', strict INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
INSERT INTO templates_new SELECT * FROM notification_templates_v2;
DROP TABLE notification_templates_v2;
ALTER TABLE templates_new RENAME TO notification_templates_v2;
{after}"""
FOUND_IN_PRACTICE = {
    "a rebuild inside foreign_keys=OFF": (
        TEMPLATES.format(before="PRAGMA foreign_keys=OFF;\n", after="PRAGMA foreign_keys=ON;\n"),
        "template_contents (",
    ),
    "the same with the check put off": (
        TEMPLATES.format(before="PRAGMA defer_foreign_keys=TRUE;\n", after=""),
        "template_contents (",
    ),
    "a column that the deployed code reads": (
        "ALTER TABLE notification_logs DROP COLUMN channel_options;\n",
        "DROP COLUMN takes away what earlier code may use",
    ),
    "a parent that is replaced by itself": (
        "REPLACE INTO notification_templates_v2 SELECT * FROM notification_templates_v2;\n",
        "template_contents (",
    ),
    "a table that is made from a query": (
        """CREATE TABLE configs AS SELECT * FROM user_configs;
DROP TABLE user_configs;
ALTER TABLE configs RENAME TO user_configs;
""",
        "user_configs.user_id (the column",
    ),
}
"""Files on the project's own schema that other tools apply, each with what it says of them."""


@pytest.mark.parametrize(
    ("statements", "says"), FOUND_IN_PRACTICE.values(), ids=FOUND_IN_PRACTICE.keys()
)
def test_what_was_found_in_practice_is_refused_on_the_projects_own_schema(
    tmp_path: Path, statements: str, says: str
) -> None:
    folder = PROJECT / "sql" / "migrations"
    files = {path.name: path.read_text() for path in folder.glob("*.sql")}
    known = [migration.name for migration in MigrationSet.read(folder).migrations]
    more = {"9000_next.sql": statements, "9000_next.down.sql": "SELECT 1;\n"}
    written = MigrationSet.read(write_migrations(tmp_path, {**files, **more}))
    assert says in texts(lint(written, applied=known), "9000_next.sql")


@pytest.mark.parametrize("pragma", ["foreign_keys = OFF", "defer_foreign_keys = TRUE"])
def test_a_rebuild_that_empties_the_children_is_refused_and_names_them(
    tmp_path: Path, pragma: str
) -> None:
    problems = texts(found(tmp_path, REBUILD.format(pragma=pragma)))
    assert "notes (4 of 4 rows are gone)" in problems
    assert "'-- loses: notes" in problems
    assert ("0002_second.sql:1: PRAGMA foreign_keys" in problems) == ("OFF" in pragma)


def test_a_rebuild_that_nulls_the_childrens_references_is_refused(tmp_path: Path) -> None:
    first = PARENT + CHILD.format(action="SET NULL")
    problems = texts(
        found(tmp_path, REBUILD.format(pragma="defer_foreign_keys = TRUE"), first=first)
    )
    assert "notes.label (values of the column are changed or gone)" in problems


def test_a_rebuild_with_its_children_passes_both_ways(tmp_path: Path) -> None:
    rebuilt = """PRAGMA defer_foreign_keys = TRUE;
CREATE TABLE notes_kept AS SELECT * FROM notes;
CREATE TABLE counters_kept AS SELECT name, seq FROM sqlite_sequence WHERE name = 'notes';
DROP TABLE notes;
CREATE TABLE labels_new (
  name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND {longest}),
  colour TEXT NOT NULL DEFAULT 'red'
) WITHOUT ROWID;
INSERT INTO labels_new SELECT * FROM labels;
DROP TABLE labels;
ALTER TABLE labels_new RENAME TO labels;
"""
    end = """INSERT INTO notes SELECT * FROM notes_kept;
UPDATE sqlite_sequence SET seq = (SELECT seq FROM counters_kept) WHERE name = 'notes';
DROP TABLE notes_kept;
DROP TABLE counters_kept;
"""
    child = CHILD.format(action="CASCADE")
    up = rebuilt.format(longest=200) + child + end
    down = rebuilt.format(longest=100) + child + end
    assert found(tmp_path, up, down) == []


def test_a_row_that_refers_to_its_own_table_is_kept_or_named(tmp_path: Path) -> None:
    first = (
        "CREATE TABLE parts (id INTEGER PRIMARY KEY, "
        "whole INTEGER REFERENCES parts (id) ON DELETE CASCADE, name TEXT);\n"
    )
    up = "DELETE FROM parts WHERE id IN (SELECT min(id) FROM parts);\n"
    assert "DELETE removes rows of parts. Declare '-- loses: parts'" in texts(
        found(tmp_path, up, "SELECT 1;", first)
    )
    assert found(tmp_path, "-- loses: parts\n" + up, "SELECT 1;", first) == []


def test_what_takes_a_column_or_table_away_says_since_which_code(tmp_path: Path) -> None:
    drop = "ALTER TABLE notes DROP COLUMN body;\n"
    back = "ALTER TABLE notes ADD COLUMN body TEXT;\n"
    problems = texts(found(tmp_path, drop, back))
    assert "0002_second.sql:1: DROP COLUMN takes away what earlier code may use" in problems
    assert "-- loses: notes.body" in problems
    declared = f"-- min-code: 2\n-- loses: notes.body\n{drop}"
    assert found(tmp_path, declared, back) == []
    assert "no code is newer" in texts(found(tmp_path, declared.replace("2", "3"), back))


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("ALTER TABLE notes RENAME TO remarks;", "RENAME TABLE"),
        ("ALTER TABLE notes RENAME COLUMN body TO text;", "RENAME COLUMN"),
        ("DROP TABLE notes;", "DROP TABLE"),
    ],
)
def test_every_statement_that_breaks_older_code_needs_min_code(
    tmp_path: Path, statement: str, kind: str
) -> None:
    assert f"{kind} takes away" in texts(found(tmp_path, statement))
    assert "takes away" not in texts(found(tmp_path, f"-- min-code: 1\n{statement}"))


def test_a_renamed_table_and_column_lose_nothing(tmp_path: Path) -> None:
    up = (
        "-- min-code: 2\nALTER TABLE notes RENAME COLUMN body TO text;\n"
        "ALTER TABLE notes RENAME TO remarks;\n"
    )
    down = "ALTER TABLE remarks RENAME TO notes;\nALTER TABLE notes RENAME COLUMN text TO body;\n"
    assert found(tmp_path, up, down) == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO labels SELECT * FROM labels;",
        "REPLACE INTO labels SELECT * FROM labels;",
        "UPDATE OR REPLACE labels SET colour = 'a' WHERE name > '';",
    ],
)
def test_replacing_a_parent_is_refused_with_the_rows_that_go_with_it(
    tmp_path: Path, statement: str
) -> None:
    problems = texts(found(tmp_path, statement))
    assert "REPLACE removes the row that was there" in problems
    assert ("notes (4 of 4 rows are gone)" in problems) == ("INTO" in statement)


def test_writes_to_every_row_are_refused_but_for_a_column_that_the_file_adds(
    tmp_path: Path,
) -> None:
    assert "UPDATE without WHERE changes every row of notes" in texts(
        found(tmp_path, "UPDATE notes SET body = 'x';")
    )
    assert "DELETE without WHERE removes rows of notes" in texts(
        found(tmp_path, "DELETE FROM notes;")
    )
    backfill = "ALTER TABLE notes ADD COLUMN size INTEGER;\nUPDATE notes SET size = length(body);\n"
    back = "ALTER TABLE notes DROP COLUMN size;\n"
    assert found(tmp_path, backfill, back) == []
    both = backfill.replace("SET size", "SET body = '', size")
    assert "UPDATE without WHERE" in texts(found(tmp_path, both, back))


def test_a_table_made_from_a_query_loses_its_constraints(tmp_path: Path) -> None:
    up = (
        "CREATE TABLE copy AS SELECT * FROM notes;\nDROP TABLE notes;\n"
        "ALTER TABLE copy RENAME TO notes;\n"
    )
    problems = texts(found(tmp_path, up))
    for lost in (
        "notes.id (the column has lost its place in the primary key)",
        "notes.constraints (the reference of label to labels is gone)",
        "notes.autoincrement",
        "notes_by_label (the index is gone, and no DROP names it)",
    ):
        assert lost in problems


def test_a_file_that_only_fails_on_filled_tables_is_found(tmp_path: Path) -> None:
    up = (
        "CREATE TABLE labels_new (name TEXT PRIMARY KEY, colour TEXT, size INT NOT NULL);\n"
        "INSERT INTO labels_new (name, colour) SELECT name, colour FROM labels;\n"
    )
    problems = texts(found(tmp_path, up))
    assert "0002_second.sql:2: statement 2 of 2 is refused on tables with rows" in problems
    assert "NOT NULL constraint failed: labels_new.size" in problems


@pytest.mark.parametrize(
    ("down", "says"),
    [
        ("DROP TABLE extra;\nDROP TABLE notes;\n", "notes (the table is gone)"),
        ("SELECT 1;\n", "table extra is still there"),
        ("DROP TABLE extra;\nDROP INDEX notes_by_label;\n", "notes_by_label"),
        ("DROP TABLE extra;\nUPDATE notes SET body = NULL WHERE 1;\n", "notes.body"),
        ("DROP TABLE nowhere;\n", "no such table: nowhere"),
    ],
)
def test_a_way_back_leads_to_what_was_before_and_no_further(
    tmp_path: Path, down: str, says: str
) -> None:
    problems = found(tmp_path, "CREATE TABLE extra (id INTEGER PRIMARY KEY);\n", down)
    assert says in texts(problems, "0002_second.down.sql")


TRIGGER = """CREATE TRIGGER notes_shout AFTER INSERT ON notes
WHEN NEW.body = 'begin; end'
begin
  UPDATE notes SET body = upper(body) WHERE id = NEW.id; -- begin
END;
"""


def test_a_lower_case_trigger_body_is_refused_with_the_text_to_paste(tmp_path: Path) -> None:
    problems = texts(found(tmp_path, "\n" + TRIGGER, "DROP TRIGGER notes_shout;"))
    assert problems.startswith("0002_second.sql:2: D1's API finds a trigger's body by BEGIN")
    wanted = TRIGGER.replace("\nbegin\n", "\nBEGIN\n")
    assert wanted.strip() in problems
    assert found(tmp_path, wanted, "DROP TRIGGER notes_shout;") == []


def test_a_bare_case_in_a_trigger_is_refused(tmp_path: Path) -> None:
    case = "CASE WHEN NEW.body IS NULL THEN '' ELSE NEW.body END"
    trigger = TRIGGER.replace("begin\n", "BEGIN\n").replace("upper(body)", case)
    assert "Put the whole CASE … END into parentheses" in texts(
        found(tmp_path, trigger, "DROP TRIGGER notes_shout;")
    )
    trigger = trigger.replace(case, f"({case})")
    assert found(tmp_path, trigger, "DROP TRIGGER notes_shout;") == []


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("CREATE TEMP TABLE x (a);", "no temporary tables"),
        ("CREATE TABLE _cf_x (a);", "reserved by SQLite or D1"),
        ("DELETE FROM d1_migrations WHERE id = 1;", "the migrations' own table"),
        ("PRAGMA ignore_check_constraints = ON;", "has no place here"),
        ("PRAGMA main.foreign_keys = OFF;", "has no place here"),
        ("PRAGMA user_version = 3;", "not authorized"),
        ("CREATE VIRTUAL TABLE s USING dbstat;", "not authorized"),
        (f"SELECT '{'x' * 100_000}';", "D1 takes 100000"),
        (f"CREATE TABLE wide ({', '.join(f'c{n}' for n in range(101))});", "too many columns"),
    ],
)
def test_what_d1_refuses_is_refused_here(tmp_path: Path, statement: str, says: str) -> None:
    assert says in texts(found(tmp_path, statement))


def test_names_that_begin_like_a_reserved_one_are_ordinary(tmp_path: Path) -> None:
    up = "CREATE TABLE pcf_rates (id INTEGER PRIMARY KEY);\nCREATE TABLE sqlitex (a TEXT);\n"
    assert found(tmp_path, up, "DROP TABLE pcf_rates;\nDROP TABLE sqlitex;\n") == []


def test_a_declaration_of_what_is_not_there_is_named(tmp_path: Path) -> None:
    problems = texts(found(tmp_path, "-- loses: note\nSELECT 1;\n"))
    assert "'-- loses: note' names nothing" in problems


def test_what_was_applied_is_not_judged_again(tmp_path: Path) -> None:
    first = f"{PARENT}{CHILD.format(action='CASCADE')}PRAGMA foreign_keys = OFF;\n"
    assert found(tmp_path, "SELECT 1;", "SELECT 1;", first) == []


def test_a_file_that_only_a_databases_own_rows_refuse_is_found_on_a_copy_of_them(
    tmp_path: Path,
) -> None:
    unique = "CREATE UNIQUE INDEX notes_by_body ON notes (body);\n"
    files = {
        "0001_first.sql": PARENT + CHILD.format(action="CASCADE"),
        "0001_first.down.sql": "DROP TABLE notes;\nDROP TABLE labels;\n",
        "0002_second.sql": unique,
        "0002_second.down.sql": "DROP INDEX notes_by_body;\n",
    }
    migrations = MigrationSet.read(write_migrations(tmp_path, files))
    first, second = migrations.migrations
    assert lint(migrations) == []
    with ScratchDatabase() as copy:
        copy.batch([Statement(sql) for sql in first.statements])
        copy.batch([Statement("INSERT INTO notes (body) VALUES ('twice'), ('twice')")])
        [problem] = lint_on_copy(copy, [second])
        assert str(problem).startswith("0002_second.sql:1: statement 1 of 1 is refused on tables")
        assert "UNIQUE" in str(problem)
        copy.batch([Statement("UPDATE notes SET body = id")])
        assert lint_on_copy(copy, [second]) == []


def test_a_counter_may_be_carried_over_and_never_fall(tmp_path: Path) -> None:
    where = "DELETE FROM sqlite_sequence WHERE name = 'nobody';\n"
    assert "sqlite_sequence" not in texts(found(tmp_path / "a", where))
    assert "DELETE without WHERE removes rows of sqlite_sequence" in texts(
        found(tmp_path / "b", "DELETE FROM sqlite_sequence;\n")
    )


def test_what_only_the_end_of_a_file_breaks_is_told_of_its_last_statement(tmp_path: Path) -> None:
    second = (
        "PRAGMA defer_foreign_keys = TRUE;\n\nINSERT INTO notes (label) VALUES ('nobody');\n"
        "CREATE TABLE more (id INTEGER);\n"
    )
    assert texts(found(tmp_path, second)) == (
        "0002_second.sql:4: statement 3 of 3 is refused on tables with rows in them: FOREIGN KEY "
        "constraint failed: SQLITE_CONSTRAINT."
    )


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_refused_statement_is_told_with_its_line(tmp_path: Path, number: int) -> None:
    statements = [f"CREATE TABLE t{at} (\n  id INTEGER\n);" for at in (1, 2, 3)]
    statements[number - 1] = "INSERT INTO labels (name) SELECT name FROM labels;"
    lines = {1: 1, 2: 4, 3: 7}
    assert texts(found(tmp_path, "\n".join(statements))) == (
        f"0002_second.sql:{lines[number]}: statement {number} of 3 is refused on tables with rows "
        "in them: UNIQUE constraint failed: labels.name: SQLITE_CONSTRAINT."
    )


@pytest.mark.parametrize(
    ("name", "brought"),
    [
        ("0001_first.sql", {"notes", "notes.id", "notes.body"}),
        ("0002_second.sql", {"notes.size", "labels", "labels.name"}),
        ("0003_third.sql", {"later", "later.id"}),
    ],
)
def test_what_a_migration_brings_is_found_beside_what_was_there(
    tmp_path: Path, name: str, brought: set[str]
) -> None:
    files = {
        "0001_first.sql": "CREATE TABLE Notes (id INTEGER, Body TEXT);",
        "0002_second.sql": (
            "ALTER TABLE notes ADD COLUMN Size INTEGER;\nCREATE TABLE labels (name TEXT,\n"
            "  length INTEGER GENERATED ALWAYS AS (length(name)) VIRTUAL);"
        ),
        "0003_third.sql": "CREATE TABLE later (id INTEGER);",
    }
    downs = {file.replace(".sql", ".down.sql"): "SELECT 1;" for file in files}
    migrations = MigrationSet.read(write_migrations(tmp_path, {**files, **downs}))
    (one,) = [migration for migration in migrations if migration.name == name]
    assert added_by(migrations, one) == brought


def test_a_problem_is_a_document_with_or_without_a_line() -> None:
    whole, at = Problem("a.sql", None, "no"), Problem("a.sql", 7, "no")
    assert [str(whole), str(at)] == ["a.sql: no.", "a.sql:7: no."]
    assert [whole.document(), at.document()] == [
        {"file": "a.sql", "line": None, "message": "no"},
        {"file": "a.sql", "line": 7, "message": "no"},
    ]


@pytest.mark.parametrize("count", [5, 6, 7])
def test_at_most_five_losses_and_differences_are_named(tmp_path: Path, count: int) -> None:
    names = [f"t{at}" for at in range(count)]
    first = "".join(f"CREATE TABLE {name} (id INTEGER);\n" for name in names)
    drops = "-- min-code: 1\n" + "".join(f"DROP TABLE {name};\n" for name in names)
    problems = found(tmp_path, drops, first=first)
    losses = "; ".join(f"{name} (the table is gone)" for name in names[:5])
    more = f"; and {count - 5} more" if count > 5 else ""
    assert str(problems[0]) == (
        f"0002_second.sql: it loses what it doesn't declare: {losses}{more}. Keep it (a table that "
        "others refer to is rebuilt with them: copy the children too, drop them first, rename all "
        f"at the end), or declare it: '-- loses: {', '.join(names)}'."
    )
    makes = "".join(f"CREATE TABLE n{at} (id INTEGER);\n" for at in range(count))
    back = found(tmp_path, makes, first=first)
    left = "; ".join(f"table n{at} is still there" for at in range(5))
    assert [str(problem) for problem in back][:1] == [
        (
            f"0002_second.down.sql: it isn't the way back of 0002_second.sql: {left}. Undo what "
            "that file does, and nothing else."
        )
    ]


@pytest.mark.parametrize(
    ("declared", "column"),
    [("", "label"), ("-- loses: notes.label\n", "body"), ("-- loses: notes.body\n", "label")],
)
def test_an_update_of_every_row_names_the_first_column_that_isnt_declared(
    tmp_path: Path, declared: str, column: str
) -> None:
    update = "UPDATE notes SET label = NULL, body = 'x';"
    told = texts(found(tmp_path, declared + update))
    assert told.startswith(
        f"0002_second.sql:{1 + bool(declared)}: UPDATE without WHERE changes every row of notes. "
        f"Limit it by WHERE, or declare '-- loses: notes.{column}'."
    )
    both = "-- loses: notes.label, notes.body\n"
    assert "UPDATE" not in texts(found(tmp_path, both + update))
