"""Limits, waits and sizes are the documented ones: a test that names a constant agrees with any."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import httpx
import pytest

from infra.account_api import AccountApi, CannotAsk
from infra.migrations.d1 import D1Database, Statement
from infra.migrations.errors import D1Unavailable
from infra.smoke.address import PreviewAddress
from infra.smoke.checks import Smoke, SmokeFailed
from tests.ops.answering_service import answering_service

LIMITS = {
    "infra.preconditions.questions:MAX_CRONS": 250,
    "infra.preconditions.questions:MAX_ROUTES": 1_000,
    "infra.preconditions.questions:MAX_DOMAINS": 100,
    "infra.preconditions.questions:MAX_WORKERS": 500,
    "infra.preconditions.questions:MAX_NAMESPACES": 1_000,
    "infra.preconditions.questions:MAX_QUEUES": 10_000,
    "infra.preconditions.questions:MAX_DATABASES": 1_000_000,
    "infra.pages:PER_PAGE": 50,
    "infra.pages:MAX_PAGES": 200,
    "infra.components.deployment:ALL": 100,
    "infra.release_ledger.lifecycle:KEPT": 100,
    "infra.migrations.lease:LEASE_S": 20,
    "infra.migrations.d1:ATTEMPTS": 5,
    "infra.migrations.sample_rows:ROWS": 4,
    "infra.smoke.checks:PATIENCE_S": 45,
    "infra.shards.mover:SETTLED_S": 90,
    "infra.settings.values:MAX_SHARDS": 8,
    "infra.shards.user_rows:USERS_PAGE": 500,
}


@pytest.mark.parametrize(("place", "limit"), LIMITS.items())
def test_a_limit_is_what_it_was(place: str, limit: int) -> None:
    module, _, name = place.partition(":")
    assert getattr(importlib.import_module(module), name) == limit


Call = Callable[[str, httpx.BaseTransport | None], object]


def smoked(base_url: str, transport: httpx.BaseTransport | None) -> None:
    times = iter(range(0, 1_000, 100))
    address = PreviewAddress(base_url)
    Smoke("v", address, transport=transport, sleep=lambda _: None, now=lambda: next(times)).run()


def queried(base_url: str, transport: httpx.BaseTransport | None) -> None:
    D1Database(
        account_id="a", database_id="d", base_url=base_url, token="t", transport=transport
    ).batch([Statement("SELECT 1")])


def asked(base_url: str, transport: httpx.BaseTransport | None) -> None:
    AccountApi(base_url, "a", token="t", transport=transport).get("queues")


CLIENTS = [(smoked, SmokeFailed), (queried, D1Unavailable), (asked, CannotAsk)]


@pytest.mark.parametrize(
    ("client", "seconds", "connect"), zip(CLIENTS, (20, 60, 20), (5, 10, 5), strict=True)
)
def test_a_call_ends_in_time(
    client: tuple[Call, type[Exception]], seconds: float, connect: float
) -> None:
    seen: list[object] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"])
        return httpx.Response(502)

    call, failure = client
    with pytest.raises(failure):
        call("https://api.example.test", httpx.MockTransport(answer))
    assert seen[0] == {"connect": connect, "read": seconds, "write": seconds, "pool": seconds}


@pytest.mark.parametrize("client", CLIENTS)
def test_only_this_machine_is_reached_past_the_environments_proxy(
    client: tuple[Call, type[Exception]], monkeypatch: pytest.MonkeyPatch
) -> None:
    call, failure = client
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with answering_service() as proxy, answering_service() as machine:
        proxy.answers = machine.answers = [(502, b"no")]
        monkeypatch.setenv("http_proxy", proxy.url)
        with pytest.raises(failure):
            call("http://api.example.test", None)
        assert proxy.seen
        assert {one["target"][:23] for one in proxy.seen} == {"http://api.example.test"}
        proxy.seen.clear()
        with pytest.raises(failure):
            call(machine.url, None)
        assert machine.seen
        assert proxy.seen == []
