"""Who may call which route, on the deployed service; what nobody declared is refused."""

from __future__ import annotations

import pytest

from notification.http.router import Access
from notification.routes.table import all_routes
from tests.integration.conformance.deployed import SECRETS, Deployed, basic, expect

GRAFANA = (SECRETS["grafanaWebhookUsername"], SECRETS["grafanaWebhookPassword"])
PUBLIC = {
    "GET /health",
    "GET /api/health",
    "GET /health/scheduled-tasks",
    "GET /openapi.json",
    "GET /test-ui",
    "POST /web_hook/bridge/{user_id}/{channel_type}",
    "POST /api/webhooks/standard/{user_id}/{channel_type}",
}
BASIC = {
    "POST /api/webhooks/grafana",
    "POST /api/grafana/webhook",
    "POST /api/webhooks/alertmanager",
}
ALIASES = {
    "POST /api/send-notification",
    "GET /api/health",
    "GET /api/metrics",
    "GET /api/logs",
    "POST /api/trigger-retry",
    "POST /api/cleanup-logs",
    "GET /api/templates/{key}",
    "POST /api/templates/{key}",
    "PUT /api/templates/{key}",
    "DELETE /api/templates/{key}",
    "GET /api/templates/{key}/contents",
    "POST /api/templates/{key}/contents/{channel}",
    "GET /api/users/{user_id}/configs",
    "PUT /api/users/{user_id}/configs/{channel}",
    "DELETE /api/users/{user_id}/configs/{channel}",
    "POST /api/grafana/webhook",
}


def declared() -> dict[str, Access]:
    return {
        f"{route.method} {path}": route.access
        for route in all_routes()
        for path in (route.path, *route.aliases)
    }


def path_of(name: str) -> tuple[str, str]:
    method, _, path = name.partition(" ")
    return method, "/".join("nobody" if part.startswith("{") else part for part in path.split("/"))


@pytest.mark.requirement("C-1.9", "C-2", "B-35")
def test_a_route_is_open_only_where_the_access_matrix_says_so() -> None:
    routes = declared()
    assert {n for n, access in routes.items() if access is Access.PUBLIC} == PUBLIC
    assert {n for n, access in routes.items() if access is Access.GRAFANA} == BASIC
    assert set(routes) >= ALIASES


@pytest.mark.requirement("C-1.9", "C-0.2", "B-34", "B-35")
@pytest.mark.parametrize("name", sorted(set(declared()) - PUBLIC - BASIC))
def test_a_protected_route_refuses_who_does_not_sign(service: Deployed, name: str) -> None:
    method, path = path_of(name)
    answer = service.open(method, path, content=b"{" if method != "GET" else None)
    expect(answer, 401, "MISSING_SIGNATURE", "Missing signature headers")


@pytest.mark.requirement("C-0.2", "C-1.9")
def test_an_unknown_path_is_not_found_whether_signed_or_not(service: Deployed) -> None:
    for path in ("/", "/nothing", "/api", "/api/templates/a/b/c", "/api/users", "/HEALTH"):
        expect(service.call("GET", path), 404, "NOT_FOUND", "Not found")
        expect(service.open("GET", path), 404, "NOT_FOUND", "Not found")


@pytest.mark.requirement("C-2.14", "C-0.1")
@pytest.mark.parametrize(
    "path",
    [
        "/health/db",
        "/health/kv",
        "/health/queue",
        "/api/health/detailed",
        "/api/admin/export-config",
        "/api/notifications/preview",
        "/api/notifications/1/status",
        "/api/notification-logs/request/x",
        "/api/templates/a/stats",
    ],
)
def test_what_is_only_named_in_old_documents_is_not_found(service: Deployed, path: str) -> None:
    expect(service.call("GET", path), 404, "NOT_FOUND")


@pytest.mark.requirement("C-1.7", "B-53")
@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, "Missing Authorization header"),
        ({"Authorization": "Bearer x"}, "Invalid authorization type, expected Basic"),
        (
            {"Authorization": "Basic %%%"},
            "Invalid base64 encoding in Authorization header",
        ),
        ({"Authorization": "Basic bm9jb2xvbg=="}, "Invalid credentials format"),
        (basic(GRAFANA[0], "wrong"), "Invalid username or password"),
        (basic("größe", GRAFANA[1]), "Invalid username or password"),
    ],
)
def test_grafanas_credentials_are_judged_with_the_contracts_texts(
    service: Deployed, headers: dict[str, str], text: str
) -> None:
    for path in ("/api/webhooks/grafana", "/api/grafana/webhook"):
        answer = service.open("POST", path, json={}, headers=headers)
        expect(answer, 401, "UNAUTHORIZED", text)
        assert answer.headers["www-authenticate"] == 'Basic realm="Grafana Webhook"'


@pytest.mark.requirement("C-1.7")
def test_grafanas_scheme_is_known_in_any_case_and_the_first_colon_splits(service: Deployed) -> None:
    header = basic(*GRAFANA)["Authorization"].replace("Basic", "bAsIc")
    answer = service.open(
        "POST", "/api/webhooks/grafana", json={}, headers={"Authorization": header}
    )
    expect(answer, 400, "INVALID_PARAMETER", "Missing or invalid receiver field")


@pytest.mark.requirement("C-1.8", "B-57")
def test_the_administrators_key_opens_the_clean_up_and_nothing_else(service: Deployed) -> None:
    right = {"X-API-Key": SECRETS["adminApiKey"]}
    assert service.open("POST", "/api/cleanup-logs", headers=right).status_code == 200
    wrong = service.open("POST", "/api/cleanup-logs", headers={"X-API-Key": "x" * 40})
    expect(wrong, 401, "UNAUTHORIZED")
    for path in ("/api/notification-logs", "/api/db/schema"):
        expect(service.open("GET", path, headers=right), 401, "MISSING_SIGNATURE")
    key = service.installation.outputs()["api_secret_key"]
    other = service.open("POST", "/api/cleanup-logs", headers={"X-API-Key": key})
    expect(other, 401, "UNAUTHORIZED")
    assert service.call("POST", "/api/cleanup-logs").status_code == 200


@pytest.mark.requirement("C-0.20", "C-0.14")
def test_a_scraper_reads_the_metrics_with_its_token_and_nothing_else(service: Deployed) -> None:
    right = {"Authorization": f"Bearer {SECRETS['metricsToken']}"}
    for path in ("/metrics", "/api/metrics"):
        assert service.open("GET", path, headers=right).status_code == 200
    wrong = service.open("GET", "/metrics", headers={"Authorization": "Bearer no"})
    expect(wrong, 401, "METRICS_UNAUTHORIZED")
    for path in ("/api/queue/status", "/api/stats/series?metric=sent"):
        expect(service.open("GET", path, headers=right), 401, "MISSING_SIGNATURE")
