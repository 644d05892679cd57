"""Settings, and the switches among them."""

from __future__ import annotations

import pytest

from notification.settings import Settings
from tests.worker.stepped_timeline import SteppedTimeline
from tests.worker.world import World


@pytest.mark.parametrize("text", ["", "abc", "-5", "0", "٣", "1.5"])
@pytest.mark.requirement("C-11")
def test_a_malformed_number_takes_its_default(text: str) -> None:
    assert Settings.read({"MAX_REQUEST_SIZE": text}).max_request_size == 1_048_576


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("ON", True), ("1", True), ("false", False), ("off", False), ("", True)],
)
def test_switches_have_the_usual_spellings(text: str, value: bool) -> None:
    assert Settings.read({"SIGNATURE_V1": text}).accept_signature_v1 is value


@pytest.mark.parametrize(
    ("environment", "limit"),
    [
        ({"RATE_LIMIT_ADDRESS_PER_MINUTE": "9"}, 9),
        ({"RATE_LIMIT_MAX_REQUESTS": "8"}, 8),
        ({"RATE_LIMIT_MAX_REQUESTS": "8", "RATE_LIMIT_ADDRESS_PER_MINUTE": "9"}, 9),
        ({}, 100),
    ],
)
def test_the_address_limit_is_read_under_its_old_name_too(
    environment: dict[str, str], limit: int
) -> None:
    assert Settings.read(environment).rate_limit_address_per_minute == limit


@pytest.mark.requirement("C-11")
def test_nothing_set_means_a_cautious_development_stack() -> None:
    settings = Settings.read({})
    assert settings.environment == "development"
    assert settings.allow_loopback_endpoints is False
    assert settings.maintenance is False
    assert settings.secret_weakness() == "API_SECRET_KEY is not set"


@pytest.mark.requirement("C-11")
def test_a_channel_that_is_switched_off_is_not_called(world: World) -> None:
    world.configure()
    world.environment["FEATURE_WEBHOOK_ENABLED"] = "false"
    refused = world.send()
    assert (refused.status, refused.code) == (400, "INVALID_CHANNEL_TYPE")
    assert refused.json["error"] == "Channel webhook is switched off on this stack"
    body = {"user_ids": ["u1"], "channels": ["webhook"], "custom_content": {"content": "x"}}
    [one] = world.request("POST", "/api/notifications/batch", body).json["results"]
    assert (one["success"], one["code"]) == (False, "INVALID_CHANNEL_TYPE")
    assert (world.endpoints.received, world.logs()) == ([], [])


def test_without_retries_a_failure_is_final(world: World) -> None:
    world.configure()
    world.environment["FEATURE_RETRY_ENABLED"] = "false"
    timeline = SteppedTimeline(world)
    timeline.configure("ann")
    timeline.endpoint_answers(500).at(0).push("order")
    timeline.at(600).expect("order", attempts=1, status="failed", retries=0)


@pytest.mark.requirement("C-11")
@pytest.mark.parametrize(
    ("text", "seconds"), [("", 300), ("120", 120), ("10", 60), ("-1", 300), ("soon", 300)]
)
def test_the_cache_ttl_is_at_least_a_minute(text: str, seconds: int) -> None:
    assert Settings.read({"CACHE_TTL": text}).cache_ttl_s == seconds


@pytest.mark.requirement("C-11", "C-4")
@pytest.mark.parametrize(
    ("environment", "allowed"),
    [
        ({"ENVIRONMENT": "production"}, False),
        ({"ENVIRONMENT": "production", "ALLOW_HTTP_WEBHOOKS": "true"}, True),
        ({"ENVIRONMENT": "staging"}, True),
        ({"ENVIRONMENT": "development", "ALLOW_HTTP_WEBHOOKS": "false"}, False),
    ],
)
def test_plain_http_has_to_be_allowed(environment: dict[str, str], allowed: bool) -> None:
    world = World()
    world.environment |= {"ALLOW_HTTP_WEBHOOKS": "", **environment}
    document = {
        "user_id": "u1",
        "channel_type": "webhook",
        "config_data": {"webhook_url": "http://hooks.example.com/in"},
    }
    saved = world.request("POST", "/api/user-configs", document)
    assert saved.status == (201 if allowed else 400), saved.text


