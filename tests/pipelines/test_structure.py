"""When the workflows start, with which rights, and what keeps them apart."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from infra.access.workflow_values import PREFIXES, VALUES
from infra.components.repository_access import APPROVAL_SUFFIX, NIGHTLY_SUFFIX, PLAN_SUFFIX
from ops.deploy.integration_set import LARK_SECRET_VARIABLE, LARK_VARIABLE
from tests.pipelines.workflow import NAMES, ROOT, Workflow

PINNED = re.compile(r"uses: (?P<action>[\w./-]+)@(?P<commit>[0-9a-f]{40}) # v\d+(\.\d+){0,2}\n")
NOT_READ = {"CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_SUBDOMAIN"} | {
    value.name for value in VALUES if value.name.startswith("PREFIX_")
}
"""Set for jobs that people add: the stack's file has the same values, and these jobs read that."""


@pytest.fixture(params=NAMES)
def workflow(request: pytest.FixtureRequest) -> Workflow:
    return Workflow.read(request.param)


@pytest.mark.requirement("S0-10", "S0-33", "S0-34", "S0-36", "S0-68")
def test_main_and_a_dispatch_deploy() -> None:
    deploy = Workflow.read("deploy")
    assert deploy.content["name"] == "Deploy to Cloudflare Workers"
    assert set(deploy.triggers) == {"push", "workflow_dispatch"}
    assert deploy.triggers["push"]["branches"] == ["main", "feature/**"]
    inputs = deploy.triggers["workflow_dispatch"]["inputs"]
    assert inputs["environment"]["options"] == ["development", "production"]
    assert inputs["dry_run"] | {"description": ""} == {
        "description": "",
        "type": "boolean",
        "default": False,
    }
    assert inputs["version"]["type"] == "string"


@pytest.mark.requirement("S4-06")
def test_a_dispatch_rolls_back() -> None:
    rollback = Workflow.read("rollback")
    assert set(rollback.triggers) == {"workflow_dispatch"}
    inputs = rollback.triggers["workflow_dispatch"]["inputs"]
    assert set(inputs) == {"environment", "version", "reason", "plan_only"}
    assert inputs["environment"]["options"] == ["production", "development"]


@pytest.mark.requirement("S0-67")
def test_a_pull_requests_whole_life_is_followed_and_nights_are_watched() -> None:
    triggers = Workflow.read("pull-request").triggers
    # Not pull_request_target: that would run a fork's code with the repository's secrets.
    assert set(triggers) == {"pull_request"}
    assert set(triggers["pull_request"]["types"]) == {
        *("opened", "synchronize", "reopened", "closed")
    }
    assert set(Workflow.read("nightly").triggers) == {"schedule", "workflow_dispatch"}


@pytest.mark.requirement("S0-35")
def test_every_job_ends_in_time(workflow: Workflow) -> None:
    limits = {job: content["timeout-minutes"] for job, content in workflow.jobs.items()}
    # A job at GitHub ends after six hours at the latest.
    assert limits.pop("soak", 1) <= 330
    assert all(0 < minutes <= 30 for minutes in limits.values()), limits
    assert Workflow.read("deploy").jobs["deploy"]["timeout-minutes"] <= 20


@pytest.mark.requirement("S0-04")
def test_rights_are_the_least(workflow: Workflow) -> None:
    assert workflow.content["permissions"] == {"contents": "read"}
    more = {
        (workflow.name, job): content["permissions"]
        for job, content in workflow.jobs.items()
        if "permissions" in content
    }
    allowed = {
        ("pull-request", "preview"): {"contents": "read", "pull-requests": "write"},
        ("pull-request", "production-plan"): {
            "contents": "read",
            "actions": "read",
            "pull-requests": "write",
        },
        ("nightly", "soak-table"): {"contents": "read", "issues": "write"},
        ("nightly", "sweep"): {"contents": "read", "pull-requests": "read"},
        ("rollback", "cancel"): {"actions": "write"},
        ("rollback", "rollback"): {"contents": "write"},
    }
    assert more == {key: value for key, value in allowed.items() if key[0] == workflow.name}


