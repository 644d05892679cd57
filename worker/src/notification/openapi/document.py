"""The document itself (OpenAPI 3.1.1)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from notification.errors import STATUS
from notification.http.router import Access, Handler, Route
from notification.openapi.operation import Operation, Parameter, Schema
from notification.openapi.schemas import BODY_WARNINGS, COMPONENTS, TEXT, choice, shared

_PARAMETER = re.compile(r"\{(\w+)\}")
_BODY_METHODS = ("POST", "PUT", "PATCH", "DELETE")
_SIGNED_CODES = (
    "MISSING_SIGNATURE",
    "INVALID_TIMESTAMP",
    "REQUEST_EXPIRED",
    "INVALID_SIGNATURE",
    "WEAK_SECRET",
)
_ALWAYS = ("RATE_LIMIT_EXCEEDED", "INTERNAL_ERROR", "D1_NOT_BOUND", "KV_NOT_BOUND", "DB_ERROR")
_CODES = {
    Access.PUBLIC: (),
    Access.SIGNED: _SIGNED_CODES,
    Access.SCRAPER: (*_SIGNED_CODES, "METRICS_UNAUTHORIZED"),
    Access.GRAFANA: ("UNAUTHORIZED", "WEAK_SECRET"),
    Access.ADMIN_KEY: (*_SIGNED_CODES, "UNAUTHORIZED"),
}
_SIGNATURE: dict[str, list[str]] = {"signature": [], "timestamp": []}
_SECURITY: dict[Access, list[dict[str, list[str]]]] = {
    Access.PUBLIC: [],
    Access.SIGNED: [_SIGNATURE],
    Access.SCRAPER: [_SIGNATURE, {"metricsToken": []}],
    Access.GRAFANA: [{"grafana": []}],
    Access.ADMIN_KEY: [_SIGNATURE, {"adminKey": []}],
}
_SCHEMES = {
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Signature",
        "description": "Hexadecimal HMAC-SHA256. With `X-Signature-Version: 2` over timestamp,"
        " method, path with query and the body's SHA-256, joined by line feeds.",
    },
    "timestamp": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Timestamp",
        "description": "Milliseconds since 1970, at most five minutes off.",
    },
    "metricsToken": {"type": "http", "scheme": "bearer"},
    "grafana": {"type": "http", "scheme": "basic"},
    "adminKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def build_document(
    routes: Iterable[Route], operations: Mapping[Handler, Operation], version: str
) -> dict[str, Any]:
    """Describe every route and alias.

    Raises:
        KeyError: a handler has no operation.
    """
    paths: dict[str, dict[str, Any]] = {}
    names: dict[str, int] = {}
    for route in routes:
        operation = operations[route.handler]
        for path in (route.path, *route.aliases):
            described = _operation(route, path, operation)
            name = described["operationId"]
            names[name] = names.get(name, 0) + 1
            if names[name] > 1:
                described["operationId"] = f"{name}_{names[name]}"
            paths.setdefault(path, {})[route.method.lower()] = described
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Notification service",
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": COMPONENTS, "securitySchemes": _SCHEMES},
    }


def _operation(route: Route, path: str, operation: Operation) -> dict[str, Any]:
    summary, _, rest = (route.handler.__doc__ or "").strip().partition("\n\n")
    described: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "tags": [operation.tag],
        "summary": " ".join(summary.split()),
        "security": _SECURITY[route.access],
        "responses": _responses(route, path, operation),
    }
    if rest:
        described["description"] = "\n\n".join(" ".join(p.split()) for p in rest.split("\n\n"))
    in_path = _PARAMETER.findall(path)
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in in_path
    ]
    parameters += [_parameter(p) for p in operation.parameters if p.name not in in_path]
    if parameters:
        described["parameters"] = parameters
    body = _body(operation)
    if body and route.method in _BODY_METHODS:
        described["requestBody"] = body
    return described


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described = {"name": parameter.name, "in": parameter.where, "schema": parameter.schema}
    if parameter.description:
        described["description"] = parameter.description
    return described


def _body(operation: Operation) -> dict[str, Any] | None:
    content: dict[str, Any] = {}
    if operation.body is not None:
        content["application/json"] = {"schema": operation.body}
    content |= {kind: {"schema": TEXT} for kind in operation.body_types}
    return {"required": operation.body_required, "content": content} if content else None


def _responses(route: Route, path: str, operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, schema in operation.answers.items():
        if _is_open(operation.body) and operation.names_unknown_fields:
            schema = _with_warnings(schema)
        content: dict[str, Any] = {"application/json": {"schema": schema}}
        if operation.text_answer and status == 200:
            content[operation.text_answer] = {"schema": TEXT}
        responses[str(status)] = _response("Done", content)
    codes: dict[int, list[str]] = {}
    for code in _codes(route, path, operation):
        codes.setdefault(STATUS[code], []).append(code)
    for status, names in sorted(codes.items()):
        schema = {
            "allOf": [shared("Error")],
            "type": "object",
            "properties": {"code": choice(*names), **operation.failure_fields},
        }
        content = {"application/json": {"schema": schema}}
        known = responses.get(str(status))
        if known is not None:
            content = {
                "application/json": {
                    "schema": {"anyOf": [known["content"]["application/json"]["schema"], schema]}
                }
            }
        responses[str(status)] = _response(", ".join(names), content)
    return responses


def _is_open(body: Schema | None) -> bool:
    return body is not None and body.get("additionalProperties") is not False


def _with_warnings(schema: Schema) -> Schema:
    return {**schema, "properties": {"warnings": BODY_WARNINGS, **schema["properties"]}}


def _response(description: str, content: Mapping[str, Any]) -> dict[str, Any]:
    headers = {"X-Request-Id": {"schema": TEXT}}
    return {"description": description, "headers": headers, "content": content}


def _codes(route: Route, path: str, operation: Operation) -> list[str]:
    codes = [*_ALWAYS, *_CODES[route.access], *operation.errors]
    if not route.during_maintenance:
        codes.append("MAINTENANCE")
    if route.method in _BODY_METHODS:
        codes.append("PAYLOAD_TOO_LARGE")
    if operation.body is not None:
        codes.append("INVALID_REQUEST")
    codes.append("INVALID_PARAMETER")
    return list(dict.fromkeys(codes))
