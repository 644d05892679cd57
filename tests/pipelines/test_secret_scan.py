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


# Each is put together here, so that this file holds none.
CREDENTIALS = {
    "AWS or R2 access key": "AKIA" + "QX7Z" * 4,
    "Pulumi access token": "pul-" + "0a" * 20,
    "GitHub token": "github_" + "pat_" + "11AB" * 10,
    "Cloudflare origin CA key": "v1.0-" + "a1" * 12 + "-" + "b2" * 40,
    "Lark or Feishu hook": "https://open.larksuite.com/open-apis/bot/v2/hook/"
    + "-".join(["1a2b3c4d", "0000", "4000", "8000", "1a2b3c4d5e6f"]),
    "Discord hook": "https://discord.com/" + "api/webhooks/123456789012345678/" + "x9-_" * 17,
    "Google API key": "AIza" + "x9-_Z" * 7,
    "Google Chat hook": "https://chat.googleapis.com/" + "v1/spaces/AAAAx9-_Z12/messages?key=k",
    "Slack hook": "https://hooks.slack.com/" + "services/T0AAAAAAA/B0BBBBBBB/" + "x9" * 12,
    "Telegram bot token": "123456789:" + "AA" + "x" * 33,
}


@pytest.mark.parametrize("file", ["data.jsonl", "requirements.txt", "notes.md"])
def test_the_projects_own_credentials_are_found_in_every_kind_of_file(
    tmp_path: Path, file: str
) -> None:
    repository = Repository(tmp_path / "repository")
    for form, value in CREDENTIALS.items():
        (repository.root / file).write_text(f'first line\n{{"value": "{value}"}}\n')
        repository.git("add", file)
        found = repository.scan()
        assert found.returncode != 0, form
        assert f"{file}:2: {form}" in found.stdout
        assert value not in found.stdout + found.stderr


def test_a_sample_credential_that_was_accepted_passes_and_another_does_not(
    tmp_path: Path,
) -> None:
    repository = Repository(tmp_path / "repository")
    (repository.root / "data.jsonl").write_text(CREDENTIALS["Pulumi access token"])
    repository.git("add", "data.jsonl")
    assert repository.scan("--accept").returncode == 0
    repository.git("add", ".")
    assert repository.scan().returncode == 0
    (repository.root / "data.jsonl").write_text("pul-" + "0b" * 20)
    assert repository.scan().returncode != 0
