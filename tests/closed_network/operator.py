"""Whoever operates a stack that isn't local, from a checkout, in the closed network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml

from engine.plugins.stand_in_plugin import CLOSED_NETWORK_VARIABLE
from infra.names import Names
from ops.stacks.local_stack import is_credential
from ops.stacks.plugins import PROVIDERS_VARIABLE, Plugins
from tests.altered_project import AlteredProject
from tests.closed_network.faults import Faults
from tests.closed_network.network import LIMIT, ROOT, ClosedNetwork
from tests.closed_network.world import SUBDOMAIN

ACCOUNT = "00000000000000000000000000000001"
LISTS = ("d1/database", "storage/kv/namespaces", "queues", "workers/workers")
KEYS = ("uuid", "queue_id", "id")
"""What the lists call their items' ids."""
LOGS = "worker/src/notification/routes/logs.py"
ATTACHED = ("PULUMI_DEBUG_LANGUAGES", "PULUMI_DEBUG_PROVIDERS")
"""Where the CLI finds plugins that run already (pulumi/pulumi sdk/go/common/resource/plugin)."""
UNSEEN = ("PULUMI_", "NOTIFY", "CI", "NODE_")
"""How variables begin that this machine's own environment doesn't hand on: who is in there trusts
the network's authority, and no other."""
TABLES = ("user_configs", "notification_templates_v2", "template_contents")


class Operator:
    """Whoever operates a stack from a checkout, in the closed network.

    Args:
        network: where the commands run.
        folder: a folder for the checkout and the state.
        stack: the stack's name.
    """

    def __init__(self, network: ClosedNetwork, folder: Path, stack: str = "development") -> None:
        self.stack = stack
        self.network = network
        self.project = AlteredProject(folder / "project")
        self.home = folder / "home"
        self._state = folder / "state"
        self._state.mkdir()
        clean = {name: value for name, value in os.environ.items() if not is_credential(name)}
        self.environment = {
            **{k: v for k, v in clean.items() if not k.startswith(UNSEEN)},
            "PATH": f"{self.project.root / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.project.root),
            "NOTIFICATION_LOCAL_HOME": str(self.home),
            "PULUMI_BACKEND_URL": f"file://{self._state}",
            "PULUMI_CONFIG_PASSPHRASE": "correct horse",
            "PULUMI_HOME": str(folder / "pulumi"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "SSL_CERT_FILE": str(network.certificate_file),
            PROVIDERS_VARIABLE: "stand-ins",
            CLOSED_NETWORK_VARIABLE: "1",
        }

    def run(self, *command: str, plain: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command in the project's folder, whatever its exit code.

        Args:
            command: the command.
            plain: whether it is the CLI itself, which finds this project's plugins on PATH.
        """
        environment = self.plain_pulumi() if plain else self.environment
        return self.network.run(*command, environment=environment, folder=self.project.root)

    def plain_pulumi(self) -> dict[str, str]:
        """Return the environment of a CLI that nobody drives, with this project's plugins."""
        return {**self.environment, **Plugins.stand_ins(self.environment).environment}

    def ctl(self, *arguments: str) -> str:
        """Run `notifyctl`, expect it to end well, and return its output."""
        done = self.run("notifyctl", *arguments)
        assert done.returncode == 0, f"{arguments}: {done.stderr}\n{done.stdout}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """Run `notifyctl` with `--json` on the stack and return the document."""
        return json.loads(self.ctl(*arguments, "--stack", self.stack, "--json"))

    def diff(self) -> str:
        """Return what the CLI itself shows of the next update, by `pulumi preview --diff`."""
        self.ctl("bundle")
        done = self.network.run(
            *("pulumi", "preview", "--diff", "--stack", self.stack),
            *("--non-interactive", "--color", "never"),
            environment=self.plain_pulumi(),
            folder=self.project.root,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def set_up(self, **settings: Any) -> None:
        """Do what the docs say before the first deployment."""
        self.enter_account()
        self.configure(accountId=ACCOUNT, workersDevSubdomain=SUBDOMAIN, **settings)
        self.ctl("keys", "generate", "--stack", self.stack, "--set")
        self.project.commit(f"Settings of {self.stack}")

    def configure(self, **settings: Any) -> None:
        """Write settings, by their short names, into the stack's file; ``None`` takes one out."""
        file = self.project.root / f"Pulumi.{self.stack}.yaml"
        content = yaml.safe_load(file.read_text())
        for name, value in settings.items():
            content["config"][f"notification-system:{name}"] = value
            if value is None:
                del content["config"][f"notification-system:{name}"]
        file.write_text(yaml.safe_dump(content))

    def begin_anew(self) -> None:
        """Go on with an empty account and no state; the settings and the token stay."""
        self.ctl("local", "stop")
        for folder in (self.home, self._state):
            shutil.rmtree(folder, ignore_errors=True)
        self._state.mkdir()
        self._token.parent.mkdir(parents=True)
        self._token.touch(mode=0o600)
        self._token.write_text(self.environment["CLOUDFLARE_API_TOKEN"])
        self.ctl("local", "start")

    def enter_account(self) -> None:
        """Start the account, and take its token."""
        self.ctl("local", "start")
        self.environment["CLOUDFLARE_API_TOKEN"] = self._token.read_text().strip()

    @property
    def _token(self) -> Path:
        return self.home / "cloud" / "api-token"

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Let the CLI find its plugins running, which saves their start in each of its runs."""
        process = self.network.start(
            *(sys.executable, "-m", "tests.closed_network.attached_plugins"),
            environment={**self.plain_pulumi(), "PYTHONPATH": f"{self.project.root}:{ROOT}"},
            folder=self.project.root,
        )
        assert process.stdout is not None
        variables = json.loads(process.stdout.readline())
        usual = dict(self.environment)
        try:
            self.environment.update(variables)
            yield
        finally:
            self.environment = usual
            process.kill()
            process.communicate()

    @contextmanager
    def own_plugins(self) -> Iterator[None]:
        """Let the CLI start its own plugins all the same, so that they end with it."""
        usual = self.environment
        self.environment = {name: usual[name] for name in usual if name not in ATTACHED}
        try:
            yield
        finally:
            self.environment = usual

    def ids(self) -> dict[str, list[str]]:
        """Return what is in the account, as Cloudflare's API lists it."""
        found = {}
        for path in LISTS:
            items = self.api("GET", path)
            found[path] = sorted(
                str(next(item[key] for key in KEYS if key in item)) for item in items
            )
        return found

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Call Cloudflare's API, outside Pulumi, below the account or a zone; return the result."""
        below = path if path.startswith("zones") else f"accounts/{ACCOUNT}/{path}"
        token = self.environment["CLOUDFLARE_API_TOKEN"]
        with self.network.account as client:
            answer = client.request(
                method, f"/{below}", json=body, headers={"Authorization": f"Bearer {token}"}
            )
        answer.raise_for_status()
        return answer.json()["result"]

    def sql(self, statement: str) -> list[dict[str, Any]]:
        """Run a statement in the stack's database and return its rows."""
        [database] = self.ids()["d1/database"]
        answers = self.api("POST", f"d1/database/{database}/query", {"sql": statement})
        rows: list[dict[str, Any]] = answers[0]["results"]
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
        worker = Names.of_stack(self.stack).worker
        newest = self.api("GET", f"workers/scripts/{worker}/deployments")["deployments"][0]
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
    def at_work(cls, folder: Path, stack: str = "development") -> Iterator[Operator]:
        """One in a network that is there until the end of the block."""
        with ClosedNetwork(folder / "network") as network:
            made = cls(network, folder, stack)
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
