"""A rollback, step by step: what serves at once, what is pinned, noted, told and left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from ops.deploy.notices.notice import Notice
from ops.deploy.notices.notifier import Notifier
from ops.deploy.rollback import rollback as module
from ops.deploy.rollback.gate import GateResult
from ops.deploy.rollback.ledger import LedgerReading
from ops.deploy.rollback.plan import RollbackPlan
from ops.deploy.rollback.rollback import Rollback
from ops.stacks.account import StackAccount
from ops.stacks.active_deployment import ActiveDeployment
from ops.stacks.console import Reporter
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import (
    GateClosed,
    OperationError,
    StackFailed,
    UsageError,
    VerificationFailed,
)
from tests.ops.contexts import context_of
from tests.ops.deploy.rollback.test_target import GOOD, entry, update, v


class World:
    """An account and a stack with three releases, the newest of which serves."""

    def __init__(self) -> None:
        self.outputs: dict[str, Any] = {
            "worker_name": "w",
            "worker_id": "w1",
            "d1_database_id": "d1",
            "releases": [entry(3), entry(2), entry(1)],
            "version_id": v(3),
            "serving_version_id": v(3),
        }
        self.shares: dict[str, float] = {v(3): 100.0}
        self.order: list[str] = []
        self.told: list[Notice] = []
        self.notes: list[tuple[str, str, str]] = []
        self.gate = GateResult((), ())
        self.ledger_error: OperationError | None = None
        self.update_error: OperationError | None = None
        self.check_error: VerificationFailed | None = None
        self.switch_error: OperationError | None = None
        self.new_version = v(4)
        self.checked: dict[str, Any] = {}
        self.problems: tuple[str, ...] = ()
        self.records_error: OperationError | None = None
        self.clock = count(2.5, 2.5)

    def introduce(self, _: object, *, needs_everything: bool) -> None:
        # Whoever goes back in an incident needs no permission that only a deployment takes.
        assert needs_everything is False
        self.order.append("introduce")

    @property
    def driver(self) -> Any:
        return SimpleNamespace(
            outputs=lambda *, show_secrets: self.outputs,
            history=lambda: [update(number) for number in (3, 2, 1)],
            is_unfinished=lambda: False,
        )

    # The deployment.
    def prepare(self) -> None:
        self.order.append("prepare")

    def update(self, message: str, context: Any) -> StackUpdate:
        self.order.append(f"update {message} of {context.commit}")
        if self.update_error is not None:
            raise self.update_error
        return StackUpdate("update", {}, {"version_id": self.new_version})

    def checks(self) -> Any:
        return SimpleNamespace(run=self.check)

    def check(self, outputs: object, **asked: Any) -> None:
        self.order.append("checks")
        self.checked = asked
        if self.check_error is not None:
            raise self.check_error

    # The account.
    def deploy(self, _account: object, worker: str, version: str, *, message: str) -> None:
        if self.switch_error is not None:
            raise self.switch_error
        self.order.append(f"deploy {version} of {worker}: {message}")
        self.shares = {version: 100.0}

    def read(self) -> dict[str, Any]:
        if self.records_error is not None:
            raise self.records_error
        return {v(2): GOOD}

    def write(self, version: str, record: Any) -> None:
        self.order.append(f"note {version} {record.result}")
        self.notes.append((version, record.result, record.detail))

    # The receivers of notices.
    def begin(self, notice: Notice) -> Any:
        self.told.append(notice)
        return lambda: self.order.append("told")

    def tell(self, notice: Notice) -> None:
        self.told.append(notice)

    @contextmanager
    def source(self, release: Any) -> Iterator[Any]:
        self.order.append(f"code of {release.short}")
        yield self.context

    context: Any = None


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    found = World()
    (tmp_path / "Pulumi.x.yaml").write_text(
        "# Kept.\nconfig:\n  notification-system:environment: staging\n"
    )
    environment = {"GITHUB_ACTOR": "ada", "NOTIFYCTL_POST_MORTEMS": str(tmp_path / "reviews")}
    found.context = context_of(tmp_path, "x", environment=environment, reporter=Reporter())
    monkeypatch.setattr(module, "Deployment", lambda _: found)
    monkeypatch.setattr(module, "introduce", found.introduce)
    watch = type("Watch", (), {"seconds": property(lambda _: next(found.clock))})
    monkeypatch.setattr(module, "Stopwatch", watch)
    monkeypatch.setattr(module, "choose_driver", lambda _: found.driver)
    monkeypatch.setattr(StackAccount, "of", lambda _: None)
    monkeypatch.setattr(module, "older_versions", lambda *_: [])
    monkeypatch.setattr(module, "ReleaseRecords", lambda *_: found)
    monkeypatch.setattr(
        ActiveDeployment, "of_worker", lambda *_: ActiveDeployment(found.shares, "")
    )
    monkeypatch.setattr(module, "deploy_version", found.deploy)
    judging = SimpleNamespace(check=lambda _: found.gate)
    monkeypatch.setattr(module, "Gate", lambda *_, **__: judging)
    monkeypatch.setattr(module, "read_ledger", lambda *_: ledger(found))
    monkeypatch.setattr(module, "ReleaseSource", lambda _: SimpleNamespace(of=found.source))
    monkeypatch.setattr(module, "use_bundle", lambda *_: found.order.append("bundle of before"))
    monkeypatch.setattr(module, "build_bundle", lambda *_: found.order.append("bundle"))
    monkeypatch.setattr(Notifier, "of", lambda _: found)
    return found


def ledger(world: World) -> LedgerReading:
    if world.ledger_error is not None:
        raise world.ledger_error
    return LedgerReading((), "the database", world.problems)


def begun(world: World) -> Rollback:
    return Rollback(world.context)


def planned(world: World, *, to: str | None = None, force: bool = False) -> RollbackPlan:
    return begun(world).plan(to=to, force=force)


def pin(world: World) -> Any:
    text = world.context.file.path.read_text()
    assert text.startswith("# Kept.\n")
    return yaml.safe_load(text)["config"].get("notification-system:pin")


def test_the_last_good_release_is_planned_and_nothing_is_changed(world: World) -> None:
    plan = planned(world)
    assert (plan.target.release.version_id, plan.target.way) == (v(2), "pin")
    assert (plan.bad.version_id, plan.serves, plan.is_deployed) == (v(3), v(3), False)
    assert world.order == ["prepare", "introduce"]
    assert pin(world) is None
    assert planned(world, to=v(1)).target.release.version_id == v(1)


def test_secrets_that_rotated_take_a_version_of_its_own(world: World) -> None:
    world.gate = GateResult((), ("api_secret_key",))
    plan = planned(world)
    assert (plan.target.way, plan.rotated) == ("new version", ("api_secret_key",))


@pytest.mark.parametrize("rotated", [(), ("api_secret_key",)])
def test_a_file_that_takes_no_pin_refuses_the_plan_before_traffic_moves(
    world: World, rotated: tuple[str, ...]
) -> None:
    world.gate = GateResult((), rotated)
    world.context.file.path.write_text("config: {a:b: &one 1, a:c: *one}\n")
    with pytest.raises(UsageError, match="can't be changed in place"):
        planned(world)
    # What serves by hand gives way without a pin.
    world.shares = {"stranger": 100.0}
    world.gate = GateResult((), ())
    assert planned(world).target.way == "deploy again"


def test_a_refusal_stands_in_the_way_unless_it_is_forced(world: World) -> None:
    world.gate = GateResult(("The database is too new.",), ())
    plan = planned(world)
    assert plan.refusals == ("The database is too new.",)
    with pytest.raises(GateClosed, match=r"^The database is too new\.$"):
        begun(world).run(plan, reason="", commit=False)
    assert world.order[-1] == "prepare"
    assert planned(world, force=True).refusals == ()


def test_a_ledger_that_nobody_tells_stops_it_unless_it_is_forced(world: World) -> None:
    world.ledger_error = OperationError("nobody tells.")
    with pytest.raises(OperationError, match="nobody tells"):
        planned(world)
    assert planned(world, force=True).target.release.version_id == v(2)


def test_the_old_version_serves_at_once_and_is_pinned_afterwards(
    world: World, tmp_path: Path
) -> None:
    plan = planned(world)
    world.order.clear()
    report = begun(world).run(plan, reason="sends  fail", commit=False, pause=1.0)
    assert world.order[1:] == [
        f"deploy {v(2)} of w: notifyctl rollback to 00000002",
        f"note {v(3)} rolled back",
        "code of 00000003",
        "update notifyctl rollback to 00000002 of c00000003",
        "told",
        "checks",
        f"note {v(2)} verified",
    ]
    assert world.notes[0] == (v(3), "rolled back", "sends  fail")
    assert pin(world) == {"version": v(2), "insteadOf": "b3", "reason": "sends fail"}
    # A version keeps the settings that it was uploaded with: maintenance is none of them.
    assert world.checked == {
        "version": v(2),
        "pause": 1.0,
        "integration": None,
        "maintenance": False,
    }
    assert [notice.event for notice in world.told] == ["started", "rolled back"]
    assert world.told[0].rollback_plan == "notifyctl rollback --stack x --to 00000003"
    assert (report.version_id, report.unfinished) == (v(2), "")
    assert report.post_mortem is not None
    assert report.post_mortem.parent == tmp_path / "reviews"
    assert "- Reason given: sends  fail" in report.post_mortem.read_text()
    # The clock goes on by 2.5 s whenever it is read: at the beginning, the switch and the end.
    assert (report.serving_seconds, report.seconds) == (2.5, 5.0)


def test_what_serves_already_is_only_pinned(world: World) -> None:
    world.shares = {v(2): 100.0}
    plan = planned(world, to=v(2))
    assert plan.is_deployed
    begun(world).run(plan, reason="", commit=False)
    assert not any(step.startswith("deploy ") for step in world.order)
    assert pin(world) == {"version": v(2), "insteadOf": "b3"}


def test_a_version_deployed_by_hand_gives_way_without_an_update(world: World) -> None:
    world.shares = {"stranger": 100.0}
    plan = planned(world)
    assert (plan.target.way, plan.target.release.version_id) == ("deploy again", v(3))
    report = begun(world).run(plan, reason="", commit=False)
    assert not any(step.startswith(("update ", "code ")) for step in world.order)
    # The newest release itself serves again: nothing bad is known of it.
    assert [note[:2] for note in world.notes] == [(v(3), "verified")]
    assert pin(world) is None
    assert report.post_mortem is not None


def test_an_update_that_fails_after_the_switch_leaves_the_rest_for_later(world: World) -> None:
    plan = planned(world)
    world.update_error = StackFailed("another Worker has the address.")
    report = begun(world).run(plan, reason="", commit=False)
    assert report.unfinished == "another Worker has the address."
    assert report.version_id == v(2)
    assert world.order[-1] == f"note {v(2)} verified"


def test_a_switch_that_fails_is_told_and_notes_nothing(world: World) -> None:
    plan = planned(world)
    world.switch_error = StackFailed("Cloudflare refused. Try again.")
    with pytest.raises(StackFailed):
        begun(world).run(plan, reason="", commit=False)
    assert world.notes == []
    assert [notice.event for notice in world.told] == ["started", "failed"]
    assert world.told[-1].status == "the rollback failed: Cloudflare refused."
    assert world.order[-1] == "told"


def test_a_release_that_is_no_better_is_told_and_leaves_no_review(
    world: World, tmp_path: Path
) -> None:
    plan = planned(world)
    world.check_error = VerificationFailed("The check 'signed' failed: no. So it is.")
    with pytest.raises(VerificationFailed):
        begun(world).run(plan, reason="", commit=False)
    assert [note[:2] for note in world.notes] == [(v(3), "rolled back")]
    assert world.told[-1].status == "the rollback failed: The check 'signed' failed: no."
    assert not (tmp_path / "reviews").exists()


def test_old_code_gets_a_version_with_todays_secrets(world: World) -> None:
    world.gate = GateResult((), ("api_secret_key",))
    plan = planned(world)
    world.order.clear()
    report = begun(world).run(plan, reason="", commit=False)
    assert world.order[1:] == [
        "code of 00000003",
        "code of 00000002",
        "bundle of before",
        "update notifyctl rollback to 00000002 with today's secrets of c00000002",
        f"note {v(3)} rolled back",
        "bundle",
        "update notifyctl rollback to 00000004 of c00000003",
        "told",
        "checks",
        f"note {v(4)} verified",
    ]
    assert pin(world) == {"version": v(4), "insteadOf": "b3"}
    assert (report.version_id, world.checked["maintenance"]) == (v(4), None)
    assert (report.serving_seconds, report.seconds) == (2.5, 5.0)


def test_the_same_code_under_the_same_secrets_serves_on_without_a_pin(world: World) -> None:
    world.gate = GateResult((), ("api_secret_key",))
    world.new_version = v(3)
    plan = planned(world)
    report = begun(world).run(plan, reason="", commit=False)
    assert (report.version_id, pin(world)) == (v(3), None)
    assert [note[:2] for note in world.notes] == [(v(3), "verified")]


def test_what_serves_already_and_is_wanted_changes_nothing(world: World) -> None:
    plan = planned(world, to=v(3))
    assert plan.target.way == "nothing"
    report = begun(world).run(plan, reason="", commit=False)
    assert report.post_mortem is None
    assert not any(step.startswith(("deploy ", "update ")) for step in world.order)


def test_a_release_list_is_needed(world: World) -> None:
    world.outputs = {"worker_name": "w", "worker_id": "w1"}
    with pytest.raises(StackFailed, match="lists no releases"):
        planned(world)


def test_what_is_not_known_is_warned_of_and_nothing_else(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    planned(world)
    assert "warning" not in capsys.readouterr().out
    world.problems = ("the database, by the API: it is away.",)
    world.gate = GateResult((), (), ("whether DB is there: it is away.",))
    world.records_error = OperationError("it is away.")
    planned(world)
    lines = [line for line in capsys.readouterr().out.splitlines() if "warning" in line]
    assert lines == [
        "warning: what was verified isn't known: it is away.",
        "warning: the database, by the API: it is away.",
        "warning: not known: whether DB is there: it is away.",
    ]


def test_what_is_forced_is_told_as_such(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.gate = GateResult(("The database is too new.",), ())
    planned(world, force=True)
    assert "warning: forced although: The database is too new." in capsys.readouterr().out
