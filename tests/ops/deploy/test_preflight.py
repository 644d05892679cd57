"""The gate before a deployment: which checks are made, and what they lead to."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.settings import StackFile
from ops.access.checks.outcome import Outcome
from ops.deploy.preflight import preflight
from ops.deploy.preflight.preflight import (
    Preflight,
    PreflightOptions,
    look_at_work_tree,
    pass_gate,
)
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext
from ops.stacks.errors import GateClosed
from ops.stacks.origin import Origin
from ops.stacks.project import Project

CODE = ("work tree", "dependencies", "types", "unit tests")
OPEN = SimpleNamespace(allowed=True, why="it is open", next=None)
SHUT = SimpleNamespace(
    allowed=False, why="it is a holiday", next=datetime(2026, 11, 30, 10, 15, tzinfo=UTC)
)


class World:
    """What every check finds."""

    def __init__(self, patch: pytest.MonkeyPatch, root: Path) -> None:
        self.looked: list[str] = []
        self.window: Any = OPEN
        self.judged: list[tuple[datetime, str]] = []
        self.reviews: list[str] = []
        self.ages: list[Any] = []
        self.confirmed = Outcome.ok("confirmations", "all were given")
        self.confirmations: Any = None
        self.environment = "production"
        self.is_local = False
        self.is_pipeline = False
        self.project = Project(root=root, home=root)
        for name, place in (
            ("work tree", "look_at_work_tree"),
            ("dependencies", "look_at_dependencies"),
            ("types", "look_at_types"),
            ("unit tests", "look_at_tests"),
        ):
            patch.setattr(preflight, place, lambda _, name=name: self._ok(name))
        patch.setattr(preflight, "look_at_migrations", lambda _: [self._ok("migrations")])
        for name, place in (("secrets", "StackSecrets"), ("account", "AccountState")):
            found = SimpleNamespace(outcomes=lambda name=name: iter([self._ok(name)]))
            patch.setattr(preflight, place, lambda _, found=found: found)
        patch.setattr(preflight, "Confirmations", self._confirmations)
        rules = SimpleNamespace(judge=self._judge)
        patch.setattr(preflight, "DeploymentWindows", SimpleNamespace(read=lambda _: rules))
        patch.setattr(preflight, "open_post_mortems", lambda _: self.reviews)
        patch.setattr(preflight, "post_mortem_folder", lambda _: None)
        patch.setattr(preflight, "key_ages", lambda *_, **__: self.ages)
        patch.setattr(preflight, "git", lambda *_: "c" * 40)

    def _ok(self, name: str) -> Outcome:
        self.looked.append(name)
        return Outcome.ok(name, "all is well")

    def _judge(self, moment: datetime, kind: str) -> Any:
        self.judged.append((moment, kind))
        return self.window

    def _confirmations(self, given: Any, **named: Any) -> Any:
        self.confirmations = (given, named)
        return SimpleNamespace(look=lambda: self.confirmed)

    @property
    def context(self) -> StackContext:
        url = "http://127.0.0.1:9" if self.is_local else "https://api.cloudflare.com/client/v4"
        config = {
            "notification-system:environment": self.environment,
            "cloudflare:baseUrl": url,
        }
        file = StackFile(self.project.root / "Pulumi.x.yaml", {"config": config})
        found = StackContext(self.project, "x", file, Reporter(), {})
        origin = Origin("ada", "main", "c" * 40, "", self.is_pipeline)
        object.__setattr__(found, "origin", origin)
        return found

    def outcomes(self, **options: Any) -> dict[str, Outcome]:
        made = Preflight(self.context)
        made.run(PreflightOptions(**options))
        return {one["check"]: Outcome(**one) for one in made.document()["checks"]}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    return World(monkeypatch, tmp_path)


def test_every_check_is_made_in_its_order(world: World) -> None:
    found = world.outcomes(confirm=("tested",), checklist=Path("list.yaml"), override="why")
    assert list(found) == [
        *CODE,
        "secrets",
        "key age",
        "migrations",
        "account",
        "window",
        "reviews",
        "confirmations",
    ]
    assert {one.result for one in found.values()} == {"ok"}
    assert world.confirmations == (
        ("tested",),
        {"file": Path("list.yaml"), "root": world.project.root, "commit": "c" * 40},
    )


@pytest.mark.parametrize("name", CODE)
def test_a_check_of_the_code_may_be_left_out_and_the_report_says_so(
    world: World, name: str
) -> None:
    found = world.outcomes(skip=(name,))
    assert found[name] == Outcome.skipped(name, "not run: left out by --skip")
    assert name not in world.looked
    assert [one for one in world.looked if one in CODE] == [one for one in CODE if one != name]


def test_old_keys_are_told_of_stacks_that_are_not_local(world: World) -> None:
    world.ages = [
        SimpleNamespace(key="a", days=400, is_due=True),
        SimpleNamespace(key="b", days=3, is_due=False),
        SimpleNamespace(key="c", days=None, is_due=True),
    ]
    found = world.outcomes()["key age"]
    assert (found.result, found.advice) == ("warn", "Rotate them: notifyctl keys rotate --stack x")
    assert found.found.endswith("or unknown: a (400), c (unknown)")
    world.is_local = True
    assert "key age" not in world.outcomes()


def test_the_window_is_judged_at_the_deployments_time(world: World) -> None:
    noon = datetime(2026, 11, 29, 12, tzinfo=UTC)
    assert world.outcomes(at=noon, kind="major")["window"] == Outcome.ok("window", "it is open")
    assert world.judged == [(noon, "major")]
    before = datetime.now(UTC)
    world.outcomes()
    assert before <= world.judged[-1][0] <= datetime.now(UTC)


def test_a_shut_window_is_overridden_with_a_reason_only(world: World) -> None:
    world.window = SHUT
    found = world.outcomes()["window"]
    assert (found.result, found.found) == ("fail", "it is a holiday")
    assert found.advice.startswith("It opens Monday 2026-11-30 10:15. Deploy a fix that can't wait")
    found = world.outcomes(override="the shop is down")["window"]
    assert found.result == "warn"
    assert found.found == "it is a holiday; overridden: the shop is down"
    world.window = SimpleNamespace(allowed=False, why="never", next=None)
    assert world.outcomes()["window"].advice.startswith("Deploy a fix that can't wait")


def test_reviews_that_are_open_are_told(world: World) -> None:
    world.reviews = ["The review a.md is open.", "b.md is, too."]
    made = Preflight(world.context)
    made.run(PreflightOptions())
    told = [one for one in made.document()["checks"] if one["check"] == "reviews"]
    assert [(one["result"], one["found"]) for one in told] == [
        ("warn", "The review a.md is open"),
        ("warn", "b.md is, too"),
    ]


@pytest.mark.parametrize(
    ("asked", "result", "expected"),
    [(False, "fail", "fail"), (True, "fail", "warn"), (True, "ok", "ok"), (False, "ok", "ok")],
)
def test_what_gates_ask_people_is_only_warned_of(
    world: World, asked: bool, result: Any, expected: str
) -> None:
    world.confirmed = Outcome("confirmations", result, "tested is missing", "Give it.")
    found = world.outcomes(asked_at_gates=asked)["confirmations"]
    assert (found.result, found.advice) == (expected, "Give it.")
    more = "; the pipeline's gates ask two people" if expected == "warn" else ""
    assert found.found == f"tested is missing{more}"


def test_the_report_has_the_override_and_the_verdict_the_failures(world: World) -> None:
    world.window, world.confirmed = SHUT, Outcome.fail("confirmations", "none", "Give them.")
    made = Preflight(world.context)
    made.run(PreflightOptions())
    assert {key: made.document()[key] for key in ("stack", "override", "ok", "failed")} == {
        "stack": "x",
        "override": "",
        "ok": False,
        "failed": 2,
    }
    verdict = str(made.verdict())
    assert verdict.startswith("2 checks before the deployment of 'x' failed: window, confirmations")
    made = Preflight(world.context)
    made.run(PreflightOptions(override="why"))
    assert made.document()["override"] == "why"
    assert str(made.verdict()).startswith("1 check before")
    world.confirmed = Outcome.ok("confirmations", "all")
    world.window = OPEN
    made = Preflight(world.context)
    made.run(PreflightOptions())
    assert made.verdict() is None


# the gate of a deployment


def test_productions_gate_is_closed_by_a_failed_check(world: World) -> None:
    world.window = SHUT
    with pytest.raises(GateClosed, match="1 check before the deployment of 'x' failed: window"):
        pass_gate(world.context, PreflightOptions())
    assert pass_gate(world.context, PreflightOptions(override="why"))["override"] == "why"


def test_elsewhere_a_failed_check_is_a_warning(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.environment, world.window = "staging", SHUT
    report = pass_gate(world.context, PreflightOptions())
    assert report["failed"] == 1
    said = capsys.readouterr().out
    assert said.startswith("warning: window: it is a holiday. It opens Monday")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("environment", "is_pipeline", "made"),
    [
        ("production", False, True),
        ("production", True, False),
        ("staging", False, False),
        ("staging", True, False),
    ],
)
def test_types_and_tests_run_where_they_decide_something(
    world: World, environment: str, is_pipeline: bool, made: bool
) -> None:
    world.environment, world.is_pipeline = environment, is_pipeline
    pass_gate(world.context, PreflightOptions(skip=("dependencies",)))
    assert ("types" in world.looked) is made
    assert ("unit tests" in world.looked) is made
    assert "work tree" in world.looked
    assert "dependencies" not in world.looked


@pytest.mark.parametrize("is_pipeline", [True, False])
def test_a_pipelines_gates_ask_for_what_nobody_confirmed(world: World, is_pipeline: bool) -> None:
    world.is_pipeline = is_pipeline
    world.confirmed = Outcome.fail("confirmations", "none", "Give them.")
    if is_pipeline:
        assert pass_gate(world.context, PreflightOptions())["warnings"] == 1
    else:
        with pytest.raises(GateClosed):
            pass_gate(world.context, PreflightOptions())


def test_options_of_a_command_stay_as_they_are(world: World) -> None:
    options = PreflightOptions(skip=("types",))
    world.environment = "staging"
    pass_gate(world.context, options)
    assert options == replace(PreflightOptions(), skip=("types",))


# the work tree


def git(folder: Path, *arguments: str) -> str:
    names = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
    command = ["git", "-C", str(folder), *names, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "1 file differ from commit {}: f0"),
        (5, "5 files differ from commit {}: f0, f1, f2, f3, f4"),
        (7, "7 files differ from commit {}: f0, f1, f2, f3, f4 and 2 more"),
    ],
)
def test_files_that_differ_are_counted_and_five_of_them_named(
    tmp_path: Path, count: int, said: str
) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "First")
    commit = git(tmp_path, "rev-parse", "--short=12", "HEAD")
    clean = look_at_work_tree(tmp_path)
    assert clean == Outcome.ok(
        "work tree", f"clean, at {commit}; there is no remote to compare with"
    )
    for number in range(count):
        (tmp_path / f"f{number}").write_text("")
    changed = look_at_work_tree(tmp_path)
    assert (changed.result, changed.found) == ("fail", said.format(commit))
