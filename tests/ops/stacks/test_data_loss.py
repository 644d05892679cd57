"""Which planned steps take a store of data away."""

from __future__ import annotations

import pytest

from ops.stacks.data_loss import lost_stores
from ops.stacks.driver import StackUpdate

URN = "urn:pulumi:s::notification-system::notification:index:Stores$cloudflare:index/"


def plan(operation: str, resource: str) -> StackUpdate:
    return StackUpdate(kind="preview", changes={}, steps=((operation, URN + resource),))


@pytest.mark.parametrize(
    "operation",
    ["delete", "replace", "delete-replaced", "import-replacement", "create-replacement"],
)
def test_a_database_that_goes_or_is_made_anew_is_lost(operation: str) -> None:
    found = lost_stores(plan(operation, "d1Database:D1Database::database"))
    assert found == ["the D1 database 'database'"]


@pytest.mark.parametrize("operation", ["create", "update", "import", "read", "refresh"])
def test_a_store_that_stays_is_not_lost(operation: str) -> None:
    assert lost_stores(plan(operation, "queue:Queue::retry")) == []


def test_what_holds_no_data_may_be_replaced() -> None:
    assert lost_stores(plan("replace", "workerVersion:WorkerVersion::version")) == []
