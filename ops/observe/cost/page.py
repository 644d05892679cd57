"""The cost as lines of text: a table, the limits, and a chart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ops.observe.cost.model import Cost, Counts, Limit, Workload, month
from ops.observe.cost.prices import D1_INCLUDED_GB, RATES, READ_ON

GOAL_USD = 41.0
"""Half of 82 US dollars, for `GOAL_MONTHLY` notifications."""
GOAL_MONTHLY = 10_000_000
_BAR = 48
_LIMITS = 3
"""Limits that are listed, and as many more as are reached, with the next one."""
PAGE = "docs/cost.md"
_BEGIN, _END = "<!-- begin: cost -->\n```text\n", "```\n<!-- end: cost -->"
_CHARTED = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000)


def lines(work: Workload, cost: Cost) -> Iterator[str]:
    """Yield the report on a month."""
    yield f"{work.monthly:,.0f} notifications a month, prices of {READ_ON}"
    yield ""
    yield from _table(cost)
    yield ""
    yield from _limits("The free plan ends at", cost.free_limits, work)
    number = "one database" if work.databases == 1 else f"{work.databases} databases"
    yield from _limits(f"The paid plan, with {number}, ends at", cost.paid_limits, work)


def _table(cost: Cost) -> Iterator[str]:
    """Yield a line for each resource; a column is as wide as its longest number."""
    rows = [("resource", "a month", "included", "USD")]
    for rate in RATES:
        used, usd = cost.usage[rate.resource], cost.parts[rate.unit]
        rows.append((rate.unit, f"{used:,.0f}", f"{rate.included:,.0f}", f"{usd:,.2f}"))
    stored, paid = f"{cost.stored_gb:,.2f} GB", cost.parts["D1 storage"]
    rows += [
        ("D1 storage", stored, f"{D1_INCLUDED_GB:g} GB", f"{paid:,.2f}"),
        ("the paid plan", "", "", f"{cost.parts['the paid plan']:,.2f}"),
        ("together", "", "", f"{cost.usd:,.2f}"),
        ("on the free plan", "", "", "0.00" if cost.fits_free_plan else "too much"),
    ]
    used_width, usd_width = (max(len(row[place]) for row in rows) + 2 for place in (1, 3))
    used_width, usd_width = max(used_width, 16), max(usd_width, 9)
    for unit, number, included, dollars in rows:
        yield f"{unit:<18}{number:>{used_width}}{included:>16}{dollars:>{usd_width}}"


def _limits(title: str, limits: tuple[Limit, ...], work: Workload) -> Iterator[str]:
    yield f"{title}:"
    reached = sum(limit.monthly <= work.monthly for limit in limits)
    for number, limit in enumerate(limits[: max(_LIMITS, reached + 1)]):
        mark = "  reached" if number < reached else "  next" if number == reached else ""
        yield f"  {number + 1}. {limit.monthly:>15,.0f} a month: {limit.what}{mark}"


def chart(counts: Counts, work: Workload) -> Iterator[str]:
    """Yield a bar for each of some loads, US dollars a month on the paid plan."""
    costs = {n: month(counts, _of(work, n)).usd for n in _CHARTED}
    scale = _BAR / max(costs.values())
    for monthly, usd in costs.items():
        bar = "█" * max(1, round(usd * scale))
        yield f"{monthly:>12,} {bar} {usd:,.2f}"


def _of(work: Workload, monthly: int) -> Workload:
    return Workload(**{**work.__dict__, "monthly": monthly})


def with_block(text: str) -> str:
    """Return the page's text with the report and the chart of today's counts and prices."""
    counts, work = Counts.load(), Workload(monthly=GOAL_MONTHLY)
    report = [*lines(work, month(counts, work)), "", "US dollars a month:", *chart(counts, work)]
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    block = "".join(f"{line}\n" for line in report)
    return f"{before}{_BEGIN}{block}{_END}{after}"


if __name__ == "__main__":
    page = Path(__file__).parents[3] / PAGE
    page.write_text(with_block(page.read_text(encoding="utf-8")), encoding="utf-8")
