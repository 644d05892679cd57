"""The shared stories on virtual time."""

from __future__ import annotations

import pytest

from tests.promise.scenarios import (
    ON_BOTH,
    Scenario,
    a_dead_endpoint_gets_three_requests_and_its_row_ends_failed,
    an_endpoint_that_comes_back_gets_it_once,
    what_the_queue_forgets_the_sweep_finds,
)
from tests.promise.simulated_timeline import SimulatedTimeline
from tests.worker.stepped_timeline import SteppedTimeline
from tests.worker.world import World


@pytest.mark.parametrize("scenario", ON_BOTH, ids=lambda s: s.__name__)
def test_the_domain_keeps_the_promise(scenario: Scenario, timeline: SimulatedTimeline) -> None:
    scenario(timeline)


@pytest.mark.parametrize(
    "scenario",
    [
        a_dead_endpoint_gets_three_requests_and_its_row_ends_failed,
        an_endpoint_that_comes_back_gets_it_once,
        what_the_queue_forgets_the_sweep_finds,
    ],
    ids=lambda s: s.__name__,
)
def test_a_stepped_world_tells_the_stories_of_one_endpoint_alike(scenario: Scenario) -> None:
    timeline = SteppedTimeline(World())
    timeline.configure("ann")
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
