"""The same rollback by plain Pulumi commands, and notifyctl's on the CLI's own history."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests import installation
from tests.altered_project import AlteredProject
from tests.real_cli import cli_environment, providers
from tests.releases.stage import Stage

pytestmark = [
    pytest.mark.workerd,
    pytest.mark.real_pulumi,
]


def pulumi(stage: Stage, *arguments: str) -> str:
    """Run a plain Pulumi command on the stack's own backend and settings."""
    home = stage.installation.home
    environment = cli_environment(
        PULUMI_BACKEND_URL=f"file://{home / 'pulumi'}",
        PULUMI_CONFIG_PASSPHRASE=(home / "passphrase").read_text().strip(),
        CLOUDFLARE_API_TOKEN=(home / "cloud" / "api-token").read_text().strip(),
    )
    done = subprocess.run(
        ["pulumi", *arguments, "--stack", "local", "--non-interactive"],
        cwd=stage.project.root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.requirement("S4-06", "T-1")
def test_a_pin_and_an_update_are_a_rollback_and_notifyctl_reads_the_clis_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "LIMIT", 900)  # The real plugin takes its time.
    stage = Stage(AlteredProject(tmp_path / "project"), tmp_path)
    stage.installation.environment |= {"NOTIFYCTL_ENGINE": "cli", **providers()}
    config = ("--config-file", str(stage.installation.home / "stack" / "Pulumi.local.yaml"))
    try:
        first = stage.installation.up()["version_id"]
        stage.change("second release")
        second = stage.installation.up()["version_id"]
        assert [row["update"] for row in stage.json("releases")] == [2, 1]
        history = json.loads(pulumi(stage, "stack", "history", "--json"))
        assert [entry["result"] for entry in history] == ["succeeded", "succeeded"]
        releases = json.loads(pulumi(stage, "stack", "output", "releases", "--json"))
        assert [entry["version_id"] for entry in releases] == [second, first]

        key = "notification-system:pin"
        settings = ("--config-file", str(stage.installation.config_file))
        bad, assets = releases[0]["bundle_sha256"], releases[0]["assets_sha256"]
        pulumi(stage, "config", "set", *settings, "--path", f"{key}.version", first)
        pulumi(stage, "config", "set", *settings, "--path", f"{key}.insteadOf", bad)
        pulumi(stage, "config", "set", *settings, "--path", f"{key}.insteadOfAssets", assets)
        assert stage.serving() == {second: 100}  # By notifyctl, which renders the settings.
        pulumi(stage, "up", "--yes", "--skip-preview", *config)

        assert stage.serving() == {first: 100}
        pulumi(stage, "preview", "--expect-no-changes", *config)

        report = stage.json("rollback", "--yes", "--to", first)
        assert report["version_id"] == first
        assert stage.ctl("preview", "--expect-no-changes").returncode == 0
    finally:
        stage.installation.close()
