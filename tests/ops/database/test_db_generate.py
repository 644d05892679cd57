"""``notifyctl db generate`` as a process: from an edited schema to two reviewed files and back."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from pathlib import Path

import pytest

from infra.migrations.files import MigrationSet
from tests.altered_project import AlteredProject

ADDED = "CREATE TABLE review_notes (\n  id INTEGER PRIMARY KEY,\n  note TEXT NOT NULL\n);\n"

VIEW_AND_TRIGGER = """CREATE VIEW active_configs AS SELECT id, user_id FROM user_configs;
CREATE TRIGGER named AFTER INSERT ON user_configs BEGIN
  UPDATE user_configs SET endpoint = 'default' WHERE id = NEW.id;
END;
"""


def generate(project: AlteredProject, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(project.root / ".venv" / "bin" / "notifyctl"), "db", "generate", *arguments],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def structure(database: sqlite3.Connection) -> set[str]:
    rows = database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {" ".join(sql.split()) for (sql,) in rows}


@pytest.mark.requirement("S0-95", "S0-97")
def test_an_edited_schema_becomes_the_next_migration_the_same_each_time(tmp_path: Path) -> None:
    project = AlteredProject(tmp_path / "project")
    folder, schema = project.root / "sql" / "migrations", project.root / "sql" / "schema.sql"
    before = MigrationSet.read(folder)
    unchanged = generate(project, "add_review_notes")
    assert unchanged.returncode == 2
    assert "Edit it to the schema that you want" in unchanged.stderr
    misnamed = generate(project, "Add Notes")
    assert misnamed.returncode == 2
    assert "such as add_recipient_index" in misnamed.stderr
    schema.write_text(f"{schema.read_text()}\n{ADDED}")

    written = generate(project, "add_review_notes", "--json")

    assert written.returncode == 0, written.stderr
    report = json.loads(written.stdout)
    up, down = Path(report["up"]), Path(report["down"])
    assert up == folder / f"{before.level + 1:04d}_add_review_notes.sql"
    assert (len(report["statements"]), report["loses_data"]) == (1, [])
    database = sqlite3.connect(":memory:")
    for migration in before:
        for statement in migration.statements:
            database.execute(statement)
    as_before = structure(database)
    database.executescript(up.read_text())
    assert " ".join(ADDED.strip().removesuffix(";").split()) in structure(database)
    database.executescript(down.read_text())
    assert structure(database) == as_before

    texts = up.read_text(), down.read_text(), schema.read_text()
    up.unlink()
    down.unlink()
    text = generate(project, "add_review_notes")
    assert (text.returncode, text.stdout.split()) == (0, [str(up), str(down)])
    assert "notifyctl db migrate --stack local" in text.stderr
    assert (up.read_text(), down.read_text(), schema.read_text()) == texts


def test_views_triggers_and_counters_become_files_that_run_both_ways(tmp_path: Path) -> None:
    project = AlteredProject(tmp_path / "project")
    folder, schema = project.root / "sql" / "migrations", project.root / "sql" / "schema.sql"
    before = MigrationSet.read(folder)
    edited = schema.read_text().replace(
        "user_id TEXT NOT NULL CHECK (length(user_id) BETWEEN 1 AND 100)",
        "user_id TEXT NOT NULL CHECK (length(user_id) BETWEEN 1 AND 90)",
        1,
    )
    assert edited != schema.read_text()
    schema.write_text(f"{edited}\n{VIEW_AND_TRIGGER}")

    written = generate(project, "views", "--json")

    assert written.returncode == 0, written.stderr
    assert "Traceback" not in written.stderr
    report = json.loads(written.stdout)
    database = sqlite3.connect(":memory:")
    for migration in before:
        for statement in migration.statements:
            database.execute(statement)
    as_before = structure(database)
    columns = "id, user_id, channel_type, config_data"
    insert = f"INSERT INTO user_configs ({columns}) VALUES (?, ?, 'x', '')"  # noqa: S608
    database.executemany(insert, [(3, "kept"), (7, "gone")])
    database.execute("DELETE FROM user_configs WHERE id = 7")
    kinds = "SELECT name FROM sqlite_master WHERE type IN ('view', 'trigger') ORDER BY name"
    for file, there in ((report["up"], ["active_configs", "named"]), (report["down"], [])):
        database.executescript(Path(file).read_text())
        assert [name for (name,) in database.execute(kinds)] == there
        assert database.execute("SELECT id, user_id FROM user_configs").fetchall() == [(3, "kept")]
        # An id is never given twice, whatever was built anew.
        assert database.execute(insert, (None, "new")).lastrowid == 8
        database.execute("DELETE FROM user_configs WHERE id = 8")
        database.execute("UPDATE sqlite_sequence SET seq = 7 WHERE name = 'user_configs'")
    unquoted = {sql.replace('"user_configs"', "user_configs") for sql in structure(database)}
    assert unquoted == as_before
