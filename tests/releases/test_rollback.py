"""A rollback on the local cloud, by command, as an operator runs it."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from ops.deploy.rollback.decision import steps_for
from tests.releases.stage import Stage

pytestmark = pytest.mark.workerd


@pytest.fixture(scope="module")
def first_console(stage: Stage) -> list[str]:
    """The console of the release that the stage begins with."""
    return console(stage)


@pytest.fixture
def pinned(stage: Stage) -> str:
    """The version that a pin keeps in force in place of a newer one.

    The night runs the long tests alone: no test before them has rolled back.
    """
    if stage.pin() is None:
        stage.change("sends are slow")
        stage.json("deploy")
        stage.json("rollback", "--yes", "--reason", "sends are slow", "--health-pause", "0")
    pin = stage.pin()
    assert pin is not None
    return pin["version"]


def told(stage: Stage) -> list[dict[str, Any]]:
    """The notices that the team's webhook has got, oldest first."""
    return [json.loads(message["body"]) for message in stage.installation.arrivals("/hook/team")]


def console(stage: Stage) -> list[str]:
    """The console's files as its page names them, under the hash of their content."""
    page = httpx.get(f"{stage.installation.edge_url}/console/", trust_env=False, timeout=60)
    assert page.status_code == 200
    return sorted(re.findall(r"console\.[\w.-]+", page.text))


@pytest.mark.requirement(
    "S0-48", "S0-52", "S0-70", "S0-72", "S0-73", "S4-09", "S4-33", "S4-34", "S4-35"
)
def test_a_deployment_that_was_killed_goes_on_and_tells_who_overrode_the_window_and_why(
    stage: Stage, first_console: list[str]
) -> None:
    stage.installation.environment["DEPLOY_WEBHOOK"] = f"{stage.installation.sink_url}/hook/team"
    style = stage.project.root / "console" / "src" / "console.css"
    style.write_text(style.read_text() + ".second-release { color: red; }\n")
    stage.change("second release")

    stage.kill_after(["Preview of the stack", "WorkerVersion"], "deploy")

    report = stage.json("deploy", "--override", "the contract ends today", "--window", "Friday")

    assert report["result"] == "succeeded"
    assert console(stage) != first_console
    assert report["preflight"]["override"] == "the contract ends today"
    assert stage.serving() == {report["version_id"]: 100}
    notices = told(stage)
    events = [notice["event"] for notice in notices]
    assert events == ["planned", "started", "planned", "started", "succeeded"]
    for notice in notices[2:]:
        assert notice["by"] == "Test Operator"
        assert notice["window"] == (
            "Friday; the deployment window is overridden: the contract ends today"
        )


@pytest.mark.requirement("S0-78", "S0-79", "S0-80", "S0-109", "S4-01", "S4-02", "S4-03", "S4-07")
@pytest.mark.requirement("S4-11", "S4-14", "S4-15", "S4-19", "S4-38", "S4-43")
def test_a_rollback_serves_the_last_good_release_and_the_next_preview_is_empty(
    stage: Stage, first_console: list[str]
) -> None:
    listed = stage.json("releases")
    second, first = (row["version_id"] for row in listed)
    assert stage.serving() == {second: 100}
    assert [row["update"] for row in listed] == [2, 1]
    assert listed[0]["commit"] == stage.project.log("-1", "--format=%H")
    assert [row["rollback_target"] for row in listed] == [False, True]

    planned = stage.json("rollback", "--plan-only")
    assert (planned["version_id"], planned["way"], planned["refusals"]) == (first, "pin", [])
    assert stage.serving() == {second: 100}
    unconfirmed = stage.ctl("rollback")
    assert unconfirmed.returncode == 2
    assert "--yes" in unconfirmed.stderr

    with stage.requests() as counts:
        stage.kill_after(["serves ("], "rollback", "--yes", "--reason", "sends are slow")
        assert stage.serving() == {first: 100}
        report = stage.json("rollback", "--yes", "--reason", "sends are slow")

    assert sum(counts.values()) > 20
    assert set(counts) == {"200"}
    assert report["version_id"] == first
    assert stage.serving() == {first: 100}
    assert console(stage) == first_console
    bad = next(row for row in stage.json("releases") if row["version_id"] == second)
    assert (bad["result"], bad["detail"]) == ("rolled back", "sends are slow")
    assert stage.pin() == {
        "version": first,
        "insteadOf": bad["bundle_sha256"],
        "insteadOfAssets": bad["assets_sha256"],
        "reason": "sends are slow",
    }
    assert stage.ctl("preview", "--expect-no-changes").returncode == 0
    [review] = stage.reviews.glob("*.md")
    assert "## Gaps in the tests" in review.read_text()
    assert second[:8] in review.read_text()
    begun, done = told(stage)[-2:]
    assert (begun["event"], done["event"]) == ("started", "rolled back")
    assert begun["rollback_plan"].endswith(f"--to {second[:8]}")


