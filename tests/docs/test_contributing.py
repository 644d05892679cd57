"""The change that docs/contributing.md walks through works as written, and takes no other file."""

from __future__ import annotations

import re
import shutil

import pytest

from ops.cli.command_reference import FILE
from tests.altered_project import ROOT, AlteredProject

MODULE = re.compile(
    r"^`(?P<path>ops/[\w/]+\.py)`:\n\n```python\n(?P<text>.*?)```$", re.DOTALL | re.M
)
LINE = re.compile(r'`("release-count": "[\w:]+",)`')


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> AlteredProject:
    """A copy of the project with the document's command in it."""
    project = AlteredProject(tmp_path_factory.mktemp("contributing") / "project")
    text = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    module, line = MODULE.search(text), LINE.search(text)
    assert module is not None
    assert line is not None
    (project.root / FILE).parent.mkdir()
    shutil.copy(ROOT / FILE, project.root / FILE)
    project.commit("The document of commands")
    (project.root / module["path"]).write_text(module["text"], encoding="utf-8")
    project.replace("ops/cli/main.py", "COMMANDS = {\n", f"COMMANDS = {{\n    {line[1]}\n")
    made = project.run("python", "-m", "ops.cli.command_reference")
    assert made.returncode == 0, made.stderr
    return project


def test_the_command_of_the_walk_is_there_with_its_help(changed: AlteredProject) -> None:
    shown = changed.run("notifyctl", "release-count", "--help")
    assert shown.returncode == 0, shown.stderr
    assert "Print how many releases the stack's outputs list." in shown.stdout
    assert "release-count" in changed.run("notifyctl", "--help").stdout


def test_the_walk_touches_three_files_and_the_document_names_the_command(
    changed: AlteredProject,
) -> None:
    assert "`notifyctl release-count`" in (changed.root / FILE).read_text()
    assert changed.status() == [
        str(FILE),
        "ops/cli/commands/release_count.py",
        "ops/cli/main.py",
    ]
