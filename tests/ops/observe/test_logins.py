"""doctor's look at the plugins, the state's backend and the token, with a CLI of the test's own."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.access.checks.outcome import Outcome
from ops.access.token.token_report import TokenReport
from ops.observe.doctor import logins
from ops.observe.doctor.logins import Logins
from ops.stacks.context import StackContext
from ops.stacks.errors import OperationError, UsageError
from ops.stacks.origin import Origin
from tests.infra.test_stack_settings import stack_file
from tests.installation import ROOT
from tests.ops.contexts import context_of

OPERATORS = "Account → Account API Tokens → Read"


def context(tmp_path: Path, script: str | None = None, *, stack: str = "local") -> StackContext:
    """A stack on a machine whose only program is a Pulumi CLI that runs ``script``."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    if script is not None:
        cli = folder / "pulumi"
        cli.write_text(f"#!/bin/sh\n{script}\n")
        cli.chmod(0o755)
    environment = {"PATH": str(folder), "PULUMI_HOME": str(tmp_path), "NOTIFYCTL_PULUMI": "path"}
    return context_of(ROOT, stack=stack, home=tmp_path, environment=environment)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Any:
    """Make the logins of a stack that isn't on this machine, with a CLI that runs a script."""
    file = stack_file(tmp_path)

    def make(script: str | None) -> Logins:
        found = context(tmp_path, script)
        return Logins(found.of_stack("production", file))

    return make


def says(text: str, code: int = 0, error: str = "") -> str:
    """A script that prints a text, and ends."""
    return f"printf %s {shlex.quote(text)}; printf %s {shlex.quote(error)} >&2; exit {code}"


def test_what_is_not_installed_is_named_with_how_to_install_it(tmp_path: Path) -> None:
    found = context(tmp_path)
    root = tmp_path / "project"
    (root / "node_modules" / "workerd").mkdir(parents=True)
    here = Logins(replace(found, project=replace(found.project, root=root)))
    assert list(here.plugins())[:2] == [
        Outcome.ok("edge runtime", "installed"),
        Outcome.fail("worker SDK", "build/python_modules isn't there", "Install it: make install"),
    ]


@pytest.mark.parametrize(
    ("script", "found"),
    [
        (
            says(
                '[{"name": "random", "version": "4.1.0"}, {"name": "cloudflare", "version": "6"}]'
            ),
            Outcome.ok("provider plugin", "cloudflare 6"),
        ),
        (says('[{"name": "random", "version": "4.1.0"}]'), None),
        (says('[{"name": "cloudflare", "version": "6"}]', code=1), None),
        # Killed by a signal: the code that Python tells is negative.
        (says('[{"name": "cloudflare", "version": "6"}]').replace("exit 0", "kill -9 $$"), None),
        (says('{"name": "cloudflare"}'), None),
        (says('["cloudflare", null]'), None),
        (says("no JSON"), None),
        (says(""), None),
    ],
)
def test_the_provider_plugin_is_looked_for_in_what_the_cli_lists(
    elsewhere: Any, script: str, found: Outcome | None
) -> None:
    outcome = list(
        elsewhere(f'[ "$*" = "plugin ls --json --non-interactive" ] || exit 9\n{script}').plugins()
    )[-1]
    if found is not None:
        assert outcome == found
        return
    assert (outcome.check, outcome.result) == ("provider plugin", "warn")
    assert outcome.found == "Pulumi's plugin 'cloudflare' isn't installed"
    assert "pulumi plugin install" in outcome.advice


def test_a_plugin_of_another_version_is_named_with_what_to_do(
    elsewhere: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = "The plugin is version 1, so nothing was run. Take it off PATH."
    monkeypatch.setattr(
        logins, "version_problem", lambda package, _: problem * (package == "cloudflare")
    )
    assert list(elsewhere(says("[]")).plugins())[-1] == Outcome.fail(
        "provider plugin", "The plugin is version 1", "Take it off PATH."
    )


@pytest.mark.parametrize(
    ("state", "result", "advice"),
    [
        ("ready", "ok", ""),
        ("unhealthy", "fail", "Start it: notifyctl local start"),
        ("stopped", "fail", "Start it: notifyctl local start"),
    ],
)
def test_a_local_stacks_backend_is_its_cloud_and_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, result: str, advice: str
) -> None:
    monkeypatch.setattr(logins, "local_cloud_status", lambda _: {"state": state})
    found = context(tmp_path)
    cloud, kept = Logins(found).backend()
    assert (cloud.check, cloud.result, cloud.advice) == ("local cloud", result, advice)
    assert cloud.found == ("it runs and is healthy" if state == "ready" else f"it is {state}")
    assert kept == Outcome.ok("state", f"kept in {found.project.backend_dir}")


