"""A call of the account that fails is busy, broken or refused, and only a refusal ends at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
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

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
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

    do_GET = do_POST = _answer  # noqa: N815  the names of the base class

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


def get(url: str, client: Any) -> Any:
    return client.get(url, cast_to=object)


def listed(account: StackAccount, *answers: object) -> list[dict[str, Any]]:
    Api.answers, Api.calls = [(200, json.dumps(answer).encode()) for answer in answers], 0
    return list(account.listed("queues", get))


def full(page: int) -> list[dict[str, Any]]:
    return [{"n": 50 * page + number} for number in range(50)]


FULL = full(0)


def test_a_list_without_a_count_of_its_pages_ends_with_a_short_one(account: StackAccount) -> None:
    found = listed(account, {"result": FULL}, {"result": full(1)}, {"result": [{"n": 100}]})
    assert (len(found), Api.calls) == (101, 3)
    assert (listed(account, {"result": FULL}, {"result": []}), Api.calls) == (FULL, 2)


@pytest.mark.parametrize("pages", [1, 2])
def test_a_list_with_a_count_of_its_pages_ends_there(account: StackAccount, pages: int) -> None:
    answer = {"result": FULL, "result_info": {"total_pages": pages}}
    assert len(listed(account, answer)) == 50 * pages
    assert Api.calls == pages


@pytest.mark.parametrize("info", [5, None, [], {"total_pages": "2"}, {"total_pages": None}, {}])
def test_a_count_of_another_form_is_none(account: StackAccount, info: object) -> None:
    found = listed(account, {"result": FULL, "result_info": info}, {"result": [{"n": 50}]})
    assert (len(found), Api.calls) == (51, 2)


def test_a_list_that_comes_to_no_end_is_refused_and_not_cut(account: StackAccount) -> None:
    with pytest.raises(OperationError, match=r"more than 10,000 items"):
        listed(account, *({"result": full(page)} for page in range(201)))
    assert Api.calls == 200


@pytest.mark.parametrize("size", [50, 51, 120])
def test_a_list_that_isnt_paged_is_read_once(account: StackAccount, size: int) -> None:
    everything = [{"n": number} for number in range(size)]
    assert listed(account, {"result": everything}) == everything


@pytest.mark.parametrize("answer", [{}, {"message": "hello"}, {"success": True}])
def test_a_document_without_a_result_is_no_empty_list_and_no_absence(
    account: StackAccount, answer: object
) -> None:
    with pytest.raises(OperationError, match="without a result"):
        listed(account, answer)
    for ask in (account.found, account.result):
        with pytest.raises(OperationError, match="without a result"):
            ask("read the queue", "/queues/q")


def test_an_empty_list_may_be_told_by_null_or_by_a_404(account: StackAccount) -> None:
    assert listed(account, {"result": None}) == []
    assert list(account.listed("queues", lambda _url, _client: None)) == []


def test_a_404_of_cloudflares_own_says_that_there_is_none(account: StackAccount) -> None:
    Api.answers, Api.calls = [(404, REFUSED)], 0
    assert account.found("read the queue", "/queues/q") is None
    Api.answers = [(404, b'{"error": "no such host"}')]
    with pytest.raises(OperationError, match="no document of Cloudflare's API"):
        account.found("read the queue", "/queues/q")


def test_a_row_that_is_none_is_told_and_not_left_out(account: StackAccount) -> None:
    result = [{"results": [{"n": 1}]}, {"results": []}, {"results": [{"n": 2}, {"n": 3}]}]
    Api.answers, Api.calls = [(200, json.dumps({"result": result}).encode())], 0
    assert account.query("count", "d1", "SELECT ?", "x") == [{"n": 1}, {"n": 2}, {"n": 3}]
    Api.answers = [(200, b'{"result": [{"results": [5]}]}')]
    with pytest.raises(OperationError, match="unknown form when asked to count"):
        account.query("count", "d1", "SELECT 1")


def test_a_server_that_is_gone_is_named(account: StackAccount) -> None:
    gone = replace(account, base_url="http://127.0.0.1:9", is_local=True)
    with pytest.raises(OperationError, match=r":9 didn't answer when asked to x\. Start"):
        gone.ask("x", lambda client: client.with_options(max_retries=0).get("/", cast_to=object))
    elsewhere = replace(gone, is_local=False)
    with pytest.raises(OperationError, match=r"asked to x\. Try again"):
        elsewhere.ask(
            "x", lambda client: client.with_options(max_retries=0).get("/", cast_to=object)
        )


@pytest.mark.parametrize(
    ("status", "is_local", "advice"),
    [
        (401, False, "CLOUDFLARE_API_TOKEN by 'notifyctl token check'"),
        (403, True, "'notifyctl doctor' tells more"),
        (404, False, "Compare the stack with the account: notifyctl drift"),
        (400, False, "'notifyctl doctor' tells more"),
    ],
)
def test_each_refusal_has_its_advice(
    account: StackAccount, status: int, is_local: bool, advice: str
) -> None:
    with pytest.raises(OperationError, match=advice):
        ask(replace(account, is_local=is_local), (status, REFUSED))
