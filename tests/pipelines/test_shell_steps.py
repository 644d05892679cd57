"""The workflows' shell steps do on the local cloud what they are there for, in their order."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from tests.pipelines.runner import Ran, Runner
from tests.pipelines.workflow import Workflow
from tests.releases.stage import Stage

pytestmark = pytest.mark.workerd

DEPLOY, PULL_REQUEST, ROLLBACK, NIGHTLY = (
    Workflow.read(name) for name in ("deploy", "pull-request", "rollback", "nightly")
)
PASSPHRASE = "a passphrase of a backup's own"


def values(stage: Stage, **inputs: Any) -> dict[str, Mapping[str, Any]]:
    """What GitHub would insert: the stack on this machine stands for the environment's."""
    return {
        "github": {
            "ref": "refs/heads/feature/x",
            "token": "the run's own",
            "event": {"pull_request": {"number": 7}},
        },
        "inputs": inputs,
        "vars": {"STACK": "local", "BACKUP_BUCKET": "backups"},
        "secrets": {
            "DEPLOY_WEBHOOK": f"{stage.installation.sink_url}/hook/deploys",
            "NOTIFYCTL_BACKUP_PASSPHRASE": PASSPHRASE,
        },
    }


def git(stage: Stage, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(stage.project.root), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def succeeded(ran: Ran) -> Ran:
    assert ran.code == 0, ran.text
    return ran


@pytest.mark.soak
@pytest.mark.requirement("S0-41", "S0-66", "S0-69")
def test_the_deploying_step_deploys_verifies_tells_and_leaves_the_report(
    stage: Stage, runner: Runner
) -> None:
    succeeded(runner.run(DEPLOY, "deploy", "Deploy, verify and report", values(stage)))

    report = json.loads((stage.project.root / "report.json").read_text())
    (stage.project.root / "report.json").unlink()
    assert (report["actor"], report["branch"]) == ("ada", "main")
    assert report["commit"] == git(stage, "rev-parse", "HEAD")
    assert stage.serving() == {report["version_id"]: 100}
    told = stage.installation.arrivals("/hook/deploys")
    assert len(told) >= 2
    assert all("actions/runs/4711" in json.dumps(notice) for notice in told)


@pytest.mark.soak
@pytest.mark.requirement("S0-36")
def test_a_dry_run_shows_the_plan_and_changes_nothing(stage: Stage, runner: Runner) -> None:
    serving = stage.serving()
    stage.change("a change that waits")

    ran = succeeded(runner.run(DEPLOY, "deploy", "Plan", values(stage, dry_run=True)))

    assert ran.summary.startswith("```text\n")
    assert ran.summary.endswith("```\n")
    assert "WorkerVersion" in ran.summary
    assert stage.serving() == serving
    (stage.project.root / "plan.txt").unlink()


def test_a_plan_that_fails_fails_the_step_though_it_is_piped(stage: Stage, runner: Runner) -> None:
    wrong = values(stage) | {"vars": {"STACK": "nobodys"}}
    runner_without_file = Runner(
        stage.project.root,
        {k: v for k, v in stage.installation.environment.items() if k != "NOTIFYCTL_CONFIG_FILE"},
        stage.reviews.parent,
    )
    ran = runner_without_file.run(DEPLOY, "deploy", "Plan", wrong)
    assert (ran.code, "no stack 'nobodys'" in ran.text) == (2, True)
    (stage.project.root / "plan.txt").unlink()


def test_production_takes_only_what_main_has(stage: Stage, runner: Runner) -> None:
    main = git(stage, "rev-parse", "HEAD")
    git(stage, "update-ref", "refs/remotes/origin/main", main)

    taken = succeeded(
        runner.run(DEPLOY, "test", "Name the target", values(stage, environment="production"))
    )
    assert taken.outputs == {"environment": "production", "commit": main}

    git(stage, "checkout", "--quiet", "-b", "elsewhere")
    try:
        stage.project.commit("not in main")
        refused = runner.run(
            DEPLOY, "test", "Name the target", values(stage, environment="production")
        )
        allowed = runner.run(
            DEPLOY, "test", "Name the target", values(stage, environment="development")
        )
    finally:
        git(stage, "checkout", "--quiet", "main")
    assert (refused.code, refused.outputs) == (1, {})
    assert "::error::" in refused.text
    assert (allowed.code, allowed.outputs["environment"]) == (0, "development")


@pytest.mark.soak
@pytest.mark.requirement("S0-67")
def test_a_pull_request_has_its_plan_in_one_comment(stage: Stage, runner: Runner) -> None:
    comments = "/api/v3/repos/local/notification-system/issues/7/comments"
    shown = []
    # The step before, which writes it, is the dry run's command.
    plan, dry = (
        workflow.step(job, "Plan")["run"].splitlines()[:2]
        for workflow, job in ((PULL_REQUEST, "preview"), (DEPLOY, "deploy"))
    )
    assert plan == dry
    (stage.project.root / "plan.txt").write_text("+- WorkerVersion: replaced\n")
    for _ in range(2):
        succeeded(
            runner.run(PULL_REQUEST, "preview", "Show the plan in the pull request", values(stage))
        )
        shown.append(stage.installation.control("GET", comments).json())
    (stage.project.root / "plan.txt").unlink()
    assert [len(each) for each in shown] == [1, 1]
    assert shown[0][0]["id"] == shown[1][0]["id"]
    assert "WorkerVersion" in shown[1][0]["body"]


@pytest.mark.soak
@pytest.mark.requirement("S0-67")
def test_a_fork_gets_productions_plan_without_a_credential(stage: Stage, runner: Runner) -> None:
    bare = Runner(
        stage.project.root,
        {name: value for name, value in stage.installation.environment.items() if name == "HOME"},
        stage.reviews.parent,
    )
    step = "Plan production against an empty account"
    ran = succeeded(bare.run(PULL_REQUEST, "offline-plan", step, values(stage)))
    assert "empty account" in ran.summary
    assert "D1Database" in ran.summary
    (stage.project.root / "plan.txt").unlink()


def test_a_pull_request_without_a_stack_is_closed_and_swept_all_the_same(
    stage: Stage, runner: Runner
) -> None:
    closed = runner.run(PULL_REQUEST, "destroy", "Remove the pull request's stack", values(stage))
    swept = runner.run(NIGHTLY, "sweep", "Remove orphaned stacks", values(stage))
    assert "nothing was removed" in succeeded(closed).text
    assert "0 removed" in succeeded(swept).text


@pytest.mark.soak
def test_the_night_checks_the_data_and_backs_it_up_encrypted(stage: Stage, runner: Runner) -> None:
    outputs = stage.json("outputs")
    buckets = f"/client/v4/accounts/{outputs['account_id']}/r2/buckets"
    stage.installation.control("POST", buckets, json={"name": "backups"}).raise_for_status()

    succeeded(runner.run(NIGHTLY, "watch", "Check the data", values(stage)))
    taken = succeeded(runner.run(NIGHTLY, "watch", "Back up to R2", values(stage)))

    assert PASSPHRASE not in taken.text
    listed = stage.installation.control("GET", f"{buckets}/backups/objects").json()["result"]
    assert len(listed) == 2
    unset = values(stage) | {"secrets": {}}
    assert runner.run(NIGHTLY, "watch", "Back up to R2", unset).code == 2


@pytest.mark.soak
def test_the_night_finds_drift(stage: Stage, runner: Runner) -> None:
    step = "Compare what is there with the state"
    succeeded(runner.run(NIGHTLY, "watch", step, values(stage)))
    outputs = stage.json("outputs")
    script = f"/client/v4/accounts/{outputs['account_id']}/workers/scripts/{outputs['worker_name']}"
    crons = stage.installation.control("GET", f"{script}/schedules").json()["result"]["schedules"]
    stage.installation.control("PUT", f"{script}/schedules", json=[]).raise_for_status()

    found = runner.run(NIGHTLY, "watch", step, values(stage))

    put = stage.installation.control(
        "PUT", f"{script}/schedules", json=[{"cron": each["cron"]} for each in crons]
    )
    assert (found.code, put.status_code, bool(crons)) == (7, 200, True), found.text


@pytest.mark.soak
@pytest.mark.requirement("S4-06", "S4-43")
def test_a_rollback_goes_back_and_keeps_its_pin(stage: Stage, runner: Runner) -> None:
    [first] = stage.serving()
    stage.change("bad")
    succeeded(runner.run(DEPLOY, "deploy", "Deploy, verify and report", values(stage)))
    (stage.project.root / "report.json").unlink()
    [bad] = stage.serving()
    asked = {"environment": "development", "version": "", "reason": 'sends $(fail) "now"'}

    plan = runner.run(ROLLBACK, "rollback", "Roll back", values(stage, **asked, plan_only=True))
    assert (first in succeeded(plan).text, stage.serving()) == (True, {bad: 100})
    done = runner.run(ROLLBACK, "rollback", "Roll back", values(stage, **asked, plan_only=False))
    succeeded(done)

    assert stage.serving() == {first: 100}
    pin = stage.pin()
    assert pin is not None
    assert (pin["version"], pin["reason"]) == (first, asked["reason"])


def test_a_branch_that_takes_no_push_leaves_the_pin_on_one_of_its_own(
    stage: Stage, runner: Runner
) -> None:
    origin = stage.reviews.parent / "origin.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(origin)], check=True)
    git(stage, "remote", "add", "origin", str(origin))
    stage.project.commit("the pin")
    succeeded(runner.run(ROLLBACK, "rollback", "Push the pin", values(stage)))
    assert git(stage, "ls-remote", str(origin), "main").split()[0] == git(
        stage, "rev-parse", "main"
    )
    hook = origin / "hooks" / "update"
    hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/main ]\n')
    hook.chmod(0o755)

    stage.project.commit("another pin")
    refused = succeeded(runner.run(ROLLBACK, "rollback", "Push the pin", values(stage)))

    branch = git(stage, "ls-remote", str(origin), "rollback-4711").split()[0]
    assert branch == git(stage, "rev-parse", "HEAD")
    assert "Merge the branch rollback-4711" in refused.summary


