"""``notifyctl status`` as a process, on a Worker that runs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ops.stacks.notification import Notification
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
    assert (rate["value"], rate["threshold"], rate["level"]) == (0, 1, "ok")
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
