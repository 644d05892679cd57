"""How a count grows, and where that leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

DAYS_PER_MONTH = 30


@dataclass(frozen=True)
class Growth:
    """A straight line through daily counts (least squares).

    Attributes:
        days: how many days it is drawn through.
        per_day: the mean of them.
        slope: how much more each day brings.
    """

    days: int
    per_day: float
    slope: float

    @classmethod
    def through(cls, counts: Sequence[float]) -> Growth | None:
        """Draw it; days before the first count that isn't 0 are left out.

        Returns ``None`` for fewer than seven days: a week has its own ups and downs.
        """
        start = next((at for at, count in enumerate(counts) if count), len(counts))
        kept = list(counts[start:])
        if len(kept) < 7:
            return None
        middle, mean = (len(kept) - 1) / 2, sum(kept) / len(kept)
        spread = sum((at - middle) ** 2 for at in range(len(kept)))
        slope = sum((at - middle) * (count - mean) for at, count in enumerate(kept)) / spread
        return cls(len(kept), mean, slope)

    def after(self, days: int) -> float:
        """Return the count of the day that is ``days`` after the last one; never below 0."""
        return max(0.0, self.per_day + self.slope * ((self.days - 1) / 2 + days))

    def total(self, days: int) -> float:
        """Return the sum of the next ``days`` days."""
        return sum(self.after(day) for day in range(1, days + 1))

    def document(self) -> dict[str, Any]:
        """Return the projection for ``--json``: notifications a day, in one to twelve months."""
        return {
            "days": self.days,
            "per_day": round(self.per_day, 2),
            "change_per_day": round(self.slope, 4),
            "per_day_after_months": {
                str(months): round(self.after(months * DAYS_PER_MONTH), 1) for months in (1, 3, 12)
            },
        }
