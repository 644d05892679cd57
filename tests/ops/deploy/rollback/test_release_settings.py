"""A release remembers its ordinary settings, and they can be brought back into a stack's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.release import release_settings
from infra.settings import StackFile
from ops.deploy.release.release import Release
from ops.deploy.rollback.release_settings import restore_settings
from ops.stacks.errors import GateClosed
from tests.infra.stack_inputs import API_SECRET, CONFIG, checked_config

P = "notification-system:"
EARLIER: dict[str, Any] = {
    "logLevel": "warn",
    "crons": ["*/5 * * * *", "0 3 * * 2"],
    "rateLimitPerMinute": 50,
    "customDomain": "notify.example.com",
    "zoneName": "example.com",
}
PIN = {"version": "18f97339-c287-4872-9bdd-e2135c07ec12", "insteadOf": "a" * 64}


def release(**settings: Any) -> Release:
    kept = release_settings(checked_config(**settings).settings())
    return Release("v1-00000", "", "", "b", "", 1, 1, settings=kept)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with other settings than the release's, a pin and a comment."""
    path = tmp_path / "Pulumi.production.yaml"
    secure = {"secure": "v1:AAAA:BBBB"}
    config = {
        **{f"{P}{key}": value for key, value in CONFIG.items() if "Key" not in key},
        f"{P}apiSecretKey": secure,
        f"{P}encryptKey": secure,
        f"{P}logLevel": "error",
        f"{P}maintenanceMode": True,
        f"{P}pin": PIN,
    }
    path.write_text("# Ours.\n" + yaml.safe_dump({"config": config}))
    return path


def test_a_release_keeps_what_is_not_the_default_and_no_secret_pin_or_adopted_id() -> None:
    kept = release(
        **EARLIER, pin=PIN, traffic=10, trafficBase=PIN["version"], adoptWorkerId="1" * 32
    ).settings
    assert kept is not None
    assert {key: kept[key] for key in EARLIER} == EARLIER
    assert not {"pin", "traffic", "trafficBase", "adoptWorkerId", "retryMaxRetries"} & kept.keys()
    assert API_SECRET not in repr(kept)


def test_the_settings_of_a_release_come_back_and_nothing_else_is_touched(file: Path) -> None:
    changed = restore_settings(file, release(**EARLIER))
    assert changed == sorted([*EARLIER, "maintenanceMode"])
    after = StackFile.read(file)
    assert {key: after.config[f"{P}{key}"] for key in EARLIER} == EARLIER
    assert f"{P}maintenanceMode" not in after.config
    assert after.config[f"{P}pin"] == PIN
    assert after.config[f"{P}accountId"] == CONFIG["accountId"]
    assert file.read_text().startswith("# Ours.\n")
    assert after.checked.mistakes() == ()
    assert restore_settings(file, release(**EARLIER)) == []


def test_a_release_that_kept_none_is_refused_and_the_file_stays(file: Path) -> None:
    before = file.read_text()
    with pytest.raises(GateClosed, match="kept no settings"):
        restore_settings(file, Release("v1-00000", "", "", "b", "", 1, 1))
    assert file.read_text() == before
