"""Calls that schemathesis generates from the document: valid and invalid ones."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from notification.routes.table import all_routes
from notification.schema.migration_files import MIGRATIONS
from tests.worker.openapi.conformity import document
from tests.worker.routes.test_grafana import PASSWORD, USER, basic
from tests.worker.world import World

OPERATIONS = [
    found.ok()
    for found in schemathesis.openapi.from_dict(document()).get_all_operations()
    if isinstance(found, Ok)
]
CANONICAL = {(route.method.lower(), route.path) for route in all_routes()}


def _cases() -> Iterator[Any]:
    """Yield valid calls of every operation, and invalid ones where a call can be invalid."""
    for operation in OPERATIONS:
        if (operation.method, operation.path) not in CANONICAL:
            continue
        for mode in GenerationMode:
            takes = operation.definition.raw.keys() & {"parameters", "requestBody"}
            if takes or mode is GenerationMode.POSITIVE:
                yield pytest.param(operation, mode, id=f"{operation.label} {mode.value}")


@lru_cache(maxsize=1)
def _world() -> World:
    world = World()
    world.environment["ENVIRONMENT"] = "staging"
    world.environment["GRAFANA_WEBHOOK_USERNAME"] = USER
    world.environment["GRAFANA_WEBHOOK_PASSWORD"] = PASSWORD
    world.configure()
    world.checks_accepted_bodies = False  # made-up fields are ignored, and that is right
    world.database.connection.execute("CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name)")
    world.database.connection.executemany(
        "INSERT INTO d1_migrations (name) VALUES (?)", [(m.name,) for m in MIGRATIONS]
    )
    return world


def _make(case: Any) -> None:
    """Make a call; the world checks the answer, and it must be no failure of the service."""
    call = case.as_transport_kwargs(base_url="http://service")
    headers = {name.lower(): str(value) for name, value in dict(call["headers"]).items()}
    if case.operation.path.endswith(("/grafana", "grafana/webhook")):
        headers["authorization"] = basic()
    query = urlencode(call.get("params") or {}, doseq=True)
    path = str(case.formatted_path)
    raw = call.get("data")
    answer = _world().request(
        case.method,
        f"{path}?{query}" if query else path,
        call.get("json"),
        raw=raw.encode() if isinstance(raw, str) else raw,
        headers={n: v for n, v in headers.items() if n.startswith(("x-", "content-", "auth"))},
    )
    assert answer.status < 500 or answer.status in (501, 503), answer.text


@pytest.mark.parametrize(("operation", "mode"), list(_cases()))
def test_a_generated_call_is_answered_as_documented(operation: Any, mode: GenerationMode) -> None:
    @settings(
        max_examples=4,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        _make(data.draw(operation.as_strategy(generation_mode=mode)))

    run()
