"""githubkit as a client of GitHub's stand-in: its models judge every answer of every route."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.localcloud.running_cloud import RunningCloud
from tests.localcloud.test_github_models import EXPLAINED, unjudged_routes
from tests.python_environment import environment

JUDGES = Path(__file__).with_name("judges")
_SECONDS = 600


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
