"""The list of routes."""

from __future__ import annotations

import base64
import re

import pytest

from notification.http.router import Access, Route
from notification.routes.table import MODULES, all_routes
from tests.worker.openapi.conformity import document
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


@pytest.mark.requirement("C-1.3")
@pytest.mark.parametrize("route", all_routes(), ids=lambda route: f"{route.method} {route.path}")
def test_a_route_takes_the_query_parameters_that_are_documented(route: Route) -> None:
    for path in (route.path, *route.aliases):
        operation = document()["paths"][path][route.method.lower()]
        documented = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
        taken = [name for name in route.query if f"{{{name}}}" not in path]
        assert documented == taken


@pytest.mark.requirement("C-1.3")
@pytest.mark.parametrize("route", all_routes(), ids=lambda route: f"{route.method} {route.path}")
def test_an_unknown_query_parameter_is_refused_naming_those_of_the_route(
    world: World, route: Route
) -> None:
    world.environment["GRAFANA_WEBHOOK_USERNAME"] = "grafana"
    world.environment["GRAFANA_WEBHOOK_PASSWORD"] = "a-password-of-more-than-32-characters"
    login = base64.b64encode(b"grafana:a-password-of-more-than-32-characters").decode()
    path = re.sub(r"\{\w+\}", "x", route.path)
    signed = route.access is not Access.GRAFANA
    headers = {} if signed else {"authorization": f"Basic {login}"}
    refused = world.request(route.method, f"{path}?statuss=failed", signed=signed, headers=headers)
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER")
    takes = f"it takes: {', '.join(route.query)}" if route.query else "it takes none"
    assert refused.json["error"] == (
        f"Unknown query parameter 'statuss' for {route.method} {route.path}; {takes}"
    )


@pytest.mark.requirement("C-1.9")
def test_who_is_not_let_in_learns_nothing_of_parameters(world: World) -> None:
    refused = world.request("GET", "/api/notification-logs?statuss=x", signed=False)
    assert refused.code == "MISSING_SIGNATURE"


@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        ("GET", "/api/user-configs?mask=yes", "mask"),
        ("GET", "/api/templates?is_active=1", "is_active"),
        ("GET", "/api/templates?include_inactive=True", "include_inactive"),
        ("DELETE", "/api/notification-logs/1?force=1", "force"),
        ("DELETE", "/api/users/u1?force=1", "force"),
    ],
)
def test_a_switch_that_is_neither_on_nor_off_is_not_taken_as_missing(
    world: World, method: str, target: str, name: str
) -> None:
    refused = world.request(method, target)
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER")
    assert refused.json["error"] == f"{name} must be true or false"
