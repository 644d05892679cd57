"""Several databases by plain Pulumi commands: made, filled, emptied and deleted."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from notification.placement import shard_of
from tests import installation
from tests.installation import Installation
from tests.promise.real_installation import RealInstallation
from tests.real_cli import cli_environment, providers

pytestmark = [pytest.mark.workerd, pytest.mark.real_pulumi]
ROOT = Path(__file__).parents[2]
USERS = ("dan", "bob", "u3", "u1")
SETTLED_S = "12"


class Operator:
    """Plain Pulumi commands on a stack that notifyctl has made."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        home = installation.home
        self.settings = ("--config-file", str(home / "stack" / "Pulumi.local.yaml"))
        self.environment = cli_environment(
            PULUMI_BACKEND_URL=f"file://{home / 'pulumi'}",
            PULUMI_CONFIG_PASSPHRASE=(home / "passphrase").read_text().strip(),
            CLOUDFLARE_API_TOKEN=(home / "cloud" / "api-token").read_text().strip(),
            NOTIFICATION_LOCAL_SETTLED_S=SETTLED_S,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        settings = () if arguments[0] == "stack" else self.settings
        return subprocess.run(
            ["pulumi", *arguments, "--stack", "local", "--non-interactive", *settings],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=590,
            check=False,
        )

    def __call__(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout[-2500:] + done.stderr[-2500:]
        return done.stdout

    def spread_over(self, shards: int) -> None:
        self("config", "set", "notification-system:shards", str(shards))

    def outputs(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("stack", "output", "--json"))
        return found

    def homes(self) -> dict[str, list[int]]:
        """For each user the databases with a configuration of his."""
        outputs = self.outputs()
        found: dict[str, list[int]] = {}
        for number, database in enumerate(outputs["d1_databases"]):
            path = f"/client/v4/accounts/{outputs['account_id']}/d1/database/{database['id']}/query"
            sql = "SELECT DISTINCT user_id FROM user_configs ORDER BY user_id"
            answer = self.installation.control("POST", path, json={"sql": sql})
            for row in answer.raise_for_status().json()["result"][0]["results"]:
                if row["user_id"] in USERS:
                    found.setdefault(row["user_id"], []).append(number)
        return found


def test_databases_come_and_go_by_plain_pulumi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "LIMIT", 590)
    there = Installation(tmp_path / "plain", settings={"shards": 1, "testClock": True})
    there.environment |= {"NOTIFYCTL_ENGINE": "cli", **providers()}
    try:
        there.up()
        pulumi = Operator(there)
        for user in USERS:
            path = f"/api/users/{user}/configs/webhook"
            body = {"config_data": {"webhook_url": f"{there.sink_url}/hook/{user}"}}
            with RealInstallation(there).service() as service:
                assert service.call("PUT", path, body=body).status_code in (200, 201)
        pulumi.spread_over(2)
        assert "D1Database" in pulumi("preview")
        pulumi("up", "--yes", "--skip-preview")
        assert pulumi.homes() == {user: [shard_of(user, 2)] for user in USERS}
        pulumi("refresh", "--yes", "--skip-preview")
        pulumi("preview", "--expect-no-changes")
        assert len(pulumi.outputs()["d1_databases"]) == 2

        pulumi.spread_over(1)
        pulumi("up", "--yes", "--skip-preview")
        assert pulumi.homes() == {user: [0] for user in USERS}
        pulumi("up", "--yes", "--skip-preview")
        assert len(pulumi.outputs()["d1_databases"]) == 1
        pulumi("preview", "--expect-no-changes")
        pulumi("destroy", "--yes", "--skip-preview")
        assert pulumi.outputs() == {}
    finally:
        there.close()
