"""A stand-in for D1's REST query endpoint over a real SQLite, with faults on demand."""

import json
import sqlite3
from collections.abc import Callable
from typing import Any, Literal

import httpx

ACCOUNT = "0123456789abcdef0123456789abcdef"
DATABASE = "11111111-2222-3333-4444-555555555555"
BASE_URL = "http://127.0.0.1:9/client/v4"

Fault = Literal["lost", "answer lost", "server error", "killed before", "killed after"]


class Killed(BaseException):
    """The writer's process ended here, without any clean-up of its own."""


class D1Api(httpx.BaseTransport):
    """Carries out each batch as one transaction; `faults` maps a call's number, from 0, to one.

    `now` is the database's clock in seconds, which `sleep` moves. `before` runs before each call.
    """

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.create_function("unixepoch", 0, lambda: int(self.now))
        self.connection.row_factory = sqlite3.Row
        self.now = 1_000_000.0
        self.faults: dict[int, Fault] = {}
        self.before: Callable[[list[str]], None] | None = None
        self.calls = 0
        self.requests: list[httpx.Request] = []
        self._is_dead = False

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.now += seconds

    def restart_writer(self) -> None:
        """A new process of the writer: calls arrive again, and there are no more faults."""
        self._is_dead = False
        self.faults = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one query as Cloudflare does: all statements, or an error and none of them."""
        batch = json.loads(request.content)["batch"]
        if self.before is not None:
            self.before([entry["sql"] for entry in batch])
        self.requests.append(request)
        fault = self.faults.get(self.calls)
        self.calls += 1
        if self._is_dead or fault == "killed before":
            self._is_dead = True
            raise Killed
        if fault == "lost":
            raise httpx.ConnectError("no route", request=request)
        answer = self._transaction(batch)
        if fault == "killed after":
            self._is_dead = True
            raise Killed
        if fault == "answer lost":
            raise httpx.ReadTimeout("too late", request=request)
        if fault == "server error":
            return httpx.Response(502, text="<html>bad gateway</html>")
        return answer

    def _transaction(self, batch: list[dict[str, Any]]) -> httpx.Response:
        results = []
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            for entry in batch:
                rows = self.connection.execute(entry["sql"], entry["params"]).fetchall()
                results.append({"success": True, "meta": {}, "results": [dict(r) for r in rows]})
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            problem = {"code": 7500, "message": f"{error}: SQLITE_ERROR"}
            return httpx.Response(400, json={"success": False, "errors": [problem]})
        return httpx.Response(200, json={"success": True, "errors": [], "result": results})

    def dump(self) -> list[str]:
        """The schema and all data, but for the lease and the times."""
        lines = [line for line in self.connection.iterdump() if "d1_migrations" not in line]
        return sorted(line for line in lines if "sqlite_sequence" not in line)

    def ledger(self) -> list[str]:
        """The names in the ledger, in order; none where there is no table."""
        known = self.connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE name = 'd1_migrations'"
        ).fetchone()[0]
        if not known:
            return []
        rows = self.connection.execute("SELECT name FROM d1_migrations ORDER BY id").fetchall()
        return [row["name"] for row in rows]
