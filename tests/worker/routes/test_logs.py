"""Showing notifications."""

from __future__ import annotations

import pytest

from tests.worker.endpoints import answer
from tests.worker.world import World

PATH = "/api/notification-logs"
NO_DATE = " must be ISO 8601, such as 2026-12-01T09:00:00Z"


@pytest.fixture
def filled(world: World) -> World:
    """Six notifications, one every hour: even ones of u1, every third one failed."""
    for user in ("u0", "u1"):
        world.configure(user)
    for number in range(6):
        status = 404 if number % 3 == 0 else 200
        world.endpoints.behave = lambda request, status=status: answer(status)  # type: ignore[misc]
        world.send(
            f"u{number % 2}", custom_content={"content": str(number)}, metadata={"n": number}
        )
        world.clock.ms += 3_600_000
    return world


def _contents(world: World, query: str) -> list[str]:
    found = world.request("GET", f"{PATH}?{query}")
    assert found.status == 200, found.text
    return [row["content"] for row in found.json["data"]["logs"]]


@pytest.mark.parametrize(
    ("query", "contents"),
    [
        ("", "543210"),
        ("user_id=u1", "531"),
        ("status=failed", "30"),
        ("status=sent&user_id=u0", "42"),
        ("status=retry", ""),
        ("status=retry_scheduled", ""),
        ("channel=webhook&limit=2", "54"),
        ("channel_type=webhook&limit=2&offset=2", "32"),
        ("start_date=2026-01-01T03:00:00Z", "543"),
        ("end_date=2026-01-01T03:00:00Z", "3210"),
        ("start_date=2026-01-01T03:00:00%2B01:00&end_date=2026-01-01T03:59:59Z", "32"),
        ("start_date=2026-01-01", "543210"),
        ("end_date=2026-01-01", "543210"),
        ("end_date=2025-12-31", ""),
        ("start_date=0001-01-01&end_date=9999-12-31", "543210"),
        ("end_date=0999-12-31", ""),
        ("template_key=none", ""),
        ("message_id=ntf_1767225600000_webhook_000000000000", ""),
        ("message_id=unknown", ""),
        ("request_id=unknown", ""),
    ],
)
@pytest.mark.requirement("B-20")
def test_filters_select_newest_first(filled: World, query: str, contents: str) -> None:
    assert "".join(_contents(filled, query)) == contents


def test_the_alias_and_both_shapes_of_paging(filled: World) -> None:
    body = filled.request("GET", "/api/logs?limit=4&offset=1").json
    assert body["data"]["total"] == body["pagination"]["total"] == 6
    assert body["data"]["limit"] == 4
    assert body["pagination"] == {"total": 6, "limit": 4, "offset": 1, "hasMore": True}
    last = filled.request("GET", "/api/logs?limit=4&offset=4").json
    assert last["pagination"]["hasMore"] is False


def test_a_row_has_the_contracts_fields(filled: World) -> None:
    [row] = filled.request("GET", f"{PATH}?limit=1").json["data"]["logs"]
    assert row["metadata"] == {"n": 5}
    assert row["attempts"][0]["status_code"] == 200
    for field in (
        "id",
        "message_id",
        "user_id",
        "channel_type",
        "template_key",
        "subject",
        "content",
        "status",
        "sent_at",
        "error",
        "retry_count",
        "request_id",
        "variables",
        "created_at",
    ):
        assert field in row, field
    assert "lease_token" not in row
    shown = filled.request("GET", f"{PATH}/{row['id']}").json["data"]
    assert shown == row
    assert _contents(filled, f"message_id={row['message_id']}") == ["5"]
    assert _contents(filled, f"request_id={row['request_id']}") == ["5"]


def test_retry_is_shown_as_retry_scheduled(world: World) -> None:
    world.configure()
    world.endpoints.behave = lambda request: answer(500)
    world.send()
    for query in ("status=retry", "status=retry_scheduled"):
        [row] = world.request("GET", f"{PATH}?{query}").json["data"]["logs"]
        assert row["status"] == "retry_scheduled"


@pytest.mark.requirement("B-30")
@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        (
            "status=lost",
            "INVALID_PARAMETER",
            "Invalid status: it must be one of pending, sent, failed, retry, cancelled",
        ),
        ("channel=pigeon", "INVALID_CHANNEL_TYPE", "Invalid channel: pigeon. Valid channels are"),
        ("start_date=yesterday", "INVALID_PARAMETER", f"Invalid date string: start_date{NO_DATE}"),
        ("end_date=2026-02-30", "INVALID_PARAMETER", f"Invalid date string: end_date{NO_DATE}"),
        ("end_date=20260101", "INVALID_PARAMETER", f"Invalid date string: end_date{NO_DATE}"),
        ("limit=-1", "INVALID_PARAMETER", "limit must be a positive integer"),
        ("limit=abc", "INVALID_PARAMETER", "limit must be a positive integer"),
        ("limit=7abc", "INVALID_PARAMETER", "limit must be a positive integer"),
        ("limit=1001", "INVALID_PARAMETER", "limit must not exceed 1000"),
        ("offset=-1", "INVALID_PARAMETER", "offset must be a non-negative integer"),
    ],
)
def test_a_wrong_filter_is_400(world: World, query: str, code: str, text: str) -> None:
    refused = world.request("GET", f"{PATH}?{query}")
    assert (refused.status, refused.code) == (400, code)
    assert text in refused.json["error"]


@pytest.mark.parametrize("log_id", ["1", "abc", "-1", "99999999999999999999", "%31x"])
def test_an_unknown_log_is_404(world: World, log_id: str) -> None:
    refused = world.request("GET", f"{PATH}/{log_id}")
    assert (refused.status, refused.json["error"]) == (404, "Log not found")


def test_counting_stops_at_ten_thousand_and_says_so(world: World) -> None:
    world.database.connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10050)"
        " INSERT INTO notification_logs (id, message_id, user_id, channel_type)"
        " SELECT i, 'old-' || i, 'u1', 'webhook' FROM n"
    )
    body = world.request("GET", f"{PATH}?limit=1").json
    assert body["data"]["total"] == 10_000
    assert body["data"]["total_capped"] is True
    assert body["pagination"]["hasMore"] is True
