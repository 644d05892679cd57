"""The shared stories on the real runtime, with the very bundle that is deployed."""

from __future__ import annotations

import pytest

from tests.promise.real_installation import RealInstallation
from tests.promise.scenarios import ON_BOTH, Scenario
from tests.promise.workerd_timeline import WorkerdTimeline

pytestmark = pytest.mark.workerd


@pytest.mark.parametrize("scenario", ON_BOTH, ids=lambda s: s.__name__)
def test_the_deployed_bundle_keeps_the_promise(scenario: Scenario, real: RealInstallation) -> None:
    with WorkerdTimeline(real) as timeline:
        timeline.configure("ann")
        scenario(timeline)
