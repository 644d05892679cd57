"""The API's tails and their connections, each of which goes as a script says."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from localcloud.websocket.frames import Opcode, accept_value, close_frame, encode

ACCOUNT = "0" * 32
EXPIRES_AT = "2126-01-01T00:00:00Z"


class TailServer:
    """Serves on the loopback until `close`.

    Args:
        connections: what becomes of each connection in turn. A text is sent as a log line, a
            number closes with that code, and ``cut`` ends the TCP connection; ``down`` makes the
            API refuse to open that tail, and ``refused`` the connection. The last one is held open.
    """

    def __init__(self, connections: Sequence[Sequence[str | int]]) -> None:
        self.opened = 0
        self.ended: list[str] = []
        self._connections = connections
        self.closed = threading.Event()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"tails": self})
        )
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_port)

    @property
    def base_url(self) -> str:
        """The API's base URL."""
        return f"http://127.0.0.1:{self.port}/client/v4"

    def close(self) -> None:
        """End everything."""
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()

    def script(self, number: int) -> Sequence[str | int]:
        """What becomes of that connection."""
        return list(self._connections[min(number, len(self._connections) - 1)])


class _Handler(BaseHTTPRequestHandler):
    """One request: its class is made with the server that it belongs to."""

    tails: TailServer

    def do_POST(self) -> None:
        number = self.tails.opened
        self.tails.opened += 1
        if self.tails.script(number) == ["down"]:
            # A status that the client doesn't try again by itself.
            self._answer(403, {"success": False, "errors": [{"code": 1, "message": "no"}]})
            return
        result = {
            "id": f"tail-{number}",
            "url": f"ws://127.0.0.1:{self.tails.port}/tail/{number}",
            "expires_at": EXPIRES_AT,
        }
        self._answer(200, {"success": True, "errors": [], "messages": [], "result": result})

    def do_DELETE(self) -> None:
        self.tails.ended.append(self.path.rpartition("/")[2])
        self._answer(200, {"success": True, "errors": [], "messages": [], "result": None})

    def do_GET(self) -> None:
        self.close_connection = True
        script = self.tails.script(int(self.path.rpartition("/")[2]))
        if script == ["refused"]:
            self._answer(503, {})
            return
        self._upgrade()
        for frame in map(_frame, itertools.takewhile(lambda step: step != "cut", script)):
            self.wfile.write(frame)
        if "cut" not in script and not isinstance(script[-1], int):
            self.tails.closed.wait(120)

    def _upgrade(self) -> None:
        accept = accept_value(self.headers["Sec-WebSocket-Key"])
        self.wfile.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
            "Sec-WebSocket-Protocol: trace-v1\r\n\r\n".encode()
        )

    def _answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002  the base's name
        """Keep quiet."""


def _frame(step: str | int) -> bytes:
    """A step as bytes on the wire: a trace with one log line, or a close."""
    if isinstance(step, int):
        return close_frame(step, masked=False)
    trace = {"outcome": "ok", "logs": [{"message": [step], "level": "log"}]}
    return encode(Opcode.TEXT, json.dumps(trace).encode(), masked=False)
