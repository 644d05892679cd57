"""Where migration files are judged: on SQLite, on the local D1, on a copy of a stack's rows."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from infra.migrations.errors import MigrationError
from localcloud.endpoints import ACCOUNT_ID
from ops.database import migration_lint as module
from ops.database.migration_lint import MigrationLint, local_d1
from ops.stacks.errors import OperationError
from ops.stacks.project import Project

FILES = [SimpleNamespace(name=f"000{number}.sql") for number in (1, 2, 3)]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Files, a local cloud and a stack's database, all of which a test may change."""
    found = SimpleNamespace(
        problems=[], d1_problems=[], state="ready", linted=[], applied=[], copied=[]
    )

    def lint(files: Any, *, applied: Any, scratch: Any = None) -> Any:
        found.linted.append((tuple(applied), scratch is not None))
        if scratch is not None:
            if isinstance(found.d1_problems, Exception):
                raise found.d1_problems
            return found.d1_problems
        return found.problems

    @contextmanager
    def copied() -> Any:
        yield SimpleNamespace(connected=connected)

    @contextmanager
    def connected() -> Any:
        yield "connection"

    def on_copy(_: Any, pending: Any) -> Any:
        found.copied.append([one.name for one in pending])
        return found.problems

    monkeypatch.setattr(module, "migrations", lambda _: FILES)
    monkeypatch.setattr(module, "lint", lint)
    monkeypatch.setattr(module, "local_cloud_status", lambda _: {"state": found.state})
    rows = lambda: [SimpleNamespace(name=name) for name in found.applied]  # noqa: E731
    monkeypatch.setattr(module, "Ledger", lambda _: SimpleNamespace(applied=rows))
    monkeypatch.setattr(module, "Backups", lambda *_: SimpleNamespace(copied=copied))
    monkeypatch.setattr(module, "lint_on_copy", on_copy)
    found.database = SimpleNamespace(connected=connected)
    return found


PROJECT: Any = None


def test_files_are_judged_on_sqlite_and_then_on_the_local_d1(world: Any) -> None:
    found = MigrationLint.of(PROJECT)
    assert (found.files, found.problems, found.on_d1) == (3, [], True)
    assert world.linted == [((), False), ((), True)]
    world.d1_problems = ["refused there"]
    assert list(map(str, MigrationLint.of(PROJECT).problems)) == ["refused there"]


@pytest.mark.parametrize(
    ("state", "asks", "applied", "problems", "on_d1", "runs"),
    [
        ("stopped", True, (), [], False, 1),
        ("ready", False, (), [], False, 1),
        ("ready", True, ("0001.sql", "0002.sql", "0003.sql"), [], True, 1),
        ("ready", True, ("0001.sql",), [], True, 2),
        ("ready", True, (), ["a problem"], True, 1),
    ],
)
def test_the_local_d1_is_asked_where_it_can_tell_more(
    world: Any,
    state: str,
    asks: bool,
    applied: tuple[str, ...],
    problems: list[str],
    on_d1: bool,
    runs: int,
) -> None:
    world.state, world.problems = state, problems
    found = MigrationLint.of(PROJECT, applied=applied, asks_d1=asks)
    assert (found.files, found.on_d1) == (3 - len(applied), on_d1)
    assert len(world.linted) == runs
    assert list(map(str, found.problems)) == problems


def test_a_d1_that_does_not_answer_is_told(world: Any) -> None:
    world.d1_problems = MigrationError("no answer")
    with pytest.raises(OperationError, match="The local cloud's D1 gave no answer: no answer"):
        MigrationLint.of(PROJECT)


def test_only_what_a_stack_lacks_is_tried_on_a_copy_of_its_rows(world: Any) -> None:
    world.applied, world.problems = ["0001.sql"], ["a problem"]
    found = MigrationLint.on_copy(world.database, PROJECT)
    assert (found.files, found.on_d1) == (2, True)
    assert list(map(str, found.problems)) == ["a problem"]
    assert world.copied == [["0002.sql", "0003.sql"]]
    world.applied = [one.name for one in FILES]
    assert MigrationLint.on_copy(world.database, PROJECT) == MigrationLint(0, (), on_d1=True)
    assert len(world.copied) == 1


def test_the_document_says_whether_all_is_well() -> None:
    problem: Any = SimpleNamespace(document=lambda: {"file": "0001.sql"})
    assert MigrationLint(2, [problem], on_d1=False).document() == {
        "ok": False,
        "files": 2,
        "on_d1": False,
        "problems": [{"file": "0001.sql"}],
    }
    assert MigrationLint(0, (), on_d1=True).document()["ok"] is True


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A local cloud that answers as told."""
    found = SimpleNamespace(asked=[], answer=httpx.Response(200, json={"result": {"uuid": "d1"}}))

    def handle(_: Any, request: httpx.Request) -> httpx.Response:
        found.asked.append((request.method, request.url.path, request.headers["Authorization"]))
        answer: httpx.Response = found.answer
        answer.request = request
        return answer

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
    url = "http://127.0.0.1:9/client/v4"
    monkeypatch.setattr(module, "local_cloud_status", lambda _: {"control_url": url})
    home = SimpleNamespace(api_token=lambda: "token")
    monkeypatch.setattr(module, "CloudHome", lambda _: home)
    found.project = Project(root=tmp_path, home=tmp_path)
    return found


def test_a_scratch_database_is_made_and_removed(cloud: Any) -> None:
    with local_d1(cloud.project):
        assert len(cloud.asked) == 1
    base = f"/client/v4/accounts/{ACCOUNT_ID}/d1/database"
    assert cloud.asked == [
        ("POST", base, "Bearer token"),
        ("DELETE", f"{base}/d1", "Bearer token"),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, json={"result": {"uuid": "d1"}}),
        httpx.Response(200, text="no JSON"),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"result": None}),
    ],
)
def test_a_cloud_that_makes_none_is_told_and_nothing_is_removed(
    cloud: Any, answer: httpx.Response
) -> None:
    cloud.answer = answer
    with pytest.raises(OperationError, match="The local cloud made no scratch database"):
        local_d1(cloud.project).__enter__()
    assert [method for method, _, _ in cloud.asked] == ["POST"]
