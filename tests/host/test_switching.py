from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.host.running_host import RunningHost
from tests.host.steady_load import SteadyLoad

pytestmark = pytest.mark.workerd


def test_switching_versions_under_load_fails_no_request(serving: RunningHost, bundle: Path) -> None:
    old = "v-1"
    with SteadyLoad(serving.edge_port, "/slow?seconds=0.05", clients=6) as load:
        for generation, new in enumerate(("v-2", "v-3"), start=2):
            assert serving.put(new, bundle).status == 200
            assert serving.route(generation, **{new.replace("-", "_"): 100}).status == 200
            assert serving.call("DELETE", f"/versions/{old}").status == 200
            answered = f'"{new}"'
            eventually(lambda: answered in load.bodies(), what=f"an answer of {new}")  # noqa: B023  awaited inside the loop
            old = new
    assert load.failed() == {}
    assert {body for _, body in load.answers} == {'"v-1"', '"v-2"', '"v-3"'}
    assert list(serving.versions()) == ["v-3"]


def test_a_version_ends_only_after_its_last_request(serving: RunningHost, bundle: Path) -> None:
    assert serving.put("v-3", bundle).status == 200
    assert serving.put("v-new", bundle).status == 200
    assert serving.route(10, v_3=100).status == 200
    with SteadyLoad(serving.edge_port, "/slow?seconds=1.5", clients=1) as load:
        eventually(lambda: in_flight(serving, "v-3"), what="a request in flight")
        serving.route(11, v_new=100)
        removal = threading.Thread(target=serving.call, args=("DELETE", "/versions/v-3"))
        removal.start()
        eventually(lambda: '"v-new"' in load.bodies(), what="an answer of the new version")
        removal.join()
    assert load.failed() == {}
    assert load.answers[(200, '"v-3"')] >= 1
    assert "v-3" not in serving.versions()


def in_flight(serving: RunningHost, version: str) -> bool:
    return int(serving.versions()[version]["inFlight"]) > 0
