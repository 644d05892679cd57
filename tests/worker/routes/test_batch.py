"""Many sends in one request, and one send to many recipients."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notification.app.platform import IsolateMemory
from notification.ports.database import DatabaseConflict, DatabaseError
from notification.sending.batch import MAX_FIRST_ATTEMPTS, MAX_SENDS
from tests.worker.caller import Answer
from tests.worker.endpoints import answer
from tests.worker.surroundings import CountingLimiter, PythonAead
from tests.worker.world import ENDPOINT, World

pytestmark = pytest.mark.requirement("C-2.1b")
PATH = "/api/notifications/batch"


def users(world: World, count: int) -> list[str]:
    names = [f"u{number}" for number in range(count)]
    for name in names:
        world.configure(name, webhook_url=f"{ENDPOINT}/{name}")
    return names


def one(user: str, content: str = "x", **more: Any) -> dict[str, Any]:
    return {
        "user_id": user,
        "channels": ["webhook"],
        "custom_content": {"content": content},
        **more,
    }


def post(world: World, body: Any) -> Answer:
    return world.request("POST", PATH, body)


def sends(world: World, *bodies: Any) -> list[dict[str, Any]]:
    answered = post(world, {"notifications": list(bodies)})
    assert answered.status == 200, answered.text
    results: list[dict[str, Any]] = answered.json["results"]
    assert [each["index"] for each in results] == list(range(len(bodies)))
    return results


def trips(world: World, body: Any) -> int:
    before = world.database.calls
    assert post(world, body).status == 200
    return int(world.database.calls - before)


def test_each_send_has_its_answer_in_order_and_its_row(world: World) -> None:
    first, second = users(world, 2)
    results = sends(world, one(first, "a"), one(second, "b"), one(first, "c"))
    assert [each["success"] for each in results] == [True] * 3
    assert [each["results"][0]["status"] for each in results] == ["sent"] * 3
    assert [each["results"][0]["userId"] for each in results] == [first, second, first]
    assert sorted(body["content"] for body in world.endpoints.bodies) == ["a", "b", "c"]
    ids = {row["message_id"] for row in world.logs()}
    assert ids == {each["results"][0]["messageId"] for each in results}


@pytest.mark.parametrize("count", [1, 10, 40])
def test_round_trips_grow_with_batches_and_not_with_sends(world: World, count: int) -> None:
    names = users(world, count)
    batch = {"notifications": [one(name, idempotency_key=f"k-{name}") for name in names]}
    assert trips(world, batch) == 3
    assert trips(world, batch) == 2
    assert len(world.endpoints.bodies) == count


def test_statements_grow_no_more_than_round_trips(world: World) -> None:
    names = users(world, 20)

    def statements(count: int) -> int:
        before = len(world.database.statements)
        sends(world, *(one(name, f"to {name}") for name in names[:count]))
        return len(world.database.statements) - before

    assert statements(20) == statements(2) == 6
    told = {row["user_id"]: row["content"] for row in world.logs()}
    assert told == {name: f"to {name}" for name in names}


def test_long_texts_go_into_several_statements_that_the_database_takes(world: World) -> None:
    names = users(world, 9)
    content = {"content": chr(0x1F600) * 80_000}
    body = {"user_ids": names, "channels": ["webhook"], "custom_content": content}
    answered = post(world, body)
    assert answered.status == 200, answered.text
    assert {row["user_id"]: row["content"] for row in world.logs()} == dict.fromkeys(
        names, content["content"]
    )
    longest = max(
        len(str(value).encode()) for each in world.database.statements for value in each.parameters
    )
    # Cloudflare D1, "Limits": 2,000,000 bytes of a string.
    assert 1_200_000 < longest < 2_000_000


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE user_configs SET revision = revision + 1 WHERE user_id = 'u1'",
        "UPDATE user_configs SET is_active = 0 WHERE user_id = 'u1'",
        """INSERT INTO channel_holds (channel_type, user_id, held_until, reason, created_at)
          VALUES ('webhook', 'u1', '2026-01-02T00:00:00.000Z', '', '')""",
        """INSERT INTO endpoint_lines
          (endpoint, channel_type, throttled_until, next_slot, interval_ms, burst)
          SELECT endpoint, 'webhook', 0, 9e12, 1, 1 FROM user_configs WHERE user_id = 'u1'""",
        "UPDATE notification_templates_v2 SET revision = revision + 1 WHERE template_key = 't'",
    ],
)
def test_what_changes_before_one_send_of_a_batch_is_asked_for_that_one_again(
    world: World, change: str
) -> None:
    users(world, 3)
    contents = {"webhook": {"content_template": "x"}}
    world.request("POST", "/api/templates/t", {"contents": contents})
    templated = {"user_id": "u1", "channels": ["webhook"], "template_key": "t"}
    written: list[int] = []

    def before(statements: Any) -> None:
        if any("INSERT INTO notification_logs" in each.sql for each in statements):
            if not written:
                world.database.connection.execute(change)
            written.append(len(world.logs()))

    world.database.before_batch = before
    results = sends(world, one("u0"), templated, one("u2"))
    assert [each["success"] for each in (results[0], results[2])] == [True, True]
    # The others were written by the first try.
    assert written[:2] == ([0] if "is_active = 0" in change else [0, 2])
    status = results[1]["results"][0]["status"] if results[1]["success"] else results[1]["code"]
    waits = "INSERT" in change
    assert status == {True: "retry_scheduled"}.get(
        waits, "USER_NO_CHANNELS" if "is_active = 0" in change else "sent"
    )
    assert len(world.endpoints.bodies) == (3 if status == "sent" else 2)


def test_outcomes_of_every_kind_are_recorded_together(world: World) -> None:
    names = users(world, 6)
    statuses = dict(zip(names, (200, 500, 404, 410, 429, 200), strict=True))

    def behave(request: Any) -> Any:
        name = request.url.rpartition("/")[2]
        if name == names[5]:
            world.database.connection.execute(
                "UPDATE notification_logs SET lease_token = 'other' WHERE user_id = ?", (name,)
            )
        return answer(statuses[name])

    world.endpoints.behave = behave
    results = sends(world, *(one(name) for name in names))
    rows = {row["user_id"]: row for row in world.logs()}
    found = [(rows[name]["status"], rows[name]["last_error_code"]) for name in names]
    assert found == [
        ("sent", None),
        ("retry", "HTTP_ERROR"),
        ("failed", "HTTP_ERROR"),
        ("failed", "HTTP_ERROR"),
        ("retry", "THROTTLED"),
        ("pending", None),
    ]
    told = [each["results"][0]["status"] for each in results]
    assert told == ["sent", "retry_scheduled", "failed", "failed", "retry_scheduled", "pending"]
    for name in names[:5]:
        [attempt] = json.loads(rows[name]["attempts"])
        assert attempt["status_code"] == statuses[name]
        assert rows[name]["lease_until"] is None
    assert [rows[name]["retry_count"] for name in names] == [0, 1, 0, 0, 0, 0]
    assert rows[names[0]]["sent_at"] is not None
    assert rows[names[1]]["next_retry_at"] > rows[names[1]]["updated_at"]
    active = world.rows("SELECT user_id FROM user_configs WHERE is_active = 0")
    assert active == [{"user_id": names[3]}]
    [lost] = world.log_sink.of_type("lease_lost")
    assert lost["logId"] == rows[names[5]]["id"]


@pytest.mark.parametrize("seed", range(5))
def test_a_full_batch_within_one_millisecond_collides_with_itself_never(
    world: World, seed: int
) -> None:
    world.randomness = type(world.randomness)(seed)
    names = users(world, MAX_SENDS)
    batch = {"notifications": [one(name, idempotency_key="k") for name in names]}
    # Those beyond the first attempts cost one message for the queue, and no storage.
    assert trips(world, batch) == 3
    assert len({row["id"] for row in world.logs()}) == MAX_SENDS
    assert len(world.endpoints.bodies) == MAX_FIRST_ATTEMPTS


def test_failures_cost_no_round_trip_of_their_own(world: World) -> None:
    names = users(world, 10)
    world.endpoints.behave = lambda request: answer(500)
    batch = {"notifications": [one(name) for name in names]}
    assert trips(world, batch) == 3
    assert {row["status"] for row in world.logs()} == {"retry"}
    assert len(world.retry_queue.waiting) == 10


def test_a_send_that_is_refused_fails_alone(world: World) -> None:
    [name] = users(world, 1)
    results = sends(
        world,
        one(name),
        one("nobody"),
        one(name, channels=["pigeon"]),
        "no object",
        {"user_id": name, "channels": ["webhook"], "template_key": "missing"},
        one(name, "last"),
    )
    assert [each.get("code") for each in results] == [
        None, "USER_NO_CHANNELS", "INVALID_CHANNEL_TYPE", "INVALID_REQUEST", "TEMPLATE_NOT_FOUND",
        None,
    ]  # fmt: skip
    assert [each["status"] for each in results if not each["success"]] == [400] * 4
    assert len(world.endpoints.bodies) == len(world.logs()) == 2


def test_a_repeated_batch_sends_nothing_and_answers_the_same(world: World) -> None:
    batch = [one(name, idempotency_key="k") for name in users(world, 3)]
    first, again = sends(world, *batch), sends(world, *batch)
    assert [each["replayed"] for each in first] == [False] * 3
    assert [each["replayed"] for each in again] == [True] * 3
    assert [e["results"][0]["messageId"] for e in first] == [
        e["results"][0]["messageId"] for e in again
    ]
    assert len(world.endpoints.bodies) == 3


def test_the_same_key_twice_in_a_batch_sends_once(world: World) -> None:
    [name] = users(world, 1)
    keyed = one(name, idempotency_key="k")
    first, second, other = sends(world, keyed, keyed, one(name, "other", idempotency_key="k"))
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert first["results"][0]["messageId"] == second["results"][0]["messageId"]
    assert (other["code"], other["status"]) == ("IDEMPOTENCY_KEY_REUSED", 422)
    assert len(world.endpoints.bodies) == 1


def test_a_key_that_another_payload_has_taken_is_refused(world: World) -> None:
    [name] = users(world, 1)
    sends(world, one(name, idempotency_key="k"))
    [refused] = sends(world, one(name, "changed", idempotency_key="k"))
    assert refused["code"] == "IDEMPOTENCY_KEY_REUSED"


def test_what_one_invocation_cannot_attempt_is_attempted_by_the_queue(world: World) -> None:
    count = MAX_FIRST_ATTEMPTS + 5
    names = users(world, count)
    results = sends(world, *(one(name) for name in names))
    statuses = [each["results"][0]["status"] for each in results]
    assert statuses == ["sent"] * MAX_FIRST_ATTEMPTS + ["pending"] * 5
    assert len(world.endpoints.bodies) == MAX_FIRST_ATTEMPTS
    world.deliver_queues()
    assert len(world.endpoints.bodies) == count
    assert {row["status"] for row in world.logs()} == {"sent"}


def test_one_send_goes_to_a_list_of_users_once_each(world: World) -> None:
    names = users(world, 3)
    body = {"user_ids": names, **one("", idempotency_key="sale")}
    del body["user_id"]
    first = post(world, body).json["results"]
    assert [each["results"][0]["userId"] for each in first] == names
    assert all(each["replayed"] for each in post(world, body).json["results"])
    assert len(world.endpoints.bodies) == 3


def test_a_list_of_users_shares_every_field_of_the_send(world: World) -> None:
    names = users(world, 2)
    template = {
        "template_key": "t",
        "template_name": "t",
        "contents": {"webhook": {"content_type": "text", "content_template": "Hi {{who}}"}},
    }
    assert world.request("POST", "/api/templates", template).status == 200
    body = {
        "user_ids": names,
        "channels": ["webhook"],
        "template_key": "t",
        "variables": {"who": "you"},
        "metadata": {"order": 7},
        "send_at": "2026-01-01T01:00:00Z",
        "urgent": True,
    }
    results = post(world, body).json["results"]
    assert [each["results"][0]["send_at"] for each in results] == ["2026-01-01T01:00:00.000Z"] * 2
    world.clock.ms += 3_600_000
    world.cron()
    world.deliver_queues()
    assert [sent["content"] for sent in world.endpoints.bodies] == ["Hi you"] * 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"notifications": []},
        {"notifications": {}},
        {"notifications": [one("u")] * (MAX_SENDS + 1)},
        {"user_ids": ["u"] * (MAX_SENDS + 1)},
        {"notifications": [one("u")], "user_ids": ["u"]},
    ],
    ids=["empty", "none", "an object", "too many", "too many users", "both"],
)
def test_a_batch_that_is_none_is_refused_by_its_rule(world: World, body: Any) -> None:
    refused = post(world, body)
    assert (refused.status, refused.code) == (400, "INVALID_REQUEST")
    assert "1 to 100" in refused.json["error"]
    assert world.logs() == []


def test_a_list_of_users_beside_one_user_is_refused_and_sends_nothing(world: World) -> None:
    """The one user would silently get nothing."""
    first, second = users(world, 2)
    found = post(world, {**one(second), "user_ids": [first]})
    assert (found.status, found.json["code"]) == (400, "INVALID_REQUEST")
    assert found.json["error"] == ("user_ids and user_id both name recipients: give one of them")
    assert world.logs() == []


def test_the_limit_of_a_recipient_counts_each_send(world: World) -> None:
    first, second = users(world, 2)
    world.recipient_limiter = CountingLimiter(2)
    results = sends(world, one(first), one(first), one(first), one(second))
    assert [each.get("code") for each in results] == [None, None, "RATE_LIMIT_EXCEEDED", None]
    assert (results[2]["status"], results[2]["retryAfter"]) == (429, 60)


def test_a_configuration_that_changes_under_the_batch_is_read_again(world: World) -> None:
    first, second = users(world, 2)

    def change(statements: Any) -> None:
        if any("INSERT INTO notification_logs" in each.sql for each in statements):
            world.database.before_batch = None
            world.database.connection.execute(
                "UPDATE user_configs SET revision = revision + 1 WHERE user_id = ?", (second,)
            )

    world.database.before_batch = change
    results = sends(world, one(first), one(second))
    assert [each["results"][0]["status"] for each in results] == ["sent", "sent"]
    assert len(world.logs()) == len(world.endpoints.bodies) == 2


def test_a_configuration_is_opened_once_for_each_of_its_revisions(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[bytes] = []
    open_sealed = PythonAead.open

    async def counted(self: PythonAead, *arguments: bytes) -> bytes:
        opened.append(arguments[-1])
        return await open_sealed(self, *arguments)

    first, second = users(world, 2)
    world.memory = IsolateMemory()
    monkeypatch.setattr(PythonAead, "open", counted)
    sends(world, *([one(first)] * 20), *([one(second)] * 20))
    assert len(opened) == 2
    world.configure(first, webhook_url=f"{ENDPOINT}/moved")
    opened.clear()
    world.endpoints.received.clear()
    sends(world, one(first), one(second), one(first))
    assert len(opened) <= 1
    called = sorted(request.url for _, request in world.endpoints.received)
    assert called == [f"{ENDPOINT}/moved", f"{ENDPOINT}/moved", f"{ENDPOINT}/{second}"]


def conflict_once(world: World) -> None:
    def conflict(statements: Any) -> None:
        if any("INSERT INTO notification_logs" in each.sql for each in statements):
            world.database.before_batch = None
            raise DatabaseConflict("UNIQUE constraint failed")

    world.database.before_batch = conflict


def test_a_taken_row_id_makes_all_sends_take_others_together(world: World) -> None:
    count = MAX_FIRST_ATTEMPTS + 5
    names = users(world, count)
    conflict_once(world)
    # Read, refused, read, written, recorded.
    assert trips(world, {"notifications": [one(name) for name in names]}) == 5
    assert len(world.endpoints.bodies) == MAX_FIRST_ATTEMPTS
    assert len(world.logs()) == count
    world.deliver_queues()
    assert len(world.endpoints.bodies) == count


def change_once(world: World, user: str) -> None:
    """Change a configuration between the batch's reading and its writing."""

    def change(statements: Any) -> None:
        if any("INSERT INTO notification_logs" in each.sql for each in statements):
            world.database.before_batch = None
            world.database.connection.execute(
                "UPDATE user_configs SET revision = revision + 1 WHERE user_id = ?", (user,)
            )

    world.database.before_batch = change


