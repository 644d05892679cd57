"""Settings, and the switches among them."""

from __future__ import annotations

import pytest

from notification.settings import Settings, parse_schedule
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
    assert (settings.service_version, settings.log_level) == ("0.0.0", "debug")
    assert (settings.retry_queue_name, settings.failed_queue_name) == (
        *("retry-queue", "failed-queue"),
    )
    assert (settings.max_request_size, settings.cache_ttl_s) == (1_048_576, 300)
    limits = (settings.rate_limit_per_minute, settings.rate_limit_address_per_minute)
    assert limits == (100, 100)
    assert (settings.allow_http_webhooks, settings.allow_private_webhooks) == (True, False)
    assert (
        settings.accept_signature_v1 is settings.retries_enabled is settings.cache_enabled is True
    )
    assert settings.telegram_api == "https://api.telegram.org"
    assert (settings.schema_level, settings.worker_name, settings.console_path) == (0, "", "")


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
        ("ADMIN_API_KEY", "your-secret-key" + "x" * 40, "is a published sample value"),
        ("BRIDGE_TOKEN", "x" * 31, "is shorter than 32 characters"),
        ("METRICS_TOKEN", "x" * 31, "is shorter than 32 characters"),
        ("GRAFANA_WEBHOOK_PASSWORD", "test-password", "is a published sample value"),
        ("GRAFANA_WEBHOOK_PASSWORD", "grafana-password", "is a published sample value"),
        ("API_SECRET_KEY_PREVIOUS", "dev-secret", "is a published sample value"),
        ("ENCRYPT_KEY_PREVIOUS", "dev-encrypt-key-32-chars-exactly", "is a published sample value"),
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


@pytest.mark.parametrize(
    ("value", "waits"),
    [
        ([], ()),
        (["1s"], (1_000,)),
        (("10s", "5m", "2h"), (10_000, 300_000, 7_200_000)),
        (["12h"], (43_200_000,)),
        (["12h", "12h"], (43_200_000, 43_200_000)),
        (["720m", "43200s"], (43_200_000, 43_200_000)),
        (["1s"] * 12, (1_000,) * 12),
        (["1s"] * 13, None),
        (["43201s"], None),
        (["12h", "11h", "3601s"], None),
        (["0s"], None),
        (["01s"], None),
        (["1234567s"], None),
        (["1d"], None),
        (["1s "], None),
        (["\u0661s"], None),
        ([1], None),
        ("1s", None),
        (None, None),
    ],
)
def test_a_schedule_is_waits_of_twelve_hours_and_a_day_together(
    value: object, waits: tuple[int, ...] | None
) -> None:
    assert parse_schedule(value) == waits


@pytest.mark.parametrize(
    ("text", "waits"), [("", None), (" ", None), ("10s,5m", (10_000, 300_000)), ("10s, 5m", None)]
)
def test_the_stacks_schedule_is_read_or_the_default_applies(
    text: str, waits: tuple[int, ...] | None
) -> None:
    assert Settings.read({"RETRY_SCHEDULE": text}).retry_schedule == waits


@pytest.mark.parametrize(
    ("text", "rates"),
    [("", {}), ("{", {}), ("[1]", {}), ('{"slack": "1/s"}', {"slack": "1/s"})],
)
def test_paces_that_cannot_be_read_are_none(text: str, rates: dict[str, str]) -> None:
    assert Settings.read({"CHANNEL_RATES": text}).channel_rates == rates


def test_lists_and_switches_are_read_by_their_names() -> None:
    read = Settings.read(
        {
            "ALLOWED_ORIGINS": " https://a.example ,*, https://b.example,",
            "SERVICE_HOSTS": "a, b",
            "FEATURE_SLACK_ENABLED": "false",
            "FEATURE_LARK_ENABLED": "true",
            "FEATURE_TEAMS": "false",
            "SLACK_ENABLED": "false",
            "TELEGRAM_API_URL": "https://t.example//",
        }
    )
    assert read.allowed_origins == ("https://a.example", "https://b.example")
    assert (read.service_hosts, read.disabled_channels) == (("a", "b"), frozenset({"slack"}))
    assert read.telegram_api == "https://t.example"
