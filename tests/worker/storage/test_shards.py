"""Users spread over several databases: served, kept apart, merged, and refused while they move."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from notification.app.platform import IsolateMemory
from notification.delivery import releases
from notification.identity import MAX_SHARDS, new_keys
from notification.metrics.rollup_rows import NEWEST_HOUR
from notification.placement import KEY, Placement, parse_placement, shard_of
from notification.ports.database import DatabaseError, Statement
from notification.ports.outbound import OutboundAnswer, OutboundRequest
from notification.ports.platform import VersionMetadata
from notification.schema.migration_files import MIGRATIONS
from notification.storage.log_rows import MAX_CHANGES
from notification.storage.shards import MAX_MERGED, PLACEMENT_TTL_MS
from notification.tasks import key_rotation, requeue
from notification.timestamps import from_iso
from tests.worker.caller import Answer
from tests.worker.endpoints import answer
from tests.worker.surroundings import START_MS, SeededRandomness
from tests.worker.world import ENDPOINT, World

USERS = ("dan", "bob", "u3")
"""A user on each of three databases: 2, 1 and 0. From two to three, dan moves."""
OF_USERS = (
    "user_configs",
    "notification_logs",
    "idempotency_keys",
    "channel_holds",
    "endpoint_lines",
)
OF_NOBODY = (
    "notification_templates_v2",
    "template_contents",
    "system_configs",
    "scheduled_tasks",
    "task_execution_records",
    "notification_rollups",
)
MINUTE = 60_000


@pytest.fixture
def spread() -> World:
    """An installation over three databases with a user on each."""
    world = World(shards=3)
    for database in databases(world):
        database.before_batch = not_empty
    for user in USERS:
        world.configure(user)
    return world


def databases(world: World) -> list[Any]:
    return [world.database, *world.further]


def not_empty(statements: Sequence[Statement]) -> None:
    """D1 refuses a batch without statements."""
    assert statements


def broken(statements: Sequence[Statement]) -> None:
    raise DatabaseError("down")


# Placement


def test_every_release_places_a_user_alike() -> None:
    placed = {user: [shard_of(user, n) for n in range(1, 9)] for user in ("ann", "eve", "Жанна")}
    assert placed == {
        "ann": [0, 0, 2, 2, 4, 5, 5, 5],
        "eve": [0, 1, 1, 1, 4, 5, 5, 7],
        "Жанна": [shard_of("Жанна", n) for n in range(1, 9)],
    }


@pytest.mark.parametrize("n", range(1, 8))
def test_one_more_database_takes_its_share_and_moves_nobody_else(n: int) -> None:
    users = [f"user-{number}" for number in range(4_000)]
    before = {user: shard_of(user, n) for user in users}
    after = {user: shard_of(user, n + 1) for user in users}
    moved = {user for user in users if before[user] != after[user]}
    assert all(after[user] == n for user in moved)
    assert len(moved) == pytest.approx(len(users) / (n + 1), rel=0.15)


def test_the_record_reads_as_it_was_written() -> None:
    for placement in (Placement(), Placement(8), Placement(3, 2)):
        assert parse_placement(placement.text()) == placement
    assert parse_placement("") == Placement(1)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "3",
        "null",
        "[3]",
        "three",
        '{"n": 0, "moving_to": null}',
        '{"n": 9, "moving_to": null}',
        '{"n": true, "moving_to": null}',
        '{"n": 2.0, "moving_to": null}',
        '{"n": 2}',
        '{"n": 2, "moving_to": 0}',
        '{"n": 2, "moving_to": null, "more": 1}',
        "[" * 100_000,
    ],
)
def test_a_malformed_record_is_never_read_as_absent(spread: World, text: str) -> None:
    with pytest.raises(ValueError, match="'shards' must be like"):
        parse_placement(text)
    spread.database.connection.execute(
        "UPDATE system_configs SET config_value = ?1 WHERE config_key = ?2", (text, KEY)
    )
    spread.clock.ms += PLACEMENT_TTL_MS
    refused = spread.send("dan")
    assert (refused.status, refused.code) == (503, "DB_ERROR")
    assert "'shards' must be like" in refused.text
    health = spread.request("GET", "/health")
    assert health.status == 503
    assert "'shards' must be like" in health.text


def test_more_databases_than_are_bound_are_refused(spread: World) -> None:
    spread.place(Placement(4))
    spread.clock.ms += PLACEMENT_TTL_MS
    refused = spread.send("u3")
    assert refused.status == 503
    assert "over 4 databases, and 3 are bound" in refused.text


def test_one_database_never_asks_where_users_are() -> None:
    world = World()
    world.place(Placement(3, 2))
    world.configure("dan")
    assert world.send("dan").status == 200
    assert not any(KEY in each.parameters for each in world.database.statements)


def test_the_record_is_read_once_in_its_time(spread: World) -> None:
    spread.clock.ms += PLACEMENT_TTL_MS
    before = len(spread.database.statements)
    for _ in range(5):
        for user in USERS:
            assert spread.send(user).status == 200
    spread.clock.ms += PLACEMENT_TTL_MS - 1
    spread.send("dan")
    reads = [each for each in spread.database.statements[before:] if KEY in each.parameters]
    assert len(reads) == 1
    spread.clock.ms += 1
    spread.send("dan")
    reads = [each for each in spread.database.statements[before:] if KEY in each.parameters]
    assert len(reads) == 2


# Each user's rows in one database


def returning(refusal: OutboundAnswer) -> Callable[[OutboundRequest], OutboundAnswer]:
    return lambda _: refusal


def use_everything(world: World, users: Sequence[str]) -> None:
    """Call what the service offers: for each of the users, and across them."""
    template = {
        "template_key": "greeting",
        "template_name": "Greeting",
        "contents": {"webhook": {"content_template": "Hi {{name}}"}},
    }
    world.request("POST", "/api/templates", template)
    alert = {"receiver": "", "status": "firing", "alerts": [{"status": "firing", "labels": {}}]}
    for user in users:
        world.configure(user)
        world.send(user, idempotency_key="k")
        world.send(user, idempotency_key="k")
        world.request(
            "POST",
            "/api/notifications/send",
            {"user_id": user, "channels": ["webhook"], "template_key": "greeting"},
        )
        world.request("POST", f"/web_hook/bridge/{user}/webhook", {"text": "Hi"})
        world.request("POST", "/api/webhooks/grafana", {**alert, "receiver": user})
        later = {"until": "2026-01-01T01:00:00Z"}
        world.request("PUT", f"/api/holds/webhook?user_id={user}", later)
        world.send(user)
        world.request("DELETE", f"/api/holds/webhook?user_id={user}")
        for refusal in (answer(429, **{"retry-after": "2"}), answer(500), answer(404)):
            world.endpoints.behave = returning(refusal)
            world.send(user)
            world.clock.ms += MINUTE
        world.endpoints.behave = lambda _: answer(200)
        world.request("GET", f"/api/notification-logs?user_id={user}")
        world.request("GET", f"/api/user-configs?user_id={user}")
        world.request("GET", f"/metrics?user_id={user}")
        world.request("GET", f"/api/users/{user}/export")
        world.request("POST", "/api/notifications/retry", {"user_id": user})
    world.request(
        "POST",
        "/api/notifications/batch",
        {"user_ids": list(users), "channels": ["webhook"], "custom_content": {"content": "Hi"}},
    )
    world.request("PUT", "/api/holds/webhook", {"until": "2026-01-02T00:00:00Z"})
    world.request("DELETE", "/api/holds/webhook")
    for method, path, body in (
        ("GET", "/health", None),
        ("GET", "/api/notification-logs?limit=5&offset=2", None),
        ("GET", "/api/notification-logs?channel=webhook", None),
        ("GET", "/api/notification-logs/changes", None),
        ("GET", "/api/notification-logs/changes?after=5&watch=7", None),
        ("GET", "/api/notification-logs/5", None),
        ("DELETE", "/api/notification-logs/5", None),
        ("GET", "/api/user-configs", None),
        ("GET", "/api/templates", None),
        ("GET", "/api/holds", None),
        ("GET", "/metrics", None),
        ("GET", "/metrics?format=prometheus", None),
        ("GET", "/api/stats/overview", None),
        ("GET", "/api/queue/status", None),
        ("GET", "/api/deployment/versions", None),
        ("POST", "/api/notifications/retry", {}),
        ("POST", "/api/notifications/retry", {"log_id": 5}),
        ("POST", "/api/queue/discard-failed", {"taskIds": [5]}),
        ("POST", "/api/queue/purge-test-data", {"dryRun": True}),
        ("POST", "/api/queue/purge-test-data", {}),
    ):
        assert world.request(method, path, body).status < 500, path
    for _ in range(3):
        world.clock.ms += 65 * MINUTE
        world.deliver_queues()
        world.cron()
    world.request("POST", "/api/queue/clear-retries", {})
    world.request("DELETE", "/api/notification-logs/cleanup?days=0")
    for user in users:
        world.request("DELETE", f"/api/users/{user}?force=true")


def tables_of(sql: str, names: Sequence[str]) -> bool:
    return re.search(rf"\b({'|'.join(names)})\b", sql) is not None


def test_what_is_asked_of_one_database_about_users_is_asked_of_each(spread: World) -> None:
    """A statement that only the first database got would miss the users of the others."""
    use_everything(spread, USERS)
    # A line stands in one database, whoever's users wait in it.
    of_each = [table for table in OF_USERS if table != "endpoint_lines"]
    asked = [
        {each.sql for each in database.statements if tables_of(each.sql, of_each)}
        for database in databases(spread)
    ]
    assert len(asked[0]) > 60, "the traffic has lost its way"
    # A template is confirmed by the batch that writes in the first database alone.
    for others in asked[1:]:
        assert asked[0] - others == set()
        assert others - asked[0] == set()


def test_what_is_nobodys_is_asked_of_the_first_database_alone(spread: World) -> None:
    use_everything(spread, USERS)
    first, *others = (
        {each.sql for each in database.statements if tables_of(each.sql, OF_NOBODY)}
        for database in databases(spread)
    )
    assert len(first) > 15
    for other in others:
        # The condition of a batch that writes names the template's table, and gets none to look up.
        assert {sql for sql in other if "INSERT INTO notification_logs" not in sql} - {
            sql for sql in other if "INSERT INTO idempotency_keys" in sql
        } == set()


def test_every_row_lies_where_its_user_belongs(spread: World) -> None:
    found: dict[int, set[str]] = defaultdict(set)

    def look(shard: int) -> Callable[[Sequence[Statement]], None]:
        def looked(_: Sequence[Statement]) -> None:
            for table in ("user_configs", "notification_logs", "idempotency_keys"):
                rows = databases(spread)[shard].rows(f"SELECT user_id FROM {table}")  # noqa: S608 - constants
                found[shard] |= {row["user_id"] for row in rows}

        return looked

    for shard, database in enumerate(databases(spread)):
        database.after_batch = look(shard)
    use_everything(spread, USERS)
    assert found == {2: {"dan"}, 1: {"bob"}, 0: {"u3"}}


def test_ids_never_collide_between_databases() -> None:
    randomness = SeededRandomness()
    ids = [
        {key.row_id for key in new_keys(START_MS, ["webhook"] * 1_000, randomness, shard)}
        for shard in range(MAX_SHARDS)
    ]
    assert [len(each) for each in ids] == [1_000] * MAX_SHARDS
    assert len(set().union(*ids)) == 1_000 * MAX_SHARDS


def test_configurations_get_ids_that_no_other_database_gives(spread: World) -> None:
    for number in range(60):
        spread.configure(f"user-{number}")
    ids = [row["id"] for row in spread.rows("SELECT id FROM user_configs")]
    assert len(set(ids)) == len(ids) == 63


# Across users


def test_lists_are_merged_in_their_order_and_paged(spread: World) -> None:
    for number in range(12):
        spread.clock.ms += 1
        spread.send(USERS[number % 3], metadata={"number": number})
    whole = spread.request("GET", "/api/notification-logs").json["data"]
    assert [row["metadata"]["number"] for row in whole["logs"]] == [*range(11, -1, -1)]
    assert whole["total"] == 12
    pages = [
        spread.request("GET", f"/api/notification-logs?limit=5&offset={offset}").json["data"]
        for offset in (0, 5, 10, 15)
    ]
    assert [row["id"] for page in pages for row in page["logs"]] == [
        row["id"] for row in whole["logs"]
    ]
    assert [len(page["logs"]) for page in pages] == [5, 5, 2, 0]
    configs = spread.request("GET", "/api/user-configs?limit=2&offset=1").json
    assert [row["user_id"] for row in configs["data"]] == [
        row["user_id"] for row in spread.rows("SELECT * FROM user_configs")[1:3]
    ]
    assert configs["meta"]["total"] == 3
    beyond = spread.request("GET", f"/api/notification-logs?offset={MAX_MERGED}")
    assert (beyond.status, beyond.code) == (400, "INVALID_PARAMETER")
    one = spread.request("GET", f"/api/notification-logs?user_id=dan&offset={MAX_MERGED}")
    assert one.status == 200


@pytest.mark.parametrize("shard", range(3))
@pytest.mark.parametrize(
    "path",
    [
        "/api/notification-logs",
        "/api/notification-logs/5",
        "/api/notification-logs/changes",
        "/api/user-configs",
        "/api/holds",
        "/metrics",
        "/api/queue/status",
        "/api/deployment/versions",
    ],
)
def test_a_database_that_fails_makes_an_answer_an_error_and_no_shorter_list(
    spread: World, path: str, shard: int
) -> None:
    databases(spread)[shard].before_batch = broken
    assert spread.request("GET", path).status == 503


@pytest.mark.parametrize("shard", range(3))
def test_health_tells_of_any_database_that_fails(spread: World, shard: int) -> None:
    assert spread.request("GET", "/health").json["database"] == "connected"
    databases(spread)[shard].before_batch = broken
    health = spread.request("GET", "/health")
    assert (health.status, health.json["database"]) == (503, "disconnected")


def test_a_database_that_fails_fails_its_own_users_alone(spread: World) -> None:
    spread.send("u3")
    spread.further[1].before_batch = broken
    assert [spread.send(user).status for user in USERS] == [503, 200, 200]
    body = {
        "user_ids": list(USERS),
        "channels": ["webhook"],
        "custom_content": {"content": "Hi"},
    }
    results = spread.request("POST", "/api/notifications/batch", body).json["results"]
    assert [each["success"] for each in results] == [False, True, True]


def test_the_oldest_failures_of_all_are_retried_first(spread: World) -> None:
    spread.endpoints.behave = lambda _: answer(404)
    order = []
    for number in range(9):
        spread.clock.ms += 1
        order.append(spread.send(USERS[number % 3]).json["results"][0]["logId"])
    spread.endpoints.behave = lambda _: answer(200)
    body: dict[str, Any] = {"channel": "webhook", "limit": 4}
    first = spread.request("POST", "/api/notifications/retry", body).json["data"]
    assert (first["matched"], first["queued"], first["next"]) == (9, 4, order[3])
    assert [row["id"] for row in spread.logs() if row["redrives"]] == order[:4]
    rest = {**body, "limit": 10, "cursor": first["next"]}
    second = spread.request("POST", "/api/notifications/retry", rest).json["data"]
    assert (second["matched"], second["queued"], second["next"]) == (5, 5, None)
    for _ in range(4):
        spread.deliver_queues()
        spread.clock.ms += MINUTE
    assert {row["status"] for row in spread.logs()} == {"sent"}


def test_a_hold_of_everybody_holds_everybody(spread: World) -> None:
    held = spread.request("PUT", "/api/holds/webhook", {"until": "2026-01-01T01:00:00Z"})
    assert held.status == 200
    for user in USERS:
        spread.send(user)
    assert spread.endpoints.received == []
    listed = spread.request("GET", "/api/holds").json["data"]
    assert ([hold["user_id"] for hold in listed["holds"]], listed["waiting"]) == (
        [None],
        {"webhook": 3},
    )
    freed = spread.request("DELETE", "/api/holds/webhook").json["data"]
    assert freed["released"] == 3
    spread.clock.ms += MINUTE
    spread.deliver_queues()
    assert len(spread.endpoints.received) == 3
    assert spread.request("DELETE", "/api/holds/webhook").status == 404


def test_a_template_that_changes_counts_at_once_for_everybody(spread: World) -> None:
    for text in ("One", "Two"):
        template = {
            "template_key": "note",
            "template_name": "Note",
            "contents": {"webhook": {"content_template": text}},
        }
        spread.clock.ms += 1
        sending, spread.memory = spread.memory, IsolateMemory()
        assert spread.request("POST", "/api/templates", template).status in (200, 201)
        # Another isolate than the one that has changed the template.
        spread.memory = sending
        for user in USERS:
            body = {"user_id": user, "channels": ["webhook"], "template_key": "note"}
            assert spread.request("POST", "/api/notifications/send", body).status == 200
    assert [row["content"] for row in spread.logs()] == ["One"] * 3 + ["Two"] * 3


def test_an_endpoint_that_asks_for_time_gets_it_from_the_users_of_all_databases(
    spread: World,
) -> None:
    spread.endpoints.behave = lambda _: answer(429, **{"retry-after": "60"})
    spread.send("dan")
    spread.endpoints.behave = lambda _: answer(200)
    for user in USERS:
        spread.send(user)
    assert len(spread.endpoints.received) == 1
    spread.clock.ms += 2 * MINUTE
    spread.deliver_queues()
    assert [request.url for _, request in spread.endpoints.received] == [ENDPOINT] * 5
    assert {row["status"] for row in spread.logs()} == {"sent"}


# While users move


def test_a_user_who_moves_is_refused_for_a_while_and_others_are_served(spread: World) -> None:
    spread.place(Placement(3, 2))
    spread.clock.ms += PLACEMENT_TTL_MS
    answers = {user: spread.send(user) for user in USERS}
    assert {user: each.status for user, each in answers.items()} == {
        "dan": 503,
        "bob": 200,
        "u3": 200,
    }
    assert answers["dan"].code == "MAINTENANCE"
    assert answers["dan"].headers["Retry-After"] == "60"
    body = {"user_ids": list(USERS), "channels": ["webhook"], "custom_content": {"content": "Hi"}}
    results = spread.request("POST", "/api/notifications/batch", body).json["results"]
    assert [each.get("code") for each in results] == ["MAINTENANCE", None, None]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/queue/clear-retries", {}),
        ("POST", "/api/queue/discard-failed", {"taskIds": [5]}),
        ("POST", "/api/notifications/retry", {"channel": "webhook"}),
        ("DELETE", "/api/notification-logs/5", None),
        ("DELETE", "/api/notification-logs/cleanup?days=1", None),
        ("PUT", "/api/holds/webhook", {"until": "2026-01-01T01:00:00Z"}),
        ("DELETE", "/api/holds/webhook", None),
        ("DELETE", "/api/users/dan?force=true", None),
        ("PUT", "/api/users/dan/configs/webhook", {"config_data": {"webhook_url": ENDPOINT}}),
    ],
)
def test_nothing_changes_the_rows_of_those_who_move(
    spread: World, method: str, path: str, body: dict[str, Any] | None
) -> None:
    spread.place(Placement(3, 2))
    spread.clock.ms += PLACEMENT_TTL_MS
    for database in databases(spread):
        database.statements.clear()
    refused = spread.request(method, path, body)
    assert (refused.status, refused.code) == (503, "MAINTENANCE")
    written = [e.sql for d in databases(spread) for e in d.statements if "SELECT" not in e.sql[:9]]
    assert written == []


def test_messages_of_those_who_move_come_again_later(spread: World) -> None:
    spread.endpoints.behave = lambda _: answer(500)
    for user in USERS:
        spread.send(user)
    spread.endpoints.behave = lambda _: answer(200)
    spread.place(Placement(3, 2))
    spread.clock.ms += MINUTE
    handled = spread.deliver_queues()
    assert sorted(str(each.outcome) for each in handled) == ["60", "acknowledged", "acknowledged"]
    assert {row["user_id"]: row["status"] for row in spread.logs()} == {
        "dan": "retry",
        "bob": "sent",
        "u3": "sent",
    }
    spread.place(Placement(3))
    spread.clock.ms += MINUTE + PLACEMENT_TTL_MS
    spread.deliver_queues()
    assert {row["status"] for row in spread.logs()} == {"sent"}


def test_the_cron_leaves_rows_alone_while_users_move_and_catches_up(spread: World) -> None:
    spread.endpoints.behave = lambda _: answer(500)
    for user in USERS:
        spread.send(user)
    spread.retry_queue.waiting.clear()
    spread.place(Placement(3, 2))
    spread.clock.ms += 10 * MINUTE
    rows = spread.logs()
    spread.cron()
    assert spread.logs() == rows
    assert [
        task["error"]
        for task in spread.database.rows(
            "SELECT error FROM task_execution_records WHERE task_name = 'data_cleanup'"
        )
        if "paused" in str(task["error"])
    ]
    spread.place(Placement(3))
    spread.endpoints.behave = lambda _: answer(200)
    spread.clock.ms += 10 * MINUTE
    spread.cron()
    spread.deliver_queues()
    assert {row["status"] for row in spread.logs()} == {"sent"}


def test_each_database_is_swept_from_where_its_last_sweep_ended(spread: World) -> None:
    """Else what one of them has behind it would be left in the others."""
    spread.send("bob")
    row = spread.logs()[0]["id"]
    connection = spread.further[0].connection
    connection.execute("UPDATE notification_logs SET status = 'pending', sent_at = NULL")
    connection.execute("UPDATE notification_logs SET lease_until = '2026-01-01T00:10:00.000Z'")
    for _ in range(4):
        spread.clock.ms += 5 * MINUTE
        spread.cron()
        for _ in range(2):
            spread.clock.ms += MINUTE
            spread.deliver_queues()
    assert [(each["id"], each["status"]) for each in spread.logs()] == [(row, "sent")]


def test_a_message_whose_row_no_database_can_be_asked_for_comes_again(spread: World) -> None:
    spread.endpoints.behave = lambda _: answer(500)
    spread.send("dan")
    spread.clock.ms += MINUTE
    spread.further[0].before_batch = broken
    [delivered] = spread.deliver_queues()
    assert delivered.outcome == 30


def test_a_batch_looks_where_users_are_before_it_turns_to_each_database(spread: World) -> None:
    """The attempts for one database may take longer than a mover waits."""

    def slow(_: OutboundRequest) -> OutboundAnswer:
        spread.place(Placement(3, 2))
        spread.clock.ms += PLACEMENT_TTL_MS
        return answer(200)

    spread.endpoints.behave = slow
    body = {
        "user_ids": ["u3", "dan", "bob"],
        "channels": ["webhook"],
        "custom_content": {"content": "Hi"},
    }
    results = spread.request("POST", "/api/notifications/batch", body).json["results"]
    assert [each.get("code") for each in results] == [None, "MAINTENANCE", None]
    assert {row["user_id"] for row in spread.logs()} == {"u3", "bob"}


def test_databases_share_the_first_attempts_of_a_batch(spread: World) -> None:
    body = {
        "user_ids": [f"user-{number}" for number in range(60)],
        "channels": ["webhook"],
        "custom_content": {"content": "Hi"},
    }
    for user in body["user_ids"]:
        spread.configure(user)
    results = spread.request("POST", "/api/notifications/batch", body).json["results"]
    statuses = [each["results"][0]["status"] for each in results]
    # Each further database takes four of the calls.
    assert statuses.count("sent") == 36
    assert set(statuses) == {"sent", "pending"}
    for _ in range(5):
        spread.deliver_queues()
        spread.clock.ms += MINUTE
    assert {row["status"] for row in spread.logs()} == {"sent"}


# As with one database

IDS = {"id", "message_id", "messageId", "logId", "request_id", "newest", "duration", "durationMs"}
READS = (
    "/api/notification-logs",
    "/api/notification-logs?channel=webhook&limit=7&offset=3",
    "/api/notification-logs?status=failed",
    "/api/notification-logs?status=retry",
    "/api/notification-logs/changes?after=1",
    "/api/user-configs?limit=2&offset=1",
    "/api/holds",
    "/api/queue/status",
    "/api/deployment/versions?minutes=1440",
    "/metrics",
    "/metrics?days=90",
    "/api/stats/overview",
    "/api/stats/series?metric=errors",
    "/api/stats/series?metric=p95_response_time",
)


def without_ids(value: Any) -> Any:
    """The value without what is random: ids, and how long a run took."""
    if isinstance(value, dict):
        return {name: without_ids(each) for name, each in value.items() if name not in IDS}
    return [without_ids(each) for each in value] if isinstance(value, list) else value


class EvenRandomness(SeededRandomness):
    """Waits are the same, whatever else was drawn before."""

    def token_bytes(self, count: int) -> bytes:
        return b"\x80\x00" if count == 2 else super().token_bytes(count)


def busy(shards: int) -> World:
    """An installation after a day of failures, retries, holds and roll-ups for three users."""
    world = World(shards=shards)
    world.randomness = EvenRandomness()
    for number, user in enumerate(USERS):
        world.clock.ms += 1_000
        world.configure(user, webhook_url=f"{ENDPOINT}/{number}")
    for hour in range(3):
        for user in USERS:
            for refusal in (answer(200), answer(404), answer(503)):
                world.endpoints.behave = returning(refusal)
                world.clock.ms += 1_000
                world.send(user)
        world.running = VersionMetadata(f"version-{hour}", "tag", "")
        world.clock.ms += 10 * MINUTE
        world.deliver_queues()
        world.clock.ms += 50 * MINUTE
        world.cron()
    for user in USERS:
        world.clock.ms += 1_000
        world.endpoints.behave = returning(answer(500))
        world.send(user)
        until = {"until": "2026-01-02T00:00:00Z"}
        world.request("PUT", f"/api/holds/webhook?user_id={user}", until)
        for _ in range(2):
            # Within one millisecond the even chance gives one id twice.
            world.clock.ms += 1_000
            world.send(user)
    return world


def scraped(world: World) -> list[str]:
    """The lines for Prometheus that count notifications and what they wait for."""
    text = world.request("GET", "/metrics?format=prometheus").text
    return [
        line
        for line in text.splitlines()
        if line.startswith("notification_") and "isolate" not in line
    ]


def test_answers_are_those_of_one_database() -> None:
    one, three = busy(1), busy(3)
    for path in READS:
        expected, found = (without_ids(w.request("GET", path).json) for w in (one, three))
        assert found == expected, path
    assert scraped(three) == scraped(one)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/queue/clear-retries", {}),
        ("/api/notifications/retry", {"channel": "webhook"}),
        ("/api/notifications/retry", {"channel": "webhook", "limit": 2}),
        ("/api/notifications/retry", {}),
        ("/api/queue/purge-test-data", {"testUserIds": [*USERS], "force": True, "dryRun": True}),
        ("/api/queue/purge-test-data", {"testUserIds": [*USERS], "force": True}),
        ("/api/scheduled-tasks/trigger", {"taskName": "data_cleanup"}),
        ("/api/scheduled-tasks/trigger", {"taskName": "monitoring"}),
        ("/api/scheduled-tasks/trigger", {"taskName": "key_rotation"}),
    ],
)
def test_what_is_done_for_all_is_what_one_database_does(path: str, body: dict[str, Any]) -> None:
    one, three = busy(1), busy(3)
    expected, found = (without_ids(w.request("POST", path, body).json) for w in (one, three))
    assert {**found, "data": {**found["data"], "next": 0}} == {
        **expected,
        "data": {**expected["data"], "next": 0},
    }
    assert found["data"] != {}
    columns = "user_id, status, retry_count, redrives, created_at, next_retry_at, last_error_code"
    sql = f"SELECT {columns} FROM notification_logs"  # noqa: S608 - a constant
    ordered = [sorted(map(str, world.rows(sql))) for world in (three, one)]
    assert ordered[0] == ordered[1]


def test_changes_are_the_newest_of_all_databases(spread: World) -> None:
    for number in range(120):
        spread.clock.ms += 1_000
        spread.send(USERS[number % 3])
    newest = [row["id"] for row in spread.logs()[-MAX_CHANGES:]]
    shown = spread.request("GET", "/api/notification-logs/changes?after=1").json["data"]
    assert [row["id"] for row in shown["logs"]] == newest[::-1]
    assert shown["newest"] == newest[-1]
    started = spread.request("GET", "/api/notification-logs/changes").json["data"]
    assert started == {"logs": [], "newest": newest[-1]}


def test_what_is_nobodys_can_be_asked_of_all_as_of_one(spread: World) -> None:
    everywhere = spread.platform().everywhere
    [newest] = spread.run(everywhere.batch([NEWEST_HOUR]))
    assert newest.rows == [{"newest": None}]


# What databases share, and what each has of its own


def setting(world: World, key: str, value: str) -> None:
    world.database.connection.execute(
        "INSERT INTO system_configs (config_key, config_value) VALUES (?1, ?2)", (key, value)
    )


def test_a_batch_is_refused_item_by_item_if_nobody_can_be_placed(spread: World) -> None:
    spread.clock.ms += PLACEMENT_TTL_MS
    spread.database.before_batch = broken
    body = {"user_ids": list(USERS), "channels": ["webhook"], "custom_content": {"content": "Hi"}}
    results = spread.request("POST", "/api/notifications/batch", body).json["results"]
    assert [each["code"] for each in results] == ["DB_ERROR"] * 3


def test_keys_rotate_in_each_database_from_where_it_was(
    spread: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_rotation, "PAGE", 1)
    monkeypatch.setattr(key_rotation, "_MAX_PAGES", 1)
    spread.clock.ms += 1_000
    for user in USERS:
        spread.configure(user, "slack", webhook_url="https://hooks.slack.com/services/T/B/x")
    spread.environment["ENCRYPT_KEY_PREVIOUS"] = spread.environment["ENCRYPT_KEY"]
    spread.environment["ENCRYPT_KEY"] = "another-key-of-thirty-two-bytes!"
    body = {"taskName": "key_rotation"}
    runs = [
        spread.request("POST", "/api/scheduled-tasks/trigger", body).json["data"] for _ in range(2)
    ]
    assert [run["resealed"] for run in runs] == [3, 3]
    assert list(runs[1]["rowsByKey"].values()) == [6]


def test_the_operators_are_told_wherever_they_are(spread: World) -> None:
    spread.configure("dan", webhook_url=f"{ENDPOINT}/operators")
    setting(spread, "alert_user_id", "dan")
    setting(spread, "max_retry_attempts", "0")
    spread.endpoints.behave = lambda request: answer(
        200 if request.url.endswith("/operators") else 500
    )
    spread.send("u3")
    spread.deliver_queues()
    told = [request for _, request in spread.endpoints.received if "operators" in request.url]
    assert len(told) == 1


def test_a_configuration_takes_another_id_if_its_first_one_is_taken(spread: World) -> None:
    slots = iter((b"\0\0", b"\0\0", b"\0\1"))

    class Slots(SeededRandomness):
        def token_bytes(self, count: int) -> bytes:
            return next(slots) if count == 2 else super().token_bytes(count)

    spread.clock.ms += 1_000
    spread.randomness = Slots()
    first, second = (spread.configure(user)["id"] for user in ("ann", "u1"))
    assert second - first == MAX_SHARDS


def test_what_a_request_costs_is_counted_over_all_databases(spread: World) -> None:
    lines = []
    for user in USERS:
        spread.send(user)
        lines.append(spread.log_sink.of_type("api_request")[-1])
    assert len({(line["d1_calls"], line["rows_written"]) for line in lines}) == 1
    assert lines[0]["rows_written"] >= 2


@pytest.mark.parametrize("user", USERS)
def test_a_line_is_counted_once(spread: World, user: str) -> None:
    spread.endpoints.behave = lambda _: answer(429, **{"retry-after": "60"})
    spread.send(user)
    text = spread.request("GET", "/metrics?format=prometheus").text
    assert 'notification_endpoint_lines{channel="webhook"} 1\n' in text


def test_databases_share_what_one_call_lets_go_on(
    spread: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "MAX_RELEASED", 6)
    spread.request("PUT", "/api/holds/webhook", {"until": "2026-01-01T01:00:00Z"})
    for user in USERS * 3:
        spread.clock.ms += 1_000
        spread.send(user)
    freed = spread.request("DELETE", "/api/holds/webhook").json["data"]
    assert freed["released"] == 6


def test_databases_share_what_one_sweep_queues(
    spread: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requeue, "PAGE", 3)
    spread.endpoints.behave = lambda _: answer(500)
    for user in USERS * 2:
        spread.clock.ms += 1_000
        spread.send(user)
    spread.retry_queue.waiting.clear()
    spread.clock.ms += 10 * MINUTE
    spread.cron()
    assert len(spread.retry_queue.waiting) == 3


def test_a_schema_is_valid_if_each_database_has_it(spread: World) -> None:
    for database in databases(spread):
        database.connection.execute("CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name)")
        database.connection.executemany(
            "INSERT INTO d1_migrations (name) VALUES (?1)", [(each.name,) for each in MIGRATIONS]
        )
    assert spread.request("GET", "/api/db/schema").json["data"]["isValid"] is True
    spread.further[1].connection.execute("DROP TABLE endpoint_paces")
    assert spread.request("GET", "/api/db/schema").json["data"]["isValid"] is False


# Endpoints that users of several databases share


def waits_until(answer: Answer) -> int:
    [result] = answer.json["results"]
    assert result["status"] == "retry_scheduled", result
    return from_iso(result["throttled_until"])


def due_by_age(world: World) -> list[int]:
    """In how many ms the notifications are due, the oldest first."""
    rows = sorted(world.logs(), key=lambda row: int(row["id"]))
    return [from_iso(row["next_retry_at"]) - world.clock.ms for row in rows]


def throttled(world: World) -> None:
    world.endpoints.behave = returning(answer(429, **{"retry-after": "60"}))


@pytest.mark.requirement("C-0.31")
@pytest.mark.parametrize("first", USERS)
def test_users_of_several_databases_wait_in_one_line(spread: World, first: str) -> None:
    throttled(spread)
    places = [waits_until(spread.send(first))]
    for user in USERS * 2:
        spread.clock.ms += 1_000
        places.append(waits_until(spread.send(user)))
    assert [place - START_MS for place in places] == [60_000 + 200 * n for n in range(7)]
    assert len(spread.endpoints.received) == 1


@pytest.mark.requirement("C-0.31")
def test_a_batch_takes_its_places_in_a_shared_line(spread: World) -> None:
    throttled(spread)
    spread.send("dan")
    users = USERS * 3
    body = {"user_ids": list(users), "custom_content": {"content": "Hi"}, "channels": ["webhook"]}
    results = spread.request("POST", "/api/notifications/batch", body).json["results"]
    places = sorted(from_iso(each["results"][0]["throttled_until"]) for each in results)
    assert [place - START_MS for place in places] == [60_200 + 200 * n for n in range(9)]


@pytest.mark.requirement("C-0.31")
def test_retries_of_several_databases_wait_in_one_line(spread: World) -> None:
    spread.endpoints.behave = returning(answer(500))
    for user in USERS:
        spread.send(user)
    throttled(spread)
    spread.send("bob")
    calls = len(spread.endpoints.received)
    spread.clock.ms += 50_000
    spread.deliver_queues()
    assert len(spread.endpoints.received) == calls, "an endpoint that asked for time was called"
    due = sorted(from_iso(row["next_retry_at"]) - START_MS for row in spread.logs())
    assert due == [60_000, 60_200, 60_400, 60_600]


@pytest.mark.requirement("C-0.31")
def test_a_line_ends_for_all_at_once(spread: World) -> None:
    throttled(spread)
    for user in USERS:
        spread.send(user)
    spread.endpoints.behave = returning(answer(200))
    spread.clock.ms += 60_599
    assert spread.send("dan").json["results"][0]["status"] == "retry_scheduled"
    spread.clock.ms += 201
    for user in USERS:
        assert spread.send(user).json["results"][0]["status"] == "sent"


def chats(world: World) -> None:
    """Give each of the users a chat of one bot."""
    for number, user in enumerate(USERS):
        world.configure(user, "telegram", bot_token="123456:" + "A" * 30, chat_id=1000 + number)


@pytest.mark.requirement("C-0.31")
def test_the_chats_of_a_bot_are_spaced_over_all_databases(spread: World) -> None:
    chats(spread)
    body = '{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":'
    spread.endpoints.behave = returning(answer(429, body + '{"retry_after":5}}'))
    places = [waits_until(spread.send(user, ["telegram"])) - START_MS for user in USERS]
    assert places == [5_000, 5_034, 5_068]


@pytest.mark.requirement("C-0.55")
@pytest.mark.parametrize("path", ["a", "b", "c", "d", "e"])
def test_what_a_hold_lets_go_keeps_the_pace_over_all_databases(spread: World, path: str) -> None:
    for user in USERS:
        spread.configure(user, webhook_url=f"{ENDPOINT}/{path}")
    spread.request("PUT", "/api/holds/webhook", {"until": "2026-01-01T01:00:00Z"})
    for user in USERS * 3:
        spread.clock.ms += 1_000
        spread.send(user)
    assert spread.request("DELETE", "/api/holds/webhook").json["data"]["released"] == 9
    assert due_by_age(spread) == [200 * place for place in range(9)]
    lines = spread.rows("SELECT interval_ms, burst FROM endpoint_lines")
    assert Counter((row["interval_ms"], row["burst"]) for row in lines) == {
        (200, 5): 1,
        (200, 0): 2,
    }


@pytest.mark.requirement("C-0.55")
def test_a_hold_that_ends_at_another_time_lets_the_oldest_of_all_databases_go_first(
    spread: World,
) -> None:
    spread.request("PUT", "/api/holds/webhook", {"until": "2026-01-01T01:00:00Z"})
    for user in USERS * 3:
        spread.clock.ms += 1_000
        spread.send(user)
    spread.request("PUT", "/api/holds/webhook", {"until": "2026-01-01T02:00:00Z"})
    until = from_iso("2026-01-01T02:00:00Z") - spread.clock.ms
    assert due_by_age(spread) == [until + 200 * place for place in range(9)]


@pytest.mark.requirement("C-0.55")
def test_what_one_database_has_let_go_is_woken_though_the_next_one_fails(spread: World) -> None:
    spread.request("PUT", "/api/holds/webhook", {"until": "2026-01-01T01:00:00Z"})
    for user in USERS * 2:
        spread.clock.ms += 1_000
        spread.send(user)
    spread.retry_queue.waiting.clear()
    spread.further[1].connection.execute(
        "CREATE TRIGGER down BEFORE UPDATE ON notification_logs BEGIN SELECT RAISE(ABORT, 'x'); END"
    )
    assert spread.request("DELETE", "/api/holds/webhook").status == 503
    assert len(spread.retry_queue.waiting) == 4


@pytest.mark.requirement("C-0.55")
def test_a_hold_of_one_user_that_ends_opens_the_line_for_all(spread: World) -> None:
    for user in USERS:
        spread.request(
            "PUT", f"/api/holds/webhook?user_id={user}", {"until": "2026-01-01T01:00:00Z"}
        )
        spread.send(user)
    for user in USERS:
        assert spread.request("DELETE", f"/api/holds/webhook?user_id={user}").status == 200
    spread.clock.ms += 1_000
    for user in USERS:
        assert spread.send(user).json["results"][0]["status"] == "sent"


@pytest.mark.requirement("C-0.31")
@pytest.mark.parametrize("number", range(3))
def test_a_throttled_notification_waits_although_its_line_cannot_be_reached(
    spread: World, number: int
) -> None:
    throttled(spread)
    [user] = [user for user in USERS if shard_of(user, 3) != number][:1]
    spread.send(user, channels=["webhook"])
    spread.clock.ms += 30 * MINUTE
    at_call = len(spread.endpoints.received)

    def down_after_the_call(statements: Sequence[Statement]) -> None:
        if len(spread.endpoints.received) > at_call:
            raise DatabaseError("down")

    databases(spread)[number].before_batch = down_after_the_call
    place = waits_until(spread.send(user))
    assert place == spread.clock.ms + 60_000
    assert [row["status"] for row in spread.logs()] == ["retry", "retry"]


@pytest.mark.requirement("C-0.31")
@pytest.mark.parametrize(("n", "to"), [(3, 1), (3, 2), (1, 3), (2, 3)])
def test_a_line_goes_on_while_and_after_users_move(n: int, to: int) -> None:
    world = World(shards=3)
    world.place(Placement(n))
    known = [f"u{number}" for number in range(12)]
    users = [user for user in known if shard_of(user, n) == shard_of(user, to)]
    for user in users:
        world.configure(user)
    throttled(world)
    places = []
    for placement in (Placement(n), Placement(n, to), Placement(to)):
        world.place(placement)
        world.clock.ms += PLACEMENT_TTL_MS
        places += [waits_until(world.send(user)) for user in users]
    assert len(users) > 1
    apart = {following - place for place, following in itertools.pairwise(places)}
    assert apart == {200}
