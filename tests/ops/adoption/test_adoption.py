"""What an adoption asks, changes and reports; account and deployment are the test's own."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.migrations.errors import MigrationError
from infra.shards.record import Placement
from ops.adoption import adoption as module
from ops.adoption.adoption import Adoption, AdoptionReport
from ops.adoption.existing import (
    DATABASE,
    FAILED_QUEUE,
    FURTHER_DATABASE,
    RETRY_QUEUE,
    Existing,
)
from ops.adoption.plan import AdoptionPlan, ReplacedConsumer
from ops.stacks.account import StackAccount
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import GateClosed, OperationError, StackMissing, UsageError
from tests.ops.contexts import context_of

STORE = Existing(DATABASE, "d1", "notify-db", "notify-db", "its name")
QUEUE = Existing(RETRY_QUEUE, "q1", "retry-queue", "retry-queue", "its name")
CONSUMER = ReplacedConsumer("q1", "retry-queue", "c1", "old-worker")
LOSS = StackUpdate(
    "preview",
    {"delete": 1},
    steps=(("delete", "urn:pulumi:x::n::cloudflare:index/d1Database:D1Database::database"),),
)


class World:
    """An account with what was there before, and a deployment that is noted."""

    def __init__(self, patch: pytest.MonkeyPatch, root: Path) -> None:
        self.root = root
        self.patch = patch
        self.calls: list[Any] = []
        self.found = [STORE, QUEUE]
        self.state: Any = []
        self.consumers: dict[str, list[Any]] = {}
        self.earlier: Any = None
        self.clear = [3, 0]
        self.staying: dict[str, int] = {}
        self.planned = StackUpdate("preview", {})
        self.failure: Exception | None = None
        self.config: dict[str, Any] = {}
        self.deployed: list[dict[str, Any]] = []
        put = patch.setattr
        account = StackAccount("dev", "a" * 32, "http://127.0.0.1:9", True, "t" * 40)
        put(StackAccount, "ask", lambda _, what, ask: self.calls.append(what))
        put(StackAccount, "of", lambda _: account)
        put(module, "choose_driver", lambda _: SimpleNamespace(resources=self._resources))
        listing = SimpleNamespace(
            find=lambda *_: list(self.found),
            items=lambda path: self.consumers.get(path, []),
            further_databases=lambda _, count: [FURTHER] * (count - 1),
        )
        put(module, "AccountListing", lambda _: listing)
        put(module, "_database", lambda *given: nullcontext(given[-1]))
        put(module, "EarlierData", lambda *_: self)
        self.placement: Placement | None = None
        put(module, "read_placement", lambda _: self.placement)
        put(module, "start_local_cloud", lambda *_: self.calls.append("started"))
        put(module, "ServiceClient", self._service)

    def _resources(self) -> Any:
        if isinstance(self.state, Exception):
            raise self.state
        return self.state

    def _service(self, url: str, key: str) -> Any:
        assert (url, key) == ("http://service", "key")

        def result(method: str, path: str, *, body: Any) -> None:
            self.calls.append((method, path, body.get("task", body)))

        return nullcontext(SimpleNamespace(result=result))

    # The earlier data.

    def look(self) -> Any:
        return self.earlier

    def take_over(self, told: Any) -> None:
        if self.failure is not None:
            raise self.failure
        told("some rows")
        self.calls.append("taken over")

    def clear_text_left(self) -> int:
        return self.clear.pop(0) if len(self.clear) > 1 else self.clear[0]

    def finish(self) -> dict[str, int]:
        self.calls.append("finished")
        return self.staying

    # The deployment.

    def deployer(self, context: Any) -> Any:
        self.config = dict(context.file.config)

        def preview() -> StackUpdate:
            self.calls.append("preview")
            return self.planned

        def run(**how: Any) -> Any:
            self.calls.append(("run", how))
            self.deployed.append(dict(context.file.config))
            outputs = {"service_url": "http://service", "api_secret_key": "key"}
            update = StackUpdate("update", {}, outputs)
            return SimpleNamespace(update=update, document=lambda: {"deployed": True})

        return SimpleNamespace(preview=preview, run=run)

    def adoption(self, config: str = "{}", stack: str = "staging") -> Adoption:
        (self.root / f"Pulumi.{stack}.yaml").write_text(f"config: {config}\n")
        return Adoption(context_of(self.root, stack, environment={}), self.deployer)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    return World(monkeypatch, tmp_path)


def test_what_the_state_has_is_managed_and_the_rest_adopted(world: World) -> None:
    world.state = [{"id": "d1"}, {"id": "q1", "delete": True}]
    world.earlier = "earlier rows"
    plan = world.adoption().plan()
    assert (plan.stack, plan.adopted, plan.managed) == ("staging", (QUEUE,), (STORE,))
    assert plan.consumers == ()
    assert str(plan.earlier) == "earlier rows"
    assert world.calls == []
    world.state = StackMissing("none")
    plan = world.adoption().plan()
    assert (plan.adopted, plan.managed) == ((STORE, QUEUE), ())
    world.found = [QUEUE]
    assert world.adoption().plan().earlier is None


FURTHER = Existing(FURTHER_DATABASE, "d2", "notify-db_shard_1", "notify-db_shard_1", "its name")


@pytest.mark.parametrize("placement", [Placement(2), Placement(1, 2), Placement(2, 1)])
def test_the_first_of_several_databases_is_adopted_with_the_others_or_not_at_all(
    world: World, placement: Placement
) -> None:
    world.placement = placement
    for state in ([], [{"id": "d1"}]):
        world.state = state
        with pytest.raises(GateClosed, match=r"over 2 databases, and shards is 1.*Set shards to 2"):
            world.adoption().plan()
    world.state = []
    found = world.adoption(f"{{{SHARDS}: 3}}").plan()
    assert found.adopted == (STORE, QUEUE, FURTHER)
    assert found.import_ids["adoptFurtherDatabaseIds"] == ["d2"]
    world.state = [{"id": "d2"}]
    assert world.adoption(f"{{{SHARDS}: 2}}").plan().managed == (FURTHER,)
    world.state, world.placement = [], Placement(1)
    assert world.adoption().plan().adopted == (STORE, QUEUE)


def test_a_local_stacks_cloud_is_started_first(world: World) -> None:
    world.adoption("{cloudflare:baseUrl: 'http://127.0.0.1:9/client/v4'}").plan()
    assert world.calls == ["started"]


def test_consumers_of_others_are_replaced_and_its_own_stay(world: World) -> None:
    other = Existing(FAILED_QUEUE, "q2", "failed-queue", "failed-queue", "its name")
    world.found = [STORE, QUEUE, other]
    world.consumers = {
        "queues/q1/consumers": [
            {"consumer_id": "c1", "script_name": "old-worker"},
            {"consumer_id": "c2", "script_name": "ours"},
        ],
        "queues/q2/consumers": [{"consumer_id": "c3", "script": "older"}],
        "queues/d1/consumers": [{"consumer_id": "c4", "script": "never asked"}],
    }
    world.state = [{"id": "x", "outputs": {"consumerId": "c2"}}]
    assert world.adoption().plan().consumers == (
        CONSUMER,
        ReplacedConsumer("q2", "failed-queue", "c3", "older"),
    )
    world.consumers = {"queues/q1/consumers": [{"script": "without an id"}]}
    with pytest.raises(OperationError, match="list the queues' consumers"):
        world.adoption().plan()


@pytest.mark.parametrize("adopts", [True, False])
def test_a_database_that_is_adopted_stays_where_it_is(world: World, adopts: bool) -> None:
    world.found = [STORE] if adopts else [QUEUE]
    adoption = world.adoption("{notification-system:d1Location: weur}")
    if adopts:
        with pytest.raises(UsageError, match=r"Pulumi\.staging\.yaml sets d1Location"):
            adoption.plan()
    else:
        adoption.plan()


def plan(*consumers: ReplacedConsumer, earlier: Any = None, managed: bool = False) -> AdoptionPlan:
    adopted = (QUEUE,) if managed else (STORE, QUEUE)
    return AdoptionPlan("dev", adopted, (STORE,) if managed else (), consumers, earlier)


def test_a_preview_has_the_ids_to_import_and_no_earlier_ones(world: World) -> None:
    config = "{notification-system:adoptWorkerId: old, notification-system:logLevel: debug}"
    world.adoption(config).preview(plan())
    assert world.calls == ["preview"]
    assert world.config == {
        "notification-system:logLevel": "debug",
        "notification-system:adoptDatabaseId": "d1",
        "notification-system:adoptRetryQueueId": "q1",
    }


def test_a_run_previews_takes_over_deploys_and_encrypts_in_that_order(world: World) -> None:
    world.staying = {"logs": 2}
    report = world.adoption().run(plan(CONSUMER, earlier="rows"), verify=False)
    run = ("run", {"message": "Adoption of what exists", "verify": False})
    trigger = ("POST", "/api/scheduled-tasks/trigger")
    assert [call[:2] if isinstance(call, tuple) else call for call in world.calls] == [
        "preview",
        "taken over",
        "remove the consumer of retry-queue",
        run,
        trigger,
        "finished",
    ]
    assert (report.staying, report.in_clear) == ({"logs": 2}, 0)


SHARDS = "notification-system:shards"
ADOPTS = "notification-system:adoptDatabaseId"


@pytest.mark.parametrize("placement", [None, Placement(1)])
def test_earlier_rows_are_taken_over_in_one_database_and_then_spread(
    world: World, placement: Placement | None
) -> None:
    world.earlier, world.placement = SimpleNamespace(rows={}), placement
    adoption = world.adoption(f"{{{SHARDS}: 3}}")
    adoption.run(plan(earlier=world.earlier), verify=True)
    assert [(one[SHARDS], one.get(ADOPTS)) for one in world.deployed] == [(1, "d1"), (3, None)]
    runs = [call for call in world.calls if call[0] == "run"]
    assert [how["verify"] for _, how in runs] == [True, True]
    assert world.calls.index("finished") < world.calls.index(runs[1])


@pytest.mark.parametrize(
    ("shards", "earlier", "placement"),
    [
        (3, SimpleNamespace(rows={}), Placement(3)),
        (3, SimpleNamespace(rows={}), Placement(1, 3)),
        (3, None, None),
        (1, SimpleNamespace(rows={}), None),
    ],
)
def test_who_is_spread_already_stays_so(
    world: World, shards: int, earlier: Any, placement: Placement | None
) -> None:
    world.earlier, world.placement = earlier, placement
    world.adoption(f"{{{SHARDS}: {shards}}}").run(plan(earlier=earlier), verify=False)
    assert [one[SHARDS] for one in world.deployed] == [shards]


@pytest.mark.parametrize(
    ("left", "triggered", "in_clear"),
    [([0], 0, 0), ([5, 5], 1, 5), ([5, 3, 1, 0], 3, 0), ([9, 8, 8], 2, 8)],
)
def test_configurations_are_encrypted_until_none_is_left_or_none_gives_way(
    world: World, left: list[int], triggered: int, in_clear: int
) -> None:
    world.clear = left
    report = world.adoption().run(plan(earlier="rows", managed=True), verify=True)
    tasks = [call for call in world.calls if isinstance(call, tuple) and call[0] == "POST"]
    assert (len(tasks), report.in_clear) == (triggered, in_clear)


def test_an_endless_encryption_is_given_up(world: World) -> None:
    world.clear = [*range(10_000, 0, -1)]
    report = world.adoption().run(plan(earlier="rows"), verify=True)
    tasks = [call for call in world.calls if isinstance(call, tuple) and call[0] == "POST"]
    assert len(tasks) == 1_000
    assert report.in_clear == 10_000 - 1_000


def test_without_earlier_rows_nothing_is_taken_over(world: World) -> None:
    report = world.adoption().run(plan(), verify=True)
    assert (report.staying, report.in_clear) == ({}, 0)
    assert world.calls == [
        "preview",
        ("run", {"message": "Adoption of what exists", "verify": True}),
    ]


@pytest.mark.parametrize("how", ["preview", "run"])
def test_an_import_that_would_lose_a_store_changes_nothing(world: World, how: str) -> None:
    world.planned = LOSS
    adoption = world.adoption()
    calls: dict[str, Any] = {
        "preview": lambda: adoption.preview(plan()),
        "run": lambda: adoption.run(plan(CONSUMER, earlier="rows"), verify=True),
    }
    with pytest.raises(GateClosed, match=r"The import would delete or replace .*database"):
        calls[how]()
    assert world.calls == ["preview"]


def test_a_takeover_that_stops_says_that_nothing_is_lost(world: World) -> None:
    world.failure = MigrationError("D1 is away.")
    with pytest.raises(OperationError, match=r"The import stopped: D1 is away\. Nothing is lost"):
        world.adoption().run(plan(CONSUMER, earlier="rows"), verify=True)
    assert world.calls == ["preview"]


def test_the_reports_document_has_the_plan_and_what_is_left() -> None:
    deployment: Any = SimpleNamespace(document=lambda: {"deployed": True})
    document = AdoptionReport(plan(), deployment, {"logs": 2}, 1).document()
    assert document == {
        **plan().document(),
        "deployment": {"deployed": True},
        "earlier_rows_left": {"logs": 2},
        "configurations_in_clear": 1,
    }
