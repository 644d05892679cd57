"""Checks every answer of the service against its OpenAPI document."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any

from notification.http.router import Router
from notification.openapi.build import document_text
from notification.routes.table import all_routes
from tests.worker.openapi.json_schema import problems


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The parsed document."""
    parsed: dict[str, Any] = json.loads(_text())
    return parsed


@lru_cache(maxsize=1)
def _text() -> str:
    return document_text("9.8.7")


class _BundledDocument(ModuleType):
    """Stands in for the module that the bundle's builder writes."""

    @property
    def DOCUMENT(self) -> str:  # noqa: N802 - the module's own name
        return _text()


sys.modules["notification.openapi_document"] = _BundledDocument("notification.openapi_document")


@lru_cache(maxsize=1)
def _router() -> Router:
    return Router(all_routes())


def operation_of(method: str, path: str) -> Mapping[str, Any] | None:
    """Return the documented operation of a request; None if no route takes it."""
    try:
        route, parameters = _router().find(method, path)
    except Exception:
        return None
    for declared in (route.path, *route.aliases):
        if len(declared.split("/")) == len(path.split("/")) and declared.count("{") == len(
            parameters
        ):
            operation: Mapping[str, Any] = document()["paths"][declared][route.method.lower()]
            return operation
    raise AssertionError(f"{method} {path} is not documented")


def check_answer(method: str, target: str, status: int, kind: str, text: str) -> None:
    """Fail if an answer has a status, code or field that isn't documented."""
    operation = operation_of(method, target.partition("?")[0])
    if operation is None or method in ("OPTIONS", "HEAD"):
        return
    what = f"{method} {target} {status}"
    assert str(status) in operation["responses"], f"{what} is not documented: {text[:300]}"
    content = operation["responses"][str(status)]["content"]
    assert kind in content, f"{what} has an undocumented media type {kind}"
    if kind == "application/json":
        found = problems(json.loads(text), content[kind]["schema"], document())
        assert not found, f"{what}: {found}\n{text[:600]}"


def check_query(method: str, path: str, names: set[str]) -> None:
    """Fail if a handler reads query parameters that aren't documented."""
    operation = operation_of(method, path)
    if operation is None:
        return
    declared = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
    assert names <= declared, f"{method} {path} reads {names - declared}"


def check_accepted_body(method: str, path: str, status: int, body: bytes) -> None:
    """Fail if the service accepted a JSON body that isn't documented."""
    operation = operation_of(method, path)
    if operation is None or not 200 <= status < 300 or not body.strip():
        return
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    if schema:
        found = problems(json.loads(body), schema, document())
        assert not found, f"{method} {path} took {found}: {body[:300]!r}"
