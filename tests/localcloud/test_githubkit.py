"""githubkit as a client of GitHub's stand-in: its models judge every answer of every route."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.localcloud.npm_package import BUILD
from tests.localcloud.running_cloud import RunningCloud
from tests.localcloud.test_github_models import EXPLAINED, unjudged_routes

JUDGES = Path(__file__).with_name("judges")
_SECONDS = 600


def environment(requirements: Path) -> Path:
    """Return the Python of an environment in `build/` with these packages, made on first use."""
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = BUILD / f"{requirements.stem}-{digest}"
    python = folder / "bin" / "python"
    done = folder / "installed"
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f"{requirements.stem}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            venv.create(folder, with_pip=True)
            subprocess.run(
                [python, "-m", "pip", "install", "--quiet", "--no-deps", "-r", requirements],
                check=True,
                capture_output=True,
                timeout=_SECONDS,
            )
            done.touch()
    return python


@pytest.mark.soak
def test_every_answer_parses_into_githubkits_models(tmp_path: Path) -> None:
    with RunningCloud(tmp_path / "home") as cloud:
        done = subprocess.run(
            [
                environment(JUDGES / "githubkit.txt"),
                JUDGES / "githubkit_client.py",
                f"{cloud.root_url}/api/v3",
                cloud.endpoints.api_token,
            ],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["errors"] == []
    assert {field.rsplit(".", 1)[-1].split()[-1] for field in report["unknown"]} == set(EXPLAINED)
    assert unjudged_routes([tuple(call) for call in report["called"]], tmp_path) == []
