"""Manual retries and queue management."""

from __future__ import annotations

from typing import Any

import pytest

from tests.worker.endpoints import answer
from tests.worker.world import World

RETRY = "/api/notifications/retry"


def _failed(world: World, status: int = 500, user: str = "u1") -> dict[str, Any]:
    """A notification that has failed for good."""
    world.configure(user)
    world.endpoints.behave = lambda request: answer(status)
    world.send(user)
    for _ in range(2):
        world.clock.ms += 40_000
        world.deliver_queues()
    world.endpoints.behave = lambda request: answer()
    [row] = [r for r in world.logs() if r["user_id"] == user][-1:]
    assert row["status"] == "failed"
    return row


@pytest.mark.requirement("C-0.7")
@pytest.mark.parametrize("path", [RETRY, "/api/trigger-retry"])
def test_exhausted_notifications_are_sent_again_under_the_same_id(world: World, path: str) -> None:
    row = _failed(world)
    done = world.request("POST", path)
    assert done.json["data"] == {
        "matched": 1,
        "total_failed": 1,
        "queued": 1,
        "skipped": [],
        "next": None,
        "message": "Queued 1 notifications for retry",
    }
    world.deliver_queues()
    [now] = world.logs()
    assert (now["status"], now["retry_count"], now["redrives"]) == ("sent", 0, 1)
    assert now["message_id"] == row["message_id"]


@pytest.mark.requirement("B-05")
def test_two_callers_cannot_queue_a_notification_twice(world: World) -> None:
    row = _failed(world)
    first = world.request("POST", RETRY, {"log_id": row["id"]})
    second = world.request("POST", RETRY, {"log_id": row["id"]})
    assert first.json["data"]["queued"] == 1
    assert (second.status, second.code) == (409, "LOG_IN_FLIGHT")
    assert len(world.retry_queue.waiting) == 1


def test_a_permanent_failure_is_retried_only_by_name(world: World) -> None:
    row = _failed(world, 404)
    none = world.request("POST", RETRY, {}).json["data"]
    assert (none["matched"], none["queued"], none["next"]) == (1, 0, None)
    [skipped] = none["skipped"]
    assert (skipped["reason"], skipped["count"]) == ("rejected", 1)
    assert none["message"].startswith("None of 1 failed notifications was queued")
    named = world.request("POST", RETRY, {"notification_id": row["message_id"]})
    assert named.json["data"]["queued"] == 1
    world.deliver_queues()
    assert world.request("POST", RETRY, {"log_id": row["id"]}).json["data"]["queued"] == 0


def test_filters_choose_what_is_retried(world: World) -> None:
    _failed(world, user="u1")
    _failed(world, user="u2")
    assert world.request("POST", RETRY, {"user_id": "u9"}).json["data"]["queued"] == 0
    assert world.request("POST", RETRY, {"user_id": "u2"}).json["data"]["queued"] == 1
    world.clock.ms += 25 * 3_600_000
    assert world.request("POST", RETRY, {}).json["data"]["queued"] == 0
    again = world.request("POST", RETRY, {"max_age_hours": 48, "channel": "webhook", "limit": 1})
    assert again.json["data"]["queued"] == 1


@pytest.mark.requirement("C-0.54")
@pytest.mark.parametrize(
    "named",
    [
        {"user_id": "u1"},
        {"channel": "webhook"},
        {"code": "HTTP_ERROR"},
        {"since": "2026-01-01"},
        {"until": "2026-01-01"},
    ],
)
def test_a_filter_takes_rejected_ones_of_any_age_too(world: World, named: dict[str, Any]) -> None:
    world.clock.ms += 12 * 3_600_000
    _failed(world, 404)
    world.clock.ms += 25 * 3_600_000
    done = world.request("POST", RETRY, named).json["data"]
    assert (done["matched"], done["queued"], done["skipped"]) == (1, 1, [])
    world.deliver_queues()
    [row] = world.logs()
    assert row["status"] == "sent"


@pytest.mark.requirement("C-0.54")
@pytest.mark.parametrize(
    "other",
    [
        {"user_id": "u2"},
        {"channel": "slack"},
        {"code": "TIMEOUT_ERROR"},
        {"template_key": "t"},
        {"since": "2026-01-02"},
        {"until": "2025-12-31"},
    ],
)
def test_what_a_filter_does_not_match_is_left_alone(world: World, other: dict[str, Any]) -> None:
    _failed(world)
    done = world.request("POST", RETRY, other).json["data"]
    assert (done["matched"], done["queued"], done["skipped"]) == (0, 0, [])
    assert world.logs()[0]["status"] == "failed"


