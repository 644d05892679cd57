"""A deployment that ends early is reported as far as it went, whatever can still be asked."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.deploy.notices.notice import Notice
from ops.deploy.notices.notifier import Notifier
from ops.deploy.preflight.preflight import PreflightOptions
from ops.deploy.rollout import rollout as module
from ops.deploy.rollout.canary import CanaryPlan
from ops.deploy.rollout.rollout import Rollout, RolloutOptions
from ops.deploy.verification import CheckResult
from ops.stacks.account import StackAccount
from ops.stacks.active_deployment import ActiveDeployment
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import (
    GateClosed,
    OperationError,
    StackFailed,
    UsageError,
    VerificationFailed,
)
from ops.stacks.interruption import Interruption
from tests.ops.contexts import context_of

OUTPUTS = {
    "service_url": "https://service.example.com",
    "version_id": "new-11111",
    "serving_version_id": "new-11111",
    "worker_name": "w",
    "d1_database_id": "d1",
}


class World:
    """What a deployment meets: an account, a stack, a service, each as a test wants it."""

    def __init__(self) -> None:
        self.outputs: dict[str, Any] = {**OUTPUTS, "version_id": "old-00000"}
        self.shares: dict[str, float] = {"old-00000": 100.0}
        self.outputs_afterwards: Exception | None = None
        self.shares_afterwards: Any = None
        self.update_error: BaseException | None = None
        self.check_error: VerificationFailed | None = None
        self.refused: GateClosed | None = None
        self.record_error: OperationError | None = None
        self.notices: list[Notice] = []
        self.records: list[tuple[str, str]] = []
        self.rolled_back: list[str] = []
        self.order: list[str] = []

    def gate(self, *_: object) -> dict[str, Any]:
        self.order.append("gate")
        return {"ok": True}

    # The deployment.
    def preview(self) -> StackUpdate:
        self.order.append("preview")
        return StackUpdate("preview", {"update": 2})

    def ask_about_loss(self, planned: StackUpdate, confirm: object) -> None:
        self.order.append("loss")

    def update(self, message: str, *, is_planned: bool) -> StackUpdate:
        assert is_planned
        self.order.append(f"update {message}")
        if self.update_error is not None:
            raise self.update_error
        return StackUpdate("update", {"update": 2, "same": 3}, OUTPUTS, version=7)

    def warn_of_pin(self, _: object) -> None:
        self.order.append("pin")

    def checks(self) -> World:
        return self

    def run(self, outputs: object, *, integration: bool | None, pause: float) -> list[CheckResult]:
        assert (outputs, integration) == (OUTPUTS, None)
        self.order.append(f"checks {pause:g}")
        if self.check_error is not None:
            raise self.check_error
        return [CheckResult("worker", True)]

    # The account.
    def asked_outputs(self, *_: object, **__: object) -> dict[str, Any]:
        if self.was_updated and self.outputs_afterwards is not None:
            raise self.outputs_afterwards
        return self.outputs

    def active(self, *_: object) -> ActiveDeployment:
        found = (self.was_updated and self.shares_afterwards) or self.shares
        if isinstance(found, Exception):
            raise found
        return ActiveDeployment(found, "")

    @property
    def was_updated(self) -> bool:
        return any(step.startswith("update ") for step in self.order)

    def write(self, version: str, record: Any) -> None:
        if self.record_error is not None:
            raise self.record_error
        self.records.append((version, record.result))

    def tell(self, notice: Notice) -> None:
        self.notices.append(notice)

    @property
    def events(self) -> list[str]:
        return [notice.event for notice in self.notices]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    found = World()
    monkeypatch.setattr(module, "Deployment", lambda _: found)
    monkeypatch.setattr(Notifier, "of", lambda _: found)
    monkeypatch.setattr(module, "pass_gate", found.gate)
    monkeypatch.setattr(module, "first_outputs", found.asked_outputs)
    monkeypatch.setattr(StackAccount, "of", lambda _: None)
    monkeypatch.setattr(ActiveDeployment, "of_worker", found.active)
    monkeypatch.setattr(module, "ReleaseRecords", lambda *_: found)

    def back(_: object) -> Any:
        def run(plan: str, *, reason: str, commit: bool) -> SimpleNamespace:
            if found.refused is not None:
                raise found.refused
            found.rolled_back.append(f"{plan}: {reason}, {commit}")
            return SimpleNamespace(version_id=plan, serving_seconds=1.26, post_mortem="r.md")

        return SimpleNamespace(plan=lambda *, to: to, run=run)

    monkeypatch.setattr(module, "Rollback", back)
    return found


def rollout(folder: Path, *, heard: signal.Signals | None = None, **settings: Any) -> Rollout:
    (folder / "Pulumi.x.yaml").write_text(
        "config:\n"
        + "".join(
            f"  notification-system:{name}: {json.dumps(value)}\n"
            for name, value in {"environment": "staging", **settings}.items()
        )
    )
    context = context_of(folder, "x", environment={"GITHUB_ACTOR": "ada", "GITHUB_SHA": "c" * 40})
    interruption = Interruption()
    interruption.signal = heard
    return Rollout(context, report_file=folder / "reports" / "r.json", interruption=interruption)


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "reports" / "r.json").read_text())
    return found


def test_a_good_release_is_recorded_reported_and_told(tmp_path: Path, world: World) -> None:
    rollout(tmp_path).run(RolloutOptions(message="Two", health_pause=3.0))
    assert world.order == ["gate", "preview", "loss", "update Two", "pin", "checks 3"]
    assert world.records == [("new-11111", "verified")]
    assert world.events == ["planned", "started", "succeeded"]
    planned, started, ended = world.notices
    assert (planned.scope, planned.window, planned.actor) == ("2 update", "now", "ada")
    assert planned.rollback_plan == "notifyctl rollback --stack x --to old-0000"
    assert planned.link == str(tmp_path / "reports" / "r.json")
    assert started.status == "begun, no approval needed"
    assert ended.status == "version new-1111 serves and is verified"
    found = report(tmp_path)
    assert (found["result"], found["changed"], found["update"]) == ("succeeded", 2, 7)
    assert (found["previous_version_id"], found["version_id"]) == ("old-00000", "new-11111")
    assert found["checks"] == [{"check": "worker", "result": "passed", "detail": ""}]
    assert found["preflight"] == {"ok": True}


def test_a_window_that_is_overridden_is_told(tmp_path: Path, world: World) -> None:
    options = RolloutOptions(
        window="8 o'clock", scope="sends", preflight=PreflightOptions(override="it is down")
    )
    rollout(tmp_path).run(options)
    told = "8 o'clock; the deployment window is overridden: it is down"
    assert (world.notices[0].window, world.notices[0].scope) == (told, "sends")


def test_the_first_deployment_has_nothing_to_go_back_to(tmp_path: Path, world: World) -> None:
    world.outputs = {}
    world.check_error = VerificationFailed("The check 'worker' failed.", check="worker")
    with pytest.raises(VerificationFailed):
        rollout(tmp_path).run(RolloutOptions())
    assert world.notices[0].rollback_plan == "none: this is the first deployment"
    assert world.rolled_back == []
    assert report(tmp_path)["previous_version_id"] == ""


def test_a_bad_release_is_taken_back_and_told_as_failed(tmp_path: Path, world: World) -> None:
    world.check_error = VerificationFailed(
        "The check 'signed' failed: no answer. 'notifyctl rollback' goes back to the last good "
        "release.",
        check="signed",
    )
    work = rollout(tmp_path)
    world.outputs = OUTPUTS
    with pytest.raises(VerificationFailed) as failed:
        work.run(RolloutOptions())
    assert world.rolled_back == ["old-00000: check 'signed' failed, False"]
    assert str(failed.value) == (
        "The check 'signed' failed: no answer. It was rolled back: version old-0000 serves again, "
        "after 1.3 s. The review's draft is r.md."
    )
    assert failed.value.check == "signed"
    found = report(tmp_path)
    assert (found["result"], found["serving_version_id"]) == ("rolled back", "old-00000")
    assert world.events == ["planned", "started", "failed"]
    assert world.notices[-1].status == "The check 'signed' failed: no answer"
    assert world.records == []


def test_a_bad_release_that_nothing_may_replace_says_what_failed_and_why(
    tmp_path: Path, world: World
) -> None:
    world.check_error = VerificationFailed(
        "The check 'signed' failed: no answer. 'notifyctl rollback' goes back to the last good "
        "release.",
        check="signed",
    )
    world.refused = GateClosed("The recipients are spread over 3 databases.")
    work = rollout(tmp_path)
    world.outputs = OUTPUTS
    with pytest.raises(VerificationFailed) as failed:
        work.run(RolloutOptions())
    assert str(failed.value) == (
        "The check 'signed' failed: no answer. It serves on, since nothing may take its place: "
        "The recipients are spread over 3 databases."
    )
    assert failed.value.check == "signed"
    assert report(tmp_path)["result"] == "failed"
    assert world.events == ["planned", "started", "failed"]


def test_a_bad_release_stays_where_that_is_wanted_or_nothing_is_new(
    tmp_path: Path, world: World
) -> None:
    world.check_error = VerificationFailed("The check 'signed' failed.", check="signed")
    with pytest.raises(VerificationFailed, match=r"^The check 'signed' failed\.$"):
        rollout(tmp_path).run(RolloutOptions(roll_back=False))
    # The outputs name the version that served before: going back would change nothing.
    with pytest.raises(VerificationFailed, match=r"^The check 'signed' failed\.$"):
        rollout(tmp_path).run(RolloutOptions())
    assert world.rolled_back == []
    assert report(tmp_path)["result"] == "failed"


def test_an_update_that_fails_is_no_reason_to_go_back(tmp_path: Path, world: World) -> None:
    world.update_error = StackFailed("'pulumi up' failed: no room. Correct it.")
    with pytest.raises(StackFailed):
        rollout(tmp_path).run(RolloutOptions())
    assert world.rolled_back == []
    assert report(tmp_path)["detail"] == "'pulumi up' failed: no room. Correct it."
    assert world.notices[-1].status == "'pulumi up' failed: no room"


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"old-00000": 100.0}, "Interrupted. Version old-00000 answers all requests."),
        ({"old-00000": 90.0, "new-11111": 10.0}, "Interrupted. Several versions serve: new-1111"),
        (OperationError("it is away."), "Interrupted. What serves now isn't known: it is away."),
    ],
)
def test_an_interrupted_deployment_says_what_serves(
    tmp_path: Path, world: World, shares: Any, words: str
) -> None:
    world.update_error, world.shares_afterwards = KeyboardInterrupt(), shares
    with pytest.raises(KeyboardInterrupt):
        rollout(tmp_path).run(RolloutOptions())
    found = report(tmp_path)
    assert (found["result"], words in found["detail"]) == ("interrupted", True)
    assert world.events[-1] == "failed"


def test_an_interruption_that_the_engine_took_for_its_own_is_no_failure(
    tmp_path: Path, world: World
) -> None:
    world.update_error = StackFailed("'pulumi up' failed: the update was cancelled.")
    world.shares_afterwards = {"old-00000": 90.0, "new-11111": 10.0}
    with pytest.raises(StackFailed):
        rollout(tmp_path, heard=signal.SIGTERM).run(RolloutOptions())
    found = report(tmp_path)
    assert found["result"] == "interrupted"
    assert found["detail"].startswith("Interrupted. Several versions serve: new-1111")
    assert world.events[-1] == "failed"


def test_an_interrupted_deployment_whose_state_cannot_be_read_is_reported_all_the_same(
    tmp_path: Path, world: World
) -> None:
    world.update_error = KeyboardInterrupt()
    world.outputs_afterwards = StackFailed("The stack is locked.")
    with pytest.raises(KeyboardInterrupt):
        rollout(tmp_path).run(RolloutOptions())
    assert report(tmp_path)["detail"] == (
        "Interrupted. What serves now isn't known: The stack is locked."
    )
    assert world.events[-1] == "failed"


def test_a_record_that_cannot_be_kept_fails_nothing(tmp_path: Path, world: World) -> None:
    world.record_error = OperationError("the database is away.")
    rollout(tmp_path).run(RolloutOptions())
    assert report(tmp_path)["result"] == "succeeded"


def test_a_canary_that_was_cut_short_is_not_taken_for_what_served(
    tmp_path: Path, world: World
) -> None:
    world.outputs = OUTPUTS
    world.shares = {"new-11111": 90.0, "old-00000": 10.0}
    rollout(tmp_path).run(RolloutOptions())
    assert report(tmp_path)["previous_version_id"] == "old-00000"
    world.shares = {"new-11111": 100.0}
    rollout(tmp_path).run(RolloutOptions())
    assert report(tmp_path)["previous_version_id"] == "new-11111"


def test_a_canary_needs_a_version_beside_it(tmp_path: Path, world: World) -> None:
    world.outputs = {}
    with pytest.raises(UsageError, match="A canary needs a version that already serves"):
        rollout(tmp_path).run(RolloutOptions(canary=CanaryPlan((10, 100), 60.0, 1)))
    assert world.order == ["gate", "preview", "loss"]
    assert world.notices == []
