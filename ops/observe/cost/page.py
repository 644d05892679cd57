"""The cost as lines of text: a table, the limits, and a chart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ops.observe.cost.model import Cost, Counts, Limit, Workload, month
from ops.observe.cost.prices import RATES, READ_ON

GOAL_USD = 41.0
"""Half of 82 US dollars, for `GOAL_MONTHLY` notifications."""
GOAL_MONTHLY = 10_000_000
_BAR = 48
PAGE = "docs/cost.md"
_BEGIN, _END = "<!-- begin: cost -->\n```text\n", "```\n<!-- end: cost -->"
_CHARTED = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000)


def lines(work: Workload, cost: Cost) -> Iterator[str]:
    """Yield the report on a month."""
    yield f"{work.monthly:,.0f} notifications a month, prices of {READ_ON}"
    yield ""
    yield f"{'resource':<18}{'a month':>16}{'included':>16}{'USD':>9}"
    for rate in RATES:
        usd = cost.parts[rate.unit]
        used = cost.usage[rate.resource]
        yield f"{rate.unit:<18}{used:>16,.0f}{rate.included:>16,.0f}{usd:>9.2f}"
    stored = f"{cost.stored_gb:.2f} GB"
    yield f"{'D1 storage':<18}{stored:>16}{'5 GB':>16}{cost.parts['D1 storage']:>9.2f}"
    yield f"{'the paid plan':<50}{cost.parts['the paid plan']:>9.2f}"
    yield f"{'together':<50}{cost.usd:>9.2f}"
    yield ""
    yield from _limits("The free plan ends at", cost.free_limits, work)
    number = "one database" if work.databases == 1 else f"{work.databases} databases"
    yield from _limits(f"The paid plan, with {number}, ends at", cost.paid_limits, work)


def _limits(title: str, limits: tuple[Limit, ...], work: Workload) -> Iterator[str]:
    yield f"{title}:"
    for number, limit in enumerate(limits[:3], 1):
        reached = "  reached" if limit.monthly <= work.monthly else ""
        yield f"  {number}. {limit.monthly:>15,.0f} a month: {limit.what}{reached}"


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
