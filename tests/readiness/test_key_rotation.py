"""A rotation of both keys while clients go on calling: no call fails, and all that is stored is
readable throughout."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.stacks.errors import ServiceError
from ops.stacks.service import ServiceClient
from tests.installation import Installation

USER = "rotated-user"


class Caller:
    """A client that sends without a pause; its key can be changed between two calls."""

    def __init__(self, installation: Installation, key: str) -> None:
        self.url = str(installation.outputs()["service_url"])
        self.key = key
        self.outcomes: Counter[str] = Counter()
        self._done = threading.Event()

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Call until the block ends."""
        thread = threading.Thread(target=self._call)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()

    def _call(self) -> None:
        body = {"user_id": USER, "channels": ["webhook"], "custom_content": {"content": "x"}}
        while not self._done.is_set():
            with ServiceClient(self.url, self.key) as service:
                try:
                    answer = service.result("POST", "/api/notifications/send", body=body)
                    self.outcomes[str(answer["results"][0]["status"])] += 1
                except ServiceError as error:
                    self.outcomes[str(error)] += 1
            self._done.wait(0.05)


def refused(installation: Installation, key: str) -> bool:
    with ServiceClient(str(installation.outputs()["service_url"]), key) as service:
        return service.call("GET", "/api/user-configs").status_code == 401


def configured(installation: Installation) -> None:
    """A recipient whose configuration is stored under today's key."""
    outputs = installation.outputs()
    config = {"webhook_url": f"{installation.sink_url}/hook/rotation", "secret": "kept-as-it-is"}
    body = {"user_id": USER, "channel_type": "webhook", "config_data": config}
    with ServiceClient(outputs["service_url"], outputs["api_secret_key"]) as service:
        service.result("POST", "/api/user-configs", body=body)


def kill_at(installation: Installation, moment: str, *arguments: str) -> None:
    """Start the rotation, and kill it when it has shown that line."""
    process = installation.start("keys", "rotate", "--stack", "local", *arguments)
    assert process.stdout is not None
    line = ""
    while moment not in line:
        line = process.stdout.readline()
        assert line, f"'{moment}' was never shown"
    process.kill()
    process.communicate()


def secrets_in(settings: Path) -> dict[str, Any]:
    """The encrypted form of each secret that a settings file has, by its short name."""
    config = yaml.safe_load(settings.read_text())["config"]
    return {k.partition(":")[2]: v["secure"] for k, v in config.items() if isinstance(v, dict)}


def rotate(installation: Installation, *arguments: str) -> dict[str, Any]:
    """Run the rotation to its end."""
    installation._outputs = None
    report: dict[str, Any] = installation.ctl_json("keys", "rotate", "--stack", "local", *arguments)
    return report


@pytest.mark.workerd
@pytest.mark.requirement("S0-28")
def test_a_rotation_that_was_never_begun_has_nothing_to_finish(deployed: Installation) -> None:
    # Comes first: the other tests rotate the keys of the same installation.
    ended = deployed.ctl("keys", "rotate", "--stack", "local", "--finish")
    assert ended.returncode == 2
    assert "No rotation of apiSecretKey, encryptKey was begun on 'local'" in ended.stderr
    assert "A signed request" not in ended.stdout


@pytest.mark.workerd
@pytest.mark.requirement("S0-28")
def test_new_keys_that_were_never_deployed_are_not_finished(deployed: Installation) -> None:
    settings = deployed.home / "stack" / "Pulumi.local.yaml"
    before = settings.read_bytes()
    try:
        kill_at(deployed, "New keys beside the old ones")
        left = secrets_in(settings)
        assert left.keys() >= {"encryptKey", "encryptKeyPrevious"}

        ended = deployed.ctl("keys", "rotate", "--stack", "local", "--finish")

        assert ended.returncode == 8
        assert "are in the settings but not deployed" in ended.stderr
        assert "notifyctl keys rotate --stack local apiSecretKey encryptKey" in ended.stderr
        assert secrets_in(settings) == left, "the old keys open all that is stored"
    finally:
        settings.write_bytes(before)


