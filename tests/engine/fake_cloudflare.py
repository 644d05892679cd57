"""A small Cloudflare API in memory: the outside of the engine's tests.

It answers as the recording of the real provider's calls does, keeps what it is given, and can be
told to refuse a call or to run something right before it answers one.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ACCOUNT = "00000000000000000000000000000001"
TOKEN = "t" * 40
_NOW = "2026-11-21T21:51:51.000000Z"
_PREFIX = f"/client/v4/accounts/{ACCOUNT}"

Json = dict[str, Any]


class Refusal(Exception):
    """What the API answers instead: status, code, message."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    """The CLI makes 16 steps at once, of which the standard library would let 5 wait."""


class FakeCloudflare:
    """The API on a free loopback port. ``objects`` maps a collection's path to its objects."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Json]] = {}
        self.calls: list[tuple[str, str]] = []
        self.refuse: dict[tuple[str, str], Refusal] = {}
        self.before_answer: Callable[[str, str], None] = lambda method, path: None
        self._lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/client/v4"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def names(self, collection: str) -> list[str]:
        found = self.objects.get(collection, {}).values()
        names = ("name", "title", "queue_name")
        return sorted(next(str(item[key]) for key in names if item.get(key)) for item in found)

    def changing_calls(self) -> list[tuple[str, str]]:
        return [call for call in self.calls if call[0] != "GET"]

    def listing(self) -> list[str]:
        """What a person would still find in the account, versions and deployments aside."""
        kept = ("d1/database", "storage/kv/namespaces", "queues", "workers/workers")
        return [
            f"{collection}/{key}"
            for collection, items in self.objects.items()
            for key in items
            if collection in kept or collection.endswith("/consumers")
        ]

    def answer(self, method: str, path: str, body: Any, token: str) -> Any:
        with self._lock:
            self.calls.append((method, path))
        if token != TOKEN:
            raise Refusal(401, 10000, "Authentication error")
        for (verb, pattern), refusal in self.refuse.items():
            if re.fullmatch(verb, method) and re.search(pattern, path):
                raise refusal
        with self._lock:
            result = self._route(method, path.split("?")[0], body)
        self.before_answer(method, path)
        return result

    def _route(self, method: str, path: str, body: Any) -> Any:
        if schedules := re.fullmatch(r"workers/scripts/([^/]+)/schedules", path):
            return self._schedules(method, schedules[1], body)
        if deployments := re.fullmatch(r"workers/scripts/([^/]+)/deployments(/[^/]+)?", path):
            return self._deployment(method, deployments[1], deployments[2], body)
        collection, _, key = path.rpartition("/")
        if (
            method == "POST"
            or collection not in self.objects
            or key not in self.objects[collection]
        ):
            if method == "POST":
                return self._create(path, body)
            if method == "GET" and self._is_collection(path):
                return list(self.objects.get(path, {}).values())
            raise Refusal(404, 7404, f"There is no {path}")
        return self._one(method, collection, key, body)

    @staticmethod
    def _is_collection(path: str) -> bool:
        return path.endswith(("database", "namespaces", "queues", "workers", "consumers"))

    def _one(self, method: str, collection: str, key: str, body: Any) -> Any:
        items = self.objects[collection]
        if method == "DELETE":
            self._refuse_bound(collection, key)
            del items[key]
            return None
        if method in ("PUT", "PATCH"):
            items[key] = {**items[key], **body}
        return items[key]

    def _refuse_bound(self, collection: str, key: str) -> None:
        bound = json.dumps([v for c, v in self.objects.items() if c.endswith("/versions")])
        if collection in ("storage/kv/namespaces", "d1/database") and key in bound:
            raise Refusal(400, 10052, "This object is bound to a Worker")
        if collection == "workers/workers":
            for name in [c for c in self.objects if c.startswith(f"{collection}/{key}/")]:
                del self.objects[name]

    def _create(self, collection: str, body: Any) -> Any:
        kind = collection.rsplit("/", 1)[-1]
        key = str(uuid.uuid4()) if kind in ("database", "versions") else uuid.uuid4().hex
        items = self.objects.setdefault(collection, {})
        self._refuse_duplicate(kind, items, body)
        items[key] = {**self._filled(kind, key, body, collection), **self._given(kind, body)}
        return items[key]

    @staticmethod
    def _refuse_duplicate(kind: str, items: dict[str, Json], body: Any) -> None:
        unique = {"database": "name", "namespaces": "title", "queues": "queue_name"}
        unique |= {"workers": "name", "consumers": "script_name"}
        name = unique.get(kind)
        if name and any(item.get(name) == body.get(name) for item in items.values()):
            raise Refusal(409, 7502, f"{kind} with {name} {body.get(name)} exists already")

    @staticmethod
    def _given(kind: str, body: Json) -> Json:
        if kind != "versions":
            return body
        bindings = [
            {k: v for k, v in item.items() if item["type"] != "secret_text" or k != "text"}
            for item in body["bindings"]
        ]
        return {**body, "bindings": bindings}

    @staticmethod
    def _filled(kind: str, key: str, body: Json, collection: str) -> Any:
        return {
            "database": {
                "uuid": key,
                "version": "production",
                "created_at": _NOW,
                "file_size": 0,
                "num_tables": 0,
            },
            "namespaces": {"id": key, "supports_url_encoding": True},
            "queues": {
                "queue_id": key,
                "created_on": _NOW,
                "modified_on": _NOW,
                "producers": [],
                "producers_total_count": 0,
                "consumers": [],
                "consumers_total_count": 0,
                "settings": {
                    "delivery_delay": 0,
                    "message_retention_period": 345600,
                    "delivery_paused": False,
                },
            },
            "consumers": {
                "consumer_id": key,
                "queue_id": collection.split("/")[-2] if "/" in collection else "",
                "queue_name": "retry-queue",
                "created_on": _NOW,
                "script": body.get("script_name"),
            },
            "workers": {
                "id": key,
                "created_on": _NOW,
                "updated_on": _NOW,
                "deployed_on": None,
                "references": {"domains": [], "queues": [], "workers": []},
            },
            "versions": {
                "id": key,
                "number": 1,
                "created_on": _NOW,
                "source": "terraform",
                "startup_time_ms": 10,
                "main_script_base64": "",
                "annotations": {"workers/triggered_by": "upload"},
            },
        }[kind]

    def _schedules(self, method: str, script: str, body: Any) -> Any:
        items = self.objects.setdefault("schedules", {})
        if method == "PUT":
            stamps = {"created_on": _NOW, "modified_on": _NOW}
            items[script] = {"schedules": [{**item, **stamps} for item in body]}
        return items.get(script, {"schedules": []})

    def _deployment(self, method: str, script: str, key: str | None, body: Any) -> Any:
        items = self.objects.setdefault(f"deployments/{script}", {})
        if method == "POST":
            new = str(uuid.uuid4())
            stamps = {"created_on": _NOW, "source": "api", "author_email": "a@b.c"}
            items[new] = {**body, "id": new, **stamps}
            return items[new]
        if key is None:
            return {"deployments": list(items.values())}
        if key[1:] not in items:
            raise Refusal(404, 10007, "There is no such deployment")
        return items[key[1:]]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Tests print nothing."""

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"null")
                token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
                path = self.path.removeprefix(_PREFIX).lstrip("/")
                status, envelope = 200, {"success": True, "errors": [], "messages": []}
                try:
                    result = api.answer(self.command, path, body, token)
                    envelope |= {"result": result}
                except Refusal as refusal:
                    status = refusal.status
                    error = {"code": refusal.code, "message": str(refusal)}
                    envelope = {"success": False, "errors": [error], "result": None}
                data = json.dumps(envelope).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                # Who asked may have been killed meanwhile.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self.end_headers()
                    self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's

        return Handler
