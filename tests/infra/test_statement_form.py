"""The form of a statement: its kind, the table that it works on, and what it names."""

from __future__ import annotations

import pytest

from infra.migrations.statement_form import Kind, StatementForm

FORMS = {
    "CREATE TABLE a (id INTEGER);": StatementForm(Kind.CREATE_TABLE, "a"),
    "CREATE TABLE IF NOT EXISTS main.A (id INTEGER);": StatementForm(Kind.CREATE_TABLE, "a"),
    "create temp table a (id);": StatementForm(Kind.CREATE_TABLE, "a"),
    "CREATE VIRTUAL TABLE t USING fts5(body);": StatementForm(Kind.CREATE_TABLE, "t"),
    'CREATE UNIQUE INDEX IF NOT EXISTS "By Name" ON a (name);': StatementForm(
        Kind.CREATE_OTHER, "by name"
    ),
    "CREATE VIEW v AS SELECT 1;": StatementForm(Kind.CREATE_OTHER, "v"),
    "CREATE TEMP TRIGGER IF NOT EXISTS main.tr DELETE ON a BEGIN SELECT 1; END;": StatementForm(
        Kind.CREATE_TRIGGER, "tr"
    ),
    "CREATE TRIGGER tr AFTER INSERT ON a BEGIN SELECT 1; END;": StatementForm(
        Kind.CREATE_TRIGGER, "tr"
    ),
    "CREATE SOMETHING else;": StatementForm(Kind.UNKNOWN),
    "DROP TABLE a;": StatementForm(Kind.DROP_TABLE, "a"),
    'DROP TABLE IF EXISTS main."A";': StatementForm(Kind.DROP_TABLE, "a"),
    "DROP INDEX i;": StatementForm(Kind.DROP_OTHER, "i"),
    "DROP TRIGGER IF EXISTS tr;": StatementForm(Kind.DROP_OTHER, "tr"),
    "DROP VIEW v;": StatementForm(Kind.DROP_OTHER, "v"),
    "DROP;": StatementForm(Kind.UNKNOWN),
    "DROP TABLE": StatementForm(Kind.DROP_TABLE),
    "DROP TABLE main.": StatementForm(Kind.DROP_TABLE, "main"),
    "ALTER TABLE a RENAME TO B;": StatementForm(Kind.RENAME_TABLE, "a", new_name="b"),
    "ALTER TABLE main.a RENAME TO b;": StatementForm(Kind.RENAME_TABLE, "a", new_name="b"),
    "ALTER TABLE a RENAME COLUMN C TO D;": StatementForm(
        Kind.RENAME_COLUMN, "a", ("c",), new_name="d"
    ),
    "ALTER TABLE a RENAME C TO D;": StatementForm(Kind.RENAME_COLUMN, "a", ("c",), new_name="d"),
    "ALTER TABLE a ADD COLUMN C TEXT;": StatementForm(Kind.ADD_COLUMN, "a", ("c",)),
    "ALTER TABLE a ADD C TEXT;": StatementForm(Kind.ADD_COLUMN, "a", ("c",)),
    "ALTER TABLE a ADD COLUMN;": StatementForm(Kind.ADD_COLUMN, "a", ("column",)),
    "ALTER TABLE a DROP COLUMN C;": StatementForm(Kind.DROP_COLUMN, "a", ("c",)),
    "ALTER TABLE a DROP C;": StatementForm(Kind.DROP_COLUMN, "a", ("c",)),
    "ALTER TABLE a DROP COLUMN;": StatementForm(Kind.DROP_COLUMN, "a", ("column",)),
    "ALTER TABLE a DROP COLUMN": StatementForm(Kind.DROP_COLUMN, "a", ("column",)),
    "ALTER TABLE a ENGINE x;": StatementForm(Kind.UNKNOWN, "a"),
    "ALTER INDEX a RENAME TO b;": StatementForm(Kind.UNKNOWN),
    "ALTER a RENAME TO b;": StatementForm(Kind.UNKNOWN),
    "PRAGMA foreign_keys = OFF;": StatementForm(Kind.PRAGMA, "foreign_keys"),
    "PRAGMA main.Table_Info(a);": StatementForm(Kind.PRAGMA, "table_info"),
    "SELECT * FROM a;": StatementForm(Kind.QUERY),
    "VALUES (1);": StatementForm(Kind.QUERY),
    "EXPLAIN SELECT 1;": StatementForm(Kind.QUERY),
    "WITH x AS (SELECT 1) SELECT * FROM x;": StatementForm(Kind.QUERY),
    "SELECT 1 UNION SELECT 2;": StatementForm(Kind.QUERY),
    "INSERT INTO A (id) VALUES (1);": StatementForm(Kind.INSERT, "a"),
    "INSERT INTO main.a SELECT * FROM b;": StatementForm(Kind.INSERT, "a"),
    "INSERT OR REPLACE INTO a VALUES (1);": StatementForm(Kind.REPLACE, "a"),
    "INSERT OR IGNORE INTO a VALUES (1);": StatementForm(Kind.INSERT, "a"),
    "REPLACE INTO A VALUES (1);": StatementForm(Kind.REPLACE, "a"),
    "  replace into a values (1);": StatementForm(Kind.REPLACE, "a"),
    (
        "INSERT INTO a (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET Name = "
        "excluded.name, (x, y) = (1, 2);"
    ): StatementForm(Kind.UPDATE, "a", ("name", "x", "y"), has_where=True),
    "INSERT INTO a (id) VALUES (1) ON CONFLICT DO NOTHING;": StatementForm(Kind.INSERT, "a"),
    "UPDATE A SET Name = 'x';": StatementForm(Kind.UPDATE, "a", ("name",)),
    "UPDATE a SET name = 'x', size = size + 1 WHERE id = 1;": StatementForm(
        Kind.UPDATE, "a", ("name", "size"), has_where=True
    ),
    "UPDATE a SET (x, Y) = (SELECT z, w FROM b) WHERE id IN (SELECT id FROM b);": StatementForm(
        Kind.UPDATE, "a", ("x", "y"), has_where=True
    ),
    "UPDATE OR REPLACE a SET x = 1;": StatementForm(Kind.REPLACE, "a", ("x",)),
    "UPDATE OR IGNORE a SET x = 1 WHERE id = 2;": StatementForm(
        Kind.UPDATE, "a", ("x",), has_where=True
    ),
    "UPDATE OR ROLLBACK a SET x = 1;": StatementForm(Kind.UPDATE, "a", ("x",)),
    "WITH o AS (SELECT 1) UPDATE a SET x = 1;": StatementForm(Kind.UPDATE, "a", ("x",)),
    "DELETE FROM A;": StatementForm(Kind.DELETE, "a"),
    "DELETE FROM main.a WHERE id = 1;": StatementForm(Kind.DELETE, "a", has_where=True),
    "WITH o AS (SELECT 1) DELETE FROM a WHERE id = 1;": StatementForm(
        Kind.DELETE, "a", has_where=True
    ),
    "VACUUM;": StatementForm(Kind.UNKNOWN),
    "SELECT 'unclosed": StatementForm(Kind.UNKNOWN),
    "nonsense here;": StatementForm(Kind.UNKNOWN),
}
"""Names are in small letters and without their schema, as SQLite compares them."""


@pytest.mark.parametrize(("sql", "form"), FORMS.items())
def test_a_statement_is_read_as_what_it_does_to_data(sql: str, form: StatementForm) -> None:
    assert StatementForm.of(sql) == form


def test_each_kind_is_its_own_words() -> None:
    assert len({kind.value for kind in Kind}) == len(Kind) == 16
    assert (Kind.DROP_COLUMN.value, Kind.RENAME_TABLE.value) == ("DROP COLUMN", "RENAME TABLE")
