"""``notifyctl db lint`` as a process, with and without the local cloud's D1."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.daemon import LocalCloud
from localcloud.endpoints import Ports
from tests.altered_project import AlteredProject

UP = "sql/migrations/9000_rebuild.sql"
DOWN = "sql/migrations/9000_rebuild.down.sql"
REBUILD = """CREATE TABLE templates_new AS SELECT * FROM notification_templates_v2;
DROP TABLE notification_templates_v2;
ALTER TABLE templates_new RENAME TO notification_templates_v2;
"""


@pytest.fixture
def project(tmp_path: Path) -> AlteredProject:
    """A copy of the project with one migration that empties another table."""
    project = AlteredProject(tmp_path / "project")
    (project.root / UP).write_text(REBUILD)
    (project.root / DOWN).write_text("DROP TABLE nowhere;\n")
    return project


@pytest.fixture
def home(tmp_path: Path) -> Iterator[LocalCloud]:
    """A local cloud of this test's own; it isn't started yet."""
    cloud = LocalCloud(tmp_path / "home", Ports(0, 0, 0))
    yield cloud
    cloud.erase()


def lint(project: AlteredProject, *arguments: str) -> subprocess.CompletedProcess[str]:
    return notifyctl(project, "db", "lint", *arguments)


def notifyctl(project: AlteredProject, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(project.root / ".venv" / "bin" / "notifyctl"), *arguments],
        cwd=project.root,
        env={**os.environ, "NOTIFICATION_LOCAL_HOME": str(project.root.parent / "home")},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_a_file_that_empties_another_table_is_refused_in_words_and_in_json(
    project: AlteredProject,
) -> None:
    told = lint(project)
    assert told.returncode == 8
    assert "9000_rebuild.sql: it loses what it doesn't declare" in told.stdout
    assert "template_contents (44 of 44 rows are gone)" in told.stdout
    assert "problems in the migration files" in told.stderr
    document = json.loads(lint(project, "--json").stdout)
    assert (document["ok"], document["on_d1"]) == (False, False)
    assert {problem["file"] for problem in document["problems"]} == {"9000_rebuild.sql"}


def test_a_preview_judges_the_files_before_it_plans_or_asks_anything(
    project: AlteredProject,
) -> None:
    # No local cloud runs: whatever came first would end in another way.
    told = notifyctl(project, "preview", "--stack", "local")
    assert told.returncode == 8
    assert "9000_rebuild.sql: it loses what it doesn't declare" in told.stderr
    assert "so nothing was planned" in told.stderr


def test_a_check_names_the_file_that_would_lose_rows(project: AlteredProject) -> None:
    skips = [part for name in ("types", "tests", "work-tree") for part in ("--skip", name)]
    told = notifyctl(project, "check", "--stack", "local", "--json", *skips)
    [found] = [
        one for one in json.loads(told.stdout)["checks"] if one["check"] == "migration files"
    ]
    assert (told.returncode != 0, found["result"]) == (True, "fail")
    assert "9000_rebuild.sql: it loses what it doesn't declare" in found["found"]


def test_a_way_back_that_cannot_be_run_is_named(project: AlteredProject) -> None:
    (project.root / UP).write_text("CREATE TABLE extra (id INTEGER PRIMARY KEY);\n")
    told = lint(project)
    assert told.returncode == 8
    assert "9000_rebuild.down.sql:1: statement 1 of 1 is refused" in told.stdout


@pytest.mark.workerd
def test_where_the_local_cloud_runs_its_d1_judges_too_and_keeps_nothing(
    project: AlteredProject, home: LocalCloud
) -> None:
    # SQLite takes this function, and D1 refuses it.
    (project.root / UP).write_text("SELECT sqlite_version();\n")
    (project.root / DOWN).write_text("SELECT 1;\n")
    assert lint(project).returncode == 0
    home.start()
    told = lint(project, "--json")
    assert told.returncode == 8
    document = json.loads(told.stdout)
    assert document["on_d1"] is True
    assert "not authorized to use function" in document["problems"][0]["message"]
    (project.root / UP).unlink()
    (project.root / DOWN).unlink()
    assert json.loads(lint(project, "--json").stdout)["ok"] is True
    assert home.status()["state"] == "ready"
