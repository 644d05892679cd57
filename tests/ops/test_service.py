from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from ops.stacks.errors import ServiceError
from ops.stacks.service import ServiceClient, sign

KEY = "k" * 64


class Recorder(BaseHTTPRequestHandler):
    """A service that keeps what it was sent and answers as it is told to."""

    seen: ClassVar[list[dict[str, Any]]] = []
    answer: ClassVar[tuple[int, bytes]] = (200, b"{}")

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.seen.append(
            {
                "method": self.command,
                "target": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": self.rfile.read(length),
            }
        )
        status, body = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _serve  # noqa: N815 the names that http.server looks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the base class's name
        return None


@pytest.fixture
def url() -> Iterator[str]:
    Recorder.seen.clear()
    Recorder.answer = (200, b"{}")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_request_is_signed_over_method_target_and_body(url: str) -> None:
    with ServiceClient(url, KEY, now=lambda: 1736100000.0) as service:
        service.result("POST", "/api/x", query={"user_id": "张三 a"}, body={"a": 1})

    seen = Recorder.seen[0]
    digest = hashlib.sha256(seen["body"]).hexdigest()
    text = f"1736100000000\nPOST\n{seen['target']}\n{digest}"
    expected = hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()
    assert seen["headers"]["x-signature"] == expected
    assert seen["headers"]["x-signature-version"] == "2"
    assert seen["headers"]["x-timestamp"] == "1736100000000"
    assert json.loads(seen["body"]) == {"a": 1}


def test_a_client_without_a_key_signs_nothing(url: str) -> None:
    with ServiceClient(url) as service:
        service.call("GET", "/health")

    assert "x-signature" not in Recorder.seen[0]["headers"]


def test_a_refusal_keeps_status_code_and_reason(url: str) -> None:
    Recorder.answer = (
        401,
        b'{"success":false,"error":"Invalid signature","code":"INVALID_SIGNATURE"}',
    )
    with (
        ServiceClient(url, KEY) as service,
        pytest.raises(ServiceError, match="401 INVALID_SIGNATURE: Invalid signature") as caught,
    ):
        service.result("GET", "/api/logs")
    assert caught.value.status == 401
    assert caught.value.code == "INVALID_SIGNATURE"


def test_an_answer_that_is_no_object_is_refused(url: str) -> None:
    Recorder.answer = (200, b"<html>")
    with ServiceClient(url, KEY) as service, pytest.raises(ServiceError, match="JSON object"):
        service.result("GET", "/api/logs")


def test_a_dead_service_is_named_with_what_to_do(url: str) -> None:
    with (
        ServiceClient("http://127.0.0.1:9", KEY) as service,
        pytest.raises(ServiceError, match=r"can't be reached.*make up"),
    ):
        service.call("GET", "/health")


def test_the_key_is_part_of_no_error(url: str) -> None:
    Recorder.answer = (500, b'{"error":"x"}')
    with ServiceClient(url, KEY) as service, pytest.raises(ServiceError) as caught:
        service.result("GET", "/api/logs")
    assert KEY not in str(caught.value)


def test_signatures_differ_by_method_target_and_body() -> None:
    base = sign(KEY, "1", "GET", "/a", b"")
    others = {
        sign(KEY, "1", "DELETE", "/a", b""),
        sign(KEY, "1", "GET", "/b", b""),
        sign(KEY, "1", "GET", "/a", b"x"),
        sign(KEY, "2", "GET", "/a", b""),
    }
    assert len(others) == 4
    assert base not in others
