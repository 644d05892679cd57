"""The contracts of import-linter notice an import that breaks them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("cron", "d1", "engine", "infra", "localcloud", "ops", "worker/src/notification")
WORKER = "worker/src/notification"

BREACHES = {
    "a lower layer of the Worker imports an upper one": (
        f"{WORKER}/ports/database.py",
        "from notification.storage import metered",
        "The layers of the Worker",
    ),
    "two packages of one layer import each other": (
        f"{WORKER}/storage/metered.py",
        "from notification.markup import plain_text",
        "The layers of the Worker",
    ),
    "a package of the Worker has no layer": (
        f"{WORKER}/helpers/__init__.py",
        '"""A package that nobody has placed."""',
        "The layers of the Worker",
    ),
    "two modules of a package import each other": (
        f"{WORKER}/sending/command.py",
        "from notification.sending import send",
        "No circles",
    ),
    "notifyctl imports the Worker's sources": (
        "ops/build/bundle.py",
        "from notification import errors",
        "Nothing else imports the Worker's sources",
    ),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_noticed(breach: str, tmp_path: Path) -> None:
    path, line, contract = BREACHES[breach]
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    changed = tmp_path / path
    changed.parent.mkdir(exist_ok=True)
    before = changed.read_text(encoding="utf-8") if changed.exists() else ""
    changed.write_text(f"{before}\n{line}\n", encoding="utf-8")

    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("lint-imports")),
            "--config",
            str(ROOT / ".importlinter"),
            "--no-cache",
        ],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{tmp_path / 'worker' / 'src'}", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    broken = [text for text in done.stdout.splitlines() if text.endswith("BROKEN")]
    assert f"{contract} BROKEN" in broken, done.stdout
