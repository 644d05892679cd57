"""Rollbacks that are no mere switch: rotated secrets, a closed gate, killed commands."""

from __future__ import annotations

import pytest
import yaml

from tests.releases.stage import Stage

pytestmark = [pytest.mark.workerd, pytest.mark.soak]


def rotate(stage: Stage, name: str) -> None:
    """Let the local stack make a secret anew, as a rotation does."""
    file = stage.installation.home / "stack" / "Pulumi.local.yaml"
    document = yaml.safe_load(file.read_text())
    del document["config"][f"notification-system:{name}"]
    file.write_text(yaml.safe_dump(document))


@pytest.mark.requirement("S4-30")
def test_rotated_secrets_make_a_version_of_the_old_code_with_todays_secrets(stage: Stage) -> None:
    [first] = stage.serving()
    [old] = stage.json("releases")
    stage.change("second release")
    rotate(stage, "apiSecretKey")
    second = stage.installation.up()["version_id"]
    planned = stage.json("rollback", "--plan-only")
    assert (planned["version_id"], planned["way"]) == (first, "new version")
    assert planned["rotated_secrets"] == ["api_secret_key"]

    report = stage.json("rollback", "--yes", "--reason", "bad since the rotation")

    new = report["version_id"]
    assert new not in {first, second}
    assert stage.serving() == {new: 100}
    releases = {row["version_id"]: row for row in stage.json("releases")}
    assert releases[new]["bundle_sha256"] == old["bundle_sha256"]
    assert releases[new]["commit"] == old["commit"]
    pin = stage.pin()
    assert pin is not None
    assert (pin["version"], pin["insteadOf"]) == (new, releases[second]["bundle_sha256"])
    assert stage.ctl("preview", "--expect-no-changes").returncode == 0
    assert stage.ctl("verify").returncode == 0


@pytest.mark.requirement("S4-30")
def test_a_rollback_over_a_rotation_that_is_killed_is_finished_by_the_same_command(
    stage: Stage,
) -> None:
    stage.change("a release before the rotation")
    good = stage.json("deploy")
    stage.change("a release after it")
    rotate(stage, "apiSecretKey")
    bad = stage.json("deploy")["version_id"]
    releases = {row["version_id"]: row for row in stage.json("releases")}
    # Its own version serves by then, and neither the pin nor what was gone back from is noted.
    stage.kill_after(["ReleaseLedger"], "rollback", "--yes", "--health-pause", "0")

    report = stage.json("rollback", "--yes", "--health-pause", "0")

    new = report["version_id"]
    assert new not in {bad, good["version_id"]}
    assert stage.serving() == {new: 100}
    pin = stage.pin()
    assert pin is not None
    assert (pin["version"], pin["insteadOf"]) == (new, releases[bad]["bundle_sha256"])
    listed = {row["version_id"]: row for row in stage.json("releases")}
    assert listed[new]["bundle_sha256"] == releases[good["version_id"]]["bundle_sha256"]
    assert listed[bad]["result"] == "rolled back"
    assert stage.ctl("preview", "--expect-no-changes").returncode == 0
    assert stage.ctl("verify", "--health-pause", "0").returncode == 0


@pytest.mark.requirement("S4-30", "S4-24", "S4-04")
def test_code_that_is_older_than_the_schema_allows_is_refused(stage: Stage) -> None:
    serving = stage.serving()
    target = next(row for row in stage.json("releases") if row["version_id"] not in stage.serving())
    stage.sql("UPDATE d1_migrations SET min_code = 9999 WHERE id = 1")
    stage.sql("UPDATE d1_migrations SET level = 9999 WHERE id = 1")
    try:
        result = stage.ctl("rollback", "--to", target["version_id"], "--yes")
        to = ("rollback", "--to", target["version_id"], "--force", "--plan-only")
        unreasoned = stage.ctl(*to)
        forced = stage.ctl(*to, "--reason", "it can't wait")
    finally:
        stage.sql("UPDATE d1_migrations SET min_code = 0, level = 1 WHERE id = 1")

    assert result.returncode == 8
    assert "needs code of level 9999 or newer" in result.stderr
    assert (unreasoned.returncode, forced.returncode) == (2, 0)
    assert "--force needs a reason" in unreasoned.stderr
    assert "forced although: The database has" in forced.stdout + forced.stderr
    assert stage.serving() == serving


def test_a_rollback_that_is_killed_is_finished_by_the_same_command(stage: Stage) -> None:
    stage.change("third release")
    third = stage.installation.up()["version_id"]
    good = stage.json("rollback", "--plan-only")["version_id"]
    # The switch by the API is in the quick tests: here the update after it is cut short.
    stage.kill_after(["serves (", "WorkersDeployment"], "rollback", "--yes")

    stage.json("rollback", "--yes")

    assert third not in stage.serving()
    assert stage.serving() == {good: 100}
    assert stage.ctl("preview", "--expect-no-changes").returncode == 0


def test_a_deployment_that_is_killed_is_finished_by_the_same_command(stage: Stage) -> None:
    stage.change("fourth release")
    stage.kill_after(["Preview of the stack", "WorkersDeployment"], "deploy")

    report = stage.json("deploy")

    assert stage.serving() == {report["version_id"]: 100}
    assert stage.ctl("preview", "--expect-no-changes").returncode == 0


@pytest.mark.requirement("S4-25")
def test_a_version_whose_namespace_is_gone_is_refused(stage: Stage) -> None:
    outputs = stage.json("outputs")
    target = next(row for row in stage.json("releases") if row["version_id"] not in stage.serving())
    stage.forget_namespace(outputs["kv_namespace_id"])

    result = stage.ctl("rollback", "--to", target["version_id"], "--yes")

    assert result.returncode == 8
    assert "CONFIG_CACHE" in result.stderr
    assert "isn't there any more" in result.stderr
