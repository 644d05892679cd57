"""What is written down about a deployment."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.deploy.rollout.approval import Approval
from ops.deploy.rollout.report import RolloutReport
from ops.stacks.driver import StackUpdate
from ops.stacks.origin import Origin


def report(update: StackUpdate | None = None) -> RolloutReport:
    return RolloutReport(
        "production",
        "production",
        Origin("ada", "main", "c" * 40, "", is_pipeline=False),
        Approval(("grace",), by_pipeline=False),
        "Tue 10:00",
        "code",
        url="https://notify.example.com",
        serving_version_id="v2",
        update=update,
        seconds=12.3456,
        started=datetime(2026, 11, 29, 8, 0, 0, 999, UTC),
    )


def test_a_report_counts_what_was_changed_and_not_what_was_left() -> None:
    update = StackUpdate("update", {"create": 1, "update": 2, "same": 17}, version=8)
    document = report(update).document()
    assert (document["changed"], document["update"]) == (3, 8)
    assert document["changes"] == {"create": 1, "update": 2, "same": 17}
    assert document["seconds"] == 12.346
    assert document["started"] == "2026-11-29T08:00:00+00:00"
    assert document["approval"]["source"] == "typed"
    assert (document["actor"], document["commit"]) == ("ada", "c" * 40)


def test_a_deployment_that_never_updated_is_reported_as_failed_and_without_changes() -> None:
    document = report().document()
    assert (document["result"], document["changed"], document["update"]) == ("failed", 0, None)
    assert document["changes"] == {}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"update": 1, "same": 3}, "1 change in 12.3 s."),
        ({"update": 2}, "2 changes in 12.3 s."),
        ({}, "0 changes in 12.3 s."),
    ],
)
def test_the_last_lines_tell_changes_version_approval_and_file(
    changes: dict[str, int], line: str
) -> None:
    lines = report(StackUpdate("update", changes)).lines(Path("reports/deployment.json"))
    assert lines[1] == line
    assert lines[3:] == [
        "Service   https://notify.example.com",
        "Version   v2",
        "Approval  recorded as approved by grace: what was typed, not a check of who they are",
        "Report    reports/deployment.json",
    ]


def test_a_report_replaces_an_older_one_in_a_folder_that_is_made_for_it(tmp_path: Path) -> None:
    file = tmp_path / "reports" / "deployment.json"
    report().write(file)
    report(StackUpdate("update", {"create": 1})).write(file)
    assert json.loads(file.read_text())["changed"] == 1