@pytest.mark.soak
@pytest.mark.requirement("S0-67")
def test_a_pull_request_has_its_stack_until_it_is_closed(stage: Stage, runner: Runner) -> None:
    up = runner.run(PULL_REQUEST, "stack", "Deploy the pull request's own stack", values(stage))
    assert "Service" in succeeded(up).text
    gone = runner.run(PULL_REQUEST, "destroy", "Remove the pull request's stack", values(stage))
    assert "nothing was removed" not in succeeded(gone).text

    for _ in range(7):
        body = {"title": "x", "head": "feature/x", "base": "main"}
        pulls = "/api/v3/repos/local/notification-system/pulls"
        stage.installation.control("POST", pulls, json=body).raise_for_status()
    succeeded(
        runner.run(PULL_REQUEST, "stack", "Deploy the pull request's own stack", values(stage))
    )
    kept = runner.run(NIGHTLY, "sweep", "Remove orphaned stacks", values(stage))
    assert "0 removed, 1 kept" in succeeded(kept).text
    stage.installation.control("PATCH", f"{pulls}/7", json={"state": "closed"}).raise_for_status()
    swept = runner.run(NIGHTLY, "sweep", "Remove orphaned stacks", values(stage))
    assert "1 removed, 0 kept" in succeeded(swept).text
