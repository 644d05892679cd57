"""Which database a stack has, and the level of the code that serves."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.migrations.errors import MigrationError
from ops.database import stack_database as module
from ops.database.stack_database import StackDatabase, active_level, migrations
from ops.stacks.account import StackAccount
from ops.stacks.errors import GateClosed, OperationError, StackFailed
from ops.stacks.project import Project
from tests.installation import ROOT

ACCOUNT = StackAccount("dev", "a" * 32, "http://127.0.0.1:9", True, "t" * 40)
CONTEXT: Any = SimpleNamespace(stack="dev")


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The outputs of a stack, which a test may change."""
    found: dict[str, Any] = {
        "d1_database_id": "d1",
        "d1_database_name": "notify-dev",
        "worker_name": "notify",
        "release": {"version_id": "v3", "code_level": 3},
        "releases": [{"version_id": "v3", "code_level": 3}, {"version_id": "v2", "code_level": 2}],
    }

    def first(_: Any, *, show_secrets: bool) -> dict[str, Any]:
        assert not show_secrets
        return found

    monkeypatch.setattr(module, "first_outputs", first)
    monkeypatch.setattr(module, "StackAccount", SimpleNamespace(of=lambda _: ACCOUNT))
    return found


def test_the_database_is_that_of_the_outputs(outputs: dict[str, Any]) -> None:
    [found] = StackDatabase.all_of(CONTEXT)
    assert found == StackDatabase(ACCOUNT, "d1", "notify-dev", 3)
    assert found.stack == "dev"
    del outputs["d1_database_name"]
    assert StackDatabase.all_of(CONTEXT)[0].name == ""


@pytest.mark.parametrize("value", [None, 5])
def test_a_stack_without_a_database_names_the_command_that_makes_it(
    outputs: dict[str, Any], value: Any
) -> None:
    outputs["d1_database_id"] = value
    assert StackDatabase.find_all(CONTEXT) == ()
    with pytest.raises(StackFailed, match="'dev' has no database yet"):
        StackDatabase.all_of(CONTEXT)


def test_an_error_inside_is_one_sentence() -> None:
    database = StackDatabase(ACCOUNT, "d1", "n", 0)
    with pytest.raises(OperationError, match=r"^D1 is away$"), database.connected():
        raise MigrationError("D1 is away")


@pytest.mark.parametrize(
    ("shares", "level"),
    [
        ({"v3": 100.0}, 3),
        ({"v2": 100.0}, 2),
        ({"v2": 90.0, "v3": 10.0}, 3),
    ],
)
def test_the_level_is_that_of_the_highest_version_that_serves(
    outputs: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    shares: dict[str, float],
    level: int,
) -> None:
    outputs["serving"] = [{"version_id": "v2", "percentage": 100}]
    active = SimpleNamespace(of_worker=lambda *_: SimpleNamespace(shares=shares))
    monkeypatch.setattr(module, "ActiveDeployment", active)
    assert active_level(CONTEXT) == level


def test_a_version_that_the_stack_does_not_list_closes_the_gate(
    outputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = {"v3": 50.0, "stranger-1": 50.0}
    active = SimpleNamespace(of_worker=lambda *_: SimpleNamespace(shares=shares))
    monkeypatch.setattr(module, "ActiveDeployment", active)
    with pytest.raises(GateClosed, match=r"^Version stranger serves, and the stack 'dev' doesn't"):
        active_level(CONTEXT)
    outputs["serving"] = [{"version_id": "stranger-1", "percentage": 50}, "no mapping"]
    assert active_level(CONTEXT) == 3


def test_without_a_worker_the_list_of_releases_tells(outputs: dict[str, Any]) -> None:
    outputs["worker_name"] = None
    assert active_level(CONTEXT) == 3


def test_migration_files_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    assert migrations(Project(root=ROOT, home=tmp_path)).level > 0
    folder = tmp_path / "sql" / "migrations"
    folder.mkdir(parents=True)
    (folder / "0001_first.sql").write_text("SELECT 1;")
    (folder / "0003_third.sql").write_text("SELECT 1;")
    with pytest.raises(OperationError):
        migrations(Project(root=tmp_path, home=tmp_path))
