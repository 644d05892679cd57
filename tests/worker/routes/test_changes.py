"""The changes that an open console asks for again and again."""

from __future__ import annotations

from typing import Any

import pytest

from notification.storage.log_rows import LATE_MS, MAX_CHANGES
from tests.worker.endpoints import answer
from tests.worker.world import World

PATH = "/api/notification-logs/changes"


def changes(world: World, query: str = "") -> dict[str, Any]:
    found = world.request("GET", f"{PATH}?{query}")
    assert found.status == 200, found.text
    data: dict[str, Any] = found.json["data"]
    return data


def send(world: World, content: str = "x") -> int:
    sent = world.send("u1", custom_content={"content": content, "subject": content})
    row_id = sent.json["results"][0]["logId"]
    assert isinstance(row_id, int)
    return row_id


@pytest.fixture
def ready(world: World) -> World:
    world.configure("u1")
    return world


def test_without_a_cursor_only_the_newest_id_is_told(ready: World) -> None:
    assert changes(ready) == {"logs": [], "newest": 0}
    newest = send(ready)
    assert changes(ready) == {"logs": [], "newest": newest}


def test_what_came_after_the_cursor_is_told_newest_first_and_moves_it(ready: World) -> None:
    before = send(ready)
    ready.clock.ms += LATE_MS + 1
    first = send(ready, "first")
    ready.clock.ms += 10
    second = send(ready, "second")

    found = changes(ready, f"after={before}")

    assert [row["id"] for row in found["logs"]] == [second, first, before]
    assert found["newest"] == second
    assert [row["subject"] for row in found["logs"]][:2] == ["second", "first"]


def test_a_row_that_another_isolate_wrote_late_is_not_missed(ready: World) -> None:
    late = send(ready, "late")
    ready.clock.ms += LATE_MS - 1
    newest = send(ready)
    ready.clock.ms += 1

    told = [row["id"] for row in changes(ready, f"after={newest}")["logs"]]

    assert told == [newest, late]
    ready.clock.ms += LATE_MS
    newer = send(ready)
    assert [row["id"] for row in changes(ready, f"after={newer}")["logs"]] == [newer]


def test_watched_rows_are_told_however_old_with_the_status_that_the_api_shows(
    ready: World,
) -> None:
    ready.endpoints.behave = lambda request: answer(500)
    old = send(ready)
    ready.clock.ms += 3_600_000
    newest = send(ready)

    found = changes(ready, f"after={newest}&watch={old},123")

    assert [(row["id"], row["status"]) for row in found["logs"]] == [
        (newest, "retry_scheduled"),
        (old, "retry_scheduled"),
    ]


def test_neither_text_nor_attempts_travel_with_every_change(ready: World) -> None:
    send(ready)
    [row] = changes(ready, "after=0")["logs"]
    assert {"content", "attempts", "variables", "metadata"} & row.keys() == set()
    assert {"id", "status", "updated_at", "error", "subject"} <= row.keys()


def test_one_answer_holds_the_newest_rows_up_to_the_limit(ready: World) -> None:
    ids = []
    for _ in range(MAX_CHANGES + 5):
        ids.append(send(ready))
        ready.clock.ms += 1

    found = changes(ready, "after=0")

    assert [row["id"] for row in found["logs"]] == ids[: -MAX_CHANGES - 1 : -1]
    assert found["newest"] == ids[-1]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("after=x", "after must be a non-negative integer"),
        ("after=1&watch=1,x", "watch must be ids separated by commas"),
        ("after=1&watch=-1", "watch must be ids separated by commas"),
        (f"after=1&watch={'1' * 17}", "watch must be ids separated by commas"),
        ("after=1&watch=%D9%A3", "watch must be ids separated by commas"),
        (f"after=1&watch={','.join(['1'] * (MAX_CHANGES + 1))}", "watch must not exceed"),
    ],
)
def test_a_wrong_cursor_or_watch_is_refused_by_name(ready: World, query: str, words: str) -> None:
    refused = ready.request("GET", f"{PATH}?{query}")
    assert refused.status == 400
    assert refused.json["code"] == "INVALID_PARAMETER"
    assert words in refused.json["error"]


def test_two_key_lookups_answer_one_question(ready: World) -> None:
    newest = send(ready)
    ready.database.statements.clear()
    changes(ready, f"after={newest}&watch={newest}")
    assert len(ready.database.statements) == 2


def test_an_id_of_sixteen_digits_may_be_watched_and_asked_for(ready: World) -> None:
    assert changes(ready, f"after=1&watch={2**53 - 1}")["logs"] == []
    for text in ("9" * 16, "9" * 17, "x", "%D9%A3", "-1"):
        assert ready.request("GET", f"/api/notification-logs/{text}").status == 404
