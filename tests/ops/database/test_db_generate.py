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
