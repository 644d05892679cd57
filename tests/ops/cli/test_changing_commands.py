"""Commands that change something: what they ask first, what they hand on, and what they print."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import Result

from ops.cli.commands import pull_requests
from ops.deploy.rollout.canary import CanaryPlan
from ops.stacks.errors import GateClosed, OperationError, StackFailed, UsageError
from tests.installation import ROOT
from tests.ops.cli.in_process import Commands, failed_with
from tests.ops.cli.noted import Noted
from tests.ops.contexts import context_of


def noting(notes: list[Any], name: str, answer: Any) -> Any:
    """A function that notes one of its named values."""

    def call(*_: Any, **named: Any) -> Any:
        notes.append(named[name])
        return answer

    return call


def document(result: Result) -> Any:
    """The one document on standard output, which is laid out for people too."""
    assert result.stdout.startswith(("{\n  ", "[\n  ", "[]")), result.output
    return json.loads(result.stdout)


def reporting(**more: Any) -> Any:
    """A report of an operation."""
    answers = {"document": lambda: {"report": "whole"}, "lines": lambda *_: ["one", "two"]}
    return SimpleNamespace(**{**answers, "summary": lambda: ["one", "two"], **more})


# up


def test_up_verifies_and_tells_the_summary(commands: Commands) -> None:
    work = Noted(run=reporting())
    commands.replace("up", Deployment=work)
    assert commands.run("up", "-s", "local").stdout == "one\ntwo\n"
    assert {**work.named("run"), "confirm_loss": None} == {
        "message": "", "verify": True, "confirm_loss": None,
    }  # fmt: skip
    result = commands.run("up", "-s", "local", "--json", "--skip-verify", "-m", "why")
    assert document(result) == {"report": "whole"}
    assert (work.named("run")["message"], work.named("run")["verify"]) == ("why", False)


@pytest.mark.parametrize("option", ["--control-port", "--edge-port", "--sink-port"])
def test_ports_are_for_the_local_cloud_only(commands: Commands, option: str) -> None:
    work = Noted(run=reporting())
    commands.replace("up", Deployment=work)
    assert commands.run("up", "-s", "local", option, "9000").exit_code == 0
    commands.context = SimpleNamespace(is_local=False)
    refused = failed_with(commands.run("up", "-s", "dev", option, "9000"), UsageError)
    assert "'dev' is no stack on this machine" in refused
    assert work.count("run") == 1
    assert commands.run("up", "-s", "dev").exit_code == 0


@pytest.mark.parametrize("command", ["up", "deploy"])
def test_a_loss_is_confirmed_by_the_stacks_name(commands: Commands, command: str) -> None:
    work = Noted(run=reporting())
    commands.replace(command, **{"Deployment" if command == "up" else "Rollout": work})

    def ask() -> Any:
        named = work.named("run")
        if command == "up":
            return named["confirm_loss"]
        return [given for called, given, _ in work.calls if called == "run"][-1][0].confirm_loss

    commands.run(command, "-s", "local", "--confirm-loss", "local")
    ask()("It loses rows")
    commands.run(command, "-s", "local", "--confirm-loss", "other")
    with pytest.raises(UsageError, match="'other' isn't 'local': nothing was done"):
        ask()("It loses rows")
    commands.run(command, "-s", "local")
    commands.replace("up", typer=None)
    with pytest.raises(UsageError, match="It loses rows: confirm it by --confirm-loss local"):
        ask()("It loses rows")


# deploy


def deployed(commands: Commands, *arguments: str) -> tuple[Any, dict[str, Any], Result]:
    """The options, what the rollout was made with, and the result."""
    work = Noted(run=reporting())
    commands.replace("deploy", Rollout=work)
    result = commands.run("deploy", "-s", "local", *arguments)
    options = [given[0] for called, given, _ in work.calls if called == "run"]
    return (options or [None])[-1], work.named("made"), result


def test_a_deployment_without_options(commands: Commands, tmp_path: Path) -> None:
    options, made, result = deployed(commands)
    assert result.stdout == "one\ntwo\n"
    assert (options.message, options.window, options.scope) == ("", "", "")
    assert options.approved_by == ()
    assert options.canary is None
    assert options.roll_back is True
    assert options.health_pause == 10.0
    preflight = options.preflight
    assert (preflight.kind, preflight.override, preflight.checklist) == ("routine", "", None)
    assert (preflight.confirm, preflight.skip) == ((), ())
    report = made["report_file"]
    assert report.parent == tmp_path / "reports"
    assert report.name.startswith("local-")
    datetime.strptime(report.stem, "local-%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def test_a_deployment_with_every_option(commands: Commands, tmp_path: Path) -> None:
    options, made, result = deployed(
        commands,
        *("-m", "why", "--approved-by", "ada", "--approved-by", "grace", "--window", "noon"),
        *("--scope", "all", "--canary", "--steps", "5,100", "--watch", "90s", "--least", "7"),
        *("--no-rollback", "--health-pause", "1", "--report", str(tmp_path / "r.json")),
        *("--kind", "major", "--override", "urgent", "--confirm", "tested", "--skip", "tests"),
        *("--skip", "types", "--skip", "work-tree", "--checklist", "list.yaml", "--json"),
    )
    assert document(result) == {"report": "whole"}
    assert (options.message, options.window, options.scope) == ("why", "noon", "all")
    assert options.approved_by == ("ada", "grace")
    assert options.canary == CanaryPlan.parse("5,100", "90s", 7)
    assert options.roll_back is False
    assert options.health_pause == 1.0
    assert made["report_file"] == tmp_path / "r.json"
    preflight = options.preflight
    assert (preflight.kind, preflight.override) == ("major", "urgent")
    assert preflight.checklist == Path("list.yaml")
    assert preflight.confirm == ("tested",)
    assert preflight.skip == ("unit tests", "types", "work tree")


def test_a_canary_has_three_steps_unless_told_otherwise(commands: Commands) -> None:
    options, _, _ = deployed(commands, "--canary")
    assert options.canary == CanaryPlan.parse("10,50,100", "5m", 200)


# check


@pytest.mark.parametrize("verdict", [None, GateClosed("The window is closed.")])
def test_check_hands_its_options_on_and_ends_with_the_verdict(
    commands: Commands, verdict: Exception | None
) -> None:
    work = Noted(verdict=verdict, document={"checks": []})
    commands.replace("check", Preflight=work)
    result = commands.run("check")
    assert (result.stdout, result.exception) == ("", verdict)
    (options,) = [given[0] for called, given, _ in work.calls if called == "run"]
    assert (options.kind, options.at, options.override) == ("routine", None, "")
    assert (options.confirm, options.checklist, options.skip) == ((), None, ())
    result = commands.run("check", "--json", "--kind", "urgent", "--at", "2026-11-29T08:30")
    assert document(result) == {"checks": []}
    options = [given[0] for called, given, _ in work.calls if called == "run"][-1]
    assert options.at == datetime(2026, 11, 29, 8, 30, tzinfo=UTC)
    assert options.kind == "urgent"


def test_a_time_with_an_offset_keeps_it(commands: Commands) -> None:
    work = Noted(verdict=None)
    commands.replace("check", Preflight=work)
    commands.run("check", "--at", "2026-11-29T08:30+0200")
    (options,) = [given[0] for called, given, _ in work.calls if called == "run"]
    assert options.at == datetime(2026, 11, 29, 8, 30, tzinfo=timezone(timedelta(hours=2)))
    assert options.at.utcoffset() == timedelta(hours=2)


# destroy


def destroyed(commands: Commands, *arguments: str, typed: str = "") -> tuple[Result, Any]:
    work = Noted()
    commands.replace("destroy", Removal=work)
    result = commands.run("destroy", "--stack", "dev", *arguments, typed=typed)
    return result, work.named("run") if work.count("run") else None


def test_a_removal_needs_a_yes_or_the_stacks_name(commands: Commands) -> None:
    result, done = destroyed(commands)
    assert "give --yes, or run it on a terminal" in failed_with(result, UsageError)
    assert done is None
    assert destroyed(commands, "--yes")[1] == {"erase": False, "unprotect": False}
    assert destroyed(commands, "-y", "--erase")[1] == {"erase": True, "unprotect": False}
    commands.on_a_terminal("ops.cli.commands.destroy")
    result, done = destroyed(commands, typed="other\n")
    assert failed_with(result, UsageError) == "'other' isn't 'dev': nothing was removed."
    assert done is None
    assert destroyed(commands, typed="dev\n")[1] == {"erase": False, "unprotect": False}


def test_protected_stores_go_only_with_the_stacks_name(commands: Commands) -> None:
    result, done = destroyed(commands, "--yes", "--unprotect", "other")
    assert failed_with(result, UsageError) == "--unprotect other isn't 'dev': nothing was removed."
    assert done is None
    assert destroyed(commands, "--yes", "--unprotect", "dev")[1] == {
        "erase": False,
        "unprotect": True,
    }


# import


def imported(
    commands: Commands, *arguments: str, empty: bool = False, typed: str = "", **report: Any
) -> tuple[Result, Noted]:
    plan = SimpleNamespace(lines=lambda: ["plan"], is_empty=empty, document=lambda: {"plan": 1})
    told = {"staying": {}, "in_clear": 0, "deployment": reporting(), **report}
    work = Noted(plan=plan, run=reporting(**told))
    commands.replace("import_resources", Adoption=work)
    return commands.run("import", "-s", "dev", *arguments, typed=typed), work


def test_an_import_shows_its_plan_and_asks(commands: Commands) -> None:
    result, work = imported(commands)
    assert "give --yes, or run it on a terminal" in failed_with(result, UsageError)
    assert result.stdout == "plan\n"
    assert work.count("run") == 0
    result, work = imported(commands, "--yes")
    assert result.stdout == "plan\none\ntwo\n"
    assert work.named("run") == {"verify": True}
    result, work = imported(commands, "-y", "--skip-verify", "--json")
    assert document(result) == {"report": "whole"}
    assert work.named("run") == {"verify": False}
    commands.on_a_terminal("ops.cli.commands.import_resources")
    result, work = imported(commands, typed="n\n")
    assert (result.exit_code, work.count("run")) == (1, 0)
    result, work = imported(commands, typed="y\n")
    assert (result.exit_code, work.count("run")) == (0, 1)


@pytest.mark.parametrize("as_json", [True, False])
def test_a_plan_alone_changes_nothing(commands: Commands, as_json: bool) -> None:
    result, work = imported(commands, "--plan-only", *["--json"] * as_json)
    assert (work.count("preview"), work.count("run")) == (1, 0)
    said = document(result) if as_json else result.stdout
    assert said == ({"plan": 1} if as_json else "plan\n")
    result, work = imported(commands, "--yes", *["--json"] * as_json, empty=True)
    assert (work.count("preview"), work.count("run")) == (0, 0)
    assert "There is nothing to import." in result.output
    assert as_json is (result.stdout.startswith("{"))


@pytest.mark.parametrize(
    ("staying", "in_clear", "said"),
    [
        ({}, 2, "2 configurations are in clear text. Look at them"),
        ({"logs": 3, "old": 1}, 0, "clear text, and rows that have no place in this schema stay"),
    ],
)
def test_an_import_that_is_not_whole_fails_after_its_report(
    commands: Commands, staying: dict[str, int], in_clear: int, said: str
) -> None:
    result, _ = imported(commands, "--yes", staying=staying, in_clear=in_clear)
    failure = failed_with(result, OperationError)
    assert said in failure
    assert result.stdout == "plan\none\ntwo\n"
    if staying:
        assert "stay in logs (3), old (1). Look at them" in failure


# recover


@pytest.mark.parametrize("skip", [True, False])
def test_a_recovery_tells_what_it_did(commands: Commands, skip: bool) -> None:
    work = Noted(run=reporting())
    commands.replace("recover", Recovery=work)
    arguments = ["recover", "-s", "dev", *["--skip-verify"] * skip]
    assert commands.run(*arguments).stdout == "one\ntwo\n"
    assert work.named("run") == {"verify": not skip}
    assert document(commands.run(*arguments, "--json")) == {"report": "whole"}


def test_a_recovery_asks_before_a_state_is_replaced(commands: Commands) -> None:
    work = Noted(run=reporting())
    commands.replace("recover", Recovery=work)
    commands.run("recover", "-s", "dev", "--yes", "--confirm", "dev")
    made = work.named("made")
    made["agree"]("Restore it")
    made["confirm"]("Break the lock")
    commands.run("recover", "-s", "dev", "--confirm", "other")
    made = work.named("made")
    with pytest.raises(UsageError, match="Restore it: give --yes, or run it on a terminal"):
        made["agree"]("Restore it")
    with pytest.raises(UsageError, match="'other' isn't 'dev'"):
        made["confirm"]("Break the lock")


@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_recovery_asks_on_a_terminal(commands: Commands, answer: str) -> None:
    class Asks(Noted):
        def run(self, **_: Any) -> Any:
            self.named("made")["agree"]("Restore it")
            return reporting()

    commands.replace("recover", Recovery=Asks())
    commands.on_a_terminal("ops.cli.commands.recover")
    result = commands.run("recover", "-s", "dev", typed=f"{answer}\n")
    assert "Restore it. Go on?" in result.stderr
    # The runner shows what is typed.
    assert result.stdout == f" {answer}\n" + "one\ntwo\n" * (answer == "y")
    assert result.exit_code == (0 if answer == "y" else 1)


# cleanup


def cleaned(commands: Commands, *arguments: str) -> tuple[Result, list[int]]:
    asked: list[int] = []
    commands.replace(
        "cleanup",
        connect=lambda _: nullcontext("service"),
        remove_old_logs=noting(asked, "days", 12),
    )
    return commands.run("cleanup", *arguments), asked


def test_old_notifications_of_the_local_stack_go_unasked(commands: Commands) -> None:
    result, asked = cleaned(commands)
    assert result.stdout.startswith("✓ Old notifications 12 removed (")
    assert asked == [30]
    result, asked = cleaned(commands, "--days", "1", "--json")
    assert document(result) == {"stack": "local", "days": 1, "removed": 12}
    assert asked == [1]


def test_old_notifications_of_an_account_go_with_the_stacks_name(commands: Commands) -> None:
    reporter = commands.context.reporter
    commands.context = SimpleNamespace(is_local=False, reporter=reporter)
    result, asked = cleaned(commands, "-s", "dev", "--days", "1")
    said = "Remove the notifications of 'dev' that are older than 1 day: confirm it by"
    assert said in failed_with(result, UsageError)
    assert asked == []
    assert cleaned(commands, "-s", "dev", "--confirm", "dev")[1] == [30]


# rollback


def rolled_back(
    commands: Commands, *arguments: str, typed: str = "", refusals: tuple[str, ...] = ()
) -> tuple[Result, Noted]:
    plan = SimpleNamespace(lines=lambda: ["plan"], refusals=refusals, document=lambda: {"plan": 1})
    work = Noted(plan=plan, run=reporting())
    commands.replace("rollback", Rollback=work)
    environment = {"PATH": ""}
    commands.context = context_of(ROOT, home=ROOT / "none", environment=environment)
    return commands.run("rollback", *arguments, typed=typed), work


def test_a_rollback_names_its_stack_and_its_reason(commands: Commands) -> None:
    result, work = rolled_back(commands)
    assert failed_with(result, UsageError).startswith("Name the stack: notifyctl rollback --stack")
    for reason in ((), ("--reason", " ")):
        result, work = rolled_back(commands, "-s", "dev", "--force", *reason)
        assert failed_with(result, UsageError).startswith("--force needs a reason")
        assert work.count("plan") == 0
    result, work = rolled_back(commands, "-s", "dev", "--force", "--reason", "sends fail", "-y")
    assert work.named("plan") == {"to": None, "force": True}
    assert work.named("run")["reason"] == "sends fail"


def test_a_rollback_goes_back_once_it_is_agreed(commands: Commands) -> None:
    result, work = rolled_back(commands, "-s", "dev")
    assert "This changes what serves: give --yes" in failed_with(result, UsageError)
    assert work.count("run") == 0
    result, work = rolled_back(commands, "-s", "dev", "--yes")
    assert result.stdout == "plan\none\ntwo\n"
    assert work.named("made") == {"start": True}
    assert work.named("plan") == {"to": None, "force": False}
    assert work.named("run") == {
        "reason": "", "commit": False, "pause": 10.0, "settings": False,
    }  # fmt: skip
    result, work = rolled_back(
        commands,
        *("-s", "dev", "-y", "--to", "abc", "--commit", "--settings", "--health-pause", "0"),
        "--json",
    )
    assert document(result) == {"report": "whole"}
    assert work.named("plan")["to"] == "abc"
    assert work.named("run") == {
        "reason": "", "commit": True, "pause": 0.0, "settings": True,
    }  # fmt: skip
    commands.on_a_terminal("ops.cli.commands.rollback")
    result, work = rolled_back(commands, "-s", "dev", typed="n\n")
    assert failed_with(result, UsageError) == "Nothing was changed."
    result, work = rolled_back(commands, "-s", "dev", typed="y\n")
    assert work.named("run")["commit"] is False


@pytest.mark.parametrize(("option", "commits"), [((), True), (("--no-commit",), False)])
def test_a_pipeline_is_not_asked_and_commits(
    commands: Commands, option: tuple[str, ...], commits: bool
) -> None:
    plan = SimpleNamespace(lines=list, refusals=())
    work = Noted(plan=plan, run=reporting())
    commands.replace("rollback", Rollback=work)
    commands.context = context_of(ROOT, home=ROOT / "none", environment={"CI": "true"})
    assert commands.run("rollback", "-s", "dev", *option).exit_code == 0
    assert work.named("run")["commit"] is commits


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("refusals", [(), ("The schema is older.", "A store is gone.")])
def test_a_rollbacks_plan_starts_and_changes_nothing(
    commands: Commands, as_json: bool, refusals: tuple[str, ...]
) -> None:
    result, work = rolled_back(
        commands, "-s", "dev", "--plan-only", *["--json"] * as_json, refusals=refusals
    )
    assert work.named("made") == {"start": False}
    assert work.count("run") == 0
    if as_json:
        assert document(result) == {"plan": 1}
    else:
        assert result.stdout == "plan\n"
    if refusals:
        assert failed_with(result, GateClosed) == "The schema is older. A store is gone."


def test_what_the_gate_refuses_is_not_asked_about(commands: Commands) -> None:
    result, _work = rolled_back(commands, "-s", "dev", "--json", refusals=("No.",))
    assert (failed_with(result, GateClosed), result.stdout) == ("No.", "")


@pytest.mark.parametrize("kind", ["code", "data", "config"])
def test_the_steps_for_a_fault_are_numbered(commands: Commands, kind: str) -> None:
    lines = commands.run("rollback", "plan", "--kind", kind, "-s", "dev").stdout.splitlines()
    steps = document(commands.run("rollback", "plan", "--kind", kind, "-s", "dev", "--json"))
    told: list[str] = []
    for number, step in enumerate(steps, 1):
        told += [f"{number}. {step['step']}", *([f"   {step['command']}"] * bool(step["command"]))]
    assert lines == told
    assert any("--stack dev" in line for line in lines)


# pr


def test_a_pull_requests_stack_is_deployed_from_anothers_settings(commands: Commands) -> None:
    update = SimpleNamespace(outputs={"service_url": "http://pr"})
    work = Noted(up=reporting(update=update), destroy=False)
    commands.replace("pull_requests", PullRequestStack=work)
    result = commands.run("pr", "up", "12")
    assert result.stdout == "\nService   http://pr\nRemove    notifyctl pr destroy 12\n"
    assert work.named("up") == {"verify": True}
    assert work.calls[0][1][1] == 12
    assert commands.opened == ["development"]
    result = commands.run("pr", "up", "12", "--from", "local", "--skip-verify", "--json")
    assert document(result) == {"report": "whole"}
    assert work.named("up") == {"verify": False}
    assert commands.opened == ["development", "local"]


@pytest.mark.parametrize("existed", [True, False])
def test_a_pull_requests_stack_is_removed(commands: Commands, existed: bool) -> None:
    commands.replace("pull_requests", PullRequestStack=Noted(destroy=existed))
    said = commands.run("pr", "destroy", "12").stdout
    assert said == ("" if existed else "There is no stack pr-12: nothing was removed.\n")
    found = document(commands.run("pr", "destroy", "12", "--json"))
    assert found == {"stack": "pr-12", "removed": existed}


def swept(commands: Commands, *arguments: str, failed: dict[str, str]) -> tuple[Result, Any]:
    asked: list[Any] = []
    result = SimpleNamespace(kept=("pr-1",), removed=("pr-2", "pr-3"), failed=failed)
    commands.replace(
        "pull_requests",
        run_sweep=noting(asked, "open_numbers", result),
    )
    return commands.run("pr", "sweep", *arguments), asked


def test_closed_pull_requests_stacks_are_swept(commands: Commands) -> None:
    result, asked = swept(commands, failed={})
    assert result.stdout == "2 removed, 1 kept (still open).\n"
    assert asked == [None]
    assert swept(commands, "--open", "12, 15,", failed={})[1] == [{12, 15}]
    assert swept(commands, "--open", "", failed={})[1] == [set()]
    result, asked = swept(commands, "--open", "12,x", failed={})
    assert "--open takes numbers" in failed_with(result, UsageError)
    assert asked == []
    result, _ = swept(commands, "--json", failed={"pr-4": "it is locked"})
    assert document(result) == {
        "kept": ["pr-1"],
        "removed": ["pr-2", "pr-3"],
        "failed": {"pr-4": "it is locked"},
    }
    assert failed_with(result, StackFailed) == "1 stack remain. pr-4: it is locked"


def test_a_plan_is_put_into_a_comment(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "plan.txt"
    file.write_text("the plan")
    work = Noted(put="https://comment")
    commands.replace("pull_requests", Repository=Noted(of="repository"), PlanComment=work)
    result = commands.run("pr", "comment", "12", str(file), "-s", "staging")
    assert result.stdout.startswith("✓ Plan of 'staging' in pull request 12 https://comment (")
    assert work.calls[0][1] == ("repository", 12, "staging")
    assert work.calls[1][1] == ("the plan",)
    assert work.named("put") == {"commit": commands.context.origin.commit}
    result = commands.run("pr", "comment", "12", str(file), "-s", "staging", "--json")
    assert json.loads(result.stdout) == {"comment": "https://comment"}


@pytest.mark.parametrize("is_local", [True, False])
def test_a_baseline_is_taken_from_the_settings_with_secrets(
    commands: Commands, tmp_path: Path, is_local: bool
) -> None:
    written: list[Path] = []
    taken = SimpleNamespace(secrets={"b": "", "a": ""}, commit="c" * 40, write=written.append)
    asked: list[Any] = []
    commands.context = SimpleNamespace(
        is_local=is_local, file=SimpleNamespace(path="own"), reporter=None
    )
    commands.replace(
        "pull_requests",
        Baseline=SimpleNamespace(take=lambda _, settings: noting(asked, "at", taken)(at=settings)),
        LocalStack=SimpleNamespace(prepare=lambda _: SimpleNamespace(config_file="rendered")),
    )
    file = tmp_path / "baseline.json"
    result = commands.run("pr", "baseline", str(file), "-s", "dev", "--json")
    assert document(result) == {"stack": "dev", "commit": "c" * 40, "secrets": ["a", "b"]}
    assert asked == ["rendered" if is_local else "own"]
    assert written == [file]
    assert f"{file}, 2 secrets left out" in result.stderr
    commands.run("pr", "baseline", str(file))
    assert commands.opened == ["dev", "production"]


def test_only_decimal_numbers_are_pull_requests() -> None:
    assert pull_requests._numbers(" 1 ,, 22 ") == {1, 22}
