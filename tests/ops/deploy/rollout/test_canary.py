"""How a canary is judged, on metrics and a clock of the test's own."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.deploy.rollout import canary as canary_module
from ops.deploy.rollout.canary import Canary, CanaryPlan
from ops.deploy.rollout.version_metrics import VersionMetrics
from ops.stacks.account import StackAccount
from ops.stacks.context import StackContext
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import (
    GateClosed,
    OperationError,
    StackFailed,
    UsageError,
    VerificationFailed,
)
from tests.ops.contexts import context_of

FINE = VersionMetrics(1000, 1, 80.0)


class World:
    """Deployments, metrics and time, without a cloud."""

    def __init__(self, *new: VersionMetrics, base: VersionMetrics = FINE) -> None:
        self.new = list(new)
        self.base = base
        self.updates: list[str] = []
        self.seconds = 0.0
        self.fails_at: int | None = None
        self.blind = False
        self.failure: OperationError = StackFailed("the update failed. Try again.")
        self.planned: list[bool] = []

    def update(self, message: str, context: StackContext, *, is_planned: bool) -> StackUpdate:
        self.updates.append(message)
        self.planned.append(is_planned)
        if self.fails_at == len(self.updates):
            raise self.failure
        return StackUpdate("update", {}, {"version_id": "new", "worker_name": "w"})

    def of(self, *versions: str) -> list[VersionMetrics]:
        assert versions[-1] == "base"
        if self.blind:
            raise OperationError("Cloudflare refused to read the versions' metrics: 403.")
        new = self.new.pop(0) if len(self.new) > 1 else self.new[0]
        return [new, self.base][-len(versions) :]

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def context(tmp_path: Path) -> StackContext:
    (tmp_path / "Pulumi.x.yaml").write_text("config:\n  notification-system:environment: staging\n")
    return context_of(tmp_path, "x")


def run(
    world: World, context: StackContext, monkeypatch: pytest.MonkeyPatch, **plan: Any
) -> Canary:
    account: Any = type("Account", (), {"of": staticmethod(lambda *_: None)})
    monkeypatch.setattr(canary_module, "StackAccount", account)
    monkeypatch.setattr(canary_module, "MetricsSince", lambda *_: world)
    deployment: Any = world
    canary = Canary(
        context,
        deployment=deployment,
        base="base",
        plan=CanaryPlan(**{"steps": (10, 50, 100), "watch": 300.0, "least": 200, **plan}),
        now=lambda: world.seconds,
        sleep=world.sleep,
    )
    canary.run("release")
    return canary


def test_a_good_version_goes_through_every_step(
    context: StackContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(VersionMetrics(20), VersionMetrics(300, 1, 90.0))

    canary = run(world, context, monkeypatch)

    assert world.updates == ["release (10 %)", "release (50 %)", "release (100 %)"]
    assert [result.percentage for result in canary.results] == [10, 50]
    assert world.planned == [True, False, False], "each later step is planned anew"


@pytest.mark.parametrize(
    ("record", "shards", "refusal"),
    [
        ('{"n":2,"moving_to":null}', 2, ""),
        ('{"n":2,"moving_to":null}', 3, "are spread over 2 of the databases and shards is 3"),
        ('{"n":2,"moving_to":null}', 1, "are spread over 2 of the databases and shards is 1"),
        ('{"n":2,"moving_to":1}', 2, "from 2 to 1 databases isn't complete"),
        ('{"n":1,"moving_to":2}', 2, "from 1 to 2 databases isn't complete"),
        ("{}", 2, "must be such as"),
        (None, 2, "are spread over 1 of the databases and shards is 2"),
    ],
)
def test_a_canary_that_could_not_be_aborted_is_refused_before_it_begins(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record: str | None,
    shards: int,
    refusal: str,
) -> None:
    account: Any = SimpleNamespace(
        query=lambda what, database, sql: (
            [{"config_value": record}] if database == "first" and record else []
        ),
        understood=lambda _: nullcontext(),
    )
    world: Any = World(FINE)
    monkeypatch.setattr(world, "of", lambda *versions: [FINE])
    monkeypatch.setattr(StackAccount, "of", lambda _: account)
    monkeypatch.setattr(canary_module, "MetricsSince", lambda *_: world)
    (tmp_path / "Pulumi.x.yaml").write_text(
        "config:\n  notification-system:environment: staging\n"
        f"  notification-system:shards: {shards}\n"
    )
    canary = Canary(
        context_of(tmp_path, "x"), deployment=world, base="base", plan=CanaryPlan((100,), 1.0, 1)
    )
    outputs = {"worker_name": "w", "d1_databases": [{"id": "first"}, {"id": "second"}]}
    if refusal:
        with pytest.raises(OperationError, match=refusal):
            canary.check(outputs)
    else:
        canary.check(outputs)
    if shards == 1:
        canary.check({**outputs, "d1_databases": [{"id": "first"}]})


@pytest.mark.requirement("S0-87", "S0-88")
@pytest.mark.parametrize(
    ("metrics", "why"),
    [
        (VersionMetrics(200, 5, 80.0), "5 of its 200 requests failed"),
        (VersionMetrics(5, 5, 80.0), "5 of its 5 requests failed"),
        (VersionMetrics(200, 0, 1500.0), "p99 is 1500 ms"),
    ],
)
def test_a_bad_version_stops_the_canary(
    context: StackContext, monkeypatch: pytest.MonkeyPatch, metrics: VersionMetrics, why: str
) -> None:
    world = World(metrics)

    with pytest.raises(VerificationFailed, match="stopped at 10 %") as caught:
        run(world, context, monkeypatch)

    assert why in str(caught.value)
    assert caught.value.check == "canary"
    assert world.updates == ["release (10 %)"]


@pytest.mark.parametrize(
    ("least", "small", "is_judged"),
    [
        (200, VersionMetrics(6, 4), False),
        (200, VersionMetrics(6, 5), True),
        (1_000, VersionMetrics(60, 19), False),
        (1_000, VersionMetrics(60, 20), True),
        (0, VersionMetrics(6, 4), True),
        (7, VersionMetrics(7, 1), True),
    ],
)
def test_a_small_sample_is_judged_once_it_cannot_become_good(
    context: StackContext,
    monkeypatch: pytest.MonkeyPatch,
    least: int,
    small: VersionMetrics,
    is_judged: bool,
) -> None:
    world = World(small, VersionMetrics(100_000, 30))
    if is_judged:
        with pytest.raises(VerificationFailed, match="requests failed"):
            run(world, context, monkeypatch, least=least)
        assert world.seconds == 0
    else:
        canary = run(world, context, monkeypatch, least=least)
        assert [result.seconds for result in canary.results] == [2, 0]


def test_what_meets_both_versions_stops_neither(
    context: StackContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(VersionMetrics(200, 50, 4000.0), base=VersionMetrics(900, 200, 3000.0))

    run(world, context, monkeypatch)

    assert len(world.updates) == 3


def test_too_few_requests_in_the_time_box_stop_it_too(
    context: StackContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(VersionMetrics(3))

    with pytest.raises(VerificationFailed, match="too few to judge"):
        run(world, context, monkeypatch, watch=60.0)

    assert 60 <= world.seconds < 70


def test_an_interrupted_step_is_in_the_results_as_far_as_it_was_seen(
    context: StackContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(VersionMetrics(7, 1, 12.0))
    kept: list[Canary] = []

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    world.sleep = interrupted  # type: ignore[method-assign]
    made = Canary.__init__

    def noted(self: Canary, *arguments: Any, **named: Any) -> None:
        kept.append(self)
        made(self, *arguments, **named)

    monkeypatch.setattr(Canary, "__init__", noted)
    with pytest.raises(KeyboardInterrupt):
        run(world, context, monkeypatch)
    assert [result.new for result in kept[0].results] == [VersionMetrics(7, 1, 12.0)]


def test_what_is_never_told_stops_it_with_the_reason(
    context: StackContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(VersionMetrics(3))
    world.blind = True
    with pytest.raises(VerificationFailed, match="stopped at 10 %: Cloudflare refused to read"):
        run(world, context, monkeypatch, watch=60.0)


def test_a_failed_update_after_the_first_step_stops_it(
    context: StackContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(VersionMetrics(300))
    world.fails_at = 2
    with pytest.raises(VerificationFailed, match="stopped before 50 %"):
        run(world, context, monkeypatch)
    world = World(VersionMetrics(300))
    world.fails_at = 2
    world.failure = GateClosed("This replaces the D1 database. Correct the settings.")
    with pytest.raises(VerificationFailed, match="replaces the D1 database"):
        run(world, context, monkeypatch)
    world = World(VersionMetrics(300))
    world.fails_at = 1
    with pytest.raises(StackFailed):
        run(world, context, monkeypatch)


@pytest.mark.parametrize("steps", ["", "a", "10,5,100", "10,50", "0,100", "50,100,100"])
def test_steps_have_to_grow_to_a_hundred(steps: str) -> None:
    with pytest.raises(UsageError, match="--steps"):
        CanaryPlan.parse(steps, "5m", 200)


@pytest.mark.parametrize(("watch", "seconds"), [("90s", 90), ("5m", 300), ("1h", 3600)])
def test_the_time_box_has_a_unit(watch: str, seconds: int) -> None:
    assert CanaryPlan.parse("100", watch, 0).watch == seconds
    for wrong in ("5", "m", "0s", "five minutes", "\u00b2m", "9" * 5000 + "s", ""):
        with pytest.raises(UsageError, match="--watch"):
            CanaryPlan.parse("100", wrong, 0)


@pytest.mark.parametrize(("requests", "is_enough"), [(199, False), (200, True)])
def test_a_sample_that_is_full_as_its_time_ends_is_judged(
    context: StackContext, monkeypatch: pytest.MonkeyPatch, requests: int, is_enough: bool
) -> None:
    world = World(VersionMetrics(10), VersionMetrics(10), VersionMetrics(requests, 0, 80.0))
    steps = {"steps": (50, 100), "watch": 4.0, "least": 200}
    if is_enough:
        assert len(run(world, context, monkeypatch, **steps).results) == 1
    else:
        with pytest.raises(VerificationFailed, match="it has had 199 requests in 4 s, too few"):
            run(world, context, monkeypatch, **steps)
