"""Which existing resources an adoption means: by name, by the settings, by CI's variables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.names import Names
from infra.settings import StackFile
from ops.adoption.existing import AccountListing, Existing
from ops.stacks.account import StackAccount
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext
from ops.stacks.errors import GateClosed, UsageError
from ops.stacks.project import Project

DATABASE = "f174e90a-fafe-4643-bbbc-4a0ed4fc8415"
NAMESPACE = "023e105f4ecef8ad9ca31a8372d0c353"
NAMES = Names.of_stack("production")


class Listed(AccountListing):
    """A listing of a given account."""

    def __init__(self, items: Mapping[str, list[dict[str, Any]]]) -> None:
        super().__init__(StackAccount("production", "0" * 32, "http://127.0.0.1:9", True, "t"))
        self._given = items

    def items(self, path: str) -> list[dict[str, Any]]:
        return list(self._given.get(path, []))


def found(
    items: Mapping[str, list[dict[str, Any]]],
    settings: Mapping[str, str] | None = None,
    stack: str = "production",
    environment: Mapping[str, str] | None = None,
) -> dict[str, Existing]:
    given = {f"notification-system:{key}": value for key, value in (settings or {}).items()}
    root = Path("nowhere")
    context = StackContext(
        Project(root=root, home=root),
        stack,
        StackFile(root / f"Pulumi.{stack}.yaml", {"config": given}),
        Reporter(quiet=True),
        environment or {},
    )
    listed = Listed(items).find(Names.of_stack(stack), context)
    return {item.kind.setting: item for item in listed}


def test_what_has_the_stacks_name_is_meant_and_nothing_else() -> None:
    items = {
        "d1/database": [
            {"uuid": "other", "name": "notification-system-dev"},
            {"uuid": DATABASE, "name": NAMES.database},
        ],
        "queues": [{"queue_id": "q1", "queue_name": "retry-queue"}],
    }
    result = found(items)
    assert set(result) == {"adoptDatabaseId", "adoptRetryQueueId"}
    assert result["adoptDatabaseId"].id == DATABASE


@pytest.mark.requirement("S0-17")
@pytest.mark.parametrize(
    ("stack", "variable", "setting", "path", "item"),
    [
        ("production", "PROD_DB_ID", "adoptDatabaseId", "d1/database", ("uuid", "name")),
        ("development", "DEV_DB_ID", "adoptDatabaseId", "d1/database", ("uuid", "name")),
        ("production", "PROD_KV_ID", "adoptNamespaceId", "storage/kv/namespaces", ("id", "title")),
        ("development", "DEV_KV_ID", "adoptNamespaceId", "storage/kv/namespaces", ("id", "title")),
    ],
)
def test_ids_come_from_the_names_that_ci_has_for_them(
    stack: str,
    variable: str,
    setting: str,
    path: str,
    item: tuple[str, str],
) -> None:
    names = Names.of_stack(stack)
    name = names.database if path == "d1/database" else names.config_cache
    items = {path: [{item[0]: "another", item[1]: name}, {item[0]: DATABASE, item[1]: name}]}
    result = found(items, {setting: "from-the-settings"}, stack, {variable: DATABASE})
    assert (result[setting].id, result[setting].source) == (DATABASE, variable)


def test_a_namespace_of_another_title_is_taken_and_renamed() -> None:
    items = {"storage/kv/namespaces": [{"id": NAMESPACE, "title": "old cache"}]}
    item = found(items, {"adoptNamespaceId": NAMESPACE})["adoptNamespaceId"]
    assert (item.name, item.wanted) == ("old cache", "CONFIG_CACHE")


def test_a_database_of_another_name_is_refused_since_none_can_be_renamed() -> None:
    items = {"d1/database": [{"uuid": DATABASE, "name": "something-else"}]}
    with pytest.raises(UsageError, match="can't be renamed"):
        found(items, {"adoptDatabaseId": DATABASE})


def test_an_id_that_nothing_has_is_refused_with_where_it_comes_from() -> None:
    with pytest.raises(UsageError, match="PROD_DB_ID is f174e90a"):
        found({"d1/database": []}, environment={"PROD_DB_ID": DATABASE})


def test_an_id_in_the_settings_that_is_none_is_refused_by_its_key() -> None:
    with pytest.raises(UsageError, match="adoptDatabaseId = 'f174': a UUID"):
        found({"d1/database": []}, {"adoptDatabaseId": "f174"})


def test_further_databases_are_found_by_their_names_and_all_of_them() -> None:
    names = Names.of_stack("production")
    listed = [{"name": name, "uuid": f"id of {name}"} for name in reversed(names.shards(3))]
    account = Listed({"d1/database": listed})
    found = account.further_databases(names, 3)
    assert [(one.name, one.id) for one in found] == [
        (name, f"id of {name}") for name in names.shards(3)[1:]
    ]
    assert account.further_databases(names, 1) == []
    with pytest.raises(GateClosed, match=r"over 4 databases, and .* no database .*_shard_3: its"):
        account.further_databases(names, 4)
