"""The bounds that the document tells are those that the service holds."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from tests.worker.openapi.conformity import document
from tests.worker.world import World

WHOLE: dict[str, dict[str, Any]] = {
    "/api/notifications/send": {
        "user_id": "u1",
        "channels": ["webhook"],
        "custom_content": {"content": "x"},
    },
    "/api/user-configs": {
        "user_id": "u1",
        "channel_type": "webhook",
        "config_data": {"webhook_url": "https://example.com/"},
    },
    "/api/holds/{channel}": {"until": "2026-01-02T00:00:00.000Z", "reason": "down"},
    "/api/notification-logs/cleanup": {"days": 30},
    "/api/notifications/retry": {},
    **{
        path: {
            "receiver": "u1",
            "status": "firing",
            "alerts": [{"status": "firing", "labels": {"alertname": "a"}}],
        }
        for path in ("/api/webhooks/grafana", "/api/webhooks/alertmanager")
    },
}
"""Bodies that are whole without the field in question."""
PASSWORD = "a password of thirty-two letters"
BASIC = f"Basic {base64.b64encode(f'alerts:{PASSWORD}'.encode()).decode()}"
CHANNELS = ["webhook", "lark", "slack", "telegram", "discord", "teams", "ntfy"]


class Bound(NamedTuple):
    """An operation's field, with a value at its bound and one beyond it."""

    method: str
    path: str
    place: str
    field: str
    fits: Any
    beyond: Any


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: Any = document()
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def bounds_of(schema: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    if "minimum" in schema:
        yield schema["minimum"], schema["minimum"] - 1
    if "maximum" in schema:
        yield schema["maximum"], schema["maximum"] + 1
    if "maxLength" in schema:
        yield "k" * schema["maxLength"], "k" * (schema["maxLength"] + 1)
    if "minLength" in schema and "null" not in schema["type"]:
        yield "k" * schema["minLength"], "k" * (schema["minLength"] - 1)
    if "minItems" in schema:
        alert = {"status": "firing", "labels": {"alertname": "a"}}
        items = [alert] if "properties" in resolved(schema["items"]) else CHANNELS
        yield items[: schema["minItems"]], items[: schema["minItems"] - 1]


def all_bounds() -> Iterator[Bound]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            fields = [
                (each["in"], each["name"], resolved(each["schema"]))
                for each in map(resolved, operation.get("parameters", []))
                if each["in"] == "query"
            ]
            if path in WHOLE and "requestBody" in operation:
                [content] = operation["requestBody"]["content"].values()
                properties = resolved(content["schema"])["properties"].items()
                fields += [("body", name, resolved(each)) for name, each in properties]
            for place, name, schema in fields:
                for fits, beyond in bounds_of(schema):
                    yield Bound(method.upper(), path, place, name, fits, beyond)


BOUNDS = [each for each in all_bounds() if not each.path.startswith("/web_hook")]


def refusal(world: World, bound: Bound, value: Any) -> str:
    """What the service says of the field's value, where it says that it is wrong."""
    target = bound.path.replace("{channel}", "slack").replace("{user_id}", "u1")
    body: Any = None if bound.method == "GET" else dict(WHOLE.get(bound.path, {}))
    if bound.place == "query":
        target += f"?{urlencode({bound.field: value})}"
    else:
        body[bound.field] = value
    headers = {"Authorization": BASIC} if "webhooks" in target else {}
    answer = world.request(bound.method, target, body, headers=headers)
    return str(answer.json["error"]) if answer.status == 400 else ""


@pytest.mark.parametrize("bound", BOUNDS, ids=lambda each: f"{each.path} {each.field}")
def test_the_service_takes_what_is_at_a_bound_and_refuses_what_is_beyond(
    world: World, bound: Bound
) -> None:
    world.checks_accepted_bodies = False
    world.environment["GRAFANA_WEBHOOK_USERNAME"] = "alerts"
    world.environment["GRAFANA_WEBHOOK_PASSWORD"] = PASSWORD
    for user in ("u1", "k", "k" * 100):
        world.configure(user)
    assert refusal(world, bound, bound.fits) == ""
    assert refusal(world, bound, bound.beyond) != ""


def test_the_bounds_are_many_and_a_path_has_no_empty_part() -> None:
    assert len(BOUNDS) > 30
    for path, methods in document()["paths"].items():
        for operation in methods.values():
            for each in map(resolved, operation.get("parameters", [])):
                if each["in"] == "path":
                    assert resolved(each["schema"])["minLength"] == 1, path
                assert "default" not in each["schema"] or each["in"] == "query"


KEYWORDS = {
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "default",
    "const",
}
ROUTINE = {"schema", "items", "anyOf", "allOf", "content", "requestBody", "application/json"}
"""Keywords below which a field is still the same one."""
TOLD: dict[str, set[Any]] = {
    "Idempotency-Key minLength": {1},
    "Idempotency-Key maxLength": {255},
    "X-GitHub-Delivery minLength": {1},
    "X-GitHub-Delivery maxLength": {255},
    "after minimum": {0},
    "alerts minItems": {1},
    "bridge_token minLength": {1},
    "bridge_token maxLength": {1_000},
    "channel minLength": {1},
    "channel maxLength": {32},
    "channelType maxLength": {32},
    "channel_type minLength": {1},
    "channel_type maxLength": {32},
    "channels minItems": {1},
    "channels maxItems": {10},
    "channels maxLength": {32},
    "content minLength": {1},
    "content maxLength": {100_000},
    "cursor minimum": {1},
    "days default": {7},
    "days minimum": {1},
    "days maximum": {90, 365},
    "id minLength": {1},
    "idempotency_key minLength": {1},
    "idempotency_key maxLength": {255},
    "key minLength": {1},
    "limit default": {100},
    "limit minimum": {1},
    "limit maximum": {1_000},
    "max_age_hours minimum": {1},
    "max_age_hours maximum": {8_760},
    "message_thread_id minimum": {1},
    "minutes default": {60},
    "minutes minimum": {1},
    "minutes maximum": {1_440},
    "notifications minItems": {1},
    "notifications maxItems": {100},
    "offset default": {0},
    "offset minimum": {0},
    "priority minimum": {1},
    "priority maximum": {5},
    "reason maxLength": {500},
    "receiver minLength": {1},
    "signing const": {"standard-webhooks"},
    "subject maxLength": {1_000},
    "success const": {False, True},
    "thread_key maxLength": {4_000},
    "user_id minLength": {1},
    "user_id maxLength": {100},
    "user_ids minItems": {1},
    "user_ids maxItems": {100},
    "username maxLength": {80},
    "variables maxProperties": {100},
    "webhook-id minLength": {1},
    "webhook-id maxLength": {255},
}
"""What clients are told, over all operations, by field and keyword."""


def told(schema: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    for each in schema if isinstance(schema, list) else ():
        yield from told(each, name)
    if not isinstance(schema, dict):
        return
    name = schema["name"] if "schema" in schema and "name" in schema else name
    for key, each in schema.items():
        if key in KEYWORDS and not isinstance(each, dict):
            yield f"{name} {key}", each
        elif key == "properties":
            for field, inner in each.items():
                yield from told(inner, field)
        else:
            yield from told(each, name if key in ROUTINE else key)


def test_the_bounds_are_those_that_clients_know() -> None:
    found: dict[str, set[Any]] = defaultdict(set)
    for field, value in told(document()):
        found[field].add(value)
    assert dict(found) == TOLD
