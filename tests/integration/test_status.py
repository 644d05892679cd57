"""``notifyctl status`` as a process, on a Worker that runs."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from infra.names import calls_dataset
from ops.access.keys.use import signing_key_id
from ops.stacks.notification import Notification
from tests.eventually import eventually
from tests.installation import Installation
from tests.integration.test_notification_commands import on_terminal

pytestmark = pytest.mark.workerd


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that nobody else calls."""
    with Installation.deployed(tmp_path_factory.mktemp("own")) as built:
        yield built


def figure(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [figure for figure in document["figures"] if figure["name"] == name]
    return dict(found)


@pytest.mark.requirement("S0-87", "S0-88", "S0-89", "S0-116")
def test_one_screen_tells_versions_traffic_drift_and_figures(installation: Installation) -> None:
    outputs = installation.outputs()
    sink = f"{installation.sink_url}/hook/status"
    with installation.service() as service:
        message = Notification(user="status", channels=("webhook",), message="x", url=sink)
        assert message.send(service)["results"][0]["status"] == "sent"
    document = installation.ctl_json("status", "--stack", "local", "--drift")
    assert document["health"]["status"] == "healthy"
    (version,) = document["versions"]
    assert (version["version_id"], version["percentage"]) == (outputs["version_id"], 100)
    assert version["requests"] > 0
    # The installation is shared: another test may have changed it outside Pulumi.
    probed = json.loads(installation.ctl("drift", "--stack", "local", "--json").stdout)
    assert document["drift"]["drifted"] == probed["drifted"]
    rate = figure(document, "failed requests")
    assert rate["threshold"] == 1
    # Others may have failed on the shared installation: what counts is who tells it.
    assert rate["value"] is not None
    assert rate["source"].startswith("callers' answers, last hour: ")
    assert figure(document, "response time, p99")["value"] > 0
    backlog = figure(document, f"backlog of {outputs['retry_queue_name']}")
    assert (backlog["threshold"], backlog["level"]) == (1000, "ok")
    memory = figure(document, "memory, most")
    assert (memory["value"], memory["level"]) == (None, "unknown")
    assert "don't say" in memory["source"]
    assert document["unknown"] == {}

    (webhook,) = [one for one in document["channels"] if one["channel"] == "webhook"]
    assert webhook["sent"] > 0

    shown = installation.ctl("status", "--stack", "local")
    assert shown.returncode == 0, shown.stderr
    assert re.search(rf"{outputs['version_id']} +100 %", shown.stdout)
    assert "drift     not looked for" in shown.stdout
    assert "unknown" in shown.stdout


@pytest.mark.requirement("S0-87", "S0-88")
def test_failures_that_callers_saw_are_on_the_first_screen(installation: Installation) -> None:
    body = {"user_id": "unread", "channels": ["webhook"], "custom_content": {"content": "x"}}
    failure = "POST /api/notifications/send over webhook: 503 DB_ERROR"

    def counted() -> int:
        document = installation.ctl_json("status", "--stack", "local", "--no-drift")
        return int(document["callers"]["failures"].get(failure, 0))

    before = counted()
    # Reading fails, so nothing is left of it but what the callers were answered.
    installation.sql("ALTER TABLE user_configs RENAME TO user_configs_away")
    try:
        with installation.service() as service:
            answers = [service.call("POST", "/api/notifications/send", body=body) for _ in range(5)]
    finally:
        installation.sql("ALTER TABLE user_configs_away RENAME TO user_configs")
    assert {answer.status_code for answer in answers} == {503}
    # A point arrives a moment after its answer.
    eventually(lambda: counted() == before + 5, what="the failed requests in the status")
    document = installation.ctl_json("status", "--stack", "local", "--no-drift")
    assert figure(document, "failed requests")["value"] > 0
    diagnosed = installation.ctl("diagnose", "--stack", "local")
    assert f"{before + 5} times {failure}" in diagnosed.stdout
    assert f"{before + 5} times {failure}" in installation.ctl("status").stdout


@pytest.mark.requirement("S0-88")
def test_the_age_of_keys_shows_which_one_callers_use_and_when_last(
    installation: Installation,
) -> None:
    with installation.service() as service:
        assert service.call("GET", "/api/queue/status").status_code == 200
    key_id = signing_key_id(str(installation.outputs()["api_secret_key"]))

    def used() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = installation.ctl_json("keys", "age", "--stack", "local")
        return [entry for entry in found if entry.get("key_id") == key_id]

    eventually(lambda: used() != [], what="the key's use in the age of keys")
    [use] = used()
    assert (use["stack"], use["current"], use["calls"] > 0) == ("local", True, True)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", use["last"])
    shown = installation.ctl("keys", "age", "--stack", "local").stdout
    assert re.search(rf"{key_id} +the newest +\d+ +{use['last'][:10]}", shown)


def test_the_screen_of_24_lines_holds_everything(installation: Installation) -> None:
    for channel in ("lark", "slack", "telegram"):
        with installation.service() as service:
            body = {"user_id": "screen", "channels": [channel], "message": "x"}
            service.call("POST", "/api/notifications/send", body=body)
    shown = on_terminal(installation, 80, "status").splitlines()
    assert len(shown) < 24, "\n".join(shown)
    assert max(map(len, shown)) <= 80


def test_a_held_channel_waits_in_sight_and_goes_on_when_it_is_released(
    installation: Installation,
) -> None:
    user = f"held-{secrets.token_hex(4)}"
    sink = f"{installation.sink_url}/hook/{user}"
    held = installation.ctl(
        "channels", "hold", "webhook", "--for", "2h", "--user", user, "--reason", "a rehearsal"
    )
    assert held.returncode == 0, held.stderr
    with installation.service() as service:
        Notification(user=user, channels=("webhook",), message="x", url=sink).send(service)
    assert installation.arrivals(f"/hook/{user}") == []
    assert "a rehearsal" in installation.ctl("channels", "list").stdout
    channels = installation.ctl_json("status")["channels"]
    (webhook,) = [one for one in channels if one["channel"] == "webhook"]
    assert webhook["waiting"] == 1
    assert webhook["oldest"]
    command = held.stdout.replace("\n", " ").partition("notifyctl ")[2].split()
    released = installation.ctl(*command)
    assert (released.returncode, "1 notification at once" in released.stdout) == (0, True)
    for _ in range(100):
        if installation.arrivals(f"/hook/{user}"):
            break
        installation.advance_clock(1)
    assert len(installation.arrivals(f"/hook/{user}")) == 1
    wrong = installation.ctl("channels", "hold", "webhook", "--for", "soon")
    assert (wrong.returncode, "--for is 'soon'" in wrong.stderr) == (2, True)


@pytest.mark.requirement("S0-88")
def test_health_the_alert_and_status_tell_the_same_of_the_same_traffic(own: Installation) -> None:
    """The Worker counts in memory and `notifyctl` reads the data set: one rule for both."""
    body = {"user_id": "ada", "channels": ["webhook"], "custom_content": {"content": "x"}}
    failure = "POST /api/notifications/send over webhook: 503 DB_ERROR"

    def answered() -> int:
        """How many answers the data set has of this installation's whole life."""
        outputs = own.outputs()
        dataset = calls_dataset(outputs["worker_name"])
        path = f"/client/v4/accounts/{outputs['account_id']}/analytics_engine/sql"
        query = f"SELECT SUM(_sample_interval) AS n FROM {dataset} FORMAT JSON"  # noqa: S608
        found = own.control("POST", path, content=query.encode()).json()
        return int(found["data"][0]["n"])

    own.sql("ALTER TABLE user_configs RENAME TO user_configs_away")
    try:
        with own.service() as service:
            for _ in range(6):
                answer = service.call("POST", "/api/notifications/send", body=body)
                assert answer.status_code == 503
    finally:
        own.sql("ALTER TABLE user_configs_away RENAME TO user_configs")
    with own.service() as service, own.service(signed=False) as stranger:
        assert service.call("GET", "/api/nothing").status_code == 404
        assert stranger.call("GET", "/api/queue/status").status_code == 401
        errors = {
            one["code"]: one["message"] for one in service.call("GET", "/health").json()["errors"]
        }
        told = re.fullmatch(
            r"At least (\d+) of (\d+) requests failed in the last hour, the last at \S+: (.+)",
            errors["REQUESTS_FAILED"],
        )
        assert told is not None
        # What is answered while it is counted isn't in it: health's own answer.
        eventually(lambda: answered() == int(told[2]) + 1, what="every answer in the data set")
        callers = own.ctl_json("status")["callers"]
        assert callers["failures"] == {failure: 6}
        assert (callers["failed"], int(told[1]), told[3]) == (6, 6, failure)
        ran = service.call("POST", "/api/scheduled-tasks/trigger", body={"taskName": "monitoring"})
        alerts = [one for one in ran.json()["data"]["alerts"] if "requests failed" in one]
    assert len(alerts) == 1
    assert alerts[0].startswith("At least 6 of ")
    assert alerts[0].endswith(failure)


def test_looking_at_a_cloud_that_was_killed_starts_nothing(own: Installation) -> None:
    psutil.Process(own.ctl_json("local", "status")["pid"]).kill()
    for command in (
        *(["status"], ["status", "--drift"], ["drift"], ["diagnose"], ["preview"], ["verify"]),
        *(["logs"], ["explain", "ada"], ["users", "show", "ada"], ["channels", "list"]),
        ["rollback", "--plan-only"],
    ):
        done = own.ctl(*command, "--stack", "local")
        assert done.returncode == 6, done.stderr
        assert "doesn't run" in done.stderr
        assert "notifyctl local start" in done.stderr
        assert f"notifyctl {command[0]}" not in done.stderr
        assert own.ctl_json("local", "status")["state"] == "stopped"
    assert own.ctl("local", "start").returncode == 0
    assert own.ctl("status").returncode == 0
