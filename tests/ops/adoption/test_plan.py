"""What an adoption would do, for people and for programs."""

from __future__ import annotations

from ops.adoption.earlier_data import EarlierRows
from ops.adoption.existing import DATABASE, FURTHER_DATABASE, NAMESPACE_KIND, RETRY_QUEUE, Existing
from ops.adoption.plan import AdoptionPlan, ReplacedConsumer

MINE = Existing(DATABASE, "d1", "notify", "notify", "its name")
RENAMED = Existing(NAMESPACE_KIND, "kv1", "CACHE_OLD", "CACHE", "adoptNamespaceId")
MANAGED = Existing(RETRY_QUEUE, "q1", "retry-queue", "retry-queue", "its name")
CONSUMER = ReplacedConsumer("q1", "retry-queue", "c1", "old-worker")


def plan(
    *,
    adopted: tuple[Existing, ...] = (),
    earlier: EarlierRows | None = None,
    consumers: tuple[ReplacedConsumer, ...] = (),
) -> AdoptionPlan:
    return AdoptionPlan("production", adopted, (MANAGED,), consumers, earlier)


def test_a_plan_is_empty_with_nothing_to_adopt_and_no_earlier_rows() -> None:
    assert plan().is_empty
    assert not plan(adopted=(MINE,)).is_empty
    assert not plan(earlier=EarlierRows({}, is_under_way=False)).is_empty


def test_the_adopted_are_settings_of_the_program_and_the_managed_are_not() -> None:
    assert plan(adopted=(MINE, RENAMED)).import_ids == {
        "adoptDatabaseId": "d1",
        "adoptNamespaceId": "kv1",
    }


def test_further_databases_are_named_in_their_order_also_those_that_are_managed() -> None:
    three, two, one = (
        Existing(FURTHER_DATABASE, f"d{n}", f"notify_shard_{n}", f"notify_shard_{n}", "its name")
        for n in (3, 2, 1)
    )
    found = AdoptionPlan("production", (MINE, three, one), (MANAGED, two), (), None)
    assert found.import_ids == {
        "adoptDatabaseId": "d1",
        "adoptFurtherDatabaseIds": ["d1", "d2", "d3"],
    }


def test_a_program_reads_what_is_renamed_and_replaced() -> None:
    found = plan(
        adopted=(MINE, RENAMED),
        consumers=(CONSUMER,),
        earlier=EarlierRows({"logs": 3}, is_under_way=False),
    ).document()
    assert found == {
        "stack": "production",
        "adopt": [
            {"kind": "D1 database", "name": "notify", "id": "d1", "by": "its name"},
            {
                "kind": "KV namespace",
                "name": "CACHE_OLD",
                "id": "kv1",
                "by": "adoptNamespaceId",
                "renamed_to": "CACHE",
            },
        ],
        "managed": [{"kind": "queue", "name": "retry-queue", "id": "q1", "by": "its name"}],
        "replace": [{"consumer": "old-worker", "queue": "retry-queue"}],
        "earlier_rows": {"logs": 3},
    }
    assert plan().document()["earlier_rows"] is None


def test_a_person_reads_the_same_in_lines() -> None:
    found = list(
        plan(
            adopted=(MINE, RENAMED),
            consumers=(CONSUMER,),
            earlier=EarlierRows({"logs": 3, "configs": 2}, is_under_way=True),
        ).lines()
    )
    assert found[:3] == [
        "  > D1 database notify (d1, by its name)",
        "  > KV namespace CACHE_OLD (kv1, by adoptNamespaceId), renamed to CACHE",
        "    queue retry-queue is managed already",
    ]
    assert found[3].startswith("  ± consumer of retry-queue (Worker old-worker): no provider")
    assert found[4:7] == [
        "  ~ 5 rows of an earlier service (its takeover has begun):",
        "      logs: 3",
        "      configs: 2",
    ]
    assert len(found) == 8


def test_a_takeover_that_has_not_begun_is_not_said_to_have() -> None:
    found = list(plan(earlier=EarlierRows({"logs": 1}, is_under_way=False)).lines())
    assert found[1] == "  ~ 1 rows of an earlier service:"
