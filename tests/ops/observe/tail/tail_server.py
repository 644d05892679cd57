"""The API's tails and their connections, each of which goes as a script says."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

ACCOUNT = "0" * 32
EXPIRES_AT = "2126-01-01T00:00:00Z"


class TailServer:
    """Serves on the loopback until `close`.

    Args:
        connections: what becomes of each connection in turn. A text is sent as a log line, a
            number closes with that code, and ``cut`` ends the TCP connection; ``down`` makes the
            API refuse to open that tail, ``refused`` the connection, and ``moved`` sends it on to
            the next one. The last one is held open.
        protocol: the subprotocol that the connections speak; an empty text is none.
        binary: whether log lines are sent as binary messages.
    """

    def __init__(
        self,
        connections: Sequence[Sequence[str | int]],
        *,
        protocol: str = "trace-v1",
        binary: bool = False,
    ) -> None:
        self.opened = 0
        self.ended: list[str] = []
        self._connections = connections
        self._binary = binary
        self.debug: list[str] = []
        self.closed = threading.Event()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"tails": self})
        )
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._tails: Server = serve(
            self._watched,
            "127.0.0.1",
            0,
            subprotocols=[Subprotocol(protocol)] if protocol else None,
            process_request=self._refused,
        )
        threading.Thread(target=self._tails.serve_forever, daemon=True).start()

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
        self._tails.shutdown()
        self._server.shutdown()
        self._server.server_close()

    @property
    def tail_url(self) -> str:
        """The URL that the tails' numbers are appended to."""
        return f"ws://127.0.0.1:{self._tails.socket.getsockname()[1]}/tail/"

    def script(self, number: int) -> Sequence[str | int]:
        """What becomes of that connection."""
        return list(self._connections[min(number, len(self._connections) - 1)])

    def _refused(self, connection: ServerConnection, request: Request) -> Response | None:
        number = _number(request.path)
        if self.script(number) == ["refused"]:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "")
        if self.script(number) == ["moved"]:
            answer = connection.respond(HTTPStatus.FOUND, "")
            answer.headers["Location"] = f"/tail/{number + 1}"
            return answer
        return None

    def _watched(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.debug.append(str(connection.recv(10)))
        for step in self.script(_number(connection.request.path)):
            if step == "cut":
                connection.socket.shutdown(socket.SHUT_RDWR)
                return
            if isinstance(step, int):
                connection.close(step)
                return
            trace = {"outcome": "ok", "logs": [{"message": [step], "level": "log"}]}
            connection.send(json.dumps(trace), text=not self._binary)
        self.closed.wait(120)


def _number(path: str) -> int:
    return int(path.rpartition("/")[2])


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
            "url": f"{self.tails.tail_url}{number}",
            "expires_at": EXPIRES_AT,
        }
        self._answer(200, {"success": True, "errors": [], "messages": [], "result": result})

    def do_DELETE(self) -> None:
        self.tails.ended.append(self.path.rpartition("/")[2])
        self._answer(200, {"success": True, "errors": [], "messages": [], "result": None})

    def _answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002  the base's name
        """Keep quiet."""
