"""How doctor and drift end, by what they found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops.access.checks.outcome import Outcome
from ops.cli.commands.drift import _judge
from ops.observe.doctor.doctor import Doctor
from ops.observe.drift.drift import DriftReport
from ops.observe.drift.finding import Finding, Repair, Unknown, Unmanaged
from ops.stacks.errors import DriftFound, OperationError, ServiceError, ToolMissing
from tests.ops.contexts import context_of

CRON = Finding("cron", "triggers", "a", "b", Repair.CALL)
TOKEN = Finding("token", "ci", "active", "disabled", Repair.NONE)
LOST = Finding("database", "database", "n", "nothing", Repair.NONE)
BLIND = Unknown("secrets", "deployment", "No answer.")
OTHERS = Unmanaged("worker", "worker", "tags x")


def doctor(folder: Path, **groups: list[Outcome]) -> Doctor:
    (folder / "Pulumi.x.yaml").write_text("config: {}\n")
    found = Doctor(context_of(folder, "x"))
    for name, outcomes in groups.items():
        ran = found.checks.run(name, lambda outcomes=outcomes: outcomes)  # type: ignore[misc]
        if name == "tools":
            found._tools_missing = [one for one in ran if one.result == "fail"]
    return found


def test_a_doctor_that_found_nothing_bad_ends_well(tmp_path: Path) -> None:
    assert doctor(tmp_path, a=[Outcome.ok("x", "y"), Outcome.warn("w", "f", "a")]).verdict() is None


def test_a_failed_check_is_counted_and_named(tmp_path: Path) -> None:
    bad = [Outcome.fail("token", "it ended", "Make one"), Outcome.ok("x", "y")]
    verdict = doctor(tmp_path, a=bad).verdict()
    assert type(verdict) is OperationError
    assert str(verdict) == "1 of 2 checks failed: token. Each line above says what to do."


def test_a_tool_that_is_missing_weighs_more(tmp_path: Path) -> None:
    verdict = doctor(
        tmp_path,
        tools=[Outcome.ok("git", "2"), Outcome.fail("node", "it isn't there", "Install it.")],
        a=[Outcome.fail("token", "it ended", "Make one.")],
    ).verdict()
    assert type(verdict) is ToolMissing
    assert str(verdict) == "node: it isn't there. Install it."


def report(*findings: Finding, **more: Any) -> DriftReport:
    return DriftReport("x", 9, findings, **more)


def ended(found: DriftReport, *, repaired: bool = False, strict: bool = False) -> str:
    with pytest.raises((DriftFound, ServiceError)) as caught:
        _judge(found, repaired=repaired, strict=strict)
    return f"{type(caught.value).__name__}: {caught.value}"


def test_nothing_that_differs_is_no_end(tmp_path: Path) -> None:
    _judge(report(), repaired=False, strict=True)
    _judge(report(unmanaged=(OTHERS,)), repaired=False, strict=False)


def test_a_difference_names_the_repair_and_what_a_person_does() -> None:
    assert ended(report(CRON)) == (
        "DriftFound: 1 difference between the state of 'x' and what is there. Correct it with "
        "'notifyctl drift --stack x --repair'."
    )
    both = ended(report(CRON, TOKEN))
    assert both.startswith("DriftFound: 2 differences between")
    assert both.index("--repair'. Make the token active again") > 0
    assert "--repair" not in ended(report(TOKEN))


def test_a_lost_database_is_repaired_by_nobody() -> None:
    told = ended(report(CRON, LOST))
    assert "--repair" not in told
    assert told.endswith("restore a backup as docs/runbook.md says.")


def test_what_a_repair_left_is_a_persons() -> None:
    told = ended(report(TOKEN), repaired=True)
    assert "there. A person has to resolve the rest: see the lines above. Make the token" in told


def test_unmanaged_properties_count_where_they_are_asked_for() -> None:
    told = ended(report(unmanaged=(OTHERS,)), strict=True)
    assert told.startswith("DriftFound: 'x' has 1 unmanaged property.")
    assert "2 unmanaged properties" in ended(report(unmanaged=(OTHERS, OTHERS)), strict=True)


def test_what_could_not_be_compared_is_no_difference_and_no_good_end() -> None:
    told = ended(report(unknown=(BLIND,)))
    assert told.startswith("ServiceError: Nothing differs in what could be compared of 'x', but s")
    assert ended(report(CRON, unknown=(BLIND,))).startswith("DriftFound")
