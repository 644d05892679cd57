"""A server on the loopback address that behaves like Telegram, Lark, Slack, or a bad endpoint."""

from __future__ import annotations

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from notification.channels.lark import sign

LONGEST_HANG_S = 30
"""Seconds after which a hanging answer is given up, so that no thread outlives the tests."""
LARK_SECRET = "lark-secret"
_TELEGRAM_ERRORS: dict[str, tuple[int, dict[str, Any]]] = {
    "missing": (400, {"description": "Bad Request: chat not found"}),
    "kicked": (403, {"description": "Forbidden: bot was kicked from the group chat"}),
    "flood": (
        429,
        {"description": "Too Many Requests: retry after 7", "parameters": {"retry_after": 7}},
    ),
}
_LARK_ERRORS = {
    "gone": (19001, "param invalid: incoming webhook access token invalid"),
    "keyword": (19024, "Key Words Not Found"),
    "busy": (11232, "frequency limited psm[lark.oapi.app_platform_runtime]"),
}
_SLACK_ERRORS = {
    "archived": (410, "channel_is_archived"),
    "malformed": (400, "invalid_blocks"),
    "odd": (200, "invalid_payload"),
}


class ChatApis:
    """One server for all of them.

    Attributes:
        received: (path, headers, body) of each call, oldest first.
        hostile: status, body and headers of the answer at ``/hostile``.
    """

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], str]] = []
        self.hostile: tuple[int, bytes, dict[str, str]] = (200, b"", {})
        self.closing = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def bodies(self, path: str) -> list[Any]:
        """The JSON bodies that arrived under ``path``."""
        return [json.loads(body) for found, _, body in list(self.received) if found == path]

    def __enter__(self) -> ChatApis:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, apis: ChatApis) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.apis = apis


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        path = urlsplit(self.path).path
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.apis.received.append((path, headers, body))
        if path.startswith("/bot"):
            self._telegram(json.loads(body))
        elif path.startswith("/open-apis/bot/v2/hook/"):
            self._lark(path.rpartition("/")[2], json.loads(body))
        elif path.startswith("/services/"):
            self._slack(path.rpartition("/")[2])
        else:
            self._bad(path.rpartition("/")[2])

    def do_PUT(self) -> None:
        self.do_POST()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self, status: int, text: str, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._send(status, text.encode(), named)

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _telegram(self, message: dict[str, Any]) -> None:
        status, error = _TELEGRAM_ERRORS.get(str(message["chat_id"]), (200, {}))
        if str(message["chat_id"]).startswith("unparsable") and "parse_mode" in message:
            text = "Bad Request: can't parse entities: character '.' is reserved"
            status, error = 400, {"description": text}
        document: dict[str, Any] = {"ok": True, "result": {"message_id": 77}}
        if error:
            document = {"ok": False, "error_code": status, **error}
        self._answer(status, json.dumps(document))

    def _lark(self, hook: str, message: dict[str, Any]) -> None:
        code, text = _LARK_ERRORS.get(hook, (0, "success"))
        if hook == "signed" and message.get("sign") != sign(
            LARK_SECRET, str(message.get("timestamp"))
        ):
            code, text = 19021, "sign match fail or timestamp is not within one hour"
        self._answer(200, json.dumps({"code": code, "msg": text, "data": {}}))

    def _slack(self, hook: str) -> None:
        if hook == "limited":
            self._answer(429, "rate_limited", Retry_After="30")
            return
        self._answer(*_SLACK_ERRORS.get(hook, (200, "ok")))

    def _bad(self, manner: str) -> None:
        if manner == "hostile":
            status, data, headers = self.server.apis.hostile
            self._send(status, data, headers)
        elif manner == "redirect":
            self._answer(302, "", Location=f"{self.server.apis.url}/target")
        elif manner == "slow":
            self.server.apis.closing.wait(LONGEST_HANG_S)
        elif manner.startswith("dripping"):
            self._begun(_status_in(manner), b"{", hang=True)
        elif manner.startswith("broken"):
            self._begun(_status_in(manner), b"half")
        elif manner.startswith("misencoded"):
            self._answer(_status_in(manner), "not gzip at all", Content_Encoding="gzip")
        elif manner.startswith("deep"):
            self._answer(_status_in(manner), "[" * 60_000)
        elif manner == "bomb":
            self._bomb()
        elif manner == "oversized":
            self._answer(500, "x" * 3_000_000)
        else:
            self._answer(200, "{}")

    def _begun(self, status: int, part: bytes, *, hang: bool = False) -> None:
        """Begin an answer that never comes to its end."""
        self.send_response(status)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(part)
        self.wfile.flush()
        if hang:
            self.server.apis.closing.wait(LONGEST_HANG_S)
        self.close_connection = True

    def _bomb(self) -> None:
        """Answer 60 MB in 61 KB."""
        packed = gzip.compress(bytes(60_000_000))
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(packed)))
        self.end_headers()
        self.wfile.write(packed)


def _status_in(manner: str) -> int:
    """The status at the end of a name, such as `broken-403`; 200 without one."""
    return int(manner.partition("-")[2] or 200)
