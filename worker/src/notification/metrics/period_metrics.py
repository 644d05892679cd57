"""Counts of notifications over a period."""

from collections.abc import Iterable
from dataclasses import dataclass, field

BOUNDS_MS = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 3_600_000)
"""Upper bounds of the classes of delivery times; the last class has no bound."""


@dataclass(slots=True)
class Metrics:
    """The notifications accepted in a period, by what has become of them so far.

    Attributes:
        unsettled: pending, or waiting for a retry.
        delivery_ms: the time from acceptance to delivery, summed over the sent ones.
        deliveries: the sent ones by class of delivery time.
        errors: failed attempts by error code.
    """

    accepted: int = 0
    sent: int = 0
    failed: int = 0
    cancelled: int = 0
    unsettled: int = 0
    retries: int = 0
    redrives: int = 0
    delivery_ms: int = 0
    deliveries: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))
    errors: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Metrics") -> None:
        """Add the counts of another period or channel."""
        self.accepted += other.accepted
        self.sent += other.sent
        self.failed += other.failed
        self.cancelled += other.cancelled
        self.unsettled += other.unsettled
        self.retries += other.retries
        self.redrives += other.redrives
        self.delivery_ms += other.delivery_ms
        self.deliveries = [a + b for a, b in zip(self.deliveries, other.deliveries, strict=True)]
        for code, count in other.errors.items():
            self.errors[code] = self.errors.get(code, 0) + count

    @property
    def success_rate(self) -> float:
        """The percentage of sent among the settled ones, to two decimals; 0 if there are none."""
        settled = self.sent + self.failed
        return round(self.sent / settled * 100, 2) if settled else 0

    @property
    def average_ms(self) -> int:
        """The mean time from acceptance to delivery; 0 if nothing was delivered."""
        return round(self.delivery_ms / self.sent) if self.sent else 0

    def quantile_ms(self, share: float) -> int:
        """Estimate the delivery time within which `share` of the sent ones arrived.

        The estimate is linear within a class, as in Prometheus' `histogram_quantile`; a time in the
        open class counts as the highest bound. It is 0 if nothing was delivered.
        """
        total = sum(self.deliveries)
        if not total:
            return 0
        rank, below, lower = share * total, 0, 0
        for bound, count in zip(BOUNDS_MS, self.deliveries, strict=False):
            if count and below + count >= rank:
                return round(lower + (bound - lower) * (rank - below) / count)
            below, lower = below + count, bound
        return BOUNDS_MS[-1]


@dataclass(frozen=True, slots=True)
class PeriodMetrics:
    """The metrics of one channel in the period that starts at `start_ms`."""

    start_ms: int
    channel: str
    metrics: Metrics


def by_channel(periods: Iterable[PeriodMetrics]) -> dict[str, Metrics]:
    """Sum each channel over all periods."""
    sums: dict[str, Metrics] = {}
    for period in periods:
        sums.setdefault(period.channel, Metrics()).add(period.metrics)
    return sums


def total(periods: Iterable[PeriodMetrics]) -> Metrics:
    """Sum all periods and channels."""
    result = Metrics()
    for period in periods:
        result.add(period.metrics)
    return result
