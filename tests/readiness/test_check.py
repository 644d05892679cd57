"""``notifyctl check`` as a process, and what it keeps from being deployed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.deploy.rollback.post_mortem import PostMortem
from tests.installation import NOTIFYCTL, ROOT, Installation

QUICK = ("--skip", "types", "--skip", "tests", "--skip", "work-tree", "--skip", "dependencies")
OPEN, FRIDAY = "2026-11-17T11:00", "2026-11-20T14:00"

pytestmark = pytest.mark.workerd


def checked(installation: Installation, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the report of a check without the slow parts."""
    result = installation.ctl("check", "--stack", "local", *QUICK, *arguments, "--json")
    document: dict[str, Any] = json.loads(result.stdout)
    document["by"] = {one["check"]: one for one in document["checks"]}
    return result.returncode, document


@pytest.mark.requirement("S0-64", "S0-65", "S0-71")
def test_the_gate_is_open_in_a_window_with_all_confirmed_and_what_was_left_out_is_told(
    deployed: Installation,
) -> None:
    code, report = checked(deployed, "--at", OPEN, "--confirm", "all")
    assert (code, report["failed"]) == (0, 0)
    assert {n for n, one in report["by"].items() if one["result"] == "skipped"} == {
        "work tree",
        "dependencies",
        "types",
        "unit tests",
    }
    assert "none pending" in report["by"]["migrations"]["found"]
    text = deployed.ctl("check", "--stack", "local", *QUICK, "--at", FRIDAY)
    assert text.returncode == 8
    assert "fail    window" in text.stdout
    assert "fail    confirmations" in text.stdout
    assert "failed: window, confirmations" in text.stderr


@pytest.mark.requirement("S0-70", "S0-71")
def test_outside_the_window_only_an_override_with_a_reason_opens_the_gate_and_it_is_logged(
    deployed: Installation,
) -> None:
    arguments = ("--at", FRIDAY, "--confirm", "all")
    code, report = checked(deployed, *arguments)
    assert code == 8
    assert "It opens Monday 2026-11-23 10:00" in report["by"]["window"]["advice"]
    code, report = checked(deployed, *arguments, "--override", "the contract ends today")
    assert (code, report["override"]) == (0, "the contract ends today")
    assert report["by"]["window"]["result"] == "warn"
    assert report["by"]["window"]["found"].endswith("overridden: the contract ends today")
    assert checked(deployed, *arguments, "--kind", "urgent")[0] == 0


@pytest.mark.requirement("S0-64")
def test_a_migration_file_that_was_changed_after_it_was_applied_closes_the_gate(
    deployed: Installation,
) -> None:
    arguments = ("--at", OPEN, "--confirm", "all")
    first = "(SELECT min(id) FROM d1_migrations)"
    deployed.sql(f"UPDATE d1_migrations SET sha256 = 'x' || sha256 WHERE id = {first}")  # noqa: S608 - a constant
    try:
        code, report = checked(deployed, *arguments)
    finally:
        deployed.sql(f"UPDATE d1_migrations SET sha256 = substr(sha256, 2) WHERE id = {first}")  # noqa: S608 - a constant
    assert code == 8
    assert "0001" in report["by"]["migrations"]["found"]
    deployed.sql(
        "CREATE TABLE kept AS SELECT * FROM d1_migrations WHERE id = "
        "(SELECT max(id) FROM d1_migrations)"
    )
    deployed.sql("DELETE FROM d1_migrations WHERE id = (SELECT id FROM kept)")
    try:
        code, report = checked(deployed, *arguments)
    finally:
        deployed.sql("INSERT INTO d1_migrations SELECT * FROM kept")
        deployed.sql("DROP TABLE kept")
    assert code == 0
    assert report["by"]["migrations"]["result"] == "warn"
    assert report["by"]["migrations"]["found"].startswith("pending: 0")


@pytest.mark.requirement("S4-38", "S4-39", "S4-40", "S4-41", "S4-42")
def test_a_review_with_an_empty_heading_is_warned_of(
    deployed: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = PostMortem("local", "b" * 36, "a" * 36, "", "why", "Ann", 1.0).write(tmp_path)
    monkeypatch.setitem(deployed.environment, "NOTIFYCTL_POST_MORTEMS", str(tmp_path))
    code, report = checked(deployed, "--at", OPEN, "--confirm", "all")
    assert code == 0
    review = report["by"]["reviews"]
    assert review["result"] == "warn"
    assert draft.name in review["found"]
    for heading in ("Technical cause", "Gaps in the tests", "Monitoring", "Deployment process"):
        assert heading in review["found"]


@pytest.mark.requirement("S0-64", "S0-28", "S0-71")
def test_a_deployment_to_production_is_stopped_before_anything_is_begun(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.production.yaml"
    config = {
        "notification-system:environment": "production",
        "notification-system:accountId": "a" * 32,
        "notification-system:apiSecretKey": {"secure": "v1:a:b"},
        "notification-system:apiSecretKeySetOn": "2020-01-01",
    }
    file.write_text(yaml.safe_dump({"config": config}))
    skipped = [part for name in ("types", "tests", "work-tree") for part in ("--skip", name)]
    report = tmp_path / "report.json"
    clean = {k: v for k, v in os.environ.items() if k not in ("CI", "GITHUB_ACTIONS")}
    result = subprocess.run(
        [str(NOTIFYCTL), "deploy", "--stack", "production", *skipped, "--report", str(report)],
        cwd=ROOT,
        env={
            **clean,
            "NOTIFYCTL_CONFIG_FILE": str(file),
            "PATH": f"{_without_pulumi(tmp_path)}",
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 8, result.stderr
    assert not report.exists()
    assert "fail    confirmations" in result.stdout
    assert "warn    key age" in result.stdout
    assert "The report says what to do about each." in result.stderr


def _without_pulumi(folder: Path) -> Path:
    """A PATH with git and node alone."""
    import shutil

    bin_folder = folder / "bin"
    bin_folder.mkdir()
    for name in ("git", "node", "cksum"):
        found = shutil.which(name)
        assert found is not None
        (bin_folder / name).symlink_to(found)
    return bin_folder