def test_what_is_written_again_has_no_more_attempts_than_the_batch_left(world: World) -> None:
    names = users(world, MAX_FIRST_ATTEMPTS + 5)
    change_once(world, names[-1])
    first = sends(world, *(one(name) for name in names))
    assert [each["results"][0]["status"] for each in first] == (
        ["sent"] * MAX_FIRST_ATTEMPTS + ["pending"] * 5
    )
    world.deliver_queues()
    assert len(world.endpoints.bodies) == len(names)


def test_a_database_that_fails_between_two_rounds_refuses_only_what_is_left(world: World) -> None:
    first, second = users(world, 2)
    change_once(world, second)
    change, sql = world.database.before_batch, list[str]()

    def fail(statements: Any) -> None:
        sql.append(statements[-1].sql)
        if len(sql) == 2 and change is not None:
            change(statements)
            world.database.before_batch = fail
        if len(sql) == 4:  # Read, written, recorded: this reads again.
            raise DatabaseError("away")

    world.database.before_batch = fail
    written, refused = sends(world, one(first), one(second))
    assert written["results"][0]["status"] == "sent"
    assert (refused["code"], refused["status"]) == ("DB_ERROR", 503)
    assert [row["user_id"] for row in world.logs()] == [first]


def test_a_key_that_lapsed_without_rows_is_attempted_by_the_queue(world: World) -> None:
    [name] = users(world, 1)
    world.database.connection.execute(
        "INSERT INTO idempotency_keys (user_id, idempotency_key, message_ids, status, lease_until,"
        " expires_at, created_at) VALUES (?, 'k', '[\"ntf_1767225600000_webhook_00a000000000\"]',"
        " 'in_progress', '2000-01-01T00:00:00.000Z', '2999-01-01T00:00:00.000Z',"
        " '2000-01-01T00:00:00.000Z')",
        (name,),
    )
    [pending] = sends(world, one(name, idempotency_key="k"))
    assert pending["results"][0]["status"] == "pending"
    assert world.endpoints.bodies == []
    world.deliver_queues()
    assert len(world.endpoints.bodies) == 1


