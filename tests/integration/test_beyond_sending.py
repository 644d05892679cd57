"""Bridge, figures, a person's data, the schema and the document on the real runtime and D1."""

from __future__ import annotations

import secrets

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from notification.schema.migration_files import MIGRATIONS
from ops.stacks.service import ServiceClient
from tests.eventually import eventually
from tests.installation import Installation
from tests.worker.openapi.conformity import check_answer

pytestmark = pytest.mark.workerd


@pytest.fixture
def installation(moving: Installation) -> Installation:
    """These tests let time pass."""
    return moving


@pytest.fixture
def user(installation: Installation) -> str:
    """A recipient whose webhook is the sink."""
    name = f"user-{secrets.token_hex(4)}"
    url = f"{installation.sink_url}/hook/{name}"
    with installation.service() as service:
        _call(
            service,
            "PUT",
            f"/api/users/{name}/configs/webhook",
            {"config_data": {"webhook_url": url}},
        )
    return name


def _call(
    service: ServiceClient, method: str, target: str, body: dict[str, object] | None = None
) -> httpx.Response:
    answer = service.call(method, target, body=body)
    kind = answer.headers["content-type"]
    check_answer(method, target, answer.status_code, kind, answer.text)
    return answer


def _bridge(
    installation: Installation, user: str, content: bytes, kind: str, *, key: str = ""
) -> httpx.Response:
    path = f"/web_hook/bridge/{user}/webhook"
    answer = httpx.post(
        installation.outputs()["service_url"] + path,
        content=content,
        headers={
            "content-type": kind,
            "x-bridge-token": installation.outputs()["bridge_token"],
            **({"idempotency-key": key} if key else {}),
        },
        trust_env=False,
        timeout=60,
    )
    check_answer("POST", path, answer.status_code, answer.headers["content-type"], answer.text)
    return answer


def test_the_bridge_forwards_once_what_arrives_twice_with_one_key(
    installation: Installation, user: str
) -> None:
    form = "application/x-www-form-urlencoded"
    first = _bridge(installation, user, b"title=Disk&text=95%25+used", form, key="disk-1")
    again = _bridge(installation, user, b"title=Disk&text=95%25+used", form, key="disk-1")
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json()["message_id"] == first.json()["message_id"]
    [arrival] = installation.arrivals(f"/hook/{user}")
    assert '"95% used"' in arrival["body"]


def test_the_cron_rolls_figures_up_and_they_survive_the_person(
    installation: Installation, user: str
) -> None:
    _bridge(installation, user, b"counted", "text/plain")
    with installation.service() as service:
        before = _call(service, "GET", "/metrics").json()["totalSent"]
        assert _call(service, "GET", f"/metrics?user_id={user}").json()["totalSent"] == 1
        last_run = _last_run(service)
        installation.advance_clock(301)
        eventually(lambda: _last_run(service) != last_run, what="the next run of the cron")
        assert _call(service, "GET", "/metrics").json()["totalSent"] >= before
        exported = _call(service, "GET", f"/api/users/{user}/export").json()["data"]
        assert [n["content"] for n in exported["notifications"]] == ["counted"]
        erased = _call(service, "DELETE", f"/api/users/{user}").json()["data"]
        assert erased["deleted"]["notifications"] == 1
        assert _call(service, "GET", f"/api/users/{user}/export").status_code == 404
        assert _call(service, "GET", "/metrics").json()["totalSent"] >= before
        points = _call(service, "GET", "/api/stats/series?metric=sent").json()["data"]["points"]
        assert sum(point["value"] for point in points) >= before
        text = _call(service, "GET", "/metrics?format=prometheus").text
        assert 'notification_requests_total{channel="webhook",status="sent"}' in text


def _last_run(service: ServiceClient) -> object:
    tasks = _call(service, "GET", "/health/scheduled-tasks").json()["tasks"]
    return tasks["data_cleanup"].get("lastRun")


def test_the_ledger_of_the_deployment_is_the_services(installation: Installation) -> None:
    with installation.service() as service:
        schema = _call(service, "GET", "/api/db/schema").json()["data"]
        migrated = _call(service, "POST", "/api/db/migrate", {}).json()["data"]
    assert schema["isValid"] is True
    assert schema["appliedMigrations"] == [migration.name for migration in MIGRATIONS]
    assert (schema["missingTables"], migrated["migrationsRun"]) == ([], [])


def test_the_served_document_is_valid(installation: Installation) -> None:
    with installation.service(signed=False) as service:
        served = service.call("GET", "/openapi.json").json()
    assert [e.message for e in OpenAPIV31SpecValidator(served).iter_errors()] == []
