"""The stand-ins beside the real Cloudflare plugin, where one is on PATH with a real pulumi."""

import json
import re
import shutil
from typing import Any

import pytest

from tests.engine.fake_cloudflare import TOKEN, FakeCloudflare
from tests.engine.test_real_pulumi import Cli, comparable
from tests.engine.workspace import Workspace

pytestmark = pytest.mark.real_pulumi

#: Notes of the plugin to itself: how nulls look, and the schema's version, which grew from 0.
_PRIVATE = ("__pulumi_raw_state_delta", "__meta")


def shown(workspace: Workspace) -> Any:
    """The state without what differs between two runs, or between two versions of the plugin."""
    states = comparable(workspace)
    for state in states:
        outputs = state.get("outputs") or {}
        for name in _PRIVATE:
            outputs.pop(name, None)
        # Plugins before 6.17 keep no destinations.
        outputs.get("observability", {}).get("traces", {}).pop("destinations", None)
    text = json.dumps(states, sort_keys=True)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    return json.loads(re.sub(r"\b[0-9a-f]{32}\b", "ID", text))


def test_stand_ins_write_the_state_that_the_real_plugin_writes(
    workspace: Workspace, api: FakeCloudflare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    workspace.program("service")
    cli = Cli(workspace)
    cli("stack", "init")
    assert cli.up() == {"create": 11}
    theirs = shown(workspace)
    shutil.rmtree(workspace.backend)
    workspace.backend.mkdir()
    api.objects.clear()
    assert workspace.up().changes == {"create": 11}
    assert shown(workspace) == theirs
    cli("destroy", "--yes", "--skip-preview")
    assert api.listing() == []
