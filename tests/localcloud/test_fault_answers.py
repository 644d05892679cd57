"""Each fault as it is read, its bounds, and the whole answer that a request meets."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

from localcloud.clock import VirtualClock
from localcloud.faults import MAX_FAULTS, PLACES, FaultGate, Faults, InvalidFault

NOW_MS = 1_000_000
ACCOUNT = "/client/v4/accounts/a"
FORM = (
    "A fault is a place, a kind, and how long, such as 'd1 query 500/7500 for 5m': kinds are a "
    "status with a code, html, slow 2s, and 429/30; 'for 5m' and 'times 3' end it."
)


class Clock(VirtualClock):
    """A clock that stands still."""

    def __init__(self) -> None:
        """Keep no offset."""

    def now_ms(self) -> int:
        return NOW_MS


@pytest.mark.parametrize(
    ("line", "kind", "detail", "ends_ms", "left"),
    [
        ("any 400", "400", None, None, None),
        ("any 599", "599", None, None, None),
        ("any 500/0", "500", 0, None, None),
        ("any 429", "429", None, None, None),
        ("any 429/30", "429", 30, None, None),
        ("any 429/30s", "429", 30, None, None),
        ("any html for 1s", "html", None, NOW_MS + 1_000, None),
        ("any slow", "slow", None, None, None),
        ("any slow 120s", "slow", 120, None, None),
        ("any slow 1", "slow", 1, None, None),
        ("any 500 for 2m", "500", None, NOW_MS + 120_000, None),
        ("any 500 for 24h", "500", None, NOW_MS + 86_400_000, None),
        ("any 500 for 86400s", "500", None, NOW_MS + 86_400_000, None),
        ("any 500 times 1", "500", None, None, 1),
        ("any 500 times 1000000", "500", None, None, 1_000_000),
        ("  ANY  500\t for 1h times 3", "500", None, NOW_MS + 3_600_000, 3),
    ],
)
def test_a_line_is_read_part_by_part(
    line: str, kind: str, detail: int | None, ends_ms: int | None, left: int | None
) -> None:
    faults = Faults(Clock())
    fault = faults.add(line)
    assert (fault.kind, fault.detail, fault.ends_ms, fault.left) == (kind, detail, ends_ms, left)
    text = " ".join(line.lower().split())
    shown = {"id": 1, "fault": text, "ends_ms": ends_ms, "left": left, "met": 0}
    assert fault.document() == shown


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", FORM),
        ("any", FORM),
        ("any 500/x", FORM),
        ("any 500 for ever", FORM),
        ("any 500 times 3 for 5m", FORM),
        ("any 500" + " " * 193 + "x", FORM),
        ("sea 500", f"There is no place 'sea'. Places: {', '.join(PLACES)}."),
        ("any slow 0s", "slow must be from 1 to 120, not 0."),
        ("any slow 121s", "slow must be from 1 to 120, not 121."),
        ("any slow 1234567890s", "slow must be from 1 to 120, not 1234567890."),
        ("any html/3", "html takes no number."),
        ("any 399", "The status 399 isn't an error's: give one from 400 to 599."),
        ("any 600", "The status 600 isn't an error's: give one from 400 to 599."),
        ("any 500/2s", "2s isn't an error's code: give a number, as in 500/7500."),
        ("any 500 for 0s", "for must be from 1 to 86400, not 0."),
        ("any 500 for 25h", "for must be from 1 to 86400, not 90000."),
        ("any 500 for 86401s", "for must be from 1 to 86400, not 86401."),
        ("any 500 times 0", "times must be from 1 to 1000000, not 0."),
        ("any 500 times 1000001", "times must be from 1 to 1000000, not 1000001."),
        (
            "any 500 times " + "9" * 30,
            f"times must be from 1 to 1000000, not {'9' * 20}.",
        ),
    ],
)
def test_a_line_that_makes_no_sense_is_told_what_would(line: str, told: str) -> None:
    faults = Faults(Clock())
    with pytest.raises(InvalidFault) as refused:
        faults.add(line)
    assert (str(refused.value), faults.listed()) == (told, [])


def test_fifty_faults_are_in_force_and_no_more() -> None:
    faults = Faults(Clock())
    for _ in range(MAX_FAULTS):
        faults.add("any 500")
    with pytest.raises(InvalidFault, match="There are 50 faults already: clear some first"):
        faults.add("any 500")
    assert faults.clear(1) == 1
    assert faults.add("any 500").id == 51


PATHS = {
    "any": [f"{ACCOUNT}/d1/database", "/client/v4/zones", "/api/v3/repos/o/r"],
    "d1": [f"{ACCOUNT}/d1/database"],
    "d1 query": [f"{ACCOUNT}/d1/database/u/query", f"{ACCOUNT}/d1/database/u/raw"],
    "d1 import": [f"{ACCOUNT}/d1/database/u/import"],
    "d1 export": [f"{ACCOUNT}/d1/database/u/export"],
    "kv": [f"{ACCOUNT}/storage/kv/namespaces"],
    "kv values": [
        f"{ACCOUNT}/storage/kv/namespaces/n/values/a/b",
        f"{ACCOUNT}/storage/kv/namespaces/n/bulk",
        f"{ACCOUNT}/storage/kv/namespaces/n/bulk/get",
    ],
    "queues": [f"{ACCOUNT}/queues", f"{ACCOUNT}/queues/q"],
    "queues consumers": [f"{ACCOUNT}/queues/q/consumers", f"{ACCOUNT}/queues/q/consumers/c"],
    "r2": [f"{ACCOUNT}/r2/buckets"],
    "tokens": [f"{ACCOUNT}/tokens", f"{ACCOUNT}/tokens/t"],
    "workers": [f"{ACCOUNT}/workers/scripts"],
    "workers versions": [
        f"{ACCOUNT}/workers/scripts/w/versions",
        f"{ACCOUNT}/workers/workers/w/versions/v",
    ],
    "workers deployments": [f"{ACCOUNT}/workers/scripts/w/deployments"],
    "workers secrets": [f"{ACCOUNT}/workers/scripts/w/secrets/s"],
    "workers schedules": [f"{ACCOUNT}/workers/scripts/w/schedules"],
    "workers assets": [
        f"{ACCOUNT}/workers/assets/upload",
        f"{ACCOUNT}/workers/scripts/w/assets-upload-session",
    ],
    "zones": ["/client/v4/zones", "/client/v4/zones/z/workers/routes"],
    "graphql": ["/client/v4/graphql"],
    "analytics": [f"{ACCOUNT}/analytics_engine/sql"],
    "github": ["/api/v3/repos/o/r"],
}
WIDER = {"any", "d1", "kv", "queues", "workers"}
"""Places that hold others."""


def test_each_place_is_met_by_its_own_paths_and_by_no_other_places() -> None:
    assert PATHS.keys() == PLACES.keys()
    everywhere = [path for paths in PATHS.values() for path in paths]
    for place, own in PATHS.items():
        faults = Faults(Clock())
        faults.add(f"{place} 500")
        met = {path for path in everywhere if faults.meet(path)}
        if place in WIDER:
            assert met >= set(own), place
        else:
            assert met == set(own), place
        assert faults.meet("/local/health") is None


def answered(line: str, path: str) -> tuple[httpx.Response, list[float]]:
    """The answer that a request meets, and how long it waited."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    faults = Faults(Clock())
    faults.add(line)
    gate = FaultGate(PlainTextResponse("served"), faults, sleep)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(gate)
        async with httpx.AsyncClient(transport=transport, base_url="http://local") as client:
            return await client.get(path)

    return asyncio.run(ask()), waits


