"""A call of the account that fails is busy, broken or refused, and only a refusal ends at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError

REFUSED = b'{"success":false,"errors":[{"code":10000,"message":"Not yours"}],"result":null}'


class Api(BaseHTTPRequestHandler):
    """Answers with the answers that a test lays ready; the last one again and again."""

    answers: ClassVar[list[tuple[int, bytes]]] = []
    calls = 0

    def do_GET(self) -> None:
        kind = type(self)
        status, body = kind.answers[min(kind.calls, len(kind.answers) - 1)]
        kind.calls += 1
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json" if body[:1] == b"{" else "text/html")
        self.send_header("Retry-After-Ms", "1")
        if status == 429:
            self.send_header("Retry-After", "30")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def account() -> Iterator[StackAccount]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    yield StackAccount("dev", "a" * 32, url, is_local=False, token="t" * 40)
    server.shutdown()
    server.server_close()


def ask(account: StackAccount, *answers: tuple[int, bytes]) -> Any:
    Api.answers, Api.calls = list(answers), 0
    return account.ask("list queues", lambda client: client.get("/queues", cast_to=object))


@pytest.mark.parametrize("failure", [(429, REFUSED), (502, b"<html>Bad gateway</html>")])
def test_what_passes_is_waited_for(account: StackAccount, failure: tuple[int, bytes]) -> None:
    assert ask(account, failure, failure, failure, (200, b'{"result": [1]}')) == {"result": [1]}
    assert Api.calls == 4


@pytest.mark.parametrize(
    ("answer", "words", "calls"),
    [
        ((429, REFUSED), "Cloudflare is busy and didn't list queues", 6),
        ((429, REFUSED), "Wait 30 seconds and run the same command again", 6),
        ((502, b"<html>Bad gateway</html>"), "Cloudflare failed to list queues (HTTP 502).", 6),
        ((500, REFUSED), "Cloudflare failed to list queues (HTTP 500: Not yours", 6),
        ((400, REFUSED), "Cloudflare refused to list queues: Not yours, code 10000 (HTTP 400)", 1),
        ((403, REFUSED), "'notifyctl token check'", 1),
    ],
)
def test_what_stays_is_told_by_its_kind(
    account: StackAccount, answer: tuple[int, bytes], words: str, calls: int
) -> None:
    with pytest.raises(OperationError) as failed:
        ask(account, answer)
    assert words in str(failed.value)
    assert "no reason given" not in str(failed.value)
    assert Api.calls == calls
