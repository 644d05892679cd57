"""A deployed project of a test's own, with what the tests of releases do to it again and again."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import yaml

from ops.stacks.errors import ServiceError
from ops.stacks.notification import Notification
from tests.altered_project import AlteredProject
from tests.installation import Installation

LOGS = "worker/src/notification/routes/logs.py"


class Stage:
    """One local installation that is deployed from a copy of the project.

    Args:
        project: the copy.
        folder: where everything else of it is kept.
        settings: settings of its stack that differ from the local one's.
    """

    def __init__(self, project: AlteredProject, folder: Path, **settings: Any) -> None:
        self.project = project
        self.reviews = folder / "reviews"
        self.installation = Installation(
            folder / "installation", settings={"testClock": True, **settings}, project=project.root
        )
        self.installation.environment["NOTIFYCTL_POST_MORTEMS"] = str(self.reviews)
        self.installation.environment["NOTIFYCTL_ENGINE"] = "embedded"
        for name in ("CI", "GITHUB_ACTIONS"):
            self.installation.environment.pop(name, None)

    def ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the stack ``local``, whatever its exit code."""
        return self.installation.ctl(*arguments, "--stack", "local")

    def json(self, *arguments: str) -> Any:
        """Run a command with ``--json`` and expect it to end well."""
        return self.installation.ctl_json(*arguments, "--stack", "local")

    @cached_property
    def ids(self) -> dict[str, Any]:
        """The outputs that no update changes: ids and names of the Worker and its database."""
        found = self.json("outputs")
        return {name: found[name] for name in ("account_id", "worker_name", "d1_database_id")}

    def kill_after(self, moments: Sequence[str], *arguments: str) -> None:
        """Start a command, and kill it when it has shown a line with each text, in that order."""
        process = self.installation.start(*arguments, "--stack", "local")
        assert process.stdout is not None
        for moment in moments:
            while moment not in (line := process.stdout.readline()):
                assert line, f"'{moment}' was never shown"
        process.kill()
        process.communicate()

    def change(self, mark: str) -> str:
        """Commit a harmless change of the Worker's code, and return the commit."""
        path = self.project.root / LOGS
        path.write_text(f"{path.read_text()}\n# {mark}\n")
        return self.project.commit(mark)

    def serving(self) -> dict[str, float]:
        """Return the shares that Cloudflare's API says are in force."""
        outputs = self.ids
        answer = self.installation.control(
            "GET",
            f"/client/v4/accounts/{outputs['account_id']}/workers/scripts"
            f"/{outputs['worker_name']}/deployments",
        )
        newest = answer.json()["result"]["deployments"][0]
        return {part["version_id"]: part["percentage"] for part in newest["versions"]}

    def pin(self) -> dict[str, str] | None:
        """Return the pin in the stack's file."""
        config = yaml.safe_load(self.installation.config_file.read_text())["config"]
        found: dict[str, str] | None = config.get("notification-system:pin")
        return found

    def sql(self, statement: str) -> list[dict[str, Any]]:
        """Run one statement on the stack's database, past the service."""
        outputs = self.ids
        answer = self.installation.control(
            "POST",
            f"/client/v4/accounts/{outputs['account_id']}/d1/database"
            f"/{outputs['d1_database_id']}/query",
            json={"sql": statement},
        )
        rows: list[dict[str, Any]] = answer.raise_for_status().json()["result"][0]["results"]
        return rows

    def forget_namespace(self, identifier: str) -> None:
        """Lose a KV namespace that versions are bound to, which the API would refuse."""
        path = self.installation.home / "cloud" / "control-plane.sqlite3"
        with closing(sqlite3.connect(path, timeout=30)) as database, database:
            database.execute("DELETE FROM kv_namespaces WHERE id = ?", (identifier,))

    @contextmanager
    def requests(self) -> Iterator[Counter[str]]:
        """Ask for the service's health without a pause while the block runs."""
        url = f"{self.installation.edge_url}/api/health"
        with httpx.Client(trust_env=False, timeout=60) as client:

            def ask() -> str:
                return str(client.get(url).status_code)

            with _repeated(ask) as counts:
                yield counts

    @contextmanager
    def sends(self, *users: str) -> Iterator[Counter[str]]:
        """Send notifications to the sink without a pause while the block runs, to one by one."""
        users = users or ("under-load",)
        with self.installation.service() as service:
            for user in users:
                config = {"webhook_url": f"{self.installation.sink_url}/hook/{user}"}
                body = {"user_id": user, "channel_type": "webhook", "config_data": config}
                service.result("POST", "/api/user-configs", body=body)
            turns = cycle(users)

            def send() -> str:
                notification = Notification(user=next(turns), channels=("webhook",), message="x")
                try:
                    return str(notification.send(service)["results"][0]["status"])
                except ServiceError as error:
                    return error.code or str(error.status)

            with _repeated(send) as counts:
                yield counts


@contextmanager
def _repeated(call: Callable[[], str]) -> Iterator[Counter[str]]:
    """Make the call in two threads until the block ends; count what came of each.

    A request that gets no answer counts as ``no answer``.
    """
    counts: Counter[str] = Counter()
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            try:
                counts[call()] += 1
            except httpx.HTTPError:
                counts["no answer"] += 1
            done.wait(0.05)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield counts
    finally:
        done.set()
        for thread in threads:
            thread.join()