@pytest.mark.parametrize(
    ("script", "found"),
    [
        (says('{"user": "ops", "url": "s3://state"}'), Outcome.ok("state", "ops at s3://state")),
        (says("{}"), Outcome.ok("state", "? at the backend")),
        (says("[]"), Outcome.ok("state", "? at the backend")),
        (says("ops"), Outcome.ok("state", "? at the backend")),
        (says("", 1, "warning: old\nerror: no bucket\n"), "the backend can't be used: no bucket"),
        (says("", 255), "the backend can't be used: no reason given"),
        (None, "the backend can't be used: there is no 'pulumi' on PATH"),
    ],
)
def test_the_backend_is_asked_who_is_logged_in(
    elsewhere: Any, script: str | None, found: Outcome | str
) -> None:
    if script is not None:
        script = f'[ "$*" = "whoami --json --non-interactive" ] || exit 9\n{script}'
        script = f'[ "$PULUMI_SKIP_UPDATE_CHECK" = true ] || exit 8\n{script}'
    (outcome,) = elsewhere(script).backend()
    if isinstance(found, Outcome):
        assert outcome == found
        return
    advice = "Log in to the state's backend: pulumi login (docs/bootstrap.md)."
    assert outcome == Outcome.fail("state", found, advice)


def test_a_cli_that_cannot_be_run_gave_no_answer(elsewhere: Any, tmp_path: Path) -> None:
    there = elsewhere("exit 0")
    (tmp_path / "bin" / "pulumi").write_text("#!/nowhere/at/all\n")
    with pytest.raises(OperationError, match="'pulumi whoami' gave no answer"):
        list(there.backend())


@pytest.mark.parametrize(
    ("report", "found"),
    [
        (
            TokenReport("active", granted=("a", "b")),
            [Outcome.ok("token", "active, with 2 permissions")],
        ),
        (
            TokenReport("active", granted=("a",), surplus=("x", OPERATORS)),
            [
                Outcome.ok("token", "active, with 1 permissions"),
                Outcome.warn(
                    "token scopes",
                    f"more than a deployment needs: x; {OPERATORS}",
                    "Take them away, unless it is an operator's own token.",
                ),
            ],
        ),
        (
            TokenReport("disabled"),
            [
                Outcome.fail(
                    "token",
                    "The token is disabled",
                    "Enable it in the dashboard under API Tokens, or use another one.",
                )
            ],
        ),
    ],
)
def test_the_tokens_report_is_one_line_or_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: TokenReport, found: list[Outcome]
) -> None:
    monkeypatch.setattr(logins, "check_stack_token", lambda _: report)
    assert list(Logins(context(tmp_path)).token()) == found


@pytest.mark.parametrize("is_local", [True, False])
def test_only_the_local_clouds_own_token_may_read_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: Any, is_local: bool
) -> None:
    report = TokenReport("active", granted=("a",), surplus=(OPERATORS,))
    monkeypatch.setattr(logins, "check_stack_token", lambda _: report)
    here = Logins(context(tmp_path)) if is_local else elsewhere(None)
    assert [one.result for one in here.token()] == (["ok"] if is_local else ["ok", "warn"])


@pytest.mark.parametrize("is_pipeline", [True, False])
def test_who_makes_a_new_token_depends_on_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_pipeline: bool
) -> None:
    monkeypatch.setattr(logins, "check_stack_token", lambda _: TokenReport("expired"))
    found = context(tmp_path)
    origin = replace(Origin.find(ROOT, {}), is_pipeline=is_pipeline)
    object.__setattr__(found, "origin", origin)
    (outcome,) = Logins(found).token()
    assert (outcome.result, outcome.found) == ("fail", "The token is expired")
    assert ("ciTokenGenerations" in outcome.advice) is is_pipeline


def test_settings_that_are_wrong_leave_the_token_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: StackContext) -> TokenReport:
        raise UsageError("There is no token. Set it. Then go on.")

    monkeypatch.setattr(logins, "check_stack_token", refused)
    assert list(Logins(context(tmp_path)).token()) == [
        Outcome.fail("token", "There is no token", "Set it. Then go on.")
    ]
