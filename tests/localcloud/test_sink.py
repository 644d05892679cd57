"""The webhook sink: records, behaves as told, shows what arrived without trusting it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from localcloud.sink import application as sink_module
from tests.localcloud.running_cloud import RunningCloud

PAGE = Path(sink_module.__file__).parent / "page"


@pytest.fixture
def sink(shared: RunningCloud) -> Iterator[httpx.Client]:
    """A client of an empty sink."""
    with httpx.Client(base_url=shared.endpoints.sink_url, trust_env=False, timeout=10) as client:
        client.delete("/api/messages")
        yield client


def messages(sink: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    """What arrived."""
    found: list[dict[str, Any]] = sink.get("/api/messages", params=query).json()["messages"]
    return found


def test_a_hook_records_everything_and_answers_its_id(sink: httpx.Client) -> None:
    answer = sink.post("/hook/a/b?x=1", content=b'{"n": 1}', headers={"X-Signature": "abc"})
    assert (answer.status_code, answer.json()["ok"]) == (200, True)
    (message,) = messages(sink)
    assert message["id"] == answer.json()["id"]
    assert (message["method"], message["path"], message["query"]) == ("POST", "/hook/a/b", "x=1")
    assert (message["body"], message["body_encoding"]) == ('{"n": 1}', "utf-8")
    assert message["headers"]["x-signature"] == "abc"


def test_bytes_that_are_no_text_are_shown_in_base64(sink: httpx.Client) -> None:
    sink.put("/hook/x", content=b"\xff\x00")
    (message,) = messages(sink)
    assert (message["body"], message["body_encoding"]) == ("/wA=", "base64")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_lands(sink: httpx.Client, method: str) -> None:
    assert sink.request(method, "/hook/any").status_code == 200
    assert messages(sink)[0]["method"] == method


def test_the_query_chooses_the_answer(sink: httpx.Client) -> None:
    failed = sink.post("/hook/a?status=503&retry_after=7")
    assert (failed.status_code, failed.headers["retry-after"], failed.json()["ok"]) == (
        503,
        "7",
        False,
    )
    assert sink.post("/hook/b?status=204").content == b""
    began = time.monotonic()
    assert sink.post("/hook/c?delay_ms=50").status_code == 200
    assert time.monotonic() - began >= 0.05


def test_the_first_requests_of_a_path_fail_and_the_next_succeed(sink: httpx.Client) -> None:
    url = "/hook/a?fail_first=2&status=502"
    assert [sink.post(url).status_code for _ in range(3)] == [502, 502, 200]
    assert sink.post("/hook/other?fail_first=1").status_code == 500
    assert [message["status"] for message in messages(sink, path="/hook/a")] == [502, 502, 200]


@pytest.mark.parametrize(
    "query", ["status=99", "status=x", "delay_ms=60001", "fail_first=-1", f"status={'9' * 5_000}"]
)
def test_a_wrong_number_is_refused_and_not_recorded(sink: httpx.Client, query: str) -> None:
    assert sink.post(f"/hook/a?{query}").status_code == 400
    assert messages(sink) == []


def test_the_list_is_bounded_filtered_and_goes_on_after_an_id(sink: httpx.Client) -> None:
    identifiers = [sink.post(f"/hook/{name}").json()["id"] for name in "abab"]
    assert [m["id"] for m in messages(sink, limit=2)] == identifiers[2:]
    assert [m["id"] for m in messages(sink, after_id=identifiers[2])] == identifiers[3:]
    assert [m["path"] for m in messages(sink, path="/hook/a")] == ["/hook/a", "/hook/a"]
    assert sink.get("/api/messages?limit=1").json()["total"] == 4
    assert sink.get("/api/messages?limit=0").status_code == 400
    sink.delete("/api/messages")
    assert messages(sink) == []


def test_what_arrived_survives_a_restart(tmp_path: Path) -> None:
    for number in (1, 2):
        with RunningCloud(tmp_path / "home") as cloud:
            url = cloud.endpoints.sink_url
            httpx.post(f"{url}/hook/a", trust_env=False)
            found = httpx.get(f"{url}/api/messages", trust_env=False).json()
            assert found["total"] == number


def test_a_body_that_is_too_large_is_refused_also_without_a_length(sink: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(5):
            yield b"x" * 1024 * 1024

    assert sink.post("/hook/a", content=chunks()).status_code == 413
    assert messages(sink) == []


def test_the_page_runs_no_inline_script_and_asks_no_other_origin(sink: httpx.Client) -> None:
    page = sink.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert re.findall(r"<script(?![^>]*\bsrc=)", page.text) == []
    assert re.findall(r"\son\w+=|style=|javascript:", page.text) == []
    for name in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert not re.match(r"(https?:)?//", name)
        assert sink.get(f"/{name.removeprefix('/')}").status_code == 200


def test_the_pages_script_sets_what_arrived_as_text_only() -> None:
    script = (PAGE / "sink.js").read_text("utf-8")
    assert "textContent" in script
    for unsafe in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert unsafe not in script
