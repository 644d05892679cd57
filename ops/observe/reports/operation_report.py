"""What operations look at regularly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from infra.migrations.d1 import Row
from ops.access.keys.age import key_ages
from ops.database.log_removal import remove_old_logs
from ops.database.stack_database import StackDatabase
from ops.observe.metrics.slow_sends import slow_sends
from ops.observe.metrics.stack_status import StackStatus
from ops.observe.reports.capacity import capacity
from ops.observe.reports.section import Section
from ops.observe.reports.slow_statements import slow_statements
from ops.stacks.context import StackContext
from ops.stacks.endpoint import connect
from ops.stacks.errors import OperationError, ServiceError
from ops.stacks.moment import counted
from ops.stacks.service import ServiceClient


class Period(Enum):
    """How far back a report looks."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"

    @property
    def days(self) -> int:
        """The period in days."""
        return {"daily": 1, "weekly": 7, "monthly": 30}[self.value]


@dataclass(frozen=True)
class OperationReport:
    """One report.

    Attributes:
        stack: the stack's name.
        period: what it is about.
        at: when it was made, ISO-8601.
        sections: its parts.
    """

    stack: str
    period: Period
    at: str
    sections: tuple[Section, ...]

    @classmethod
    def make(cls, context: StackContext, period: Period, *, clean: bool) -> OperationReport:
        """Gather everything; ``clean`` also removes notifications older than 30 days.

        Raises:
            StackFailed: the stack isn't deployed.
            OperationError: the clean-up that was asked for failed.
        """
        reporter = context.reporter
        status = StackStatus.of(context, drift=period is Period.MONTHLY)
        databases = StackDatabase.all_of(context)
        sections = [_metrics(status)]
        with connect(context) as service:
            with reporter.step("Errors"):
                sections.insert(0, _errors(service, databases, period))
            if period is not Period.DAILY:
                with reporter.step("Slow statements and sends"):
                    sections.append(_slow(databases, period))
                with reporter.step("Old notifications") as step:
                    sections.append(_cleaning(service, databases, step.show, clean=clean))
            if period is Period.MONTHLY:
                with reporter.step("Capacity"):
                    sections.append(capacity(service, databases))
                sections.append(security(context, status))
        return cls(
            context.stack, period, datetime.now(UTC).isoformat(timespec="seconds"), tuple(sections)
        )

    def document(self) -> dict[str, Any]:
        """Return the report for ``--json``."""
        return {
            "stack": self.stack,
            "period": self.period.value,
            "at": self.at,
            "sections": {
                section.name: {"lines": section.lines, **section.metrics}
                for section in self.sections
            },
        }

    def markdown(self) -> str:
        """Return the report as a document."""
        head = f"# {self.period.value.capitalize()} report of {self.stack}\n\n{self.at}\n"
        return "\n".join([head, *(section.markdown() for section in self.sections)])


def _errors(service: ServiceClient, databases: Sequence[StackDatabase], period: Period) -> Section:
    section = Section("Errors")
    try:
        with service.understood("GET /api/metrics"):
            answer = service.result("GET", "/api/metrics", query={"days": str(period.days)})
            sent, failed, retries = (
                int(answer[name]) for name in ("totalSent", "totalFailed", "totalRetries")
            )
        rows = _merged(
            row for database in databases for row in database.query(_FAILURES, str(period.days))
        )
    except (ServiceError, OperationError) as error:
        section.lines.append(f"not known: {error}")
        return section
    section.lines.append(
        f"{failed} failed and {sent} sent in {period.days} days, {retries} retries"
    )
    section.metrics = {
        "sent": sent,
        "failed": failed,
        "retries": retries,
        "by_code": rows,
    }
    section.lines += [f"{row['n']} over {row['channel']}: {row['code']}" for row in rows]
    return section


def _merged(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Sum what each database counted by code and channel, the most first."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        counts[str(row["code"]), str(row["channel"])] += int(str(row["n"]))
    return [
        {"code": code, "channel": channel, "n": n}
        for (code, channel), n in counts.most_common(_MAX_CODES)
    ]


def _metrics(status: StackStatus) -> Section:
    readings = [reading.document() for reading in status.readings]
    return Section(
        "Queues and figures",
        [
            f"{reading.level.value}: {reading.metric.name} {reading.shown} "
            f"(threshold {reading.threshold:g} {reading.metric.unit}; {reading.metric.source})"
            for reading in status.readings
        ]
        + status.unknown_lines,
        {"readings": readings},
    )


def _slow(databases: Sequence[StackDatabase], period: Period) -> Section:
    section = slow_statements(databases, days=period.days)
    try:
        sends = slow_sends(databases, days=period.days)
    except OperationError as error:
        section.lines.append(f"slow sends aren't known: {error}")
        return section
    section.lines += [
        f"send {send.message_id}: {send.milliseconds:.0f} ms, {counted(send.attempts, 'attempt')}"
        for send in sends
    ]
    section.metrics["sends"] = [vars(send) for send in sends]
    return section


def _cleaning(
    service: ServiceClient,
    databases: Sequence[StackDatabase],
    told: Callable[[str], object],
    *,
    clean: bool,
) -> Section:
    section = Section("Old notifications")
    if clean:
        removed = remove_old_logs(service, days=30, told=told)
        section.lines.append(f"{removed} older than 30 days removed")
        section.metrics = {"removed": removed}
        return section
    try:
        old = sum(int(str(database.query(_OLD)[0]["n"])) for database in databases)
    except OperationError as error:
        section.lines.append(f"not known: {error}")
        return section
    section.lines.append(
        f"{old} are older than 30 days; 'notifyctl cleanup --stack {databases[0].stack}' or "
        "--clean removes them"
    )
    section.metrics = {"old": old}
    return section


# Ids begin with the moment: milliseconds since 2024 (Julian day 2460310.5), times 4096.
_MAX_CODES = 20
_FAILURES = """
SELECT COALESCE(last_error_code, 'no code') AS code, channel_type AS channel, COUNT(*) AS n
FROM notification_logs WHERE status = 'failed' AND id >=
  CAST((julianday('now', '-' || ?1 || ' day') - 2460310.5) * 86400000 AS INTEGER) * 4096
GROUP BY 1, 2 ORDER BY n DESC
"""
_OLD = """
SELECT COUNT(*) AS n FROM notification_logs WHERE status NOT IN ('pending', 'retry') AND id <
  CAST((julianday('now', '-30 day') - 2460310.5) * 86400000 AS INTEGER) * 4096
"""


def security(context: StackContext, status: StackStatus) -> Section:
    """Tell the drift, the age of the keys, and what else is to be run."""
    section = Section("Security")
    if status.drift is not None:
        count = len(status.drift.findings)
        section.lines.append(
            f"drift: {counted(count, 'difference')} in {counted(status.drift.checked, 'resource')}"
        )
        section.metrics["drifted"] = count
        section.lines += status.drift.unknown_lines
    else:
        section.lines.append(f"drift isn't known: {status.unknown.get('drift', 'not looked for')}")
    today = datetime.now(UTC).date()
    found = key_ages(context.file, today=today)
    ages = {entry.key: entry.days for entry in found if entry.days is not None}
    section.metrics["key_age_days"] = ages
    section.lines += [f"{name} is {age} days old" for name, age in sorted(ages.items())]
    if not ages:
        section.lines.append("the settings don't say when the keys were set (…SetOn)")
    section.lines.append(
        f"the token's permissions: notifyctl token check --stack {status.stack}; "
        "dependencies and secrets in the code: the nightly workflow"
    )
    return section
