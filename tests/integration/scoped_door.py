"""A door before the local account: it notes each call, and may make it with another token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx

PREFIX = "/client/v4"
_HOPS = frozenset({"connection", "content-length", "host", "transfer-encoding"})


@dataclass
class ScopedDoor:
    """What passes it goes on to the account.

    Attributes:
        port: where it listens.
        token: in whose place every call is made; empty leaves the caller's.
        calls: method and path below the API's root of each call, in their order.
        refused: those that were answered by 403.
    """

    port: int = 0
    token: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def forget(self) -> None:
        """Begin to note anew."""
        self.calls.clear()
        self.refused.clear()


@contextmanager
def scoped_door(account_url: str) -> Iterator[ScopedDoor]:
    """Open a door to the control plane at ``account_url``."""
    door = ScopedDoor()
    client = httpx.Client(base_url=account_url, trust_env=False, timeout=60)

    class Passage(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOPS}
            if door.token:
                headers["Authorization"] = f"Bearer {door.token}"
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = client.request(self.command, self.path, headers=headers, content=body)
            path = self.path.partition("?")[0]
            if path.startswith(PREFIX):
                call = (self.command, path.removeprefix(PREFIX))
                door.calls.append(call)
                if answer.status_code == 403:
                    door.refused.append(call)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in _HOPS | {"content-encoding"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        # The names by which the base class calls.
        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _pass  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Passage)
    door.port = server.server_port
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield door
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        client.close()
