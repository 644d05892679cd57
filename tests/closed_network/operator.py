"""Whoever operates a stack that isn't local, from a checkout, in the closed network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml

from engine.plugins.stand_in_plugin import CLOSED_NETWORK_VARIABLE
from ops.stacks.local_stack import is_credential
from ops.stacks.plugins import PROVIDERS_VARIABLE
from tests.altered_project import AlteredProject
from tests.closed_network.faults import Faults
from tests.closed_network.network import LIMIT, ClosedNetwork
from tests.closed_network.world import SUBDOMAIN

ACCOUNT = "00000000000000000000000000000001"
LISTS = ("d1/database", "storage/kv/namespaces", "queues", "workers/workers")
KEYS = ("uuid", "queue_id", "id")
"""What the lists call their items' ids."""
LOGS = "worker/src/notification/routes/logs.py"
_ASK = """\
import sys, httpx
answer = httpx.get(sys.argv[1], headers={"Authorization": "Bearer " + sys.argv[2]})
print(answer.raise_for_status().text)
"""
TABLES = ("user_configs", "notification_templates_v2", "template_contents")
_QUERY = """\
import sys, httpx
answer = httpx.post(
    sys.argv[1], headers={"Authorization": "Bearer " + sys.argv[2]}, json={"sql": sys.argv[3]}
)
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
            found[path] = sorted(
                str(next(item[key] for key in KEYS if key in item)) for item in items
            )
        return found

    def sql(self, statement: str) -> list[dict[str, Any]]:
        """Run a statement in the stack's database and return its rows."""
        [database] = self.ids()["d1/database"]
        place = f"accounts/{ACCOUNT}/d1/database/{database}/query"
        url = f"https://api.cloudflare.com/client/v4/{place}"
        token = self.environment["CLOUDFLARE_API_TOKEN"]
        done = self.run(sys.executable, "-c", _QUERY, url, token, statement)
        assert done.returncode == 0, done.stderr
        rows: list[dict[str, Any]] = json.loads(done.stdout)["result"][0]["results"]
        return rows

    def rows(self) -> dict[str, int]:
        """Return how many rows each table has that holds what clients gave the service."""
        counts = (
            self.sql(f"SELECT COUNT(*) AS n FROM {table}")  # noqa: S608 - constant names
            for table in TABLES
        )
        return {table: int(found[0]["n"]) for table, found in zip(TABLES, counts, strict=True)}

    def serving(self) -> dict[str, float]:
        """Return percent of the requests by version, as Cloudflare's API tells it."""
        place = f"accounts/{ACCOUNT}/workers/scripts/notification-system-dev/deployments"
        url = f"https://api.cloudflare.com/client/v4/{place}"
        done = self.run(sys.executable, "-c", _ASK, url, self.environment["CLOUDFLARE_API_TOKEN"])
        assert done.returncode == 0, done.stderr
        newest = json.loads(done.stdout)["result"]["deployments"][0]
        return {share["version_id"]: share["percentage"] for share in newest["versions"]}

    @staticmethod
    def runs_pulumi(process: subprocess.Popen[str]) -> bool:
        """Return whether a command's Pulumi CLI runs at this moment."""
        family = psutil.Process(process.pid).children(recursive=True)
        return any(one.name() == "pulumi" for one in family)

    @property
    def faults(self) -> Faults:
        """What the services' proxy is ordered to do wrong."""
        return Faults(self.network.folder)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `notifyctl` in the project's folder."""
        return self.network.start(
            "notifyctl", *arguments, environment=self.environment, folder=self.project.root
        )

    def fails(self, *arguments: str, code: int) -> str:
        """Run `notifyctl`, expect that exit code, and return what it says on standard error."""
        done = self.run("notifyctl", *arguments)
        assert done.returncode == code, f"{arguments}: {done.stderr}\n{done.stdout}"
        assert "Traceback" not in done.stderr
        return done.stderr

    def release(self, note: str) -> None:
        """Make another release of the Worker's code."""
        file = self.project.root / LOGS
        file.write_text(f"{file.read_text()}\n# {note}\n")
        self.project.commit(note)

    @classmethod
    @contextmanager
    def at_work(cls, folder: Path) -> Iterator[Operator]:
        """One in a network that is there until the end of the block."""
        with ClosedNetwork(folder / "network") as network:
            made = cls(network, folder)
            try:
                yield made
            finally:
                made.faults.clear()
                made.run("notifyctl", "local", "stop")


def kill_all(process: subprocess.Popen[str]) -> None:
    """Kill a command with everything that it started, at once, as a lost machine would."""
    parent = psutil.Process(process.pid)
    family = [parent, *parent.children(recursive=True)]
    for one in family:
        one.suspend()
    for one in family:
        one.kill()
    process.communicate(timeout=LIMIT)
