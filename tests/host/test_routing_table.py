"""Which Worker answers which address."""

from __future__ import annotations

from typing import Any

import pytest

from tests.host.node_module import run_in_node

CHOOSE = """
const table = new m.RoutingTable(input.table);
return input.asked.map(([host, path]) => table.choose({ host, path }, input.running));
"""
RUNNING = [{"id": "aaaaaaaa-1", "script": "one"}, {"id": "bbbbbbbb-2", "script": "two"}]


def table(**changes: Any) -> dict[str, Any]:
    """Two Workers, the first with a custom domain."""
    routes = [
        {
            "hosts": ["one.localhost", "notify.example.test"],
            "script": "one",
            "versions": [{"id": "aaaaaaaa-1", "percentage": 100}],
        },
        {
            "hosts": ["two.localhost"],
            "script": "two",
            "versions": [{"id": "bbbbbbbb-2", "percentage": 100}],
        },
    ]
    return {"generation": 1, "routes": routes, "defaultScript": "one", **changes}


def chosen(document: dict[str, Any], *asked: tuple[str, str]) -> list[str | None]:
    """The Worker that each (host, path) reaches."""
    argument = {"table": document, "asked": list(asked), "running": RUNNING}
    scripts = {version["id"]: version["script"] for version in RUNNING}
    found = run_in_node("routing-table.mjs", CHOOSE, argument)
    return [scripts.get(identifier) for identifier in found]


def test_a_custom_domain_reaches_its_worker_by_the_host_header() -> None:
    asked = [("notify.example.test", "/"), ("NOTIFY.example.test:8788", "/x"), ("x.test", "/")]
    assert chosen(table(), *asked) == ["one", "one", None]


def test_a_route_runs_before_the_custom_domain_and_the_most_specific_one_wins() -> None:
    patterns = [
        {"pattern": "*.example.test/*", "script": "one"},
        {"pattern": "notify.example.test/api/*", "script": "two"},
        {"pattern": "notify.example.test/api/v1/*", "script": "one"},
        {"pattern": "notify.example.test/api/exact", "script": "one"},
        {"pattern": "https://example.test", "script": "two"},
    ]
    asked = [
        ("notify.example.test", "/"),
        ("notify.example.test", "/api/send"),
        ("notify.example.test", "/api/v1/send"),
        ("notify.example.test", "/api/exact"),
        ("other.example.test", "/api/"),
        ("example.test", "/"),
        ("example.test", "/deeper"),
        ("badexample.test", "/"),
    ]
    found = chosen(table(patterns=patterns), *asked)
    assert found == ["one", "two", "one", "one", "one", "two", None, None]


def test_a_route_without_a_worker_passes_requests_on_to_the_origin() -> None:
    patterns = [
        {"pattern": "*.example.test/*", "script": "two"},
        {"pattern": "notify.example.test/*", "script": None},
    ]
    asked = [("notify.example.test", "/"), ("other.example.test", "/")]
    assert chosen(table(patterns=patterns), *asked) == ["one", "two"]


@pytest.mark.parametrize(
    ("scripts", "expected"), [(["one"], ["one", None]), ([], [None, None]), (None, ["one", "two"])]
)
def test_preview_hosts_answer_where_previews_are_on(
    scripts: list[str] | None, expected: list[str | None]
) -> None:
    asked = [("aaaaaaaa-one.localhost", "/"), ("bbbbbbbb-two.localhost", "/")]
    document = table() if scripts is None else table(previewScripts=scripts)
    assert chosen(document, *asked) == expected
