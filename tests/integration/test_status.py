"""``notifyctl status`` as a process, on a Worker that runs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ops.access.keys.use import signing_key_id
from ops.stacks.notification import Notification
from tests.eventually import eventually
from tests.installation import Installation

pytestmark = pytest.mark.workerd


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
    document = installation.ctl_json("status", "--stack", "local")
    assert document["health"]["status"] == "healthy"
    (version,) = document["versions"]
    assert (version["version_id"], version["percentage"]) == (outputs["version_id"], 100)
    assert version["requests"] > 0
    # The installation is shared: another test may have changed it past Pulumi.
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
    assert "don't tell" in memory["source"]
    assert document["unknown"] == {}

    shown = installation.ctl("status", "--stack", "local", "--no-drift")
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
