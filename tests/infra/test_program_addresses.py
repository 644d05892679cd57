"""Domain, route, workers.dev and console: there where they are configured, and only there."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from tests.infra import registrations
from tests.infra.registrations import Declared
from tests.infra.stack_inputs import ACCOUNT

DOMAIN = {"customDomain": "n.example.com", "zoneName": "example.com"}
ZONE = "5" * 32


@pytest.fixture
def zones(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The account's zones, which the provider's function lists; a test may change them."""
    found = [{"id": ZONE, "name": "example.com"}]

    original = registrations._Provider.call

    def call(
        provider: registrations._Provider, args: mocks.MockCallArgs
    ) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        if args.token.startswith("pulumi:"):
            return original(provider, args)
        assert args.token == "cloudflare:index/getZones:getZones"
        assert args.args == {"name": "example.com", "account": {"id": ACCOUNT}}
        return {"results": found}, []

    monkeypatch.setattr(registrations._Provider, "call", call)
    return found


@pytest.mark.requirement("S0-105", "S0-43")
def test_a_custom_domain_is_one_resource_in_the_zone_found_by_name(
    declared: Callable[..., Declared], zones: list[dict[str, str]]
) -> None:
    found = declared(**DOMAIN)
    assert dict(found.one("custom-domain").inputs) == {
        "accountId": ACCOUNT,
        "hostname": "n.example.com",
        "service": "notification-system",
        "zoneId": ZONE,
    }
    assert found.depends_on("custom-domain", "deployment")
    assert found.outputs["custom_domain_id"] == "custom-domain-id"
    assert found.outputs["zone_id"] == ZONE
    assert not found.of_type("WorkersRoute")


@pytest.mark.requirement("S0-105")
def test_a_route_is_one_resource_in_the_zone_named_by_its_id(
    declared: Callable[..., Declared],
) -> None:
    found = declared(routePattern="api.example.com/notify*", zoneId=ZONE)
    assert dict(found.one("route").inputs) == {
        "pattern": "api.example.com/notify*",
        "script": "notification-system",
        "zoneId": ZONE,
    }
    assert found.depends_on("route", "deployment")
    assert not found.of_type("WorkersCustomDomain")


@pytest.mark.requirement("S0-105")
def test_without_domain_and_route_nothing_of_a_zone_is_declared_or_asked(
    declared: Callable[..., Declared],
) -> None:
    found = declared()
    assert not found.of_type("WorkersCustomDomain") + found.of_type("WorkersRoute")
    assert not [name for name in found.outputs if "zone" in name or "domain" in name]


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ([], "There is no zone example.com in the account"),
        ([{"id": "1", "name": "example.com"}, {"id": "2", "name": "example.com"}], "2 zones"),
        ([{"id": "1", "name": "notexample.com"}], "There is no zone example.com"),
    ],
)
def test_a_zone_that_is_not_there_once_stops_the_plan_in_one_sentence(
    declared: Callable[..., Declared],
    zones: list[dict[str, str]],
    there: list[dict[str, str]],
    words: str,
) -> None:
    zones[:] = there
    with pytest.raises(pulumi.RunError, match=words) as caught:
        declared(**DOMAIN)
    assert "zoneId" in str(caught.value)


@pytest.mark.requirement("S0-106")
def test_the_domain_is_the_services_url(
    declared: Callable[..., Declared], zones: list[dict[str, str]]
) -> None:
    outputs = declared(**DOMAIN, workersDevSubdomain=None, workersDev="false").outputs
    assert outputs["service_url"] == "https://n.example.com"


def test_workers_dev_and_preview_urls_are_switches(declared: Callable[..., Declared]) -> None:
    def subdomain(**changes: Any) -> object:
        return declared(**changes).one("worker").inputs["subdomain"]

    assert subdomain() == {"enabled": True, "previewsEnabled": True}
    off = subdomain(workersDev="false", previewUrls="false", serviceUrl="https://n.example.com")
    assert off == {"enabled": False, "previewsEnabled": False}


def test_observability_is_on_and_its_share_a_setting(declared: Callable[..., Declared]) -> None:
    def observability(**changes: Any) -> object:
        return declared(**changes).one("worker").inputs["observability"]

    assert observability() == {"enabled": True, "headSamplingRate": 1}
    assert observability(observabilitySampling="0.25") == {
        "enabled": True,
        "headSamplingRate": 0.25,
    }
    assert observability(observability="false")["enabled"] is False  # type: ignore[index]


@pytest.mark.requirement("S4-21")
def test_the_console_is_part_of_the_version(declared: Callable[..., Declared]) -> None:
    version = declared(console="true").one("version").inputs
    assert version["assets"] == {
        "directory": "dist/assets",
        "config": {
            "htmlHandling": "auto-trailing-slash",
            "notFoundHandling": "none",
            "runWorkerFirst": [
                "/api/*",
                "/health",
                "/health/*",
                "/metrics",
                "/openapi.json",
                "/web_hook/*",
            ],
        },
    }
    assert {"name": "ASSETS", "type": "assets"} in version["bindings"]
    path = {"name": "CONSOLE_PATH", "type": "plain_text", "text": "/console"}
    assert path in version["bindings"]
    assert [m["name"] for m in version["modules"] if m["contentType"] == "text/plain"] == [
        "_headers"
    ]


def test_without_a_console_there_is_nothing_of_it(declared: Callable[..., Declared]) -> None:
    found = declared(console="false")
    assert "assets" not in found.one("version").inputs
    assert "ASSETS" not in found.bindings()
    assert found.outputs["release"]["assets_sha256"] == ""
    assert declared(console="true").outputs["release"]["assets_sha256"] == "e" * 64


@pytest.mark.parametrize(
    ("settings", "served"),
    [
        ({}, False),
        ({"console": "true"}, True),
        ({"stack": "trial", "environment": "staging"}, True),
        ({"stack": "trial", "environment": "staging", "console": "false"}, False),
    ],
)
@pytest.mark.requirement("D-24")
def test_production_serves_a_console_only_where_the_stack_says_so(
    declared: Callable[..., Declared], settings: dict[str, str], served: bool
) -> None:
    found = declared(**settings)
    assert ("assets" in found.one("version").inputs) is served
    assert ("CONSOLE_PATH" in found.bindings()) is served


@pytest.mark.requirement("S4-25")
def test_every_version_of_a_stack_binds_the_same_stores(declared: Callable[..., Declared]) -> None:
    stores = ("DB", "CONFIG_CACHE", "RETRY_QUEUE", "FAILED_QUEUE")
    usual, changed = declared().bindings(), declared(console="true", logLevel="warn").bindings()
    assert [usual[name] for name in stores] == [changed[name] for name in stores]


def test_during_maintenance_the_worker_answers_for_the_console_as_well(
    declared: Callable[..., Declared],
) -> None:
    config = declared(console="true", maintenanceMode="true").one("version").inputs["assets"]
    assert config["config"]["runWorkerFirst"] == ["/*"]
