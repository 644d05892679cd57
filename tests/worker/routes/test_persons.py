"""Exporting and erasing what is kept about a person."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlencode

import pytest

from notification.identity import MessageKey, new_keys
from notification.storage.person_rows import read_person
from tests.worker.endpoints import answer
from tests.worker.world import World

PATH = "/api/users/ada"


@pytest.fixture
def ada(world: World) -> World:
    """Two notifications of ada, one with a key, and one of somebody else."""
    world.configure("ada", webhook_url="https://hooks.example.com/in", secret="whsec-very-secret")
    world.configure("bob")
    world.send("ada", idempotency_key="k1", metadata={"order": 1})
    world.clock.ms += 1
    world.send("ada")
    world.send("bob", idempotency_key="k1")
    return world


@pytest.mark.requirement("C-0.22")
def test_the_export_holds_everything_about_one_person_only(ada: World) -> None:
    until = {"until": "2026-01-02T00:00:00Z", "reason": "on holiday"}
    for user in ("ada", "bob"):
        assert ada.request("PUT", f"/api/holds/slack?user_id={user}", until).status == 200
    exported = ada.request("GET", f"{PATH}/export")
    assert exported.status == 200
    data = exported.json["data"]
    assert data["user_id"] == "ada"
    [config] = data["configs"]
    assert config["config_data"] == {
        "webhook_url": "https://hooks.example.com/in",
        "secret": "whse…",
    }
    own = [row["message_id"] for row in ada.logs() if row["user_id"] == "ada"]
    assert [n["message_id"] for n in data["notifications"]] == own
    assert data["notifications"][0]["metadata"] == {"order": 1}
    assert data["notifications"][0]["content"] == "Shipped"
    [key] = data["idempotency_keys"]
    assert (key["idempotency_key"], key["message_ids"]) == ("k1", own[:1])
    [hold] = data["holds"]
    assert (hold["channel_type"], hold["reason"]) == ("slack", "on holiday")
    assert data["next_after"] is None
    assert "bob" not in exported.text
    assert "very-secret" not in exported.text


@pytest.mark.requirement("C-0.22")
@pytest.mark.parametrize("count", [999, 1_000, 1_998, 2_001])
def test_the_export_holds_every_key(ada: World, count: int) -> None:
    ada.database.connection.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO idempotency_keys (user_id, idempotency_key, message_ids, expires_at)"
        " SELECT 'ada', 'n' || i, '[]', '2026-01-02T00:00:00.000Z' FROM n",
        (count,),
    )
    before = ada.database.calls
    keys = ada.request("GET", f"{PATH}/export?limit=1").json["data"]["idempotency_keys"]
    assert len({key["idempotency_key"] for key in keys}) == len(keys) == count + 1
    assert ada.database.calls - before == 1 + (count + 1) // 1_000
    first = ada.logs()[0]["id"]
    assert ada.request("GET", f"{PATH}/export?after={first}").status == 200
    assert ada.database.calls - before == 2 + (count + 1) // 1_000


@pytest.mark.parametrize(("after", "read"), [(0, 20_000), (1, 1_000)])
def test_one_export_reads_at_most_twenty_pages_of_keys(ada: World, after: int, read: int) -> None:
    ada.database.connection.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20100)"
        " INSERT INTO idempotency_keys (user_id, idempotency_key, message_ids, expires_at)"
        " SELECT 'ada', 'n' || i, '[]', '2026-01-02T00:00:00.000Z' FROM n"
    )
    found = ada.run(read_person(ada.platform().database, "ada", after=after, after_key="", limit=1))
    assert len({row["idempotency_key"] for row in found.keys}) == len(found.keys) == read


@pytest.mark.requirement("C-0.22")
@pytest.mark.parametrize("count", [19_998, 19_999, 20_000, 41_000])
def test_an_export_is_paged_until_every_key_has_come(ada: World, count: int) -> None:
    """Beyond the twenty pages of one answer, with and without notifications left."""
    ada.database.connection.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO idempotency_keys (user_id, idempotency_key, message_ids, expires_at)"
        " SELECT 'ada', 'n&' || i, '[]', '2026-01-02T00:00:00.000Z' FROM n",
        (count,),
    )
    keys, logs = Counter[str](), Counter[int]()
    query: dict[str, object] | None = {"limit": 1000}
    while query is not None:
        page = ada.request("GET", f"{PATH}/export?{urlencode(query)}").json["data"]
        keys.update(key["idempotency_key"] for key in page["idempotency_keys"])
        logs.update(row["id"] for row in page["notifications"])
        following = {"after": page["next_after"], "after_key": page["next_key"]}
        named = {name: value for name, value in following.items() if value is not None}
        assert ("after" in named) == bool(named)
        query = {"limit": 1000, **named} if named else None
    assert len(keys) == count + 1
    assert set(keys.values()) == {1}
    assert sorted(logs) == sorted(row["id"] for row in ada.logs() if row["user_id"] == "ada")
    assert set(logs.values()) == {1}


def test_a_long_export_comes_in_pages(ada: World) -> None:
    first = ada.request("GET", f"{PATH}/export?limit=1").json["data"]
    second = ada.request("GET", f"{PATH}/export?limit=1&after={first['next_after']}").json["data"]
    third = ada.request("GET", f"{PATH}/export?limit=1&after={second['next_after']}").json["data"]
    contents = [[n["id"] for n in page["notifications"]] for page in (first, second, third)]
    ids = [row["id"] for row in ada.logs() if row["user_id"] == "ada"]
    assert contents == [ids[:1], ids[1:], []]
    assert third["next_after"] is None


@pytest.mark.requirement("C-0.22")
def test_erasure_leaves_nothing_and_touches_nobody_else(ada: World) -> None:
    ada.request("GET", "/api/user-configs?user_id=ada&channel_type=webhook")
    assert [key for key in ada.cache.values if ":ada:" in key]
    erased = ada.request("DELETE", PATH)
    assert erased.status == 200
    assert erased.json["data"] == {
        "user_id": "ada",
        "deleted": {"configs": 1, "notifications": 2, "idempotency_keys": 1},
        "complete": True,
    }
    for table in ("user_configs", "notification_logs", "idempotency_keys"):
        users = {row["user_id"] for row in ada.database.rows(f"SELECT user_id FROM {table}")}  # noqa: S608 - test's own names
        assert users == {"bob"}
    assert not [key for key in ada.cache.values if ":ada:" in key]
    assert ada.send("ada").code == "USER_NO_CHANNELS"


def test_a_name_of_any_letters_is_erased(world: World) -> None:
    world.configure("张三 a")
    assert world.request("DELETE", "/api/users/%E5%BC%A0%E4%B8%89%20a").status == 200


@pytest.mark.requirement("C-0.22", "C-0.14")
def test_what_is_in_flight_stops_an_erasure_unless_it_is_forced(ada: World) -> None:
    ada.endpoints.behave = lambda request: answer(500)
    ada.send("ada")
    refused = ada.request("DELETE", PATH)
    assert (refused.status, refused.code) == (409, "LOG_IN_FLIGHT")
    assert ada.request("GET", f"{PATH}/export").json["data"]["configs"] != []
    forced = ada.request("DELETE", f"{PATH}?force=true")
    assert forced.json["data"]["deleted"]["notifications"] == 3
    ada.clock.ms += 60_000
    received = len(ada.endpoints.received)
    assert [m.outcome for m in ada.deliver_queues()] == ["acknowledged"]
    assert len(ada.endpoints.received) == received


def test_many_notifications_go_in_several_requests(world: World) -> None:
    values = [(key.row_id, key.message_id) for key in _keys(world, 21_001)]
    world.database.connection.executemany(
        "INSERT INTO notification_logs (id, message_id, user_id, channel_type, status, sent_at)"
        " VALUES (?, ?, 'ada', 'webhook', 'sent', 'x')",
        values,
    )
    first = world.request("DELETE", PATH).json
    assert first["data"]["deleted"]["notifications"] == 20_000
    assert first["data"]["complete"] is False
    assert "repeat the request" in first["message"]
    assert world.request("DELETE", PATH).json["data"]["deleted"]["notifications"] == 1_001
    assert world.logs() == []


def _keys(world: World, count: int) -> list[MessageKey]:
    return [new_keys(world.clock.ms + n, ["webhook"], world.randomness)[0] for n in range(count)]


def test_an_unknown_person_is_404(world: World) -> None:
    for method, path in (("DELETE", PATH), ("GET", f"{PATH}/export")):
        missing = world.request(method, path)
        assert (missing.status, missing.code) == (404, "NOT_FOUND")


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "after=-1", "after=x"])
def test_a_wrong_page_is_400(ada: World, query: str) -> None:
    assert ada.request("GET", f"{PATH}/export?{query}").status == 400


def test_both_need_a_signature(ada: World) -> None:
    assert ada.request("DELETE", PATH, signed=False).status == 401
    assert ada.request("GET", f"{PATH}/export", signed=False).status == 401


def test_a_cache_that_fails_does_not_stop_an_erasure(ada: World) -> None:
    async def fail(key: str) -> None:
        raise RuntimeError("down")

    ada.cache.delete = fail
    assert ada.request("DELETE", PATH).json["data"]["complete"] is True


def test_no_statement_scans_a_table(ada: World) -> None:
    ada.database.statements.clear()
    ada.request("GET", f"{PATH}/export")
    ada.request("DELETE", PATH)
    for statement in ada.database.statements:
        for step in ada.database.plan(statement):
            assert not step.startswith("SCAN"), (statement.sql, step)