def test_the_checkouts_token_is_kept_only_where_something_is_pushed(workflow: Workflow) -> None:
    kept = {
        job
        for job, step in workflow.steps()
        if step.get("uses", "").startswith("actions/checkout@")
        and step.get("with", {}).get("persist-credentials") is not False
    }
    assert kept == ({"rollback"} if workflow.name == "rollback" else set())


def test_every_action_is_pinned_by_its_commit_with_its_version_beside() -> None:
    files = [*(ROOT / ".github").rglob("*.yml")]
    assert len(files) > 4
    lines = [line for file in files for line in re.findall(r".*\buses:.*\n", file.read_text())]
    loose = [line for line in lines if not PINNED.search(line) and "uses: ./.github/" not in line]
    assert (loose, len(lines) > 10) == ([], True)
    commits = {
        (found["action"], found["commit"]) for line in lines if (found := PINNED.search(line))
    }
    assert len(commits) == len({action for action, _ in commits}), "one version of each action"


def test_no_script_holds_what_github_would_insert(workflow: Workflow) -> None:
    scripts = [step["run"] for _, step in workflow.steps() if "run" in step]
    action = yaml.safe_load((ROOT / ".github/actions/setup/action.yml").read_text())
    scripts += [step["run"] for step in action["runs"]["steps"] if "run" in step]
    assert scripts
    assert [script for script in scripts if "${{" in script] == []


def test_no_script_prints_a_secret(workflow: Workflow) -> None:
    secret = {value.name for value in VALUES if value.is_secret} | {"GITHUB_TOKEN"}
    for job, step in workflow.steps():
        script = step.get("run", "")
        named = {name for name in secret if re.search(rf"\$\{{?{name}\b", script)}
        assert named == set(), f"{job}: {step.get('name')}"
        assert not re.search(r"\bset -\w*x|\benv\b *(\||$)|\bprintenv\b", script)


def test_a_rollback_never_waits_behind_a_deployment_and_no_push_takes_its_place() -> None:
    deploy, rollback = (
        Workflow.read(name).content["concurrency"] for name in ("deploy", "rollback")
    )
    assert deploy["group"].startswith("deploy-${{ inputs.environment || ")
    assert rollback["group"] == "rollback-${{ inputs.environment }}"
    assert "needs" not in Workflow.read("rollback").jobs["rollback"]
    pull_request = Workflow.read("pull-request").content["concurrency"]
    assert "github.event.pull_request.number" in pull_request["group"]
    # One that is cancelled half way leaves a lock on the state and half a deployment.
    assert [each["cancel-in-progress"] for each in (deploy, rollback, pull_request)] == [False] * 3


@pytest.mark.requirement("S0-21", "S0-22")
def test_what_the_workflows_read_is_made_and_what_is_made_is_read() -> None:
    read = set().union(*(Workflow.read(name).reads() for name in NAMES))
    made = {("secrets" if value.is_secret else "vars", value.name) for value in VALUES}
    assert read - made == set()
    assert {name for _, name in made - read} == NOT_READ


def test_the_environments_are_those_that_the_access_stack_makes(workflow: Workflow) -> None:
    suffixes = (APPROVAL_SUFFIX, NIGHTLY_SUFFIX, PLAN_SUFFIX)
    made = {*PREFIXES, *(f"production{suffix}" for suffix in suffixes)}
    named = {name for job in workflow.jobs if (name := workflow.environment_of(job))}
    matrix = {
        environment
        for job in workflow.jobs.values()
        for environment in job.get("strategy", {}).get("matrix", {}).get("environment", [])
    }
    assert {name for name in named if "${{" not in name} | matrix <= made


@pytest.mark.requirement("S0-114")
def test_a_job_without_an_environment_reads_no_secret(workflow: Workflow) -> None:
    for job, content in workflow.jobs.items():
        if workflow.environment_of(job) is None:
            assert "secrets." not in yaml.safe_dump(content), job
    assert "secrets." not in yaml.safe_dump(workflow.content.get("env", {}))


@pytest.mark.requirement("S0-114")
def test_secrets_are_in_the_environment_of_the_steps_that_use_them_alone(
    workflow: Workflow,
) -> None:
    for job, content in workflow.jobs.items():
        assert "secrets." not in yaml.safe_dump(content.get("env", {})), job
    for job, step in workflow.steps():
        if "secrets." in yaml.safe_dump(step):
            assert "notifyctl " in step.get("run", ""), f"{job}: {step.get('name')}"


