"""The console's former address."""

from __future__ import annotations

import pytest

from tests.worker.world import World


@pytest.mark.parametrize(
    ("path", "location"), [("/console", "/console/"), ("/ops/console", "/ops/console/"), ("/", "/")]
)
@pytest.mark.requirement("C-0.19")
def test_the_former_address_leads_to_the_console(world: World, path: str, location: str) -> None:
    world.environment["CONSOLE_PATH"] = path
    answer = world.request("GET", "/test-ui", signed=False)
    assert answer.status == 302
    assert answer.headers["Location"] == location


@pytest.mark.requirement("D-24")
def test_where_the_version_serves_no_console_there_is_no_former_address(world: World) -> None:
    answer = world.request("GET", "/test-ui", signed=False)
    assert (answer.status, answer.json["code"]) == (404, "NOT_FOUND")
