"""Which parts a report has, by its period, and what it says of drift and keys."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from ops.observe.drift.drift import DriftReport
from ops.observe.drift.finding import Finding, Repair, Unknown
from ops.observe.metrics.thresholds import Level, Metric, Reading
from ops.observe.reports import operation_report
from ops.observe.reports.operation_report import OperationReport, Period, security
from ops.observe.reports.section import Section
from ops.stacks.console import Reporter
from ops.stacks.errors import OperationError


class World:
    """The parts of a report, each a section that notes what it was asked for."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.asked: dict[str, Any] = {}
        self.context: Any = SimpleNamespace(stack="dev", reporter=Reporter(quiet=True), file=None)
        put = patch.setattr
        put(operation_report, "StackStatus", SimpleNamespace(of=self._status))
        put(operation_report, "StackDatabase", SimpleNamespace(all_of=lambda _: ["database"]))
        put(operation_report, "connect", lambda _: nullcontext("service"))
        for name in ("_errors", "_metrics", "_slow", "_cleaning", "capacity", "security"):
            put(operation_report, name, self._part(name))

    def _status(self, _: Any, *, drift: bool) -> str:
        self.asked["drift"] = drift
        return "status"

    def _part(self, name: str) -> Any:
        def made(*given: Any, **named: Any) -> Section:
            self.asked[name] = (given, named)
            return Section(name.strip("_"))

        return made


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.mark.parametrize(
    ("period", "sections"),
    [
        (Period.DAILY, ["errors", "metrics"]),
        (Period.WEEKLY, ["errors", "metrics", "slow", "cleaning"]),
        (Period.MONTHLY, ["errors", "metrics", "slow", "cleaning", "capacity", "security"]),
    ],
)
@pytest.mark.parametrize("clean", [True, False])
def test_a_longer_period_has_more_parts(
    world: World, period: Period, sections: list[str], clean: bool
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    report = OperationReport.make(world.context, period, clean=clean)
    assert [section.name for section in report.sections] == sections
    assert (report.stack, report.period) == ("dev", period)
    assert before <= datetime.fromisoformat(report.at) <= datetime.now(UTC)
    assert len(report.at) == len("2026-11-29T08:00:00+00:00")
    assert world.asked["drift"] is (period is Period.MONTHLY)
    assert world.asked["_errors"] == (("service", ["database"], period), {})
    if "cleaning" in sections:
        assert world.asked["_cleaning"][1] == {"clean": clean}


def status(**changes: Any) -> Any:
    drift = DriftReport("dev", 7, (Finding("cron", "worker", "nothing", "one", Repair.NONE),))
    return SimpleNamespace(**{"stack": "dev", "drift": drift, "unknown": {}, **changes})


@pytest.fixture
def ages(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    monkeypatch.setattr(operation_report, "key_ages", lambda *_, **__: found)
    return found


CONTEXT: Any = SimpleNamespace(file=None)


def test_security_tells_drift_and_the_age_of_each_key(ages: list[Any]) -> None:
    ages += [
        SimpleNamespace(key="encryptKey", days=3),
        SimpleNamespace(key="apiSecretKey", days=400),
        SimpleNamespace(key="adminApiKey", days=None),
    ]
    section = security(CONTEXT, status())
    assert section.name == "Security"
    assert section.lines == [
        "drift: 1 difference in 7 resources",
        "apiSecretKey is 400 days old",
        "encryptKey is 3 days old",
        (
            "the token's permissions: notifyctl token check --stack dev; dependencies and secrets "
            "in the code: the nightly workflow"
        ),
    ]
    assert section.metrics == {
        "drifted": 1,
        "key_age_days": {"encryptKey": 3, "apiSecretKey": 400},
    }


def test_security_says_what_is_not_known(ages: list[Any]) -> None:
    unknown = (Unknown("secrets", name, "No permission.") for name in ("worker", "token"))
    drift = DriftReport("dev", 1, (), tuple(unknown))
    lines = security(CONTEXT, status(drift=drift)).lines
    assert lines[:3] == [
        "drift: 0 differences in 1 resource",
        "drift of secrets isn't known: No permission.",
        "the settings don't say when the keys were set (…SetOn)",
    ]
    lines = security(CONTEXT, status(drift=None, unknown={"drift": "No state."})).lines
    assert lines[0] == "drift isn't known: No state."
    section = security(CONTEXT, status(drift=None))
    assert section.lines[0] == "drift isn't known: not looked for"
    assert "drifted" not in section.metrics


def test_each_metric_is_a_line_with_its_threshold() -> None:
    reading = Reading(Metric("backlog", 1_500.0, "messages", "the queue"), 1_000.0, Level.CRITICAL)
    found = status(readings=(reading,), unknown_lines=["unknown: versions: no"])
    section = operation_report._metrics(found)
    assert section.lines == [
        "critical: backlog 1,500 messages (threshold 1000 messages; the queue)",
        "unknown: versions: no",
    ]
    assert section.metrics == {"readings": [reading.document()]}


def test_slow_sends_follow_slow_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def statements(_: Any, *, days: int) -> Section:
        asked.append(days)
        return Section("Slow", ["a statement"])

    def sends(_: Any, *, days: int) -> Any:
        asked.append(days)
        return [SimpleNamespace(message_id="m1", milliseconds=1_234.5, attempts=1)]

    monkeypatch.setattr(operation_report, "slow_statements", statements)
    monkeypatch.setattr(operation_report, "slow_sends", sends)
    database: Any = None
    section = operation_report._slow([database], Period.WEEKLY)
    assert section.lines == ["a statement", "send m1: 1234 ms, 1 attempt"]
    assert section.metrics["sends"][0]["message_id"] == "m1"
    assert asked == [7, 7]

    def refused(*_: Any, **__: Any) -> None:
        raise OperationError("No answer.")

    monkeypatch.setattr(operation_report, "slow_sends", refused)
    section = operation_report._slow([database], Period.WEEKLY)
    assert section.lines == ["a statement", "slow sends aren't known: No answer."]
    assert "sends" not in section.metrics