@pytest.mark.requirement("C-11", "C-4")
@pytest.mark.parametrize(
    ("environment", "allowed"),
    [
        ({"ENVIRONMENT": "development"}, False),
        ({"ENVIRONMENT": "development", "ALLOW_PRIVATE_WEBHOOKS": "true"}, True),
        ({"ENVIRONMENT": "staging", "ALLOW_PRIVATE_WEBHOOKS": "true"}, False),
        ({"ENVIRONMENT": "production", "ALLOW_PRIVATE_WEBHOOKS": "true"}, False),
    ],
)
def test_private_networks_have_to_be_allowed_and_only_in_development(
    environment: dict[str, str], allowed: bool
) -> None:
    world = World()
    world.environment |= environment
    document = {
        "user_id": "u1",
        "channel_type": "webhook",
        "config_data": {"webhook_url": "https://10.1.2.3/in"},
    }
    saved = world.request("POST", "/api/user-configs", document)
    assert saved.status == (201 if allowed else 400), saved.text
    document["config_data"] = {"webhook_url": "https://169.254.169.254/latest/meta-data"}
    assert world.request("POST", "/api/user-configs", document).status == 400


@pytest.mark.requirement("C-11")
@pytest.mark.parametrize(
    ("name", "value", "weakness"),
    [
        ("API_SECRET_KEY_PREVIOUS", "dev-secret-key-for-testing", "is a published sample value"),
        ("ENCRYPT_KEY_PREVIOUS", "dev-encrypt-key-32-chars-secure!", "is a published sample value"),
        ("ADMIN_API_KEY", "PLACEHOLDER_" + "x" * 40, "is a published sample value"),
        ("BRIDGE_TOKEN", "x" * 31, "is shorter than 32 characters"),
        ("METRICS_TOKEN", "x" * 31, "is shorter than 32 characters"),
        ("GRAFANA_WEBHOOK_PASSWORD", "test-password", "is a published sample value"),
        ("ENCRYPT_KEY", "x" * 33, "must be exactly 32 ASCII characters"),
    ],
)
def test_production_refuses_weak_secrets_including_those_of_a_rotation(
    world: World, name: str, value: str, weakness: str
) -> None:
    world.environment[name] = value
    refused = world.request("GET", "/api/user-configs")
    assert (refused.status, refused.code) == (503, "WEAK_SECRET")
    assert value not in refused.text
    health = world.request("GET", "/health", signed=False)
    assert health.json["errors"] == [{"code": "WEAK_SECRET", "message": f"{name} {weakness}"}]
    world.environment["ENVIRONMENT"] = "staging"
    assert world.request("GET", "/api/user-configs").status == 200


@pytest.mark.requirement("C-3.9")
def test_outside_production_a_short_key_is_padded_with_a_warning(world: World) -> None:
    world.environment |= {"ENVIRONMENT": "development", "ENCRYPT_KEY": "a-short-key"}
    world.configure()
    warnings = [line["message"] for line in world.log_sink.lines if line["level"] == "warn"]
    assert warnings == ["ENCRYPT_KEY has not 32 characters: it was padded or cut"]
    [row] = world.request("GET", "/api/user-configs?user_id=u1").json["data"]
    assert row["config_data"]["webhook_url"]


@pytest.mark.requirement("C-3.9")
@pytest.mark.parametrize(("length", "warned"), [(31, True), (32, False), (33, True)])
def test_a_key_of_32_characters_alone_is_taken_without_a_warning(
    world: World, length: int, warned: bool
) -> None:
    world.environment |= {"ENVIRONMENT": "development", "ENCRYPT_KEY": "k" * length}
    world.configure()
    assert any(line["level"] == "warn" for line in world.log_sink.lines) is warned


def test_without_the_cache_nothing_is_kept_there(world: World) -> None:
    world.configure()
    world.environment["FEATURE_CACHE_ENABLED"] = "false"
    world.request("GET", "/api/user-configs?user_id=u1&channel_type=webhook")
    assert world.cache.values == {}
