"""Maintenance and a broken state, as the runbook has them: the commands that are named help."""

from __future__ import annotations

import httpx
import pytest

from tests.releases.stage import Stage

pytestmark = [pytest.mark.workerd, pytest.mark.soak]


def status_of_a_send(stage: Stage) -> int:
    url = f"{stage.installation.edge_url}/api/send-notification"
    return httpx.post(url, json={}, trust_env=False, timeout=60).status_code


def test_maintenance_is_switched_on_verified_and_off_again_by_the_settings_file(
    stage: Stage,
) -> None:
    assert status_of_a_send(stage) == 401
    stage.installation.configure({"testClock": True, "maintenanceMode": True})
    report = stage.json("deploy")
    assert report["result"] == "succeeded"
    assert stage.serving() == {report["version_id"]: 100}
    assert stage.pin() is None
    assert status_of_a_send(stage) == 503
    assert stage.ctl("verify", "--health-pause", "0").returncode == 0
    health = httpx.get(f"{stage.installation.edge_url}/api/health", trust_env=False, timeout=60)
    assert health.status_code == 200

    stage.installation.configure({"testClock": True})
    assert stage.json("deploy")["result"] == "succeeded"
    assert status_of_a_send(stage) == 401
    assert stage.ctl("verify", "--health-pause", "0").returncode == 0


READING = ("status", "outputs", "releases", "drift", "preview", "db status")


@pytest.mark.parametrize("damage", ["empty", "half"])
def test_a_broken_state_is_named_by_every_command_and_the_one_that_is_named_brings_it_back(
    stage: Stage, damage: str
) -> None:
    file = stage.installation.home / "pulumi/.pulumi/stacks/notification-system/local.json"
    whole = file.read_bytes()
    serving = stage.serving()
    damaged = b"" if damage == "empty" else whole[: len(whole) // 2]
    file.write_bytes(damaged)

    said = ""
    for command in (*READING, "up"):
        refused = stage.ctl(*command.split())
        said = refused.stderr
        assert refused.returncode not in (0, 1), f"{command}: {said}"
        assert f"{file.name} is damaged" in said, f"{command}: {said}"
        assert "Traceback" not in said + refused.stdout
        assert file.read_bytes() == damaged, f"{command} made it anew"
    assert stage.serving() == serving

    assert "'notifyctl recover --stack local' puts it back" in said
    recovered = stage.ctl("recover", "--yes")
    assert recovered.returncode == 0, recovered.stderr
    assert stage.ctl("preview", "--expect-no-changes").returncode == 0
    assert stage.ctl("drift").returncode == 0
