"""What a run of the tests cost: the ten dearest files by processor time.

Counted is what a test's own process and the commands that it waited for have used, with the
fixtures that it was the first to need; a local cloud's daemon is left out. Nothing is asserted
about it: the table shows in which file a minute can be saved (see docs/contributing.md).
"""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Iterable

import pytest

PROPERTY = "processor time"
_FILES = 10
_BEGAN = pytest.StashKey[float]()


def begin(item: pytest.Item) -> None:
    """Note where a test begins."""
    item.stash[_BEGAN] = _used()


def settle(item: pytest.Item) -> None:
    """Give a test's last report what it has used since, in seconds."""
    item.user_properties.append((PROPERTY, round(_used() - item.stash[_BEGAN], 3)))


def costs_of(reports: Iterable[pytest.TestReport]) -> Counter[str]:
    """Return the seconds by file."""
    costs: Counter[str] = Counter()
    for report in reports:
        for name, value in report.user_properties:
            if name == PROPERTY:
                costs[report.nodeid.partition("::")[0]] += value  # type: ignore[operator]
    return costs


def print_costs(terminal: pytest.TerminalReporter, costs: Counter[str]) -> None:
    """Print the dearest files and the sum, unless there are too few to compare."""
    if len(costs) <= _FILES:
        return
    terminal.section("processor time, daemons aside")
    for file, seconds in costs.most_common(_FILES):
        terminal.write_line(f"{seconds:7.1f} s  {file}")
    terminal.write_line(f"{sum(costs.values()):7.1f} s  in all {len(costs)} files")


def _used() -> float:
    """Processor time of this process and of those that it has waited for, in seconds."""
    both = (resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)
