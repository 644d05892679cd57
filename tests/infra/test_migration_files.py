"""Migration files: numbering, the way back, statements, and the range of code they allow."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.migrations.files import MigrationFileError, MigrationSet
from infra.migrations.statements import StatementError, locate_statements, split_statements
from tests.infra.stack_inputs import MIGRATIONS, write_migrations

PROJECT = Path(__file__).parents[2]


def test_the_projects_migrations_are_numbered_and_each_has_its_way_back() -> None:
    migrations = MigrationSet.read(PROJECT / "sql" / "migrations")
    assert [m.level for m in migrations] == list(range(1, migrations.level + 1))
    assert all(m.down_statements for m in migrations)


def test_levels_hashes_and_ranges_come_from_the_files(tmp_path: Path) -> None:
    first, second = MigrationSet.read(write_migrations(tmp_path))
    assert (first.level, first.name, first.min_code, first.max_code) == (1, "0001_first.sql", 0, 1)
    assert (second.min_code, second.max_code) == (1, 2)
    assert second.down_name == "0002_second.down.sql"
    assert len(first.statements) == 2
    assert first.sha256 != second.sha256


def test_line_ends_do_not_change_a_files_hash(tmp_path: Path) -> None:
    unix = MigrationSet.read(write_migrations(tmp_path / "a"))
    dos = {name: text.replace("\n", "\r\n") for name, text in MIGRATIONS.items()}
    (tmp_path / "b").mkdir()
    for name, text in dos.items():
        (tmp_path / "b" / name).write_bytes(text.encode())
    assert [m.sha256 for m in MigrationSet.read(tmp_path / "b")] == [m.sha256 for m in unix]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"0002_other.sql": "SELECT 1;"},
            "0002_other.sql and 0002_second.sql have the same number",
        ),
        ({"0000_zero.sql": "SELECT 1;"}, "numbered from 0001 on"),
        ({"0003_Third.sql": "SELECT 1;"}, "no name of a migration"),
        ({"0003_third.sql": "SELECT 1;"}, r"0003_third\.down\.sql is missing"),
        ({"0009_gone.down.sql": "SELECT 1;"}, "its migration is missing"),
        ({"0002_second.sql": "-- nothing\n"}, "has no statement"),
        ({"0002_second.sql": "CREATE TABLE x(id"}, "statement 1 doesn't end with a semicolon"),
        ({"0002_second.sql": "SELECT 1;\nBEGIN;\n"}, "statement 2 is transaction control"),
        ({"0002_second.down.sql": "SAVEPOINT a;\n"}, r"0002_second\.down\.sql: statement 1"),
        (
            {"0002_second.sql": "-- min-code: v2\nSELECT 1;\n"},
            "'-- min-code: v2' is no declaration",
        ),
        ({"0002_second.sql": "-- min-code: 2 \nSELECT 1;\n"}, "is no declaration"),
        (
            {"0002_second.sql": f"  -- loses :{'x' * 80}\nSELECT 1;\n"},
            f"'-- loses :{'x' * 70}' is no declaration",
        ),
        ({"0002_second.sql": "--min-code: 2\nSELECT 1;\n"}, "is no declaration"),
        ({"0002_second.sql": "  -- max-code: 2\nSELECT 1;\n"}, "is no declaration"),
        ({"0002_second.sql": "-- Max-Code: 2\nSELECT 1;\n"}, "is no declaration"),
        ({"0002_second.sql": "-- min-code: 12345\nSELECT 1;\n"}, "is no declaration"),
        ({"0002_second.sql": "-- loses:\nSELECT 1;\n"}, "is no declaration"),
        ({"0002_second.sql": "-- min-code: 1\n-- min-code: 2\nSELECT 1;\n"}, "min-code twice"),
        (
            {"0002_second.down.sql": "-- Loses: a\nSELECT 1;\n"},
            r"0002_second\.down\.sql: '-- Loses",
        ),
    ],
)
def test_files_that_do_not_fit_are_refused_by_name(
    tmp_path: Path, change: dict[str, str], words: str
) -> None:
    write_migrations(tmp_path, {**MIGRATIONS, **change})
    with pytest.raises(MigrationFileError, match=words):
        MigrationSet.read(tmp_path)


def test_a_missing_or_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MigrationFileError, match="There is no folder"):
        MigrationSet.read(tmp_path / "nowhere")
    with pytest.raises(MigrationFileError, match="has no migration"):
        MigrationSet.read(tmp_path)


def test_semicolons_in_strings_comments_and_triggers_end_nothing() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END;"
    sql = f"-- a; b\nINSERT INTO a VALUES ('x;y', \"p;q\"); /* ; */\n{trigger}\n-- the end;\n"
    assert split_statements(sql) == ("INSERT INTO a VALUES ('x;y', \"p;q\");", trigger)


def test_an_unfinished_statement_is_refused_by_its_number() -> None:
    with pytest.raises(StatementError, match="statement 2 doesn't end"):
        split_statements("SELECT 1; SELECT ';")


@given(st.lists(st.sampled_from(["SELECT 1", "SELECT ';'", 'SELECT "a;b"', "VALUES(1) -- x;\n"])))
def test_joined_statements_are_split_into_the_same_ones(statements: list[str]) -> None:
    sql = "\n".join(f"{statement};" for statement in statements)
    assert split_statements(sql) == tuple(f"{statement};" for statement in statements)


def test_a_statements_line_is_where_it_begins_whatever_lies_before_it() -> None:
    sql = "-- one\n\nSELECT\n1; SELECT 2;\n/* four\nfive */ SELECT '\n;\n';;\nSELECT 4;\n-- the end"
    found = [(one.line, one.sql) for one in locate_statements(sql)]
    assert found == [
        (3, "SELECT\n1;"),
        (4, "SELECT 2;"),
        (6, "SELECT '\n;\n';"),
        (9, "SELECT 4;"),
    ]


def test_a_long_file_is_split_in_time_that_grows_with_its_length() -> None:
    def cpu(count: int) -> float:
        text = f"VALUES ('{';' * count}');\n" + "SELECT 1;\n" * count
        began = time.process_time()
        assert len(split_statements(text)) == count + 1
        return time.process_time() - began

    small = min(cpu(2_000) for _ in range(3))
    assert min(cpu(20_000) for _ in range(3)) < 40 * small
