"""A stand-in for the Node host's control channel, for tests of what the control plane decides.

It keeps what it is told, runs SQL in files of SQLite, keeps KV values in a dict, and answers queue
and cron calls as the test chose. Run as a program it speaks the host's handshake on standard input
and output.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Answer = tuple[int, Any]


class FakeHost:
    """The state of the fake; tests read and set its attributes."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.stores: dict[str, list[str]] = {"d1": [], "kv": []}
        self.versions: dict[str, dict[str, Any]] = {}
        self.booted: list[str] = []
        self.disposed: list[str] = []
        self.refused_paths: set[str] = set()
        self.routes: list[dict[str, Any]] = []
        self.watched: list[str] = []
        self.invocations: list[dict[str, Any]] = []
        self.points: list[dict[str, Any]] = []
        self.clock_offsets: list[int] = []
        self.messages = ["hello"]
        self.batches: list[tuple[str, dict[str, Any]]] = []
        self.firings: list[tuple[str, dict[str, Any]]] = []
        self.boot: Callable[[str, dict[str, Any]], Answer] = lambda _, __: (200, {"bootMs": 7})
        self.queue: Callable[[str, dict[str, Any]], Answer] = lambda _, __: (200, {"outcome": "ok"})
        self.scheduled: Callable[[str, dict[str, Any]], Answer] = lambda _, __: (
            200,
            {"outcome": "ok"},
        )
        self._databases: dict[str, sqlite3.Connection] = {}
        self._folder = TemporaryDirectory(prefix="fake-host-")
        self._values: dict[tuple[str, str], bytes] = {}
        self._lock = threading.Lock()

    def call(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        """Answer one call of the control channel: a status, and JSON or bytes."""
        url = urlsplit(target)
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path in self.refused_paths:
            return 500, {"error": {"code": "refused", "message": "The test refuses this path."}}
        if parts[0] == "kv":
            return self._kv(method, parts, query, body)
        document: Any = json.loads(body) if body else None
        if parts[0] == "versions":
            return self._version(method, parts[1:], document)
        match (method, *parts):
            case ("GET", "health"):
                return 200, {"ok": True}
            case ("GET", "invocations" | "analytics"):
                return 200, {"invocations": self.invocations, "points": self.points}
            case ("PUT", "stores" | "tails" | "clock" | "routes" as what):
                return self._told(what, document)
            case ("DELETE", "stores", kind, identifier):
                return self._erase(kind, identifier)
            case (_, "d1", identifier, what):
                return self._d1(identifier, what, document, columns="resultsFormat" in query)
        return 404, {"error": {"code": "unknown_path", "message": target}}

    def _d1(self, identifier: str, what: str, document: Any, *, columns: bool) -> Answer:
        match what:
            case "query":
                return self._query(identifier, document, columns=columns)
            case "release":
                return self._release(identifier, swap=document["swap"])
        paths = self._path(identifier), self._path(f"{identifier}-next")
        return 200, dict(zip(("file", "next"), map(str, paths), strict=True))

    def _version(self, method: str, parts: list[str], document: Any) -> Answer:
        match (method, *parts):
            case ("PUT", identifier):
                return self._put_version(identifier, document)
            case ("DELETE", identifier):
                self.versions.pop(identifier, None)
                self.disposed.append(identifier)
                return 200, {"ok": True}
            case ("POST", identifier, "queue"):
                self.batches.append((identifier, document))
                return self.queue(identifier, document)
            case ("POST", identifier, "scheduled"):
                self.firings.append((identifier, document))
                return self.scheduled(identifier, document)
        return 404, {"error": {"code": "unknown_path", "message": str(parts)}}

    def _put_version(self, identifier: str, document: dict[str, Any]) -> Answer:
        status, answer = self.boot(identifier, document)
        if status == 200:
            self.versions[identifier] = document
            self.booted.append(identifier)
        return status, answer

    def _told(self, what: str, document: Any) -> Answer:
        match what:
            case "stores":
                self.stores = document
            case "tails":
                self.watched = document["scripts"]
            case "clock":
                self.clock_offsets.append(document["offset_ms"])
            case _:
                self.routes.append(document)
        return 200, {"ok": True}

    def _erase(self, kind: str, identifier: str) -> Answer:
        if identifier in self.stores[kind]:
            self.stores[kind].remove(identifier)
        self._databases.pop(identifier, None)
        return 200, {"ok": True}

    def _query(self, identifier: str, statements: list[dict[str, Any]], *, columns: bool) -> Answer:
        if identifier not in self.stores["d1"]:
            return 404, {"error": {"code": "store_not_found", "message": identifier}}
        with self._lock:
            database = self._opened(identifier)
            database.execute("BEGIN")
            try:
                results = [_run(database, statement, columns=columns) for statement in statements]
            except sqlite3.Error as error:
                database.execute("ROLLBACK")
                text = f"{error}: SQLITE_ERROR"
                return 400, {"error": {"code": "sql_error", "message": text}}
            database.execute("COMMIT")
        return 200, {"results": results}

    def _opened(self, identifier: str) -> sqlite3.Connection:
        if identifier not in self._databases:
            self._databases[identifier] = sqlite3.connect(
                self._path(identifier), isolation_level=None, check_same_thread=False
            )
        return self._databases[identifier]

    def _path(self, name: str) -> Path:
        return Path(self._folder.name) / f"{name}.sqlite"

    def _release(self, identifier: str, *, swap: bool) -> Answer:
        after = self._path(f"{identifier}-next")
        if swap:
            with self._lock:
                self._databases.pop(identifier).close()
                after.rename(self._path(identifier))
        after.unlink(missing_ok=True)
        return 200, {"ok": True}

    def _kv(self, method: str, parts: list[str], query: dict[str, str], body: bytes) -> Answer:
        namespace = parts[1]
        if parts[2] == "keys":
            names = sorted(key for owner, key in self._values if owner == namespace)
            found = [name for name in names if name.startswith(query.get("prefix", ""))]
            return 200, {"keys": [{"name": name} for name in found], "cursor": ""}
        key = (namespace, "/".join(parts[3:]))
        if method == "PUT":
            self._values[key] = body
            return 200, {"ok": True}
        if key not in self._values:
            return 404, {"error": {"code": "key_not_found", "message": "no such key"}}
        if method == "DELETE":
            del self._values[key]
            return 200, {"ok": True}
        return 200, self._values[key]


def _run(
    database: sqlite3.Connection, statement: dict[str, Any], *, columns: bool
) -> dict[str, Any]:
    cursor = database.execute(statement["sql"], statement["params"])
    names = [column[0] for column in cursor.description or ()]
    rows = [list(row) for row in cursor.fetchall()]
    results: Any = {"columns": names, "rows": rows}
    if not columns:
        results = [dict(zip(names, row, strict=True)) for row in rows]
    meta = {"changes": max(cursor.rowcount, 0), "last_row_id": cursor.lastrowid or 0}
    return {"success": True, "results": results, "meta": {**meta, "size_after": 4096}}


class ControlChannel:
    """The fake behind HTTP on a free loopback port."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                if self.path == "/events":
                    self._events()
                    return
                length = int(self.headers.get("content-length", "0"))
                body = self.rfile.read(length)
                if self.headers.get("authorization") != f"Bearer {host.token}":
                    self._send(401, {"error": {"code": "unauthorized", "message": "no"}})
                    return
                try:
                    self._send(*host.call(self.command, self.path, body))
                except ConnectionAbortedError:
                    self.close_connection = True  # as if the runtime had died while it worked

            do_POST = do_GET  # noqa: N815  http.server looks for these names
            do_PUT = do_GET  # noqa: N815  as above
            do_DELETE = do_GET  # noqa: N815  as above

            def _events(self) -> None:
                event = {"type": "log", "script": "w", "level": "info"}
                told = [{**event, "message": message} for message in host.messages]
                lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in told)
                self.send_response(200)
                self.send_header("Content-Length", str(len(lines.encode())))
                self.end_headers()
                self.wfile.write(lines.encode())

            def _send(self, status: int, answer: Any) -> None:
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def body_of(message: dict[str, Any]) -> bytes:
    """The bytes of a message in a batch."""
    return base64.b64decode(message["body"])


def main() -> int:
    """Speak the host's handshake, serve until standard input ends."""
    order = json.loads(sys.stdin.readline())
    edge = socket.socket()
    edge.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        edge.bind(("127.0.0.1", order["edgePort"]))
        edge.listen()
    except OSError:
        report = {"error": "port_in_use", "port": order["edgePort"]}
        sys.stderr.write(json.dumps(report))
        return 3
    Path(order["stateDir"], "fake-host.pid").write_text(str(os.getpid()))
    channel = ControlChannel(FakeHost(order["token"]))
    ports = {"controlPort": channel.port, "edgePort": edge.getsockname()[1]}
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
