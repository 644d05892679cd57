"""A Pulumi program that isn't this project's, as the documentation shows it, on the local cloud."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from localcloud.daemon import LocalCloud
from localcloud.endpoints import Ports
from tests.real_cli import cli_environment

pytestmark = [pytest.mark.real_pulumi, pytest.mark.workerd]

PAGE = Path(__file__).parents[2] / "docs" / "local-cloud.md"


def documented_program() -> str:
    """The program of the page."""
    section = PAGE.read_text(encoding="utf-8").split("## Your own Pulumi program")[1]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_documented_program_is_deployed_from_an_empty_folder(tmp_path: Path) -> None:
    folder = tmp_path / "program"
    folder.mkdir()
    options = {"virtualenv": sys.prefix}
    project = {"name": "another", "runtime": {"name": "python", "options": options}}
    (folder / "Pulumi.yaml").write_text(json.dumps(project), encoding="utf-8")
    (folder / "__main__.py").write_text(documented_program(), encoding="utf-8")
    (tmp_path / "state").mkdir()
    cloud = LocalCloud(tmp_path / "cloud", Ports(0, 0, 0))
    try:
        endpoints = cloud.start()
        environment = cli_environment(
            PULUMI_BACKEND_URL=f"file://{tmp_path / 'state'}",
            PULUMI_CONFIG_PASSPHRASE="of a test",
            PULUMI_HOME=str(tmp_path / "pulumi"),
            CLOUDFLARE_API_BASE_URL=endpoints.control_url,
            CLOUDFLARE_API_TOKEN=endpoints.api_token,
            CLOUDFLARE_ACCOUNT_ID=endpoints.account_id,
        )

        def pulumi(*arguments: str) -> str:
            done = subprocess.run(
                ["pulumi", *arguments, "--non-interactive"],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=240,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        pulumi("stack", "init", "dev")
        pulumi("up", "--yes", "--skip-preview")
        store = json.loads(pulumi("stack", "output", "--json"))["store"]
        written = httpx.put(
            f"{endpoints.control_url}/accounts/{endpoints.account_id}/storage/kv/namespaces/"
            f"{store}/values/k",
            content=b"deployed",
            headers={"Authorization": f"Bearer {endpoints.api_token}"},
            trust_env=False,
        )
        assert written.status_code == 200
        host = {"Host": "guests.localhost"}
        answer = httpx.get(endpoints.service_url, headers=host, timeout=60, trust_env=False)
        assert answer.text == "deployed"
        pulumi("preview", "--expect-no-changes")
        pulumi("destroy", "--yes", "--skip-preview")
        gone = httpx.get(endpoints.service_url, headers=host, timeout=60, trust_env=False)
        assert gone.status_code == 404
    finally:
        cloud.erase()
