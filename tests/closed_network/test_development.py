"""A stack that isn't local lives its life with the real CLI, by the docs, in a closed network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.plugins.stand_in_plugin import CLOSED_NETWORK_VARIABLE
from ops.stacks.local_stack import is_credential
from ops.stacks.plugins import PROVIDERS_VARIABLE
from tests.altered_project import AlteredProject
from tests.closed_network.network import ClosedNetwork, missing
from tests.closed_network.world import SUBDOMAIN

pytestmark = [
    pytest.mark.workerd,
    pytest.mark.real_pulumi,
    pytest.mark.skipif(bool(reason := missing()), reason=reason or "it can be had"),
]
ACCOUNT = "00000000000000000000000000000001"
LISTS = ("d1/database", "storage/kv/namespaces", "queues", "workers/workers")
LOGS = "worker/src/notification/routes/logs.py"
_ASK = """\
import sys, httpx
answer = httpx.get(sys.argv[1], headers={"Authorization": "Bearer " + sys.argv[2]})
print(answer.raise_for_status().text)
"""


class Operator:
    """Whoever operates the stack `development` from a checkout, in the closed network."""

    def __init__(self, network: ClosedNetwork, folder: Path) -> None:
        self.network = network
        self.project = AlteredProject(folder / "project")
        self.home = folder / "home"
        state = folder / "state"
        state.mkdir()
        clean = {name: value for name, value in os.environ.items() if not is_credential(name)}
        self.environment = {
            **{k: v for k, v in clean.items() if not k.startswith(("PULUMI_", "NOTIFY", "CI"))},
            "PATH": f"{self.project.root / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.project.root),
            "NOTIFICATION_LOCAL_HOME": str(self.home),
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": "correct horse",
            "PULUMI_HOME": str(folder / "pulumi"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "SSL_CERT_FILE": str(network.certificate_file),
            PROVIDERS_VARIABLE: "stand-ins",
            CLOSED_NETWORK_VARIABLE: "1",
        }

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the project's folder, whatever its exit code."""
        return self.network.run(*command, environment=self.environment, folder=self.project.root)

    def ctl(self, *arguments: str) -> str:
        """Run `notifyctl`, expect it to end well, and return its output."""
        done = self.run("notifyctl", *arguments)
        assert done.returncode == 0, f"{arguments}: {done.stderr}\n{done.stdout}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """Run `notifyctl` with `--json` on the stack and return the document."""
        return json.loads(self.ctl(*arguments, "--stack", "development", "--json"))

    def set_up(self) -> None:
        """Do what the docs say before the first deployment."""
        self.ctl("local", "start")
        token = (self.home / "cloud" / "api-token").read_text().strip()
        self.environment["CLOUDFLARE_API_TOKEN"] = token
        file = self.project.root / "Pulumi.development.yaml"
        settings = yaml.safe_load(file.read_text())
        settings["config"]["notification-system:accountId"] = ACCOUNT
        settings["config"]["notification-system:workersDevSubdomain"] = SUBDOMAIN
        file.write_text(yaml.safe_dump(settings))
        self.ctl("keys", "generate", "--stack", "development", "--set")
        self.project.commit("Settings of development")

    def ids(self) -> dict[str, list[str]]:
        """Return what is in the account, as Cloudflare's API lists it."""
        found = {}
        for path in LISTS:
            url = f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}/{path}"
            done = self.run(
                sys.executable, "-c", _ASK, url, self.environment["CLOUDFLARE_API_TOKEN"]
            )
            assert done.returncode == 0, done.stderr
            items = json.loads(done.stdout)["result"]
            found[path] = sorted(str(item.get("uuid") or item.get("id") or item) for item in items)
        return found


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    with ClosedNetwork(tmp_path / "network") as network:
        made = Operator(network, tmp_path)
        try:
            yield made
        finally:
            made.run("notifyctl", "local", "stop")


def test_development_comes_stays_changes_goes_back_and_goes(operator: Operator) -> None:
    assert shutil.which("pulumi")
    operator.set_up()

    first = operator.json("up")
    assert first["changes"]["create"] > 15
    assert first["service_url"].endswith(f".{SUBDOMAIN}.workers.dev")
    stores = operator.ids()
    assert [len(found) for found in stores.values()] == [1, 1, 2, 1]
    operator.ctl("preview", "--stack", "development", "--expect-no-changes")

    logs = operator.project.root / LOGS
    logs.write_text(f"{logs.read_text()}\n# Another release.\n")
    operator.project.commit("Another release")
    second = operator.json("up")
    assert second["version_id"] != first["version_id"]

    report = operator.json("rollback", "--yes")
    assert report["version_id"] == first["version_id"]
    operator.ctl("preview", "--stack", "development", "--expect-no-changes")
    assert operator.ids() == stores

    operator.ctl("destroy", "--stack", "development", "--yes")
    assert set(map(len, operator.ids().values())) == {0}
