"""States of older providers under the real plugin, whose own upgraders read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.fake_cloudflare import TOKEN, FakeCloudflare
from tests.engine.older_states import ERAS, REFUSED, Resource
from tests.engine.test_older_states import rewrite
from tests.engine.test_real_pulumi import Cli
from tests.engine.workspace import Workspace


@pytest.mark.requirement("PD-15")
@pytest.mark.real_pulumi
@pytest.mark.real_plugin
def test_the_real_plugin_upgrades_the_states_of_its_elders_without_a_change(
    workspace: Workspace, api: FakeCloudflare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    workspace.program("service")
    cli = Cli(workspace)
    cli("stack", "init")
    assert cli.up() == {"create": 11}
    today = workspace.stack_file.read_text()
    there = sorted(api.listing())
    for era in ERAS:
        workspace.stack_file.write_text(today)
        assert rewrite(workspace, era.rewrite) >= 7, str(era)
        for kind, words in REFUSED.items():
            if era.schema_version(kind) == 0:
                with pytest.raises(AssertionError, match=words):
                    cli("preview")
                assert rewrite(workspace, numbered(kind)) > 0
        plan = json.loads(cli("preview", "--json"))
        assert set(plan["changeSummary"]) <= {"same", "update"}, str(era)
        assert touched(plan) == era.completed, str(era)
        assert cli.up().keys() <= {"same", "update"}
        cli("preview", "--expect-no-changes")
        assert sorted(api.listing()) == there, str(era)


def touched(plan: Any) -> list[str]:
    """Which resources a plan changes; the provider's own entry, which notes its version, aside."""
    steps = [(str(step["op"]), str(step["urn"])) for step in plan["steps"]]
    return [
        urn.rpartition("::")[2]
        for op, urn in steps
        if op != "same" and "pulumi:providers:" not in urn
    ]


def numbered(kind: str) -> Callable[[Resource], None]:
    """What mends a state that the plugin refuses: the number that 6.14 gives to the schema."""

    def change(resource: Resource) -> None:
        if resource["type"].endswith(f":{kind}"):
            resource["outputs"]["__meta"] = json.dumps({"schema_version": "1"})

    return change
