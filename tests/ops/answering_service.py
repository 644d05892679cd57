"""A service on a port of this machine that keeps what it is sent and answers as it is told to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class AnsweringService:
    """What came in, and what goes out: the answers in turn, the last one again and again."""

    url: str = ""
    content_type: str = "application/json"
    seen: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=lambda: [(200, b"{}")])

    def next_answer(self) -> tuple[int, bytes]:
        """The answer to the request that has just come."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def answering_service() -> Iterator[AnsweringService]:
    """One that runs until the end of the block."""
    service = AnsweringService()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            service.seen.append(
                {
                    "method": self.command,
                    "target": self.path,
                    "headers": {name.lower(): value for name, value in self.headers.items()},
                    "body": self.rfile.read(length),
                }
            )
            status, body = service.next_answer()
            self.send_response(status)
            self.send_header("Content-Type", service.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 the names that http.server looks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the base class's name
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
