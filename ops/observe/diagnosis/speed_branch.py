"""Is the service slow, and what is?"""

from __future__ import annotations

from collections.abc import Iterable

from ops.database.stack_database import StackDatabase
from ops.observe.diagnosis.branch import Branch, Finding
from ops.observe.metrics.slow_sends import slow_sends
from ops.observe.metrics.stack_status import StackStatus
from ops.observe.metrics.thresholds import Level
from ops.stacks.errors import OperationError
from ops.stacks.moment import counted

_UNITS = ("ms", "messages", "MB")


def speed_branch(status: StackStatus, databases: Iterable[StackDatabase]) -> Branch:
    """Hold times, backlogs and resources against their thresholds; name the slowest sends."""
    branch = Branch("speed", "Is the service slow?")
    try:
        slowest = slow_sends(databases, limit=3)
    except OperationError as error:
        branch.unknown(f"slow sends: {error}")
        slowest = []
    example = slowest[0].message_id if slowest else ""
    for reading in status.readings:
        if reading.metric.unit not in _UNITS:
            continue
        said = f"{reading.metric.name}: {reading.shown}"
        if reading.metric.value is None:
            said += f" ({reading.metric.source})"
        if reading.level in {Level.WARNING, Level.CRITICAL}:
            limit = f"{reading.threshold:g} {reading.metric.unit}"
            is_backlog = reading.metric.unit == "messages"
            step = f"notifyctl report weekly --stack {status.stack}"
            if is_backlog:
                step = f"notifyctl drift --stack {status.stack}"
            branch.ill(
                Finding(
                    f"{said}, above {limit}",
                    "Stuck queue" if is_backlog else "Slow",
                    (step,),
                    over=f"below {limit}",
                    window="now" if is_backlog else "the last hour",
                    example=example if reading.metric.unit == "ms" else "",
                )
            )
        else:
            branch.found.append(said)
    for row in slowest:
        branch.found.append(
            f"slow send: {row.milliseconds:.0f} ms over {row.channel}, "
            f"{counted(row.attempts, 'attempt')}, {row.message_id}"
        )
    return branch
