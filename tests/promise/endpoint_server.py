"""Endpoints on this machine, for Workers on the real runtime."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from localcloud.sink.chat import ChatAnswer, ChatApi, ChatCall
from tests.timeline import MARK, UNREACHABLE, Spell


@dataclass
class Call:
    """One call: `at` on the virtual clock, `real` on `time.monotonic`, both seconds.

    Attributes:
        answered: when the answer was handed to the network; None until then.
    """

    at: float
    real: float
    channel: str
    user: str
    mark: int
    status: int
    message_id: str | None
    answered: float | None = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    """The default of 5 lets a burst wait seconds for the kernel's next try."""


class EndpointServer:
    """`POST /CHANNEL/USER`; the newest fitting spell of an address counts, else 200 at once.

    Args:
        now: the virtual seconds that spells are about.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.calls: list[Call] = []
        self.held = 0
        """How many answers are being held back at this moment."""
        self.apis: dict[str, ChatApi] = {}
        """Providers that answer for a channel, with their own limits, instead of any spell."""
        self._spells: dict[tuple[str, str], list[Spell]] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def url(self, channel: str, user: str) -> str:
        """The address of a user's endpoint."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{channel}/{user}"

    def plan(self, channel: str, user: str, spell: Spell) -> None:
        """Let an endpoint behave like this for a while."""
        with self._lock:
            self._spells.setdefault((channel, user), []).append(spell)

    def receive(self, path: str, body: str, message_id: str | None) -> tuple[Call, Spell]:
        """Record a call and decide on its answer."""
        _, channel, user = path.split("/")
        now, mark = self.now(), MARK.search(body)
        with self._lock:
            fitting = [s for s in self._spells.get((channel, user), []) if s.start <= now < s.end]
            spell = fitting[-1] if fitting else Spell(0, float("inf"))
            call = Call(
                now,
                time.monotonic(),
                channel,
                user,
                int(mark[1]) if mark else -1,
                spell.status,
                message_id,
            )
            if spell.status != UNREACHABLE:
                self.calls.append(call)
        return call, spell

    def ask(self, call: Call, body: str) -> ChatAnswer:
        """Let a provider's API answer a call."""
        path = f"/{call.channel}/{call.user}"
        with self._lock:
            made = self.apis[call.channel].receive(
                ChatCall(path, body.encode(), round(call.at * 1000))
            )
            call.status = made.status
        return made

    def hold(self, seconds: float) -> None:
        """Let a caller wait; `held` tells so meanwhile."""
        if not seconds:
            return
        with self._lock:
            self.held += 1
        time.sleep(seconds)
        with self._lock:
            self.held -= 1

    def __enter__(self) -> EndpointServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(server: EndpointServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            body = self.rfile.read(length).decode()
            call, spell = server.receive(
                self.path, body, self.headers.get("X-Notification-MessageId")
            )
            if call.channel in server.apis:
                self._ask(call, body)
                return
            server.hold(spell.takes)
            if spell.status == UNREACHABLE:
                self.close_connection = True
                return
            answer = b"ok" if call.channel == "slack" else b'{"ok":true}'
            self.send_response(spell.status)
            self.send_header("Content-Length", str(len(answer)))
            if spell.retry_after is not None:
                self.send_header("Retry-After", spell.retry_after)
            self.end_headers()
            self.wfile.write(answer)
            call.answered = time.monotonic()

        def _ask(self, call: Call, body: str) -> None:
            made = server.ask(call, body)
            answer = made.body.encode()
            self.send_response(made.status)
            self.send_header("Content-Length", str(len(answer)))
            for name, text in made.headers.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(answer)
            call.answered = time.monotonic()

        def handle(self) -> None:
            """Ignore a caller that was killed."""
            try:
                super().handle()
            except ConnectionError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            return

    return Handler