@pytest.mark.requirement("C-0.54")
def test_an_old_failure_is_counted_and_told_when_nothing_names_it(world: World) -> None:
    _failed(world)
    world.clock.ms += 25 * 3_600_000
    done = world.request("POST", RETRY, {}).json["data"]
    assert (done["matched"], done["queued"]) == (1, 0)
    assert [(s["reason"], s["count"]) for s in done["skipped"]] == [("too_old", 1)]


@pytest.mark.requirement("C-0.54")
def test_a_failure_without_a_text_is_never_retried(world: World) -> None:
    world.configure()
    template = {
        "template_key": "t",
        "template_name": "t",
        "contents": {"slack": {"content_type": "text", "content_template": "x"}},
    }
    assert world.request("POST", "/api/templates", template).status == 200
    body = {"user_id": "u1", "channels": ["webhook"], "template_key": "t"}
    world.request("POST", "/api/notifications/send", body)
    done = world.request("POST", RETRY, {"user_id": "u1"}).json["data"]
    assert (done["matched"], done["queued"]) == (1, 0)
    assert [s["reason"] for s in done["skipped"]] == ["no_content"]


@pytest.mark.requirement("C-0.54")
def test_more_than_a_page_is_taken_up_with_the_cursor(world: World) -> None:
    world.configure()
    world.endpoints.behave = lambda request: answer(404)
    for _ in range(5):
        world.send()
        world.clock.ms += 1
    counts, cursor = [], None
    for _ in range(3):
        body = {"user_id": "u1", "limit": 2, **({"cursor": cursor} if cursor else {})}
        done = world.request("POST", RETRY, body).json["data"]
        counts.append((done["matched"], done["queued"]))
        cursor = done["next"]
    assert counts == [(5, 2), (3, 2), (1, 1)]
    assert cursor is None
    assert {row["redrives"] for row in world.logs()} == {1}


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 0},
        {"limit": 1_001},
        {"since": "soon"},
        {"cursor": 0},
        {"log_id": "1"},
        {"max_age_hours": -1},
        {"max_age_hours": 8_761},
        {"channel": "x"},
    ],
)
def test_a_wrong_filter_is_400(world: World, body: dict[str, Any]) -> None:
    assert world.request("POST", RETRY, body).status == 400


@pytest.mark.parametrize(
    "name",
    [
        "message_id",
        "notification_id",
        "user_id",
        "channel",
        "code",
        "template_key",
        "since",
        "until",
    ],
)
def test_a_filter_that_came_out_empty_is_refused_and_queues_nothing(
    world: World, name: str
) -> None:
    """Read as absent, it would take everybody's notifications."""
    row = _failed(world)
    refused = world.request("POST", RETRY, {name: ""})
    assert refused.status == 400
    assert name.removeprefix("notification_") in refused.json["error"]
    assert world.logs() == [row]


def test_an_unknown_notification_is_404(world: World) -> None:
    for body in ({"log_id": 5}, {"message_id": "ntf_1767225600000_webhook_000000000000"}):
        assert world.request("POST", RETRY, body).status == 404


def test_the_status_counts_what_waits_and_what_was_given_up(world: World) -> None:
    _failed(world, user="u1")
    world.configure("u2")
    world.endpoints.behave = lambda request: answer(500)
    world.send("u2")
    data = world.request("GET", "/api/queue/status").json["data"]
    assert data["queues"] == [
        {"name": "retry-queue", "size": 1},
        {"name": "failed-queue", "size": 1},
    ]
    [item] = data["pendingRetries"]["items"]
    assert (item["user_id"], item["channel"], item["retry_count"]) == ("u2", "webhook", 1)
    assert item["error_message"].startswith("HTTP 500")
    assert data["processingRate"] == 0


def test_the_rate_counts_what_was_sent_of_the_last_hour(world: World) -> None:
    world.configure()
    for minutes in (0, 2, 58):
        world.clock.ms += minutes * 60_000
        world.send()
    world.clock.ms += 1
    assert world.request("GET", "/api/queue/status").json["data"]["processingRate"] == 2


def test_a_dead_letter_of_a_short_schedule_is_counted_and_a_rejection_is_not(
    world: World,
) -> None:
    world.configure("u1", webhook_url="https://hooks.example.com/in", retry_schedule=["5s"])
    world.endpoints.behave = lambda request: answer(500)
    world.send("u1")
    world.clock.ms += 10_000
    world.deliver_queues()
    world.configure("u2")
    world.endpoints.behave = lambda request: answer(404)
    world.send("u2")
    assert [row["status"] for row in world.logs()] == ["failed", "failed"]
    data = world.request("GET", "/api/queue/status").json["data"]
    assert {q["name"]: q["size"] for q in data["queues"]} == {"retry-queue": 0, "failed-queue": 1}


