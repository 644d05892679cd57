"""The OpenAPI document. Every answer of every test is checked against it as well."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from notification.errors import STATUS
from notification.http.router import Access
from notification.openapi.build import all_operations
from notification.routes.table import all_routes
from tests.worker.openapi.conformity import check_answer, check_query, document
from tests.worker.openapi.json_schema import problems
from tests.worker.world import World


def _operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_route_and_alias_has_its_operation_and_nothing_else_has_one() -> None:
    routes = {(p, r.method.lower()) for r in all_routes() for p in (r.path, *r.aliases)}
    assert {(path, method) for path, method, _ in _operations()} == routes
    assert set(all_operations()) == {route.handler for route in all_routes()}


@pytest.mark.requirement("C-0.19")
def test_the_document_is_public_and_names_its_version(world: World) -> None:
    served = world.request("GET", "/openapi.json", signed=False)
    assert served.status == 200
    assert served.json["openapi"] == "3.1.1"
    assert served.json["info"]["version"] == "9.8.7"
    assert served.json == document()


def test_success_is_200_and_few_answer_otherwise() -> None:
    others = {
        (path, method): statuses
        for path, method, operation in _operations()
        if (statuses := sorted(set(operation["responses"]) & {*map(str, range(100, 400))}))
        != ["200"]
    }
    assert others == {
        ("/api/user-configs", "post"): ["200", "201"],
        ("/api/users/{user_id}/configs/{channel}", "put"): ["200", "201"],
        ("/api/queue/clear-messages", "post"): [],
        ("/test-ui", "get"): ["302"],
    }


def test_a_body_is_required_where_nothing_can_be_done_without_it() -> None:
    optional = {
        path
        for path, _, operation in _operations()
        if not operation.get("requestBody", {"required": True})["required"]
    }
    assert optional == {
        "/api/notification-logs/cleanup",
        "/api/cleanup-logs",
        "/api/scheduled-tasks/trigger",
        "/api/notifications/retry",
        "/api/trigger-retry",
        "/api/queue/clear-retries",
        "/api/queue/purge-test-data",
        "/api/db/migrate",
    }


def test_a_batch_takes_every_field_of_a_send_for_its_recipients() -> None:
    def fields(path: str) -> dict[str, Any]:
        content = document()["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        schema: dict[str, Any] = content["schema"]
        return schema

    one = fields("/api/notifications/send")
    several, same = fields("/api/notifications/batch")["anyOf"]
    assert set(several["properties"]) == {"notifications"}
    assert set(same["properties"]) == {*one["properties"], "user_ids"} - {"user_id"}
    assert (several["required"], same["required"]) == (["notifications"], ["user_ids"])


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does() -> None:
    names = [operation["operationId"] for _, _, operation in _operations()]
    assert len(names) == len(set(names))
    for path, method, operation in _operations():
        assert operation["summary"], (path, method)
        assert operation["tags"], (path, method)


def test_parameters_of_a_path_are_those_in_it() -> None:
    for path, method, operation in _operations():
        declared = [p["name"] for p in operation.get("parameters", []) if p["in"] == "path"]
        assert declared == re.findall(r"\{(\w+)\}", path), (path, method)
        pairs = [(p["name"], p["in"]) for p in operation.get("parameters", [])]
        assert len(pairs) == len(set(pairs)), (path, method)


def test_a_route_asks_for_what_its_access_asks_for() -> None:
    for route in all_routes():
        operation = document()["paths"][route.path][route.method.lower()]
        schemes = {name for option in operation["security"] for name in option}
        assert ("signature" in schemes) == (
            route.access in (Access.SIGNED, Access.SCRAPER, Access.ADMIN_KEY)
        )
        assert (route.access is Access.PUBLIC) == (schemes == set())
        assert schemes <= set(document()["components"]["securitySchemes"])


def test_error_answers_list_codes_of_the_services_table() -> None:
    seen = set()
    for _, _, operation in _operations():
        for status, response in operation["responses"].items():
            codes = response["description"].split(", ")
            for code in codes if codes != ["Done"] else []:
                assert STATUS[code] == int(status)
                seen.add(code)
    assert set(STATUS) - seen == {"METHOD_NOT_ALLOWED"}


def test_the_document_is_valid() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(document()).iter_errors()] == []


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (1, {"type": "string"}),
        (True, {"type": "integer"}),
        ("x", {"enum": ["y"]}),
        ({}, {"type": "object", "properties": {"a": {}}, "required": ["a"]}),
        ({"b": 1}, {"type": "object", "properties": {"a": {}}}),
        ([1, "x"], {"type": "array", "items": {"type": "integer"}}),
        ({"a": 1}, {"type": "object", "additionalProperties": {"type": "string"}}),
        ("yesterday", {"type": "string", "format": "date-time"}),
        (None, {"anyOf": [{"type": "string"}, {"const": 1}]}),
        ({"code": "B"}, {"allOf": [{"type": "object"}], "properties": {"code": {"enum": ["A"]}}}),
    ],
)
def test_the_check_of_answers_finds_what_does_not_fit(value: Any, schema: dict[str, Any]) -> None:
    assert problems(value, schema, {})


def test_the_check_of_answers_refuses_undocumented_ones() -> None:
    for status, text in ((418, "{}"), (200, '{"status":"healthy"}'), (500, '{"code":"OTHER"}')):
        with pytest.raises(AssertionError):
            check_answer("GET", "/health", status, "application/json", text)
    with pytest.raises(AssertionError):
        check_query("GET", "/api/logs", {"colour"})
