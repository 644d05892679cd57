"""Which jobs run for whom: production's two gates, forks, dry runs, closed pull requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.pipelines.expression import evaluate, inserted
from tests.pipelines.runner import Runner
from tests.pipelines.workflow import Workflow

DEPLOY = Workflow.read("deploy")
PULL_REQUEST = Workflow.read("pull-request")


def needs(environment: str, *, test: str = "success", approval: str = "success") -> dict[str, Any]:
    """What the deploying job sees of the jobs before it."""
    outputs = {"environment": environment, "commit": "a" * 40}
    return {"test": {"result": test, "outputs": outputs}, "approval": {"result": approval}}


@pytest.mark.requirement("S0-33", "S0-36", "S0-66", "S0-115")
@pytest.mark.parametrize(
    ("ref", "chosen", "environment"),
    [
        ("refs/heads/main", None, "production"),
        ("refs/heads/feature/x", None, "development"),
        ("refs/heads/main", "development", "development"),
        ("refs/heads/main", "production", "production"),
    ],
)
def test_the_branch_or_the_choice_names_the_environment(
    ref: str, chosen: str | None, environment: str
) -> None:
    contexts = {"github": {"ref": ref}, "inputs": {"environment": chosen}}
    assert inserted(DEPLOY.content["env"]["ENVIRONMENT"], contexts) == environment
    group = inserted(DEPLOY.content["concurrency"]["group"], contexts)
    assert group == f"deploy-{environment}"


@pytest.mark.requirement("S4-32")
@pytest.mark.parametrize(
    ("test", "approval", "deploys"),
    [
        ("success", "success", True),
        ("success", "failure", False),
        ("success", "skipped", False),
        ("failure", "skipped", False),
    ],
)
def test_production_is_deployed_behind_two_gates_alone(
    test: str, approval: str, deploys: bool
) -> None:
    contexts = {
        "needs": needs("production", test=test, approval=approval),
        "inputs": {"dry_run": None},
    }
    assert DEPLOY.runs("approval", contexts)
    assert DEPLOY.runs("deploy", contexts) is deploys
    assert DEPLOY.environment_of("approval") == "production-approval"
    assert DEPLOY.jobs["approval"]["needs"] == "test"
    assert DEPLOY.jobs["deploy"]["needs"] == ["test", "approval"]
    second = DEPLOY.environment_of("deploy")
    assert second is not None
    assert inserted(second, contexts) == "production"


@pytest.mark.parametrize(("environment", "dry"), [("development", False), ("production", True)])
def test_development_and_a_dry_run_skip_the_first_gate(environment: str, dry: bool) -> None:
    contexts = {"needs": needs(environment, approval="skipped"), "inputs": {"dry_run": dry}}
    assert not DEPLOY.runs("approval", contexts)
    assert DEPLOY.runs("deploy", contexts)
    assert not DEPLOY.runs("deploy", contexts, status="cancelled")


@pytest.mark.requirement("S0-67")
@pytest.mark.parametrize(
    ("action", "head", "jobs"),
    [
        (
            "opened",
            "team/service",
            {"test", "offline-plan", "preview", "production-plan", "stack"},
        ),
        ("synchronize", "stranger/service", {"test", "offline-plan"}),
        ("closed", "team/service", {"destroy"}),
        ("closed", "stranger/service", set()),
    ],
)
def test_a_fork_gets_tests_and_the_offline_plan(action: str, head: str, jobs: set[str]) -> None:
    event = {"action": action, "pull_request": {"number": 7, "head": {"repo": {"full_name": head}}}}
    contexts = {"github": {"event": event, "repository": "team/service"}}
    assert {job for job in PULL_REQUEST.jobs if PULL_REQUEST.runs(job, contexts)} == jobs
    for job in jobs if head != "team/service" else set():
        assert PULL_REQUEST.environment_of(job) is None


def test_expressions_are_read_as_github_reads_them() -> None:
    contexts = {"inputs": {"a": "X", "no": None, "yes": True}}
    assert evaluate("inputs.a == 'x' && 'left' || 'right'", contexts) == "left"
    assert evaluate("!inputs.yes || (inputs.no == '')", contexts) is True
    assert evaluate("failure() || success()", contexts, status="cancelled") is False
    assert inserted("v-${{ inputs.yes }}-${{ inputs.no }}", contexts) == "v-true-"
    for text in ("inputs.a = 'x'", "secret.a", "hashFiles()", "(inputs.a"):
        with pytest.raises((ValueError, IndexError)):
            evaluate(text, contexts)


GH = """#!/bin/sh
if [ "$1 $2" = "run list" ]; then
  [ "$*" = "run list --workflow deploy.yml --status waiting $ASKED" ] || exit 1
  echo 11; echo 12; echo 13
else
  echo "$*" >> "$CALLS"
  [ "$3" != 12 ]
fi
"""
"""GitHub's CLI, for which three deployments wait; the second one ends meanwhile."""


def test_a_rollback_of_production_cancels_the_deployments_that_wait_for_an_approval(
    tmp_path: Path,
) -> None:
    rollback = Workflow.read("rollback")
    for inputs, runs in (
        ({"environment": "production", "plan_only": False}, True),
        ({"environment": "production", "plan_only": True}, False),
        ({"environment": "development", "plan_only": False}, False),
    ):
        assert rollback.runs("cancel", {"inputs": inputs}) is runs, inputs
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "gh").write_text(GH)
    (programs / "gh").chmod(0o755)
    calls = tmp_path / "calls"
    runner = Runner(
        tmp_path,
        {"CALLS": str(calls), "ASKED": "--json databaseId --jq .[].databaseId"},
        tmp_path,
        first_on_path=programs,
    )
    contexts = {"github": {"token": "t", "repository": "local/notification-system"}}

    ran = runner.run(rollback, "cancel", "Cancel deployments that wait for an approval", contexts)

    assert ran.code == 0, ran.text
    assert calls.read_text().splitlines() == ["run cancel 11", "run cancel 12", "run cancel 13"]
    assert ran.summary.splitlines() == [
        "Cancelled the waiting deployment 11.",
        "Cancelled the waiting deployment 13.",
    ]
