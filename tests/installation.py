"""A whole installation of its own: local cloud, stack and sink in a folder and on free ports."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from secrets import randbelow, token_urlsafe
from typing import Any

import httpx
import yaml

from engine import encrypt_config_value, new_encryption_salt
from infra.release import COMMIT_VARIABLE
from ops.stacks.service import ServiceClient
from tests import forked_commands
from tests.forked_commands import NOTIFYCTL, ROOT

__all__ = ["LIMIT", "NOTIFYCTL", "ROOT", "Installation", "free_ports"]

LIMIT = 240
"""Seconds after which a command is taken for hung."""


class Installation:
    """One local stack beside any other on this machine.

    Args:
        folder: an empty folder for everything that it keeps.
        settings: settings that differ from ``Pulumi.local.yaml``, by their short names.
        project: the checkout to deploy.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, Any] | None = None,
        project: Path = ROOT,
    ) -> None:
        self.project = project
        self.home = folder / "home"
        self.config_file = folder / "Pulumi.local.yaml"
        control, edge, sink = free_ports(3)
        self.control_url = f"http://127.0.0.1:{control}"
        self.edge_url = f"http://127.0.0.1:{edge}"
        self.sink_url = f"http://127.0.0.1:{sink}"
        self.environment = {
            **os.environ,
            "NOTIFICATION_LOCAL_HOME": str(self.home),
            "NOTIFICATION_LOCAL_CONTROL_PORT": str(control),
            "NOTIFICATION_LOCAL_EDGE_PORT": str(edge),
            "NOTIFICATION_LOCAL_SINK_PORT": str(sink),
            "NOTIFYCTL_CONFIG_FILE": str(self.config_file),
            "NOTIFYCTL_ENGINE": os.environ.get("NOTIFYCTL_ENGINE", ""),
            # A rollback's review lies here, and in a pipeline isn't committed to this checkout.
            "NOTIFYCTL_POST_MORTEMS": str(folder / "post-mortems"),
            "PYTHONPATH": str(project),
        }
        # A command that ran inside this very process leaves its checkout's commit behind.
        self.environment.pop(COMMIT_VARIABLE, None)
        self._outputs: dict[str, Any] | None = None
        self.configure(settings or {})

    @classmethod
    @contextmanager
    def deployed(
        cls, folder: Path, *, settings: Mapping[str, Any] | None = None
    ) -> Iterator[Installation]:
        """One that is deployed, until the end of the block."""
        built = cls(folder, settings=settings)
        try:
            built.up()
            yield built
        finally:
            built.close()

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Write the settings file: the tracked one with ``settings`` over it."""
        document = yaml.safe_load((self.project / "Pulumi.local.yaml").read_text())
        for name, value in settings.items():
            document["config"][f"notification-system:{name}"] = value
        self.config_file.parent.mkdir(parents=True, exist_ok=True)
        self.config_file.write_text(yaml.safe_dump(document))

    def seal(self, **secrets: str) -> dict[str, dict[str, str]]:
        """Return secrets as the settings file has them, under the stack's passphrase."""
        passphrase_file = self.home / "passphrase"
        rendered = self.home / "stack" / "Pulumi.local.yaml"
        if not passphrase_file.exists():
            # What the first command would do by itself.
            rendered.parent.mkdir(parents=True)
            passphrase_file.write_text(token_urlsafe(32))
            salt = new_encryption_salt(passphrase_file.read_text())
            rendered.write_text(f'encryptionsalt: "{salt}"\nconfig: {{}}\n')
        passphrase = passphrase_file.read_text().strip()
        salt = yaml.safe_load(rendered.read_text())["encryptionsalt"]
        return {
            name: {"secure": encrypt_config_value(value, passphrase=passphrase, salt=salt)}
            for name, value in secrets.items()
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``notifyctl`` with ``arguments`` and return the process."""
        return forked_commands.start(arguments, folder=self.project, environment=self.environment)

    def ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``notifyctl`` to its end, whatever its exit code."""
        return forked_commands.run(
            arguments, folder=self.project, environment=self.environment, limit=LIMIT
        )

    def ctl_json(self, *arguments: str) -> Any:
        """Run ``notifyctl`` with ``--json``, expect exit code 0, and return its document."""
        result = self.ctl(*arguments, "--json")
        assert result.returncode == 0, result.stderr + result.stdout
        return json.loads(result.stdout)

    def up(self) -> dict[str, Any]:
        """Deploy the stack and return the report."""
        self._outputs = None
        report: dict[str, Any] = self.ctl_json("up", "--stack", "local")
        return report

    def outputs(self) -> dict[str, Any]:
        """Return the outputs of the last ``up``, secrets in clear."""
        if self._outputs is None:
            found: dict[str, Any] = self.ctl_json("outputs", "--stack", "local", "--show-secrets")
            self._outputs = found
        return self._outputs

    def service(self, *, signed: bool = True) -> ServiceClient:
        """Return a client of the deployed service, on the installation's virtual clock."""
        outputs = self.outputs()
        key = outputs["api_secret_key"] if signed else None
        return ServiceClient(outputs["service_url"], key, now=self.now)

    def now(self) -> float:
        """Return the virtual clock's time, in seconds since the epoch."""
        return float(self.control("GET", "/local/clock").json()["now_ms"]) / 1000

    def control(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the local cloud's control plane with its token."""
        token = (self.home / "cloud" / "api-token").read_text().strip()
        with httpx.Client(base_url=self.control_url, trust_env=False, timeout=60) as client:
            return client.request(
                method, path, headers={"Authorization": f"Bearer {token}"}, **options
            )

    def sql(self, statement: str) -> list[dict[str, Any]]:
        """Run a statement in the deployed database and return its rows."""
        outputs = self.outputs()
        path = f"/client/v4/accounts/{outputs['account_id']}/d1/database"
        answer = self.control(
            "POST", f"{path}/{outputs['d1_database_id']}/query", json={"sql": statement}
        )
        rows: list[dict[str, Any]] = answer.raise_for_status().json()["result"][0]["results"]
        return rows

    def advance_clock(self, seconds: float) -> None:
        """Move the installation's virtual clock forward."""
        answer = self.control("POST", "/local/clock", json={"advance_ms": int(seconds * 1000)})
        answer.raise_for_status()

    def arrivals(self, path: str) -> list[dict[str, Any]]:
        """Return what the sink has got under ``/hook/…``, oldest first."""
        with httpx.Client(base_url=self.sink_url, trust_env=False, timeout=30) as sink:
            answer = sink.get("/api/messages", params={"path": path, "limit": 1000})
        messages: list[dict[str, Any]] = answer.raise_for_status().json()["messages"]
        return sorted(messages, key=lambda message: int(message["id"]))

    def close(self) -> None:
        """Stop the local cloud; the folder is the caller's to remove."""
        self.ctl("local", "stop")


def free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago, all different.

    They are below those that the system gives to connections (32768 and above, or 49152 and above),
    so that no other test's connection takes one before it is used.
    """
    found: dict[int, None] = {}
    while len(found) < count:
        port = 10_240 + randbelow(22_000)
        with socket.socket() as one:
            # As servers do: a port whose connections are ending is free for a listener.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
        found[port] = None
    return list(found)
