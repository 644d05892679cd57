"""The bounds that the document tells are those that the service holds."""

from __future__ import annotations

import base64
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
