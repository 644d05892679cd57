"""Lists that are too long to be counted or scanned as a whole."""

from __future__ import annotations

import pytest

from notification.storage import log_rows
from tests.worker.caller import Answer
from tests.worker.world import World

MANY = 10_002
SEED = {
    "/api/user-configs": (
        "INSERT INTO user_configs (user_id, channel_type, config_data)"
        " SELECT 'u' || value, 'slack', '{}' FROM numbers"
    ),
    "/api/user-configs?channel_type=slack": (
        "INSERT INTO user_configs (user_id, channel_type, config_data)"
        " SELECT 'u' || value, 'slack', '{}' FROM numbers"
    ),
    "/api/templates?is_active=true": (
        "INSERT INTO notification_templates_v2 (template_key, template_name)"
        " SELECT 't' || value, 't' FROM numbers"
    ),
    "/api/task-execution-records": (
        "INSERT INTO task_execution_records (task_name, execution_time)"
        " SELECT 'monitoring', '2026-01-01T00:00:00.000Z' FROM numbers"
    ),
    "/api/notification-logs": (
        "INSERT INTO notification_logs (id, message_id, user_id, channel_type)"
        " SELECT value, 'seed-' || value, 'u1', 'slack' FROM numbers"
    ),
}


NUMBERS = (
    "WITH RECURSIVE numbers (value) AS"
    " (SELECT 1 UNION ALL SELECT value + 1 FROM numbers WHERE value < ?) "
)


def seed(world: World, insert: str) -> None:
    world.database.connection.execute(NUMBERS + insert, (MANY,))


@pytest.mark.requirement("C-0.17", "B-27", "B-50")
@pytest.mark.parametrize("target", SEED)
def test_counting_stops_at_ten_thousand_and_says_so(world: World, target: str) -> None:
    seed(world, SEED[target])
    mark = "&" if "?" in target else "?"
    document = world.request("GET", f"{target}{mark}limit=1").json
    data = document["data"] if isinstance(document["data"], dict) else {}
    paging = document.get("pagination") or document.get("meta") or data["pagination"]
    assert (paging["total"], paging["total_capped"]) == (10_000, True)
    assert paging.get("hasMore", True) is True


@pytest.mark.requirement("C-0.17", "B-27")
def test_beyond_the_cap_only_a_full_page_has_more(world: World) -> None:
    seed(world, SEED["/api/task-execution-records"])

    def has_more(offset: int) -> bool:
        target = f"/api/task-execution-records?limit=1&offset={offset}"
        more: bool = world.request("GET", target).json["data"]["pagination"]["hasMore"]
        return more

    assert has_more(10_000) is True
    assert has_more(MANY) is False


LOGS = "/api/notification-logs"


@pytest.fixture
def walked(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Six notifications, a second apart, of which a walk looks at three."""
    monkeypatch.setattr(log_rows, "MAX_SCANNED", 3)
    world.configure()
    for number in range(6):
        world.request(
            "POST",
            "/api/notifications/send",
            {"user_id": "u1", "channels": ["webhook"], "custom_content": {"content": str(number)}},
            headers={"X-Request-Id": "even" if number % 2 == 0 else "odd"},
        )
        world.clock.ms += 1_000
    return world


def contents(answer: Answer) -> str:
    assert answer.status == 200, answer.text
    return "".join(row["content"] for row in answer.json["data"]["logs"])


@pytest.mark.requirement("C-0.16", "C-2.5")
def test_a_scan_ends_at_its_limit_and_tells_where_to_continue(walked: World) -> None:
    path = "/api/notification-logs?request_id=even"
    first = walked.request("GET", path)
    assert contents(first) == "4"
    assert first.json["data"]["total"] == 1
    since = first.json["data"]["searched_from"]
    assert contents(walked.request("GET", f"{path}&end_date={since}")) == "20"
    further = walked.request("GET", f"{path}&limit=5&offset=1").json["data"]["next"]
    assert further.startswith("/api/notification-logs?")
    assert contents(walked.request("GET", further)) == "20"


@pytest.mark.requirement("C-0.16", "C-2.5")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "543210"),
        ("user_id=u1&request_id=even", "420"),
        ("request_id=odd&start_date=2026-01-01T00:00:03Z", "53"),
        ("status=failed", ""),
        ("status=retry", ""),
    ],
)
def test_what_an_index_finds_or_a_short_range_holds_is_searched_to_its_end(
    walked: World, query: str, expected: str
) -> None:
    answer = walked.request("GET", f"/api/notification-logs?{query}")
    assert contents(answer) == expected
    assert not {"searched_from", "next"} & set(answer.json["data"])


@pytest.mark.requirement("B-20")
def test_a_request_is_found_by_the_time_in_its_id_behind_any_number_of_newer_rows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_rows, "MAX_SCANNED", 3)
    world.configure()
    request_id = world.send().json["request_id"]
    for _ in range(5):
        world.clock.ms += 3_600_000
        world.send()
    data = world.request("GET", f"{LOGS}?request_id={request_id}").json["data"]
    assert [row["request_id"] for row in data["logs"]] == [request_id]
    assert not {"searched_from", "next"} & set(data)
    # A range that leaves the request out still does.
    later = "start_date=2026-01-01T01:00:00Z"
    assert (
        world.request("GET", f"{LOGS}?request_id={request_id}&{later}").json["data"]["total"] == 0
    )


def test_an_id_that_a_caller_made_in_this_form_is_searched_for_as_any_other(world: World) -> None:
    world.configure()
    for request_id in (
        "01890a5d-ac96-4b1a-9abc-0123456789ab",  # another time
        "ffffffff-ffff-4fff-bfff-ffffffffffff",  # none that a calendar has
    ):
        headers = {"x-request-id": request_id}
        body = {"user_id": "u1", "channels": ["webhook"], "custom_content": {"content": "x"}}
        sent = world.request("POST", "/api/notifications/send", body, headers=headers)
        assert sent.json["request_id"] == request_id
        data = world.request("GET", f"{LOGS}?request_id={request_id}").json["data"]
        assert [row["request_id"] for row in data["logs"]] == [request_id]