@pytest.mark.requirement("B-04")
@pytest.mark.parametrize(
    ("body", "status", "error", "message"),
    [
        ({}, "failed", "Bulk marked as failed", "All retry tasks have been cleared"),
        ({"markAsFailed": False}, "cancelled", "Bulk cancelled", "All retry tasks have been"),
        ({"taskIds": ["id"]}, "failed", "Manually marked as failed", "Updated 1 retry tasks"),
    ],
)
def test_cleared_retries_are_never_sent(
    world: World, body: dict[str, Any], status: str, error: str, message: str
) -> None:
    world.configure()
    world.endpoints.behave = lambda request: answer(500)
    world.send()
    body = {**body, **({"taskIds": [world.logs()[0]["id"]]} if "taskIds" in body else {})}
    cleared = world.request("POST", "/api/queue/clear-retries", body)
    assert message in cleared.json["message"]
    assert cleared.json["data"] == {"updated": 1}
    world.clock.ms += 60_000
    world.deliver_queues()
    assert len(world.endpoints.received) == 1
    assert (world.logs()[0]["status"], world.logs()[0]["error"]) == (status, error)


@pytest.mark.requirement("B-49")
def test_a_thousand_ids_fit_into_one_call_and_more_are_refused(world: World) -> None:
    ids = list(range(1_000))
    assert world.request("POST", "/api/queue/clear-retries", {"taskIds": ids}).status == 200
    # D1 takes a hundred parameters in a statement.
    assert max(len(statement.parameters) for statement in world.database.statements) <= 100
    ids.append(1)
    assert world.request("POST", "/api/queue/clear-retries", {"taskIds": ids}).status == 400


@pytest.mark.requirement("C-0.7")
def test_a_dead_letter_can_be_discarded(world: World) -> None:
    row = _failed(world)
    done = world.request("POST", "/api/queue/discard-failed", {"taskIds": [row["id"]]})
    assert done.json["data"] == {"updated": 1}
    assert world.logs()[0]["status"] == "cancelled"
    assert world.logs()[0]["error"] == "Discarded by operator"
    sizes = world.request("GET", "/api/queue/status").json["data"]["queues"]
    assert [queue["size"] for queue in sizes] == [0, 0]


@pytest.mark.requirement("B-54")
def test_only_test_users_are_purged(world: World) -> None:
    path = "/api/queue/purge-test-data"
    for user in ("test-user", "test-7", "real"):
        world.configure(user)
        world.send(user)
    dry = world.request("POST", path, {"dryRun": True})
    assert (dry.json["dryRun"], dry.json["message"]) == (True, "Would delete 1 test records")
    assert world.request("POST", path, {"testUserIds": ["real"]}).status == 400
    done = world.request("POST", path, {"testUserIds": ["test-user", "test-7"]})
    assert done.json["data"] == {"count": 2}
    assert done.json["affectedUserIds"] == ["test-user", "test-7"]
    world.request("POST", path, {"testUserIds": ["real"], "force": True})
    assert world.logs() == []


@pytest.mark.parametrize("users", ["test-user", [1], ["test-user", None], {"test-user": 1}])
def test_a_purge_without_a_list_of_names_is_refused_and_deletes_nothing(
    world: World, users: object
) -> None:
    world.configure("test-user")
    world.send("test-user")
    body = {"testUserIds": users, "force": True}
    refused = world.request("POST", "/api/queue/purge-test-data", body)
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER")
    assert len(world.logs()) == 1


@pytest.mark.parametrize("body", [{}, {"taskIds": []}])
def test_a_discard_without_ids_is_refused_and_discards_nothing(
    world: World, body: dict[str, object]
) -> None:
    refused = world.request("POST", "/api/queue/discard-failed", body)
    assert (refused.status, refused.code) == (400, "MISSING_PARAMETER")


def test_a_queue_cannot_be_purged_and_says_so(world: World) -> None:
    path = "/api/queue/clear-messages"
    missing = world.request("POST", path, {})
    assert (missing.status, missing.json["error"]) == (400, "Queue name is required")
    refused = world.request("POST", path, {"queueName": "retry-queue"})
    assert (refused.status, refused.code) == (501, "NOT_SUPPORTED")
