"""The scan for secrets finds one that is planted, and nothing where there is none."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.pipelines.workflow import ROOT


class Repository:
    """A git repository with the project's scan and a few lines of code."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "scripts").mkdir(parents=True)
        shutil.copy(ROOT / "scripts" / "scan-secrets", root / "scripts")
        (root / ".venv").symlink_to(ROOT / ".venv")
        (root / "code.py").write_text("LIMIT = 10\nHALF = LIMIT / 2\n")
        self.git("init", "--quiet")
        self.git("add", "scripts", "code.py")
        accepted = self.scan("--accept")
        assert accepted.returncode == 0, accepted.stderr
        self.git("add", ".secrets.baseline")

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", "-C", str(self.root), *arguments], check=True)

    def scan(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.root / "scripts" / "scan-secrets"), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.mark.requirement("S0-29", "S0-114")
def test_a_planted_key_is_found_where_it_lies_and_not_shown(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository")
    clean = repository.scan()
    assert (clean.returncode, clean.stdout) == (0, "")

    key = secrets.token_hex(32)
    (repository.root / "settings.py").write_text(f'import os\n\napi_secret_key = "{key}"\n')
    repository.git("add", "settings.py")
    found = repository.scan()

    assert found.returncode != 0
    assert "settings.py:3" in found.stdout
    assert key not in found.stdout + found.stderr


@pytest.mark.requirement("S0-29")
def test_what_a_person_accepted_passes_wherever_it_moves(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository")
    sample = f'password = "{secrets.token_hex(24)}"\n'
    (repository.root / "sample.py").write_text(sample)
    repository.git("add", "sample.py")
    assert repository.scan().returncode != 0

    assert repository.scan("--accept").returncode == 0
    (repository.root / "sample.py").write_text(f"\n\n{sample}")
    before = (repository.root / ".secrets.baseline").read_bytes()

    assert repository.scan().returncode == 0
    assert (repository.root / ".secrets.baseline").read_bytes() == before, "a scan changes nothing"
