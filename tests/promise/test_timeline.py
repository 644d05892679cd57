"""The shared stories on virtual time."""

from __future__ import annotations

import pytest

from tests.promise.scenarios import ON_BOTH, Scenario
from tests.promise.simulated_timeline import SimulatedTimeline


@pytest.mark.parametrize("scenario", ON_BOTH, ids=lambda s: s.__name__)
def test_the_domain_keeps_the_promise(scenario: Scenario, timeline: SimulatedTimeline) -> None:
    scenario(timeline)


def test_the_language_notices_an_attempt_too_many(timeline: SimulatedTimeline) -> None:
    timeline.at(0).push("order", to="ann")
    with pytest.raises(AssertionError):
        timeline.at(5).expect("order", attempts=2)


def test_the_language_notices_an_attempt_that_comes_too_early(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").down(between=(0, 5))
    timeline.at(0).push("order", to="ann").at(20)
    with pytest.raises(AssertionError):
        timeline.expect_attempts("order", at=(0, 13))
