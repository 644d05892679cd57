"""The advice of a drift report follows from what can repair its findings."""

from __future__ import annotations

import pytest

from ops.observe.drift.drift import DriftReport
from ops.observe.drift.finding import Finding, Repair, Unknown, Unmanaged


def report(*findings: tuple[str, Repair]) -> DriftReport:
    found = tuple(Finding(kind, "name", "wanted", "there", repair) for kind, repair in findings)
    return DriftReport("dev", 7, found, (Unknown("secrets", "worker", "no key."),))


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        ([("cron", Repair.CALL)], "notifyctl drift --stack dev --repair"),
        ([("queue", Repair.UPDATE)], "notifyctl drift --stack dev --repair"),
        ([("token", Repair.NONE), ("cron", Repair.CALL)], "notifyctl drift --stack dev --repair"),
        ([("token", Repair.NONE)], "rotate it as docs/bootstrap.md says"),
        ([("token", Repair.NONE), ("version", Repair.NONE)], "notifyctl deploy"),
        ([("database", Repair.NONE)], "restore a backup"),
        ([("cron", Repair.CALL), ("database", Repair.NONE)], "restore a backup"),
    ],
)
def test_what_can_be_repaired_by_a_command_is(
    findings: list[tuple[str, Repair]], words: str
) -> None:
    assert words in report(*findings).advice


def test_the_document_counts_and_lists_everything() -> None:
    found = report(("cron", Repair.CALL), ("queue", Repair.UPDATE)).document()
    assert (found["stack"], found["checked"], found["drifted"]) == ("dev", 7, 2)
    assert [one["repair"] for one in found["findings"]] == ["call", "update"]
    assert found["unknown"] == [{"kind": "secrets", "resource": "worker", "reason": "no key."}]
    assert found["unmanaged"] == []
    unmanaged = Unmanaged("queue", "retry", "paused on")
    more = DriftReport("dev", 7, (), (), (unmanaged,)).document()
    assert (more["drifted"], more["unmanaged"]) == (0, [unmanaged.document()])
