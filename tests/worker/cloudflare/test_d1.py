"""Batches of statements as they cross the bridge to JavaScript."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from notification.ports.database import DatabaseConflict, DatabaseError, Result, Statement
from tests.worker.cloudflare.javascript_side import JavaScriptSide, load

INSERT = Statement("INSERT INTO t VALUES (?, ?)", ("a", None))
SELECT = Statement("SELECT * FROM t", ())


def batch(
    monkeypatch: pytest.MonkeyPatch, answer: object, *first: object
) -> tuple[list[Result], list[Any], Any]:
    """Run INSERT and SELECT twice as one batch: the results, what crossed, and the statements.

    The answers in `first` come before `answer`.
    """
    answers = list(first)
    js_bridge, d1 = load(monkeypatch, "js_bridge"), load(monkeypatch, "d1")
    crossed: list[Any] = []

    async def perform(text: str) -> str:
        word, name, document = text.split(" ", 2)
        assert (word, name) == ("batch", "DB")
        crossed.append(json.loads(document))
        return json.dumps(answers.pop(0) if answers else answer)

    side = JavaScriptSide(perform)
    bridge = js_bridge.JsBridge(side, bindings=None)
    database = d1.D1Database(bridge)

    async def twice() -> list[Result]:
        await database.batch([INSERT, SELECT])
        results: list[Result] = await database.batch([SELECT, INSERT])
        return results

    return asyncio.run(asyncio.wait_for(twice(), 30)), crossed, side.statements


def test_a_statement_crosses_once_as_text_and_then_as_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = [[[{"a": 1}], 0, 0, 3], [[], 1, 2, 4]]
    results, crossed, statements = batch(monkeypatch, answer)
    assert statements == [INSERT.sql, SELECT.sql]
    assert crossed == [[[0, "a", None], [1]], [[1], [0, "a", None]]]
    assert [tuple(result) for result in results] == [([{"a": 1}], 0, 0, 3), ([], 1, 2, 4)]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("Error: D1_ERROR: UNIQUE constraint failed: t.a", DatabaseConflict),
        ("Error: D1_ERROR: no such table: t", DatabaseError),
        ("Error: Network connection lost.", DatabaseError),
    ],
)
def test_a_refused_batch_raises_what_it_was_refused_for(
    monkeypatch: pytest.MonkeyPatch, text: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        batch(monkeypatch, text)
    assert type(raised.value) is error


LOST = "Error: Network connection lost."


@pytest.mark.requirement("C-0.53")
@pytest.mark.parametrize(
    "text",
    [
        LOST,
        "D1_ERROR: D1 DB storage caused object to be reset",
        "D1_ERROR: D1 DB reset because its code was updated.",
    ],
)
def test_a_lost_session_is_made_anew_once_with_statements_prepared_anew(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    answer = [[[{"a": 1}], 0, 0, 3], [[], 1, 2, 4]]
    results, crossed, _ = batch(monkeypatch, answer, text)
    assert crossed[:2] == [[[0, "a", None], [1]], [[INSERT.sql, "a", None], [SELECT.sql]]]
    assert crossed[2] == [[2], [3, "a", None]]
    assert [result.changes for result in results] == [0, 1]


@pytest.mark.requirement("C-0.53")
@pytest.mark.parametrize("second", [LOST, "Error: D1_ERROR: UNIQUE constraint failed: t.a"])
def test_a_batch_that_may_have_been_committed_is_no_conflict(
    monkeypatch: pytest.MonkeyPatch, second: str
) -> None:
    with pytest.raises(DatabaseError) as raised:
        batch(monkeypatch, "never", LOST, second)
    assert type(raised.value) is DatabaseError


def test_another_error_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DatabaseError, match="no such table"):
        batch(monkeypatch, [], "Error: D1_ERROR: no such table: t")


def test_statements_and_batches_name_their_database(monkeypatch: pytest.MonkeyPatch) -> None:
    js_bridge, d1 = load(monkeypatch, "js_bridge"), load(monkeypatch, "d1")
    crossed: list[str] = []

    async def perform(text: str) -> str:
        crossed.append(text)
        return "[[[],0,0,0]]"

    side = JavaScriptSide(perform)
    bridge = js_bridge.JsBridge(side, bindings=None)

    async def both() -> None:
        for name in ("DB", "DB_1"):
            await d1.D1Database(bridge, name).batch([SELECT])

    asyncio.run(asyncio.wait_for(both(), 30))
    assert side.statements == [SELECT.sql, f"DB_1: {SELECT.sql}"]
    assert crossed == ["batch DB [[0]]", "batch DB_1 [[1]]"]


def test_so_many_statements_are_kept_and_further_ones_cross_as_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    js_bridge, d1 = load(monkeypatch, "js_bridge"), load(monkeypatch, "d1")
    crossed: list[Any] = []

    async def perform(text: str) -> str:
        crossed.append(json.loads(text.split(" ", 2)[2])[0][0])
        return "[[[],0,0,0]]"

    side = JavaScriptSide(perform)
    database = d1.D1Database(js_bridge.JsBridge(side, bindings=None))

    async def all_of_them() -> None:
        for number in (*range(202), 0, 199, 200):
            await database.batch([Statement(f"SELECT {number}", ())])

    asyncio.run(asyncio.wait_for(all_of_them(), 30))
    assert len(side.statements) == 200
    assert crossed[:200] == list(range(200))
    assert crossed[200:] == ["SELECT 200", "SELECT 201", 0, 199, "SELECT 200"]