def test_a_write_whose_answer_is_lost_sends_once_under_a_key_and_fails_without(
    world: World,
) -> None:
    names = users(world, 2)

    def lose(statements: Any) -> None:
        if any("INSERT INTO notification_logs" in each.sql for each in statements):
            world.database.after_batch = None
            raise DatabaseError("Network connection lost.")

    world.database.after_batch = lose
    without, keyed = sends(world, one(names[0]), one(names[1], idempotency_key="k"))
    assert (without["code"], without["status"]) == ("DB_ERROR", 503)
    assert keyed["success"] is False or keyed["replayed"]
    assert len(world.logs()) == 2


def test_a_database_that_is_away_refuses_the_whole_batch(world: World) -> None:
    [name] = users(world, 1)

    def fail(statements: Any) -> None:
        raise DatabaseError("away")

    world.database.before_batch = fail
    refused = post(world, {"notifications": [one(name)]})
    assert (refused.status, refused.code) == (503, "DB_ERROR")
    assert json.loads(refused.text)["success"] is False


@pytest.mark.requirement("C-0.37")
def test_the_headers_key_is_that_of_one_send_to_many(world: World) -> None:
    names = users(world, 2)
    body = {"user_ids": names, **one("")}
    del body["user_id"]
    for replayed in (False, True):
        answer = world.request(
            "POST", "/api/notifications/batch", body, headers={"Idempotency-Key": "sale"}
        )
        assert [each["replayed"] for each in answer.json["results"]] == [replayed, replayed]
    assert len(world.logs()) == 2


@pytest.mark.requirement("C-0.37")
def test_one_header_is_no_key_for_several_notifications(world: World) -> None:
    body = {"notifications": [one(name) for name in users(world, 2)]}
    refused = world.request(
        "POST", "/api/notifications/batch", body, headers={"Idempotency-Key": "sale"}
    )
    assert (refused.status, refused.code) == (400, "INVALID_IDEMPOTENCY_KEY")
    assert world.logs() == []
