"""Deleting notifications."""

from __future__ import annotations

from typing import Any

import pytest

from tests.worker.caller import API_KEY
from tests.worker.endpoints import answer
from tests.worker.world import World

PATH = "/api/notification-logs"
DAY_MS = 86_400_000


@pytest.fixture
def old(world: World) -> World:
    """One sent and one retrying notification of 40 days ago, and a sent one of today."""
    world.configure()
    world.send(idempotency_key="k")
    world.endpoints.behave = lambda request: answer(500)
    world.send()
    world.endpoints.behave = lambda request: answer()
    world.clock.ms += 40 * DAY_MS
    world.send()
    return world


def test_one_is_deleted_by_its_id(old: World) -> None:
    row = old.logs()[-1]
    deleted = old.request("DELETE", f"{PATH}/{row['id']}")
    assert deleted.json["deletedLog"] == {k: row[k] for k in ("id", "user_id", "created_at")}
    assert deleted.json["message"] == "Log deleted successfully"
    again = old.request("DELETE", f"{PATH}/{row['id']}")
    assert (again.status, again.json["error"]) == (404, "Log not found")


@pytest.mark.parametrize("text", ["x", "1.0", "-1", str(2**53), "1" * 17])
def test_what_is_no_id_is_not_found(world: World, text: str) -> None:
    for method in ("GET", "DELETE"):
        refused = world.request(method, f"{PATH}/{text}")
        assert (refused.status, refused.json["error"]) == (404, "Log not found")
    refused = world.request("GET", f"{PATH}/changes?watch=1,{text}")
    assert (refused.status, refused.json["error"]) == (400, "watch must be ids separated by commas")


def test_an_id_of_the_year_2031_is_deleted_as_well(world: World) -> None:
    world.configure()
    world.clock.ms = 1_950_000_000_000
    [sent] = world.send().json["results"]
    assert len(str(sent["logId"])) == 16
    assert world.request("GET", f"{PATH}/{sent['logId']}").status == 200
    assert world.request("DELETE", f"{PATH}/{sent['logId']}").status == 200


def test_one_in_flight_needs_force(old: World) -> None:
    [row] = [r for r in old.logs() if r["status"] == "retry"]
    refused = old.request("DELETE", f"{PATH}/{row['id']}")
    assert (refused.status, refused.code) == (409, "LOG_IN_FLIGHT")
    assert old.request("DELETE", f"{PATH}/{row['id']}?force=true").status == 200


def test_a_replay_still_knows_the_outcome_of_a_deleted_notification(world: World) -> None:
    world.configure()
    first = world.send(idempotency_key="k").json["results"][0]
    world.request("DELETE", f"{PATH}/{first['logId']}")
    again = world.send(idempotency_key="k")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json["results"][0]["status"] == "sent"
    assert len(world.endpoints.received) == 1


@pytest.mark.parametrize("status", [429, 500])
def test_a_replay_tells_that_what_was_deleted_in_flight_goes_on_no_more(
    world: World, status: int
) -> None:
    world.configure()
    world.endpoints.behave = lambda request: answer(status)
    first = world.send(idempotency_key="k").json["results"][0]
    assert first["status"] == "retry_scheduled"
    assert world.request("DELETE", f"{PATH}/{first['logId']}?force=true").status == 200
    again = world.send(idempotency_key="k")
    assert again.status == 200
    [result] = again.json["results"]
    assert (result["status"], result["error"]) == ("cancelled", "Deleted by operator")
    assert (result["messageId"], result["logId"]) == (first["messageId"], first["logId"])
    assert len(world.endpoints.received) == 1


@pytest.mark.requirement("B-26")
@pytest.mark.parametrize(
    ("method", "target", "body", "before"),
    [
        ("DELETE", f"{PATH}/cleanup?days=30", None, "01-11"),
        ("DELETE", f"{PATH}/cleanup?before=2026-02-01", None, "02-01"),
        ("DELETE", f"{PATH}/cleanup", {"days": 39}, "01-02"),
        ("DELETE", f"{PATH}/cleanup?days=30", {"days": 365}, "01-11"),
        ("POST", "/api/cleanup-logs", {"before_date": "2026-01-15T00:00:00Z"}, "01-15"),
        ("POST", "/api/cleanup-logs", {"before": "2026-01-16"}, "01-16"),
        ("POST", "/api/cleanup-logs", {"before": "2026-01-16", "days": 39}, "01-16"),
        ("POST", "/api/cleanup-logs", None, "01-11"),
    ],
)
def test_old_settled_notifications_are_deleted_and_open_ones_kept(
    old: World, method: str, target: str, body: dict[str, Any] | None, before: str
) -> None:
    done = old.request(method, target, body)
    assert done.json["data"] == {"deleted_count": 1, "before": f"2026-{before}T00:00:00.000Z"}
    assert sorted(row["status"] for row in old.logs()) == ["retry", "sent"]
    assert "No logs found" in old.request(method, target, body).json["message"]


@pytest.mark.parametrize("where", ["?days=365", ""])
def test_a_year_is_the_longest_time(old: World, where: str) -> None:
    body = None if where else {"days": 365}
    done = old.request("DELETE", f"{PATH}/cleanup{where}", body)
    assert (done.status, done.json["data"]["deleted_count"]) == (200, 0)
    assert done.json["data"]["before"] == "2025-02-10T00:00:00.000Z"


def test_a_status_narrows_the_deletion(old: World) -> None:
    done = old.request("DELETE", f"{PATH}/cleanup?days=1&status=failed")
    assert done.json["data"]["deleted_count"] == 0
    assert done.json["data"]["before"] == "2026-02-09T00:00:00.000Z"


@pytest.mark.requirement("B-30")
@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("", "Missing required parameter: before or days"),
        ("?days=0", "days must be a positive integer"),
        ("?days=abc", "days must be a positive integer"),
        ("?days=366", "Cannot delete logs older than 365 days"),
        (
            "?before=soon",
            "Invalid date string: before must be ISO 8601, such as 2026-12-01T09:00:00Z",
        ),
        ("?days=1&status=retry", "Invalid status: it must be one of sent, failed, cancelled"),
        ("?days=1&status=", "Invalid status: it must be one of sent, failed, cancelled"),
    ],
)
def test_wrong_parameters_are_400(world: World, target: str, text: str) -> None:
    refused = world.request("DELETE", f"{PATH}/cleanup{target}")
    assert (refused.status, refused.json["error"]) == (400, text)


def test_the_administrators_key_opens_the_clean_up_and_nothing_else(world: World) -> None:
    def call(path: str, key: str) -> int:
        return world.request("POST", path, signed=False, headers={"X-API-Key": key}).status

    assert call("/api/cleanup-logs", API_KEY) == 200
    assert call("/api/cleanup-logs", "wrong") == 401
    assert call("/api/notifications/retry", API_KEY) == 401
    world.environment["ADMIN_API_KEY"] = "the-key-of-the-administrator-1234567890"
    assert call("/api/cleanup-logs", API_KEY) == 401
    assert call("/api/cleanup-logs", world.environment["ADMIN_API_KEY"]) == 200
    assert world.request("POST", "/api/cleanup-logs").status == 200
