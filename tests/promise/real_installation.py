"""What a test must know of an installation on the real runtime: its rows, its clock, its processes.

Processes are found by the installation's own records only, and verified by parentage and start
time before anything is sent to them.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Sequence
from typing import Any

import psutil

from localcloud.home import CloudHome
from localcloud.process_record import Identity, ProcessRecord
from ops.stacks.service import ServiceClient
from tests.eventually import eventually
from tests.installation import Installation

CRON = "*/5 * * * *"
ACCOUNT = "00000000000000000000000000000001"


class RealInstallation:
    """One deployed installation with a virtual clock."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.home = CloudHome(installation.home)
        self._database = str(installation.outputs()["d1_database_id"])
        self._offset_s = installation.now() - time.time()
        self._moving = threading.Lock()

    def now(self) -> float:
        """The virtual clock, seconds since the epoch, without asking for it.

        Waits while the clock is being moved: the queues deliver as soon as it has, and an endpoint
        that still read the old time would be down again, or see a retry come too early.
        """
        with self._moving:
            return time.time() + self._offset_s

    def advance(self, seconds: float) -> None:
        """Move the virtual clock forward."""
        with self._moving:
            self.installation.advance_clock(seconds)
            self._offset_s += int(seconds * 1000) / 1000

    def service(self) -> ServiceClient:
        """A client that signs on the virtual clock."""
        outputs = self.installation.outputs()
        return ServiceClient(outputs["service_url"], outputs["api_secret_key"], now=self.now)

    def query(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows from the service's first database."""
        return self._query(self._database, sql, parameters)

    def _query(self, database: str, sql: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
        path = f"/client/v4/accounts/{ACCOUNT}/d1/database/{database}/query"
        body = {"sql": sql, "params": list(parameters)}

        def ask() -> list[list[dict[str, Any]]] | None:
            answer = self.installation.control("POST", path, json=body)
            if answer.status_code != 200:
                return None
            rows: list[dict[str, Any]] = answer.json()["result"][0]["results"]
            return [rows]

        return eventually(ask, what="the database")[0]

    def query_all(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows from each of the service's databases, one after the other."""
        databases = self.installation.outputs()["d1_databases"]
        return [row for one in databases for row in self._query(one["id"], sql, parameters)]

    def queues_are_idle(self) -> bool:
        """Whether no consumer is at work."""
        queues = self.installation.control("GET", "/local/queues").json()["queues"]
        return not any(queue["in_flight"] for queue in queues)

    def forget_messages(self) -> int:
        """Lose what waits on the queues; how many messages that were."""
        with sqlite3.connect(self.home.broker_database, timeout=30) as broker:
            return broker.execute("DELETE FROM messages").rowcount

    def make_retries_due(self) -> None:
        """Make earlier retries and interrupted attempts due, as the sweep would."""
        self.advance(130)
        self.fire_cron()
        self.advance(6)

    def set_schedules(self, *crons: str) -> None:
        """Replace the Worker's cron triggers."""
        path = f"/client/v4/accounts/{ACCOUNT}/workers/scripts/{self._worker()}/schedules"
        body = [{"cron": cron} for cron in crons]
        self.installation.control("PUT", path, json=body).raise_for_status()

    def _worker(self) -> str:
        return str(self.installation.outputs()["worker_name"])

    def fire_cron(self) -> None:
        """Fire, unless it has fired in this minute; returns when the handler has ended."""
        body = {"script": self._worker(), "cron": CRON}
        answer = self.installation.control("POST", "/local/cron/run", json=body)
        assert answer.status_code in (200, 409), answer.text

    def worker_lines(self) -> list[dict[str, Any]]:
        """The Worker's own log lines, from all files that are left; in no particular order."""
        found = []
        for file in self.home.logs.glob("worker.log*"):
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    found.append(json.loads(json.loads(line)["message"]))
                except (ValueError, KeyError, TypeError):
                    continue  # cut off by a kill, or a line of the runtime
        return [entry for entry in found if isinstance(entry, dict)]

    def pids(self) -> set[int]:
        """The runtime's processes."""
        return {process.pid for process in self.runtimes().values()}

    def messages_visible(self) -> list[float]:
        """When each message on the queues may be delivered, virtual seconds since the epoch."""
        with sqlite3.connect(self.home.broker_database, timeout=30) as broker:
            rows = broker.execute("SELECT visible_ms FROM messages").fetchall()
        return [row[0] / 1000 for row in rows]

    def server(self) -> Identity:
        """The local cloud's server."""
        record = ProcessRecord.read(self.home.record)
        assert record is not None
        return record.server

    def runtimes(self) -> dict[str, psutil.Process]:
        """The living runtime processes by role ("store", "version…"), children of our own host."""
        record = ProcessRecord.read(self.home.record)
        assert record is not None
        host = record.host.process() if record.host else None
        if host is None:
            return {}
        ours = {child.pid: child for child in host.children(recursive=True)}
        found: dict[str, psutil.Process] = {}
        for file in (self.home.runtime / "run" / "processes").glob("*.json"):
            try:
                entry = json.loads(file.read_text())
            except (OSError, ValueError):
                continue
            if entry["pid"] in ours and entry["role"] != "host":
                found[entry["role"]] = ours[entry["pid"]]
        return found

    def victims(self, kind: str) -> list[psutil.Process]:
        """The processes that are killed together: "version", "store" or "cloud" (all of them)."""
        runtimes = self.runtimes()
        if kind == "version":
            return [p for role, p in runtimes.items() if role.startswith("version")]
        if kind == "store":
            return [p for role, p in runtimes.items() if role.startswith("store")]
        record = ProcessRecord.read(self.home.record)
        assert record is not None
        parents = [record.server.process(), record.host.process() if record.host else None]
        return [p for p in parents if p is not None] + list(runtimes.values())

    def serves(self) -> bool:
        """Whether the service answers and says that it is well."""
        try:
            with self.service() as service:
                return service.call("GET", "/health").status_code == 200
        except Exception:
            return False