def test_the_same_command_again_goes_no_further_back(stage: Stage) -> None:
    serving = stage.serving()

    again = stage.json("rollback", "--yes")

    assert again["way"] == "nothing"
    assert stage.serving() == serving
    assert len(list(stage.reviews.glob("*.md"))) == 1


@pytest.mark.soak
@pytest.mark.requirement("PD-01")
def test_a_version_deployed_by_hand_is_seen_and_taken_back(stage: Stage, pinned: str) -> None:
    assert stage.serving() == {pinned: 100}
    outputs = stage.json("outputs")
    stranger = outputs["version_id"]
    assert stranger != pinned
    script = f"/client/v4/accounts/{outputs['account_id']}/workers/scripts/{outputs['worker_name']}"
    answer = stage.installation.control(
        "POST",
        f"{script}/deployments",
        json={
            "strategy": "percentage",
            "versions": [{"version_id": stranger, "percentage": 100}],
        },
    )
    assert answer.status_code == 200, answer.text
    assert stage.serving() == {stranger: 100}

    report = stage.json("rollback", "--yes", "--reason", "made in the dashboard")

    assert (report["version_id"], report["way"]) == (pinned, "deploy again")
    assert stage.serving() == {pinned: 100}
    assert stage.ctl("preview", "--expect-no-changes").returncode == 0


@pytest.mark.soak
@pytest.mark.requirement("S4-15")
def test_the_pin_gives_way_to_the_next_fix_by_itself(stage: Stage, pinned: str) -> None:
    assert stage.serving() == {pinned: 100}
    stage.change("the fix")

    fixed = stage.json("deploy", "--message", "the fix")

    assert fixed["version_id"] != pinned
    assert stage.serving() == {fixed["version_id"]: 100}
    assert stage.json("releases")[0]["result"] == "verified"


@pytest.mark.soak
def test_a_rollback_needs_no_rest_api_of_the_database(stage: Stage) -> None:
    [good] = stage.serving()
    stage.change("sends fail")
    bad = stage.json("deploy")["version_id"]
    assert stage.installation.ctl("local", "fault", "add", "d1 query 500/7500").returncode == 0
    try:
        planned = stage.ctl("rollback", "--plan-only")
        done = stage.ctl("rollback", "--yes", "--reason", "sends fail", "--health-pause", "0")
    finally:
        assert stage.installation.ctl("local", "fault", "clear").returncode == 0

    assert planned.returncode == 0, planned.stderr
    assert "as the service says" in planned.stderr + planned.stdout
    assert done.returncode == 0, done.stderr
    assert stage.serving() == {good: 100}
    assert bad not in stage.serving()
    # It isn't noted as bad while the database can't be asked; the pin keeps it from serving.
    assert "it isn't noted that" in done.stderr + done.stdout
    assert stage.ctl("preview", "--expect-no-changes").returncode == 0
    assert stage.ctl("verify", "--health-pause", "0").returncode == 0


@pytest.mark.requirement("S4-10")
def test_a_rollback_without_a_stack_or_to_nowhere_is_refused(stage: Stage) -> None:
    nameless = stage.installation.ctl("rollback", "--yes")
    unknown = stage.ctl("rollback", "--to", "ffffffff", "--yes")

    assert (nameless.returncode, unknown.returncode) == (2, 2)
    assert "--stack" in nameless.stderr
    assert "no release 'ffffffff'" in unknown.stderr


@pytest.mark.requirement("S0-77")
def test_each_kind_of_fault_has_its_way_back(stage: Stage) -> None:
    shown = stage.json("rollback", "plan", "--kind", "code")
    assert any("rollback --stack local" in step["command"] for step in shown)
    for kind, command in (("data", "db backup"), ("config", "preview")):
        assert any(command in step.command for step in steps_for(kind, "local"))
    assert stage.ctl("rollback", "plan", "--kind", "weather").returncode == 2
