"""A stack that an older commit of this repository deployed stays as it is under today's code."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.stacks.data_loss import lost_stores
from ops.stacks.driver import StackUpdate
from tests.installation import LIMIT, ROOT, free_ports

pytestmark = [pytest.mark.workerd, pytest.mark.soak]
DISTANCES = (100, 300, 500)
"""How many commits back, by first parents: about a day, half a week and a week."""
STORES = ("d1/database", "storage/kv/namespaces", "queues", "workers/workers")
_SHARED = (".venv", "node_modules", "build")
_ROW = (
    "INSERT INTO user_configs (user_id, channel_type, config_data) VALUES ('ada', 'webhook', '{}')"
)


def git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def ancestor(distance: int) -> str:
    """Return the commit so far back; skip where this clone doesn't have it."""
    if git("rev-parse", "--is-shallow-repository") == "true":
        pytest.skip("the clone is shallow: fetch the history by 'git fetch --unshallow'")
    history = git("rev-list", "--first-parent", "HEAD").split()
    if len(history) <= distance:
        pytest.skip(f"the history has {len(history)} commits")
    return history[distance]


class Checkout:
    """A commit's files in a folder, with today's installation.

    Args:
        folder: the files.
        home: where the local cloud keeps its data.
        ports: those of control plane, edge and sink.
    """

    def __init__(self, folder: Path, home: Path, ports: list[int]) -> None:
        self._folder = folder
        kinds = ("CONTROL", "EDGE", "SINK")
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(Path.home()),
            "PYTHONPATH": str(folder),
            "NOTIFICATION_LOCAL_HOME": str(home),
            "NOTIFYCTL_ENGINE": "embedded",
            **{
                f"NOTIFICATION_LOCAL_{kind}_PORT": str(port)
                for kind, port in zip(kinds, ports, strict=True)
            },
        }
        project = (folder / "pyproject.toml").read_text(encoding="utf-8")
        [(module, name)] = re.findall(r'^notifyctl = "([\w.]+):(\w+)"$', project, re.MULTILINE)
        self._entry = (
            f"import sys; sys.argv[0] = 'notifyctl'; from {module} import {name}; {name}()"
        )

    @classmethod
    def of(cls, commit: str, folder: Path, home: Path, ports: list[int]) -> Checkout:
        """Check a commit out into a repository of its own."""
        folder.mkdir()
        archive = subprocess.Popen(
            ["git", "-C", str(ROOT), "archive", commit], stdout=subprocess.PIPE
        )
        subprocess.run(["tar", "-x", "-C", str(folder)], stdin=archive.stdout, check=True)
        assert archive.wait() == 0
        for name in _SHARED:
            (folder / name).symlink_to(ROOT / name)
        author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.invalid")
        for command in (("init", "-q"), ("add", "-A"), (*author, "commit", "-qm", "Older")):
            subprocess.run(["git", "-C", str(folder), *command], check=True)
        return cls(folder, home, ports)

    def ctl(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run this checkout's `notifyctl`, expect one of these exit codes; return its output."""
        done = subprocess.run(
            [str(ROOT / ".venv" / "bin" / "python"), "-P", "-c", self._entry, *arguments],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )
        assert done.returncode in codes, f"{arguments}: {done.stderr}\n{done.stdout}"
        return done.stdout


class Account:
    """The local cloud's account, called outside Pulumi.

    Args:
        home: the local cloud's folder.
        port: that of its control plane.
    """

    def __init__(self, home: Path, port: int) -> None:
        token = (home / "cloud" / "api-token").read_text(encoding="ascii").strip()
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}/client/v4",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=60,
        )
        [account] = self._call("GET", "/accounts")
        self._base = f"/accounts/{account['id']}"

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._client.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json()["result"]

    def ids(self) -> dict[str, list[str]]:
        """Return the ids of what the stack has, by the path of their list."""
        keys = ("uuid", "queue_id", "id")
        return {
            path: sorted(
                str(next(item[key] for key in keys if key in item))
                for item in self._call("GET", f"{self._base}/{path}")
            )
            for path in STORES
        }

    def users(self) -> set[str]:
        """Return whose configurations the stack's database has."""
        return {row["user_id"] for row in self.sql("SELECT user_id FROM user_configs")}

    def sql(self, statement: str) -> list[dict[str, Any]]:
        """Run a statement in the stack's database and return its rows."""
        [database] = self.ids()["d1/database"]
        path = f"{self._base}/d1/database/{database}/query"
        rows: list[dict[str, Any]] = self._call("POST", path, {"sql": statement})[0]["results"]
        return rows


@pytest.mark.requirement("PD-15")
@pytest.mark.parametrize("distance", DISTANCES)
def test_an_upgrade_replaces_no_store_and_keeps_every_row(tmp_path: Path, distance: int) -> None:
    home, ports = tmp_path / "home", free_ports(3)
    older = Checkout.of(ancestor(distance), tmp_path / "older", home, ports)
    today = Checkout(ROOT, home, ports)
    try:
        # 5: it was deployed, and a fault of that commit shows when it is verified.
        older.ctl("up", "--stack", "local", codes=(0, 5))
        account = Account(home, ports[0])
        stores = account.ids()
        assert [len(found) for found in stores.values()] == [1, 1, 2, 1]
        account.sql(_ROW)
        users = account.users()
        assert "ada" in users
        older.ctl("local", "stop")

        today.ctl("local", "start")
        plan = json.loads(today.ctl("preview", "--stack", "local", "--json"))
        steps = tuple((step["operation"], step["urn"]) for step in plan["steps"])
        assert steps, "an older commit has another Worker, at least"
        assert lost_stores(StackUpdate("preview", plan["changes"], steps=steps)) == []
        today.ctl("up", "--stack", "local")
        account = Account(home, ports[0])
        assert account.ids() == stores
        assert users <= account.users()
        today.ctl("preview", "--stack", "local", "--expect-no-changes")
    finally:
        today.ctl("local", "stop")
