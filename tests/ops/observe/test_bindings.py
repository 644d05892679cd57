"""The doctor compares what the serving version is bound to with the account and the stack."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ops.access.checks.outcome import Outcome
from ops.observe.doctor.bindings import Bindings
from ops.stacks.account import StackAccount
from tests.ops.answering_service import AnsweringService, answering_service
from tests.ops.contexts import context_of

BOUND = (
    {"name": "DB", "type": "d1", "id": "d1-1"},
    {"name": "CONFIG_CACHE", "type": "kv_namespace", "namespace_id": "kv-1"},
    {"name": "RETRY_QUEUE", "type": "queue", "queue_name": "retry"},
    {"name": "FAILED_QUEUE", "type": "queue", "queue_name": "failed"},
)
OUTPUTS = {
    "worker_name": "notify",
    "worker_id": "w1",
    "d1_database_id": "d1-1",
    "kv_namespace_id": "kv-1",
    "retry_queue_name": "retry",
    "failed_queue_name": "failed",
}
LISTS = (
    [{"uuid": "d1-1", "name": "notify-db"}],
    [{"id": "kv-1", "title": "notify-kv"}],
    [
        {"queue_name": "retry", "queue_id": "q1"},
        {"queue_name": "failed", "queue_id": "q2"},
    ],
)


@pytest.fixture
def api() -> Iterator[AnsweringService]:
    with answering_service() as service:
        yield service


def answer(result: Any) -> tuple[int, bytes]:
    return 200, json.dumps({"success": True, "result": result, "result_info": {}}).encode()


def pages(listed: list[Any]) -> list[tuple[int, bytes]]:
    """A list of one page: the client asks for another one until a page is empty."""
    return [answer(listed), answer([])] if listed else [answer([])]


def judged(
    api: AnsweringService,
    folder: Path,
    *,
    bound: tuple[Mapping[str, Any], ...] = BOUND,
    lists: tuple[list[Any], ...] = LISTS,
    outputs: Mapping[str, Any] = OUTPUTS,
) -> dict[str, Outcome]:
    """Judge with the database's tables left out: they take the database itself."""

    class Judged(Bindings):
        def _tables(self) -> Outcome:
            return Outcome.ok("tables", "asked")

    versions = [{"version_id": "v1", "percentage": 100}]
    deployment = {"created_on": "2026-01-01", "versions": versions}
    api.answers = [answer({"deployments": [deployment]}), answer({"bindings": list(bound)})]
    databases, namespaces, queues = lists
    # The list of queues is the only one without pages.
    api.answers += [*pages(databases), *pages(namespaces), answer(queues)]
    account = StackAccount("dev", "a" * 32, api.url, True, "t" * 40)
    (folder / "Pulumi.dev.yaml").write_text("config: {}\n")
    context = context_of(folder, "dev")
    return {found.check: found for found in Judged(context, account, outputs).outcomes()}


def test_a_version_with_everything_is_well(api: AnsweringService, tmp_path: Path) -> None:
    found = judged(api, tmp_path)
    assert {name: one.result for name, one in found.items()} == {
        "binding DB": "ok",
        "binding CONFIG_CACHE": "ok",
        "binding RETRY_QUEUE": "ok",
        "binding FAILED_QUEUE": "ok",
        "tables": "ok",
    }
    assert found["binding DB"].found == "D1 database notify-db (d1-1)"
    assert found["binding RETRY_QUEUE"].found == "queue q1 (retry)"
    assert api.seen[1]["target"].endswith("/workers/workers/w1/versions/v1")


def test_a_binding_that_the_version_lacks_fails(api: AnsweringService, tmp_path: Path) -> None:
    found = judged(api, tmp_path, bound=BOUND[1:])
    assert found["binding DB"].result == "fail"
    assert "has no binding DB" in found["binding DB"].found
    assert found["tables"].result == "skipped"
    assert found["binding CONFIG_CACHE"].result == "ok"


def test_a_binding_of_another_type_fails(api: AnsweringService, tmp_path: Path) -> None:
    other = {"name": "DB", "type": "plain_text", "text": "x"}
    found = judged(api, tmp_path, bound=(other, *BOUND[1:]))["binding DB"]
    assert (found.result, found.found) == ("fail", "DB is a plain_text, not a D1 database")


def test_a_store_that_is_gone_fails_with_the_command_that_mends_it(
    api: AnsweringService, tmp_path: Path
) -> None:
    found = judged(api, tmp_path, lists=([], LISTS[1], LISTS[2]))
    assert found["binding DB"].found == "D1 database d1-1 isn't in the account, which lists none"
    assert "notifyctl db restore --stack dev FILE" in found["binding DB"].advice
    assert found["tables"].result == "skipped"


def test_a_store_that_is_not_the_stacks_fails(api: AnsweringService, tmp_path: Path) -> None:
    found = judged(api, tmp_path, outputs={**OUTPUTS, "kv_namespace_id": "kv-2"})
    assert found["binding CONFIG_CACHE"].found == (
        "bound to the KV namespace kv-1; the stack's is kv-2"
    )
    assert found["binding CONFIG_CACHE"].advice.endswith("notifyctl drift --stack dev --repair")


def test_the_database_is_found_by_either_field(api: AnsweringService, tmp_path: Path) -> None:
    other = {"name": "DB", "type": "d1", "database_id": "d1-1"}
    assert judged(api, tmp_path, bound=(other, *BOUND[1:]))["binding DB"].result == "ok"


def test_every_database_of_the_stack_has_its_binding(api: AnsweringService, tmp_path: Path) -> None:
    names = [{"id": "d1-1", "name": "notify-db"}, {"id": "d1-2", "name": "notify-db_shard_1"}]
    outputs = {**OUTPUTS, "d1_databases": names}
    second = {"name": "DB_1", "type": "d1", "id": "d1-2"}
    lists = ([{"uuid": one["id"], "name": one["name"]} for one in names], *LISTS[1:])

    found = judged(api, tmp_path, bound=(*BOUND, second), lists=lists, outputs=outputs)
    assert found["binding DB"].found == "D1 database notify-db (d1-1)"
    assert found["binding DB_1"].found == "D1 database notify-db_shard_1 (d1-2)"
    assert found["tables"].result == "ok"

    found = judged(api, tmp_path, bound=BOUND, lists=lists, outputs=outputs)
    assert (found["binding DB"].result, found["binding DB_1"].result) == ("ok", "fail")
    assert found["tables"].result == "skipped"

    swapped = {**second, "id": "d1-1"}
    found = judged(api, tmp_path, bound=(*BOUND, swapped), lists=lists, outputs=outputs)
    assert found["binding DB_1"].found == "bound to the D1 database d1-1; the stack's is d1-2"


def test_five_of_what_the_account_has_are_named(api: AnsweringService, tmp_path: Path) -> None:
    many = [{"uuid": f"d1-{number}", "name": "n"} for number in (9, 8, 7, 6, 5, 4)]
    found = judged(api, tmp_path, lists=(many, LISTS[1], LISTS[2]))
    assert found["binding DB"].found == (
        "D1 database d1-1 isn't in the account, which lists d1-4, d1-5, d1-6, d1-7, d1-8"
    )
