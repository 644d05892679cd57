"""What a monthly look at security takes."""

from __future__ import annotations

from datetime import UTC, datetime

from ops.access.keys.age import key_ages
from ops.observe.metrics.stack_status import StackStatus
from ops.observe.reports.section import Section
from ops.stacks.context import StackContext
from ops.stacks.moment import counted


def security(context: StackContext, status: StackStatus) -> Section:
    """Tell the drift, the age of the keys, and what else is to be run."""
    section = Section("Security")
    if status.drift is not None:
        count = len(status.drift.findings)
        section.lines.append(
            f"drift: {counted(count, 'difference')} in {counted(status.drift.checked, 'resource')}"
        )
        section.metrics["drifted"] = count
        section.lines += [
            f"drift of {unknown.kind} isn't known: {unknown.reason}"
            for unknown in status.drift.unknown
        ]
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
