"""``notifyctl drift`` and ``preview``: what they compare, print, and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import Result

from ops.deploy.offline_preview import EMPTY_ACCOUNT
from ops.observe.drift.drift import DriftReport
from ops.observe.drift.finding import Finding, Repair, Unknown, Unmanaged
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import DriftFound, GateClosed, ServiceError, StackFailed, UsageError
from tests.ops.cli.in_process import Commands, failed_with

CRON = Finding("cron", "crons", "* * * * *", "none", Repair.CALL)
STORE = Finding("version", "version", "one", "none", Repair.NONE)
SECRET = Unknown("secrets", "worker", "The token may not read them.")
LOOSE = Unmanaged("domain", "domain", "tag: x")


def document(result: Result) -> Any:
    """The one document on standard output, which is laid out for people too."""
    assert result.stdout.startswith("{\n  "), result.output
    return json.loads(result.stdout)


def report(
    *findings: Finding, unknown: tuple[Unknown, ...] = (), unmanaged: tuple[Unmanaged, ...] = ()
) -> DriftReport:
    return DriftReport("local", 9, findings, unknown, unmanaged)


class Probe:
    """Answers with reports in turn, and notes what is repaired."""

    def __init__(self, *reports: DriftReport) -> None:
        self.reports = list(reports)
        self.repaired: list[DriftReport] = []

    def probe(self) -> DriftReport:
        return self.reports.pop(0)

    def repair(self, found: DriftReport, _deployment: Any) -> None:
        self.repaired.append(found)


def drifted(
    commands: Commands, *reports: DriftReport, shares: Any = None, options: tuple[str, ...] = ()
) -> tuple[Result, Probe]:
    probe = Probe(*reports)
    commands.replace(
        "drift",
        Drift=lambda _: probe,
        Deployment=lambda _: None,
        serving_shares=lambda _: shares or {"v": 100.0},
    )
    return commands.run("drift", *options), probe


def test_nothing_that_differs_ends_well(commands: Commands) -> None:
    result, _ = drifted(commands, report(unmanaged=(LOOSE,)))
    assert result.exit_code == 0
    said = "  domain of domain: tag: x, which the program doesn't manage\n"
    assert result.stdout == said
    result, probe = drifted(commands, report(), options=("--repair", "--json"))
    assert document(result) == report().document()
    assert probe.repaired == []


def test_differences_are_named_with_what_mends_them(commands: Commands) -> None:
    result, probe = drifted(commands, report(CRON, STORE, unknown=(SECRET,)))
    assert result.stdout.splitlines() == [
        "  cron of crons: none, not * * * * *",
        "  version of version: none, not one",
        "  secrets of worker: unknown. The token may not read them.",
    ]
    failure = failed_with(result, DriftFound)
    assert failure.startswith("2 differences between the state of 'local' and what is there. ")
    assert failure.endswith(report(CRON, STORE).advice)
    assert probe.repaired == []
    result, _ = drifted(commands, report(CRON))
    assert failed_with(result, DriftFound).startswith("1 difference between")


def test_a_repair_is_compared_again(commands: Commands) -> None:
    before = report(CRON, STORE)
    result, probe = drifted(commands, before, report(), options=("--repair", "--json"))
    assert probe.repaired == [before]
    assert document(result) == {
        **report().document(),
        "repaired": [CRON.document(), STORE.document()],
    }
    assert result.exit_code == 0
    result, _ = drifted(commands, before, report(STORE), options=("--repair",))
    failure = failed_with(result, DriftFound)
    assert "A person has to resolve the rest: see the lines above." in failure
    assert report(CRON).advice not in failure
    result, _ = drifted(commands, before, options=("--json",))
    assert "repaired" not in document(result)


@pytest.mark.parametrize("strict", [True, False])
def test_what_nobody_manages_differs_where_that_is_asked_for(
    commands: Commands, strict: bool
) -> None:
    found = report(unmanaged=(LOOSE, LOOSE))
    result, _ = drifted(commands, found, options=("--strict",) if strict else ())
    if strict:
        assert failed_with(result, DriftFound).startswith("'local' has 2 unmanaged properties.")
    else:
        assert result.exit_code == 0
    result, _ = drifted(commands, report(), options=("--strict",))
    assert result.exit_code == 0


def test_what_cannot_be_compared_is_no_difference(commands: Commands) -> None:
    result, _ = drifted(commands, report(unknown=(SECRET, SECRET)))
    failure = failed_with(result, ServiceError)
    assert "in what could be compared of 'local', but secrets, secrets couldn't be" in failure


@pytest.mark.parametrize("shares", [{"v1": 90.0, "v2": 10.0}, {"v1": 100.0}])
def test_a_canary_that_was_left_is_told(commands: Commands, shares: dict[str, float]) -> None:
    result, _ = drifted(commands, report(), shares=shares)
    assert ("Several versions serve: v2 answers 10 % and v1" in result.stdout) is (len(shares) > 1)


# preview


PLANNED = StackUpdate("preview", {"create": 2, "same": 3}, steps=(("create", "urn:a"),))
SAME = StackUpdate("preview", {"same": 5})


def previewed(
    commands: Commands,
    *options: str,
    update: StackUpdate = PLANNED,
    problems: tuple[str, ...] = (),
    shares: Any = None,
) -> Result:
    started: list[bool] = []

    def plan(*, start: bool) -> StackUpdate:
        started.append(start)
        return update

    lint = SimpleNamespace(problems=list(problems), files=7)

    def judged(_: Any, *, asks_d1: bool) -> Any:
        assert not asks_d1
        return lint

    commands.replace(
        "preview",
        MigrationLint=SimpleNamespace(of=judged),
        Deployment=lambda _: SimpleNamespace(preview=plan),
        serving_shares=lambda _: shares or {"v": 100.0},
    )
    result = commands.run("preview", *options)
    assert started in ([], [False])
    return result


def test_a_preview_judges_the_migrations_and_starts_nothing(commands: Commands) -> None:
    result = previewed(commands)
    assert result.stdout.startswith("✓ Migrations judged 7 files (")
    assert "Several versions" not in result.stdout
    found = document(previewed(commands, "--json"))
    assert found == {
        "changes": {"create": 2, "same": 3},
        "changed": 2,
        "steps": [{"operation": "create", "urn": "urn:a"}],
        "serving": {"v": 100.0},
    }
    result = previewed(commands, problems=("a drop.", "b."))
    failure = failed_with(result, GateClosed)
    assert failure.startswith("a drop. 2 problems in the migration files, so nothing was planned")


def test_a_preview_tells_of_a_canary_that_was_left(commands: Commands) -> None:
    said = previewed(commands, shares={"v1": 90.0, "v2": 10.0}).stdout
    assert "Several versions serve: v2 answers 10 %" in said


def test_changes_that_were_not_expected_fail(commands: Commands) -> None:
    said = failed_with(previewed(commands, "--expect-no-changes"), StackFailed)
    assert said.startswith("2 changes were planned and none was expected.")
    assert previewed(commands, "--expect-no-changes", update=SAME).exit_code == 0
    assert previewed(commands, update=PLANNED).exit_code == 0


def test_options_that_exclude_each_other_are_refused(commands: Commands) -> None:
    for options, said in (
        (("--offline", "--baseline", "f"), "--offline asks no account, and --baseline does."),
        (("--offline", "--expect-no-changes"), "--expect-no-changes can't hold offline"),
    ):
        assert said in failed_with(previewed(commands, *options), UsageError)


def test_an_offline_plan_tells_what_stood_in(commands: Commands) -> None:
    stand = SimpleNamespace(key="apiSecretKey", text="a placeholder")
    plan = SimpleNamespace(stands=[stand], document=lambda: {"offline": True})
    commands.replace("preview", OfflinePreview=lambda _: SimpleNamespace(run=lambda: plan))
    lines = previewed(commands, "--offline").stdout.splitlines()
    assert lines[1:] == ["", EMPTY_ACCOUNT, "  apiSecretKey: a placeholder"]
    assert document(previewed(commands, "--offline", "--json")) == {"offline": True}


@pytest.mark.parametrize("changed", [True, False])
def test_a_plan_by_a_baseline_tells_which_secrets_changed(
    commands: Commands, tmp_path: Path, changed: bool
) -> None:
    secrets = {"a": "changed" if changed else "same", "b": "same"}
    plan = SimpleNamespace(
        secrets=secrets, update=PLANNED if changed else SAME, document=lambda: {"plan": 1}
    )
    read: list[Path] = []
    commands.replace(
        "preview",
        Baseline=SimpleNamespace(read=read.append),
        BaselinePreview=lambda *_: SimpleNamespace(run=lambda: plan),
    )
    file = str(tmp_path / "baseline.json")
    lines = previewed(commands, "--baseline", file).stdout.splitlines()
    first = "secret a: changed" if changed else "secrets: 2, all of them the deployed ones"
    assert lines[1:] == [
        first,
        (
            "Planned against the real account without the stack's secrets: a placeholder stood for "
            "each."
        ),
    ]
    assert read == [Path(file)]
    result = previewed(commands, "--baseline", file, "--json", "--expect-no-changes")
    assert document(result) == {"plan": 1}
    if changed:
        assert "2 changes were planned" in failed_with(result, StackFailed)
    else:
        assert result.exit_code == 0
