"""The plan of a pull request: the real diff, by a token that reads and without a secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.access.commands import PLANNING
from infra.access.permission import Permission, Scope
from localcloud.api.permission_groups import PERMISSION_GROUPS
from tests.installation import Installation
from tests.real_cli import providers

pytestmark = pytest.mark.workerd
ROUTED = {
    "testClock": True,
    "zoneName": "example.test",
    "routePattern": "api.example.test/notify*",
}
_IDS = {(group.name, group.scope): group.id for group in PERMISSION_GROUPS}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation.deployed(tmp_path_factory.mktemp("planned"), settings=ROUTED) as built:
        yield built


@pytest.fixture(scope="module")
def baseline(deployed: Installation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file: Path = tmp_path_factory.mktemp("baseline") / "baseline.json"
    taken = deployed.ctl_json("pr", "baseline", str(file), "--stack", "local")
    assert "encryptKey" in taken["secrets"]
    return file


def plan(deployed: Installation, baseline: Path, *more: str) -> dict[str, Any]:
    found = deployed.ctl_json("preview", "--stack", "local", "--baseline", str(baseline), *more)
    return dict(found)


def steps(document: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((step["operation"], step["urn"]) for step in document["steps"])


def test_what_is_deployed_plans_no_change_and_shows_no_secret(
    deployed: Installation, baseline: Path
) -> None:
    outputs = deployed.outputs()
    text = baseline.read_text()
    secrets = [value for name, value in outputs.items() if name.endswith(("_key", "_token"))]
    assert len(secrets) >= 3
    assert [value for value in secrets if value in text] == []

    found = plan(deployed, baseline, "--expect-no-changes")
    assert found["changed"] == 0
    assert set(found["secrets"].values()) == {"same"}
    assert found["baseline"]["taken_at"].endswith("Z")


def test_a_change_plans_the_steps_of_the_real_preview_and_a_secret_only_as_changed(
    deployed: Installation, baseline: Path
) -> None:
    rendered = deployed.home / "stack" / "Pulumi.local.yaml"
    before = rendered.read_text()
    try:
        deployed.configure(
            {
                **ROUTED,
                "logLevel": "warn",
                "crons": ["*/7 * * * *"],
                "routePattern": "other.example.test/notify*",
                **deployed.seal(bridgeToken="d4" * 32),
            }
        )
        real = deployed.ctl_json("preview", "--stack", "local")
        found = plan(deployed, baseline)
        assert steps(found) == steps(real)
        assert {operation for operation, _ in steps(found)} >= {"update", "replace"}
        changed = {key for key, state in found["secrets"].items() if state != "same"}
        assert changed == {"bridgeToken"}
        shown = deployed.ctl("preview", "--stack", "local", "--baseline", str(baseline))
        assert "secret bridgeToken: encrypted anew" in shown.stdout
        assert "d4d4" not in shown.stdout + shown.stderr
        refused = deployed.ctl(
            "preview", "--stack", "local", "--baseline", str(baseline), "--expect-no-changes"
        )
        assert refused.returncode == 4
    finally:
        deployed.configure(ROUTED)
        # A secret that was set stays in the rendered settings.
        rendered.write_text(before)


def reading_token(deployed: Installation) -> str:
    """A token of the account with what the plan token has."""
    outputs = deployed.outputs()
    owner = {Scope.ACCOUNT: outputs["account_id"], Scope.ZONE: outputs["zone_id"]}

    def policy(item: Permission) -> dict[str, Any]:
        return {
            "effect": "allow",
            "permission_groups": [{"id": _IDS[item.group, item.scope.value]}],
            "resources": {f"{item.scope.value}.{owner[item.scope]}": "*"},
        }

    path = f"/client/v4/accounts/{outputs['account_id']}/tokens"
    body = {"name": "plan", "policies": [policy(item) for item in PLANNING.permissions]}
    answer = deployed.control("POST", path, json=body)
    return str(answer.raise_for_status().json()["result"]["value"])


def test_a_token_that_only_reads_is_enough_for_the_plan_and_never_for_a_deployment(
    deployed: Installation, baseline: Path
) -> None:
    file = deployed.home / "cloud" / "api-token"
    own = file.read_text()
    token = reading_token(deployed)
    try:
        file.write_text(token)
        assert plan(deployed, baseline)["changed"] == 0
        for command in ("preview", "up"):
            refused = deployed.ctl(command, "--stack", "local")
            assert refused.returncode == 4, refused.stdout
            assert "Account → Queues → Edit" in refused.stderr
    finally:
        file.write_text(own)
    assert deployed.ctl_json("preview", "--stack", "local")["changed"] == 0


def test_a_baseline_and_no_account_exclude_each_other(
    deployed: Installation, baseline: Path
) -> None:
    refused = deployed.ctl("preview", "--stack", "local", "--offline", "--baseline", str(baseline))
    assert refused.returncode == 2
    assert "Leave one of them out" in refused.stderr


@pytest.mark.real_pulumi
def test_the_real_cli_plans_by_the_baseline_as_well(
    deployed: Installation, baseline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"NOTIFYCTL_ENGINE": "cli", **providers()}.items():
        monkeypatch.setitem(deployed.environment, name, value)
    found = plan(deployed, baseline)
    assert found["changed"] == 0, json.dumps(found["steps"])
