"""The list of routes."""

from __future__ import annotations

import pytest

from notification.routes.table import MODULES, all_routes
from tests.worker.world import World


def test_no_method_of_a_path_is_declared_twice() -> None:
    seen = [(r.method, path) for r in all_routes() for path in (r.path, *r.aliases)]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_every_path_of_a_module_begins_with_one_of_its_prefixes(module: object) -> None:
    for route in module.load():  # type: ignore[attr-defined]
        for path in (route.path, *route.aliases):
            assert path.startswith(module.prefixes), path  # type: ignore[attr-defined]


def test_every_route_is_found_whether_its_module_was_loaded_or_not(world: World) -> None:
    for route in all_routes():
        for path in (route.path, *route.aliases):
            filled = path.replace("{", "").replace("}", "")
            answer = world.request("TRACE", filled, signed=False)
            assert answer.status == 405, path
            assert route.method in answer.headers["Allow"].split(", ")