@pytest.mark.workerd
@pytest.mark.requirement("S0-28")
@pytest.mark.soak
def test_a_finish_that_is_killed_while_it_verifies_is_verified_by_the_same_command(
    deployed: Installation,
) -> None:
    finish = ("--kind", "signing", "--finish")
    old = dict(deployed.outputs())
    rotate(deployed, "--kind", "signing")
    kill_at(deployed, "Stack local", *finish)

    again = deployed.ctl("keys", "rotate", "--stack", "local", *finish)
    assert again.returncode == 0, again.stderr
    assert "Nothing left to finish on 'local': only the new apiSecretKey hold" in again.stdout
    assert "A signed request is answered" in again.stdout
    assert "Stack local" not in again.stdout
    report = rotate(deployed, *finish)
    assert (report["keys"], report["stage"]) == (["apiSecretKey"], "retired")
    newest = deployed.outputs()["releases"][0]
    assert report["retired_at"] == newest["at"]
    assert report["version_id"] == newest["version_id"]
    assert refused(deployed, old["api_secret_key"])


@pytest.mark.workerd
@pytest.mark.requirement("S0-28")
@pytest.mark.soak
@pytest.mark.parametrize(
    ("begun", "retired"),
    [
        pytest.param("New keys beside the old ones", "Old keys taken out", id="before it deploys"),
        pytest.param("WorkerVersion", "WorkerVersion", id="uploaded"),
        pytest.param("WorkersDeployment", "WorkersDeployment", id="deployed"),
        pytest.param("Stack local", "Stored configurations", id="verifying"),
        pytest.param("A signed request", "Bundle", id="before the rewrap"),
    ],
)
def test_a_rotation_that_is_killed_goes_on_with_the_same_command(
    deployed: Installation, begun: str, retired: str
) -> None:
    configured(deployed)
    old = dict(deployed.outputs())
    caller = Caller(deployed, old["api_secret_key"])
    with caller.calling():
        kill_at(deployed, begun)
        report = rotate(deployed)
        assert (report["made"], report["stage"]) == ([], "overlap")
        new = dict(deployed.outputs())
        assert new["api_secret_key"] != old["api_secret_key"]
        caller.key = new["api_secret_key"]
        kill_at(deployed, retired, "--finish")
        assert rotate(deployed, "--finish")["stage"] == "retired"

    assert set(caller.outcomes) == {"sent"}, caller.outcomes
    assert refused(deployed, old["api_secret_key"])


@pytest.mark.soak
@pytest.mark.workerd
@pytest.mark.requirement("S0-28")
def test_both_keys_rotate_end_to_end_while_no_call_fails(deployed: Installation) -> None:
    old = dict(deployed.outputs())
    configured(deployed)
    [stored] = deployed.sql(f"SELECT config_data FROM user_configs WHERE user_id = '{USER}'")  # noqa: S608 - a constant

    caller = Caller(deployed, old["api_secret_key"])
    with caller.calling():
        begun = deployed.ctl("keys", "rotate", "--stack", "local", "--json")
        assert begun.returncode == 0, begun.stderr
        under_old_key = caller.outcomes.total()
        deployed._outputs = None
        new = dict(deployed.outputs())
        assert new["api_secret_key"] != old["api_secret_key"]
        assert not refused(deployed, old["api_secret_key"])
        caller.key = new["api_secret_key"]
        finished = deployed.ctl("keys", "rotate", "--stack", "local", "--finish", "--json")
        assert finished.returncode == 0, finished.stderr

    assert set(caller.outcomes) == {"sent"}, caller.outcomes
    assert 0 < under_old_key < caller.outcomes.total()
    report = json.loads(begun.stdout)
    assert (report["stage"], report["made"]) == ("overlap", ["apiSecretKey", "encryptKey"])
    assert report["resealed"] >= 1
    assert json.loads(finished.stdout)["stage"] == "retired"
    assert refused(deployed, old["api_secret_key"])
    [rewritten] = deployed.sql(f"SELECT config_data FROM user_configs WHERE user_id = '{USER}'")  # noqa: S608 - a constant
    assert rewritten != stored
    shown = begun.stdout + begun.stderr + finished.stdout + finished.stderr
    assert all(outputs["api_secret_key"] not in shown for outputs in (old, new))
    assert json.loads(finished.stdout)["retired_at"] is None