def test_the_plan_of_production_in_a_pull_request_is_given_no_secret_but_a_token_that_reads() -> (
    None
):
    job = Workflow.read("pull-request").jobs["production-plan"]
    assert job["environment"] == f"production{PLAN_SUFFIX}"
    read = set(re.findall(r"secrets\.(\w+)", yaml.safe_dump(job)))
    assert read == {"CLOUDFLARE_API_TOKEN"}
    [plan] = [step for step in job["steps"] if step.get("name") == "Plan production"]
    assert 'notifyctl preview --stack "$STACK" --baseline baseline.json' in plan["run"]


def test_the_plan_takes_a_baseline_that_main_left_and_no_forks(tmp_path: Path) -> None:
    step = Workflow.read("pull-request").step(
        "production-plan", "Get the state without its secrets"
    )
    filtered = step["env"]["NEWEST"]
    assert '--jq "$NEWEST"' in step["run"]
    own = {"head_branch": "main", "head_repository_id": 1, "repository_id": 1}

    def artifact(number: int, *, expired: bool = False, **run: object) -> dict[str, object]:
        return {"id": number, "expired": expired, "workflow_run": {**own, **run}}

    listed = [
        artifact(5, head_repository_id=2),
        artifact(4, head_branch="feature/x"),
        artifact(3, expired=True),
        artifact(2),
        artifact(1),
    ]
    file = tmp_path / "artifacts.json"
    for artifacts, chosen in ((listed, "2"), (listed[:3], "")):
        file.write_text(json.dumps({"artifacts": artifacts}))
        done = subprocess.run(
            ["jq", "-r", filtered, str(file)], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == chosen


def test_every_run_that_changes_production_leaves_its_state_without_secrets() -> None:
    for name, job in (("deploy", "deploy"), ("rollback", "rollback"), ("nightly", "watch")):
        steps = Workflow.read(name).jobs[job]["steps"]
        [taken] = [at for at, s in enumerate(steps) if "notifyctl pr baseline" in s.get("run", "")]
        assert "baseline.json --stack" in steps[taken]["run"]
        assert "vars.STACK == 'production'" in steps[taken]["if"]
        kept = steps[taken + 1]
        assert kept["with"]["name"] == "baseline-production", name
        assert kept["if"] == steps[taken]["if"]


def test_whatever_verifies_by_a_send_knows_where_to_send_it() -> None:
    for name, command in (("deploy", "notifyctl deploy "), ("rollback", "notifyctl rollback ")):
        [step] = [s for _, s in Workflow.read(name).steps() if command in s.get("run", "")]
        for variable in (LARK_VARIABLE, LARK_SECRET_VARIABLE):
            assert step["env"][variable] == f"${{{{ secrets.{variable} }}}}", name


@pytest.mark.requirement("S0-101", "S0-29")
def test_the_night_scans_packages_and_secrets() -> None:
    scripts = "\n".join(
        step.get("run", "") for step in Workflow.read("nightly").jobs["scan"]["steps"]
    )
    for command in ("pip_audit --strict --require-hashes", "npm audit", "scripts/scan-secrets"):
        assert command in scripts
    locked = (ROOT / ".github" / "audit-requirements.txt").read_text()
    assert re.search(r"^pip-audit==[\d.]+ ", locked, flags=re.MULTILINE)
    pinned = re.findall(r"^\S+==\S+ \\\n +--hash=sha256:", locked, flags=re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^[\w.-]+==", locked, flags=re.MULTILINE))


def test_a_pull_request_runs_the_tests_and_the_night_runs_the_long_counts() -> None:
    def commands(workflow: str, job: str) -> list[str]:
        return [step.get("run", "") for step in Workflow.read(workflow).jobs[job]["steps"]]

    assert "make test" in commands("pull-request", "test")
    assert "make soak" in commands("nightly", "soak")
    soak = Workflow.read("nightly").jobs["soak"]
    assert "environment" not in soak
    # What would be skipped else: upgrades of old commits, and what needs a network of its own.
    assert soak["steps"][0]["with"]["fetch-depth"] == 0
    for workflow, job in (("nightly", "soak"), ("pull-request", "test")):
        allowed = "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        assert allowed in commands(workflow, job)