@pytest.mark.parametrize(
    ("line", "status", "code", "retry_after"),
    [
        ("any 500/7500", 500, 7500, None),
        ("any 500", 500, 10002, None),
        ("any 503/0", 503, 0, None),
        ("any 429", 429, 971, "60"),
        ("any 429/7", 429, 971, "7"),
    ],
)
def test_a_fault_answers_as_the_api_that_it_stands_for(
    line: str, status: int, code: int, retry_after: str | None
) -> None:
    message = f"A fault that was asked for: {line}"
    for path, document in (
        (
            f"{ACCOUNT}/queues",
            {
                "success": False,
                "messages": [],
                "result": None,
                "errors": [{"code": code, "message": message}],
            },
        ),
        ("/api/v3/user", {"message": message}),
    ):
        answer, waits = answered(line, path)
        assert (answer.status_code, answer.json(), waits) == (status, document, [])
        assert answer.headers.get("retry-after") == retry_after


def test_a_page_of_a_proxy_comes_in_the_apis_place() -> None:
    answer, _ = answered("any html", f"{ACCOUNT}/queues")
    assert (answer.status_code, answer.headers["server"]) == (502, "cloudflare")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text.startswith("<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title>")


@pytest.mark.parametrize(
    ("line", "path", "waits"),
    [
        ("any slow 3s", f"{ACCOUNT}/queues", [3]),
        ("any slow", f"{ACCOUNT}/queues", [1]),
        ("any slow 3s", "/local/health", []),
    ],
)
def test_a_slow_answer_is_the_apis_own(line: str, path: str, waits: list[Any]) -> None:
    answer, waited = answered(line, path)
    assert (answer.text, waited) == ("served", waits)
