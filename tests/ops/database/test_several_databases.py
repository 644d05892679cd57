"""Which databases a stack has: a command that reads one never takes it for all."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ops.cli.commands.db.inspection import checked
from ops.database import stack_database
from ops.database.consistency import check_consistency
from ops.database.stack_database import StackDatabase
from ops.stacks.account import StackAccount
from ops.stacks.errors import StackFailed
from tests.infra.d1_api import ACCOUNT, BASE_URL
from tests.ops.database.sqlite_database import sqlite_database

SEVERAL = {
    "d1_database_id": "a",
    "d1_database_name": "notify",
    "d1_databases": [{"id": "a", "name": "notify"}, {"id": "b", "name": "notify_shard_1"}],
}


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A context of the stack `dev` whose outputs can be set."""
    account = StackAccount("dev", ACCOUNT, BASE_URL, True, "t" * 40)
    context = SimpleNamespace(stack="dev", outputs={})
    monkeypatch.setattr(StackAccount, "of", lambda _: account)
    monkeypatch.setattr(stack_database, "first_outputs", lambda context, **_: context.outputs)
    return context


def test_all_databases_are_found_in_their_order(stack: Any) -> None:
    stack.outputs = SEVERAL
    assert [(one.database_id, one.name) for one in StackDatabase.all_of(stack)] == [
        ("a", "notify"),
        ("b", "notify_shard_1"),
    ]


def test_outputs_of_an_earlier_release_name_one(stack: Any) -> None:
    stack.outputs = {"d1_database_id": "a", "d1_database_name": "notify"}
    assert [one.name for one in StackDatabase.all_of(stack)] == ["notify"]
    assert [one.database_id for one in StackDatabase.all_of(stack)] == ["a"]


@pytest.mark.parametrize("outputs", [{}, {"d1_database_id": None}, {"d1_databases": []}])
def test_a_stack_without_a_database_is_told_how_it_gets_one(
    stack: Any, outputs: dict[str, Any]
) -> None:
    stack.outputs = outputs
    assert StackDatabase.find_all(stack) == ()
    with pytest.raises(StackFailed, match="notifyctl up --stack dev"):
        StackDatabase.all_of(stack)


def test_a_finding_of_several_databases_names_its_own() -> None:
    one, other = sqlite_database(), sqlite_database()
    other.api.connection.execute("CREATE TABLE user_configs (config_data TEXT)")
    other.api.connection.execute("INSERT INTO user_configs VALUES ('clear')")
    assert checked([other]) == list(check_consistency(other))
    found = [(finding.rule, finding.rows) for finding in checked([one, other])]
    assert found[-1] == ("notify-dev: channel configurations in clear text", 1)
    assert len(found) == 2 + 3
