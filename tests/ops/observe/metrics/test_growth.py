"""The projection of a count."""

from __future__ import annotations

import pytest

from ops.observe.metrics.growth import Growth


@pytest.mark.requirement("S0-94")
def test_a_straight_line_goes_on_as_it_went() -> None:
    growth = Growth.through([0, 0, *range(10, 24)])
    assert growth is not None
    assert (growth.days, growth.per_day) == (14, 16.5)
    assert growth.slope == pytest.approx(1)
    assert growth.after(1) == pytest.approx(24)
    assert growth.after(30) == pytest.approx(53)
    assert growth.total(2) == pytest.approx(24 + 25)
    assert growth.document()["per_day_after_months"]["1"] == 53


def test_what_shrinks_ends_at_nought() -> None:
    growth = Growth.through(list(range(10, 0, -1)))
    assert growth is not None
    assert growth.after(100) == 0


def test_a_few_days_say_nothing() -> None:
    assert Growth.through([5] * 6) is None
    assert Growth.through([0] * 60) is None
    assert Growth.through([]) is None
