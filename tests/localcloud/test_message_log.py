"""What the sink keeps: the newest ten thousand, by path and after an id."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.sink import message_log
from localcloud.sink.message_log import KEPT, MessageLog


@pytest.fixture
def log(tmp_path: Path) -> Iterator[MessageLog]:
    made = MessageLog(tmp_path / "sink.sqlite3", lambda: 1_767_225_600_000)
    yield made
    made.close()


def add(log: MessageLog, path: str = "/hook/a", body: bytes = b"") -> tuple[int, int]:
    return log.add(
        method="POST",
        path=path,
        query="a=b",
        headers=[("x-a", "1"), ("x-b", "2")],
        body=body,
        status_for=lambda before: 200 + before,
    )


def test_a_message_is_kept_whole_and_its_status_told_by_those_before_on_its_path(
    log: MessageLog,
) -> None:
    assert [add(log), add(log), add(log, "/hook/b", b"\xff")] == [(1, 200), (2, 201), (3, 200)]
    first, last = log.newest(path=None, after_id=0, limit=9)[::2]
    assert first == {
        "id": 1,
        "received_at_ms": 1_767_225_600_000,
        "method": "POST",
        "path": "/hook/a",
        "query": "a=b",
        "headers": {"x-a": "1", "x-b": "2"},
        "body": "",
        "body_encoding": "utf-8",
        "status": 200,
    }
    assert (last["body"], last["body_encoding"]) == ("/w==", "base64")


def ids(
    log: MessageLog, *, path: str | None = None, after_id: int = 0, limit: int = 9
) -> list[int]:
    return [each["id"] for each in log.newest(path=path, after_id=after_id, limit=limit)]


def test_the_newest_are_listed_the_oldest_of_them_first(log: MessageLog) -> None:
    for path in ("/hook/a", "/hook/b", "/hook/a", "/hook/b"):
        add(log, path)
    assert ids(log, limit=2) == [3, 4]
    assert ids(log, after_id=2) == [3, 4]
    assert ids(log, path="/hook/a") == [1, 3]
    assert ids(log, path="/hook/b", after_id=2, limit=1) == [4]
    assert (log.total(None), log.total("/hook/a"), log.total("/none")) == (4, 2, 0)


def test_the_oldest_beyond_the_number_that_is_kept_go(
    log: MessageLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert KEPT == 10_000
    monkeypatch.setattr(message_log, "KEPT", 3)
    for _ in range(3):
        add(log)
    assert ids(log) == [1, 2, 3]
    add(log)
    add(log)
    assert (ids(log), log.total(None)) == ([3, 4, 5], 3)


def test_ids_go_on_counting_after_everything_was_forgotten(log: MessageLog) -> None:
    add(log)
    log.clear()
    assert (ids(log), log.total(None)) == ([], 0)
    assert add(log) == (2, 200)
