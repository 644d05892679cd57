"""Limits on callers: who is counted as whom, and what an answer tells of the limit."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.worker.world import World

SEND = {"channels": ["webhook"], "custom_content": {"content": "x"}}


class Limiter:
    """A limiter that keeps the keys that it was asked about."""

    def __init__(self, *, allows: bool = True) -> None:
        self.answer = allows
        self.keys: list[str] = []

    async def allows(self, key: str) -> bool:
        self.keys.append(key)
        return self.answer


def send(world: World, user: Any) -> Any:
    return world.request("POST", "/api/notifications/send", {**SEND, "user_id": user})


@pytest.mark.parametrize(
    ("user", "keys"),
    [
        ("u1", ["u1"]),
        (" u1 ", ["u1"]),
        ("u" * 101, ["u" * 100]),
        ("", []),
        (7, []),
        (None, []),
    ],
)
def test_a_signed_send_is_counted_for_its_recipient(
    world: World, user: Any, keys: list[str]
) -> None:
    limiter = Limiter()
    world.recipient_limiter = limiter
    world.checks_accepted_bodies = False
    world.configure("u1")
    limiter.keys.clear()
    answer = send(world, user)
    assert limiter.keys == keys
    if user == "u1":
        assert answer.headers["X-RateLimit-Limit"] == "100"


def test_a_recipient_over_the_limit_is_told_when_to_come_again(world: World) -> None:
    world.configure("u1")
    world.environment["RATE_LIMIT_PER_MINUTE"] = "7"
    world.recipient_limiter = Limiter(allows=False)
    refused = send(world, "u1")
    assert (refused.status, refused.code) == (429, "RATE_LIMIT_EXCEEDED")
    assert refused.headers["Retry-After"] == "60"
    assert refused.headers["X-RateLimit-Limit"] == "7"
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert refused.headers["X-RateLimit-Reset"] == str(world.clock.ms // 1000 + 60)
    assert world.logs() == []


@pytest.mark.parametrize(
    ("signed", "counted"), [(True, False), (False, True)], ids=["signed", "unsigned"]
)
def test_an_address_is_counted_where_nobody_signed(
    world: World, signed: bool, counted: bool
) -> None:
    limiter = Limiter()
    world.address_limiter = limiter
    world.request("GET", "/api/user-configs", signed=signed)
    assert bool(limiter.keys) is counted
    limiter.keys.clear()
    health = world.request("GET", "/health", signed=False)
    assert (len(limiter.keys), health.headers["X-RateLimit-Limit"]) == (1, "100")


def test_an_address_over_the_limit_is_told_so_instead_of_what_was_wrong(world: World) -> None:
    world.address_limiter = Limiter(allows=False)
    for path in ("/health", "/api/user-configs"):
        refused = world.request("GET", path, signed=False)
        assert (refused.status, refused.code) == (429, "RATE_LIMIT_EXCEEDED")
    assert world.request("GET", "/api/user-configs").status == 200


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (None, "Missing Authorization header"),
        ("Bearer x", "Invalid authorization type, expected Basic"),
        ("Basic %", "Invalid base64 encoding in Authorization header"),
        ("Basic /w==", "Invalid credentials format"),
        (basic("nocolon"), "Invalid credentials format"),
        (basic("grafana:wrong"), "Invalid username or password"),
        (basic(f"other:{'right' * 8}"), "Invalid username or password"),
    ],
)
def test_grafanas_credentials_are_refused_by_what_is_wrong(
    world: World, header: str | None, words: str
) -> None:
    world.environment |= {
        "GRAFANA_WEBHOOK_USERNAME": "grafana",
        "GRAFANA_WEBHOOK_PASSWORD": "right" * 8,
    }
    headers = {} if header is None else {"Authorization": header}
    refused = world.request("POST", "/api/webhooks/grafana", {}, signed=False, headers=headers)
    assert (refused.status, refused.json["error"]) == (401, words)
    assert refused.headers["WWW-Authenticate"] == 'Basic realm="Grafana Webhook"'
