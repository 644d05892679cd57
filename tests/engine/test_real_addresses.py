"""Assets, domain, route and token under the real plugin, beside the stand-ins and to and fro."""

from __future__ import annotations

import json
import re
import shutil
from typing import Any

import pytest

from engine import UpdateResult
from tests.engine.test_addresses import (
    CREATED,
    change,
    cloud,  # noqa: F401  a fixture
    deployed,  # noqa: F401  a fixture
    what_is_there,
)
from tests.engine.test_real_cloudflare_plugin import shown
from tests.engine.test_real_pulumi import Cli
from tests.engine.workspace import Workspace
from tests.localcloud.running_cloud import RunningCloud

pytestmark = pytest.mark.real_pulumi


def comparable(workspace: Workspace) -> Any:
    """The state without times, and without the value that each token has for itself."""
    text = json.dumps(shown(workspace))
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME", text)
    return json.loads(re.sub(r'"[A-Za-z0-9]{40}"', '"VALUE"', text))


def changed(result: UpdateResult) -> set[str]:
    """Names of the resources that an update touches.

    The Worker doesn't count: plugins before 6.17 keep no destinations of its traces.
    """
    return {urn.rpartition("::")[2] for op, urn in result.steps if op != "same"} - {"w"}


def test_the_real_plugin_writes_the_same_state_and_each_takes_over_from_the_other(
    cloud: RunningCloud,  # noqa: F811
    deployed: Workspace,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", cloud.endpoints.api_token)
    cli = Cli(deployed)
    cli("stack", "init")
    assert cli.up() == CREATED
    theirs = comparable(deployed)
    cli("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    cli("preview", "--expect-no-changes")
    assert changed(deployed.engine().preview()) == set()
    change(deployed)
    assert cli.up() == {"replace": 2, "same": 3, "update": 2}
    assert changed(deployed.up()) == set()
    cli("destroy", "--yes", "--skip-preview")
    assert what_is_there(cloud) == {}
    shutil.rmtree(deployed.backend)
    deployed.backend.mkdir()
    (deployed.folder / "assets" / "index.html").write_text("<h1>hi</h1>")
    deployed.program("addresses")
    assert deployed.up().changes == CREATED
    assert comparable(deployed) == theirs
    cli("destroy", "--yes", "--skip-preview")
    assert what_is_there(cloud) == {}
