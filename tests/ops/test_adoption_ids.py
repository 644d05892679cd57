"""Which existing resources an adoption means: by name, by the settings, by CI's variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from infra.names import Names
from ops.adoption.existing import ID_VARIABLES, AccountListing, Existing
from ops.stacks.account import StackAccount
from ops.stacks.errors import UsageError

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


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ID_VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)


def found(
    items: Mapping[str, list[dict[str, Any]]],
    settings: Mapping[str, str] | None = None,
    stack: str = "production",
) -> dict[str, Existing]:
    given = {f"notification-system:{key}": value for key, value in (settings or {}).items()}
    listed = Listed(items).find(Names.of_stack(stack), stack, given)
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
    monkeypatch: pytest.MonkeyPatch,
    stack: str,
    variable: str,
    setting: str,
    path: str,
    item: tuple[str, str],
) -> None:
    names = Names.of_stack(stack)
    name = names.database if path == "d1/database" else names.config_cache
    monkeypatch.setenv(variable, DATABASE)
    items = {path: [{item[0]: "another", item[1]: name}, {item[0]: DATABASE, item[1]: name}]}
    result = found(items, {setting: "from-the-settings"}, stack)
    assert (result[setting].id, result[setting].source) == (DATABASE, variable)


def test_a_namespace_of_another_title_is_taken_and_renamed() -> None:
    items = {"storage/kv/namespaces": [{"id": NAMESPACE, "title": "old cache"}]}
    item = found(items, {"adoptNamespaceId": NAMESPACE})["adoptNamespaceId"]
    assert (item.name, item.wanted) == ("old cache", "CONFIG_CACHE")


def test_a_database_of_another_name_is_refused_since_none_can_be_renamed() -> None:
    items = {"d1/database": [{"uuid": DATABASE, "name": "something-else"}]}
    with pytest.raises(UsageError, match="can't get another name"):
        found(items, {"adoptDatabaseId": DATABASE})


def test_an_id_that_nothing_has_is_refused_with_where_it_comes_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PROD_DB_ID", DATABASE)
    with pytest.raises(UsageError, match="PROD_DB_ID is f174e90a"):
        found({"d1/database": []})
