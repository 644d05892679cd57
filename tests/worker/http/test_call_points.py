"""One point for each request: what its caller was answered."""

from __future__ import annotations

import json
import re

import pytest

from notification.http.authentication import signing_key_id
from notification.ports.database import DatabaseError
from tests.worker.caller import API_KEY
from tests.worker.endpoints import answer
from tests.worker.world import World

pytestmark = pytest.mark.requirement("C-12.2")
SEND = "/api/notifications/send"


def texts(world: World) -> list[list[str]]:
    return [point[0][:6] for point in world.calls.points]


def test_a_point_tells_route_status_code_version_and_channels(world: World) -> None:
    world.configure("u1", "webhook")
    world.calls.points.clear()
    world.send("u1", ("webhook", "lark"))
    world.request("POST", SEND, {"user_id": "u1"})
    world.request("POST", SEND, {}, signed=False)
    world.request("GET", "/api/users/u1/configs")
    world.request("GET", "/nothing/of/mine", signed=False)
    world.request("OPTIONS", SEND, signed=False)
    version = "version-"
    assert texts(world) == [
        [SEND, "POST", "200", "", version, "webhook,lark"],
        [SEND, "POST", "400", "INVALID_CHANNELS", version, ""],
        [SEND, "POST", "401", "MISSING_SIGNATURE", version, ""],
        ["/api/user-configs", "GET", "200", "", version, ""],
        ["none", "", "404", "NOT_FOUND", version, ""],
        ["none", "", "204", "", version, ""],
    ]


def test_failures_are_counted_while_the_database_is_down(world: World) -> None:
    world.configure()
    world.calls.points.clear()

    def down(statements: object) -> None:
        raise DatabaseError("disk full")

    world.database.before_batch = down
    assert world.send().status == 503
    [(point, numbers)] = world.calls.points
    assert point[:4] == [SEND, "POST", "503", "DB_ERROR"]
    assert point[5] == "webhook"
    assert numbers == [503, 0]


def test_an_unexpected_failure_is_a_500_of_its_route(world: World) -> None:
    def broken(statements: object) -> None:
        raise RuntimeError("a bug")

    world.configure()
    world.database.before_batch = broken
    assert world.send("s1").status == 500
    assert texts(world)[-1] == [SEND, "POST", "500", "INTERNAL_ERROR", "version-", "webhook"]


def test_an_unexpected_failure_names_its_request_and_place_and_not_its_words(world: World) -> None:
    def broken(statements: object) -> None:
        raise KeyError("ada@example.com")

    world.configure()
    world.database.before_batch = broken
    failed = world.send("s1")
    point = world.calls.points[-1][0]
    assert point[7] == failed.json["request_id"]
    assert re.fullmatch(r"KeyError \(\w+, line \d+ of notification/[\w/]+\.py\)", point[8])
    assert "ada" not in point[8]
    for _ in range(4):
        world.send("s1")
    world.database.before_batch = None
    [problem] = world.request("GET", "/health", signed=False).json["errors"]
    assert problem["code"] == "REQUESTS_FAILED"
    assert problem["message"].endswith(": 500 INTERNAL_ERROR"), "no place in the code is public"


def test_a_send_names_the_channels_whose_first_attempt_failed(world: World) -> None:
    world.configure("u1", "webhook")
    world.configure("u2", "webhook")
    world.calls.points.clear()
    world.endpoints.behave = lambda _: answer(500, "down")
    world.send("u1", ("webhook", "lark"))
    sends = [
        {"user_id": user, "channels": ["webhook"], "custom_content": {"content": "x"}}
        for user in ("u1", "u2")
    ]
    world.request("POST", "/api/notifications/batch", {"notifications": sends})
    told = [(point[0][5], point[0][9]) for point in world.calls.points]
    # Nobody has configured lark for u1: that is no failure of the service.
    assert told == [("webhook,lark", "webhook"), ("webhook", "webhook")]


def test_without_a_data_set_requests_are_answered_as_before(world: World) -> None:
    world.calls = None  # type: ignore[assignment]
    assert world.request("GET", "/health", signed=False).status == 200


def test_a_signed_call_names_the_id_of_its_key_and_never_the_key(world: World) -> None:
    old, new = "an-old-secret-of-more-than-32-characters", API_KEY
    world.environment["API_SECRET_KEY_PREVIOUS"] = old
    for key in (new, old):
        assert world.request("GET", "/api/queue/status", key=key).status == 200
    world.request("GET", "/api/queue/status", key="another-key-of-more-than-32-characters")
    world.request("GET", "/health", signed=False)
    ids = [point[0][6] for point in world.calls.points]
    assert ids == [signing_key_id(new), signing_key_id(old), "", ""]
    assert ids[0] != ids[1]
    lines = world.log_sink.of_type("api_request")
    assert [line.get("keyId", "") for line in lines] == ids
    assert not any(key in json.dumps(lines) for key in (new, old))
