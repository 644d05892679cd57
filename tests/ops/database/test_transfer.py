"""Whole databases go in and out of D1 by its own steps, and each refusal is one sentence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.database import d1_transfer
from ops.database.d1_transfer import D1Transfer, progress
from ops.database.log_removal import remove_old_logs
from ops.database.scratch_d1 import scratch_d1
from ops.database.stack_database import StackDatabase
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError, ServiceError
from ops.stacks.service import ServiceClient
from tests.ops.answering_service import AnsweringService, answering_service

MD5_OF_SQL = hashlib.md5(b"SELECT 1;", usedforsecurity=False).hexdigest()


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[AnsweringService]:
    monkeypatch.setattr(d1_transfer, "_POLL_SECONDS", 0.0)
    monkeypatch.setattr(d1_transfer, "_POLLS", 3)
    with answering_service() as service:
        yield service


def account(api: AnsweringService) -> StackAccount:
    return StackAccount("dev", "a" * 32, api.url, True, "t" * 40)


def transfer(api: AnsweringService) -> D1Transfer:
    return D1Transfer(account(api), "d1-id")


@pytest.fixture
def sql(tmp_path: Path) -> Path:
    path = tmp_path / "dump.sql"
    path.write_bytes(b"SELECT 1;")
    return path


def result(**fields: Any) -> tuple[int, bytes]:
    return 200, json.dumps({"success": True, "errors": [], "result": fields}).encode()


def bodies(api: AnsweringService) -> list[Any]:
    return [json.loads(call["body"]) for call in api.seen if call["body"][:1] == b"{"]


def test_an_export_is_asked_for_until_it_is_complete_and_then_fetched(
    api: AnsweringService, tmp_path: Path
) -> None:
    done = result(status="complete", result={"signed_url": f"{api.url}/file", "filename": "f"})
    active = result(status="active", at_bookmark="b1", messages=["Wrote 5 of 10 rows."])
    api.answers = [active, done, (200, b"CREATE TABLE t (a);")]
    heard: list[str] = []
    transfer(api).export(tmp_path / "export.sql", heard.append)
    assert (tmp_path / "export.sql").read_bytes() == b"CREATE TABLE t (a);"
    assert heard == ["Wrote 5 of 10 rows.", "received 0 of 0 MB"]
    assert bodies(api) == [
        {"output_format": "polling"},
        {"output_format": "polling", "current_bookmark": "b1"},
    ]
    assert [call["method"] for call in api.seen] == ["POST", "POST", "GET"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (result(status="error", error="too large"), "The export failed: too large."),
        (result(status="error"), "The export failed: no reason given."),
        (result(status="active"), "wasn't done after ten minutes"),
    ],
)
def test_an_export_that_ends_badly_says_how(
    api: AnsweringService, tmp_path: Path, answer: tuple[int, bytes], words: str
) -> None:
    api.answers = [answer]
    with pytest.raises(OperationError, match=words):
        transfer(api).export(tmp_path / "export.sql")


def test_a_file_that_cannot_be_fetched_is_told_with_its_status(
    api: AnsweringService, tmp_path: Path
) -> None:
    done = result(status="complete", result={"signed_url": f"{api.url}/file", "filename": "f"})
    api.answers = [done, (403, b"expired")]
    with pytest.raises(OperationError, match="refused with 403"):
        transfer(api).export(tmp_path / "export.sql")


def test_an_import_uploads_ingests_and_waits(api: AnsweringService, sql: Path) -> None:
    api.answers = [
        result(upload_url=f"{api.url}/upload", filename="name.sql"),
        (200, b""),
        result(status="active", at_bookmark="b7"),
        result(status="complete"),
    ]
    transfer(api).ingest(sql)
    assert bodies(api) == [
        {"action": "init", "etag": MD5_OF_SQL},
        {"action": "ingest", "etag": MD5_OF_SQL, "filename": "name.sql"},
        {"action": "poll", "current_bookmark": "b7"},
    ]
    assert [(call["method"], call["body"]) for call in api.seen][1] == ("PUT", b"SELECT 1;")


def test_a_file_that_d1_has_already_is_not_uploaded_again(api: AnsweringService, sql: Path) -> None:
    api.answers = [result(filename="name.sql"), result(status="complete")]
    transfer(api).ingest(sql)
    assert [call["method"] for call in api.seen] == ["POST", "POST"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (result(status="error", error="no such table"), "The import failed: no such table."),
        (result(status="active"), "wasn't done after ten minutes"),
    ],
)
def test_an_import_that_ends_badly_says_how(
    api: AnsweringService, sql: Path, answer: tuple[int, bytes], words: str
) -> None:
    api.answers = [result(filename="name.sql"), answer]
    with pytest.raises(OperationError, match=words):
        transfer(api).ingest(sql)


def test_time_travel_goes_by_bookmarks(api: AnsweringService) -> None:
    api.answers = [result(bookmark="now"), result(bookmark="then"), result(previous_bookmark="x")]
    assert transfer(api).bookmark() == "now"
    assert transfer(api).bookmark("2026-01-01T00:00:00Z") == "then"
    assert transfer(api).travel("then") == "x"
    assert [call["target"].partition("?")[2] for call in api.seen] == [
        "",
        "timestamp=2026-01-01T00%3A00%3A00Z",
        "bookmark=then",
    ]


def test_an_account_without_time_travel_is_told(api: AnsweringService) -> None:
    api.answers = [result()]
    with pytest.raises(OperationError, match="no time travel"):
        transfer(api).bookmark()
    with pytest.raises(OperationError, match="whether it went back"):
        transfer(api).travel("then")


def test_a_scratch_database_is_removed_whatever_happens(api: AnsweringService) -> None:
    api.answers = [result(uuid="scratch-id"), result()]
    database = StackDatabase(account(api), "own-id", "n" * 64, 3)

    def used() -> None:
        with scratch_d1(database) as scratch:
            assert (scratch.database_id, scratch.code_level) == ("scratch-id", 3)
            assert len(scratch.name) == 64
            raise LookupError

    with pytest.raises(LookupError):
        used()
    assert bodies(api)[0]["name"].startswith("n" * 49 + "-check-")
    assert (api.seen[1]["method"], api.seen[1]["target"].rpartition("/")[2]) == (
        "DELETE",
        "scratch-id",
    )


def test_an_account_that_makes_no_scratch_database_is_told(api: AnsweringService) -> None:
    api.answers = [result()]
    database = StackDatabase(account(api), "own-id", "notify", 3)
    with pytest.raises(OperationError, match="made no scratch database"), scratch_d1(database):
        pass


def removed(
    api: AnsweringService, *answers: tuple[int, bool], told: Callable[[str], object] = str
) -> int:
    api.answers = [
        (200, json.dumps({"success": True, "data": {"deleted_count": n, "more": more}}).encode())
        for n, more in answers
    ]
    with ServiceClient(api.url, "k" * 64) as service:
        return remove_old_logs(service, days=30, told=told)


def test_old_notifications_are_removed_until_there_are_no_more(api: AnsweringService) -> None:
    told: list[str] = []
    answers = ((20_000, True), (20_000, True), (7, False))
    assert removed(api, *answers, told=told.append) == 40_007
    assert told == [f"{count},000 notifications removed so far" for count in (20, 40)]
    assert [json.loads(call["body"]) for call in api.seen] == [{"days": 30}] * 3
    assert api.seen[0]["target"] == "/api/cleanup-logs"


def test_a_removal_that_gets_nowhere_ends(
    api: AnsweringService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.database.log_removal._MAX_CALLS", 3)
    with pytest.raises(ServiceError, match="3 notifications removed, and there are still more"):
        removed(api, (1, True))
    assert len(api.seen) == 3


@pytest.mark.parametrize(
    ("done", "total", "told"),
    [
        (0, 0, "0 MB"),
        (1_500_001, 0, "2 MB"),
        (2_500_001, 10_500_001, "3 of 11 MB"),
        (2_499_999, 1_234_499_999, "2 of 1,234 MB"),
    ],
)
def test_how_far_a_transfer_is_is_told_in_megabytes(done: int, total: int, told: str) -> None:
    assert progress(done, total) == told
