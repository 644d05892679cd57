"""What the Worker finds in its environment: stores, settings as text, secrets, limits."""

from collections.abc import Callable

import pytest

from tests.infra.registrations import Declared
from tests.infra.stack_inputs import API_SECRET


@pytest.mark.requirement("S0-13", "S0-19")
def test_the_worker_is_bound_to_its_stores(declared: Callable[..., Declared]) -> None:
    found = declared().bindings()
    assert found["DB"] == {"name": "DB", "type": "d1", "id": "database-id"}
    assert found["CONFIG_CACHE"]["namespaceId"] == "config-cache-id"
    assert found["RETRY_QUEUE"] == {
        "name": "RETRY_QUEUE",
        "type": "queue",
        "queueName": "retry-queue",
    }
    assert found["FAILED_QUEUE"]["queueName"] == "failed-queue"
    assert found["CF_VERSION_METADATA"]["type"] == "version_metadata"


def test_bindings_are_sorted_by_name_and_unique(declared: Callable[..., Declared]) -> None:
    names = [binding["name"] for binding in declared().one("version").inputs["bindings"]]
    assert names == sorted(set(names))
    assert len(names) == 34


def test_settings_reach_the_worker_as_text(declared: Callable[..., Declared]) -> None:
    found = declared(
        maintenanceMode="true",
        signatureV1="false",
        allowedOrigins='["https://a.example", "https://b.example"]',
        logLevel="warn",
        maxRequestSize="2048",
        rateLimitPerMinute="7",
        rateLimitAddressPerMinute="9",
        featureSlackEnabled="false",
        disabledChannels='["discord", "webhook"]',
        featureRetryEnabled="false",
        cacheTtlSeconds="120",
        retrySchedule='["10s", "5m"]',
        channelRates='{"slack": {"per_second": 2}}',
        allowHttpWebhooks="false",
    ).bindings()
    texts = {name: binding.get("text") for name, binding in found.items()}
    assert texts["ENVIRONMENT"] == "production"
    assert texts["MAINTENANCE_MODE"] == "true"
    assert texts["SIGNATURE_V1"] == "off"
    assert texts["ALLOWED_ORIGINS"] == "https://a.example,https://b.example"
    assert texts["LOG_LEVEL"] == "warn"
    assert texts["MAX_REQUEST_SIZE"] == "2048"
    assert texts["ALLOW_LOOPBACK_ENDPOINTS"] == "false"
    assert texts["RATE_LIMIT_PER_MINUTE"] == "7"
    assert texts["RATE_LIMIT_ADDRESS_PER_MINUTE"] == "9"
    assert (texts["FEATURE_SLACK_ENABLED"], texts["FEATURE_LARK_ENABLED"]) == ("false", "true")
    assert (texts["FEATURE_DISCORD_ENABLED"], texts["FEATURE_WEBHOOK_ENABLED"]) == ("false",) * 2
    assert (texts["FEATURE_RETRY_ENABLED"], texts["FEATURE_CACHE_ENABLED"]) == ("false", "true")
    assert texts["RETRY_SCHEDULE"] == "10s,5m"
    assert texts["CHANNEL_RATES"] == '{"slack": {"per_second": 2}}'
    assert (texts["CACHE_TTL"], texts["ALLOW_HTTP_WEBHOOKS"]) == ("120", "false")
    assert texts["SERVICE_VERSION"] == "0.1.0"
    assert texts["TELEGRAM_API_URL"] == "https://api.telegram.org"


def test_the_worker_is_told_every_name_under_which_it_answers(
    declared: Callable[..., Declared],
) -> None:
    found = declared(
        workersDevSubdomain="team",
        customDomain="notify.example.com",
        routePattern="api.example.com/notify*",
        zoneId="0" * 32,
    ).bindings()
    worker = found["WORKER_NAME"]["text"]
    expected = ["notify.example.com", f"{worker}.team.workers.dev", "api.example.com"]
    assert found["SERVICE_HOSTS"]["text"].split(",") == expected


@pytest.mark.requirement("S0-32")
def test_optional_secrets_are_bound_under_the_names_that_the_worker_reads(
    declared: Callable[..., Declared],
) -> None:
    optional = {
        "adminApiKey": "d" * 32,
        "bridgeToken": "e" * 32,
        "metricsToken": "f" * 32,
        "grafanaWebhookUsername": "grafana",
        "grafanaWebhookPassword": "0" * 32,
    }
    found = declared(**optional)
    by_name = found.bindings()
    names = {
        "ADMIN_API_KEY": "adminApiKey",
        "BRIDGE_TOKEN": "bridgeToken",
        "METRICS_TOKEN": "metricsToken",
        "GRAFANA_WEBHOOK_USERNAME": "grafanaWebhookUsername",
        "GRAFANA_WEBHOOK_PASSWORD": "grafanaWebhookPassword",
    }
    for binding, key in names.items():
        assert (by_name[binding]["type"], by_name[binding]["text"]) == (
            "secret_text",
            optional[key],
        )
    assert not names.keys() & declared().bindings().keys()


@pytest.mark.requirement("S0-50")
def test_secrets_are_secret_bindings_and_encrypted_in_the_state(
    declared: Callable[..., Declared],
) -> None:
    found = declared(apiSecretKeyPrevious="b2" * 32)
    by_name = found.bindings()
    secret = {name for name, binding in by_name.items() if binding["type"] == "secret_text"}
    assert secret == {"API_SECRET_KEY", "API_SECRET_KEY_PREVIOUS", "ENCRYPT_KEY"}
    assert by_name["API_SECRET_KEY"]["text"] == API_SECRET
    assert "bindings" in found.one("version").secret
    for registration in found.registrations:
        clear = {k: v for k, v in registration.inputs.items() if k not in registration.secret}
        assert API_SECRET not in repr(clear)
    open_outputs = {k: v for k, v in found.outputs.items() if k not in found.secret_outputs}
    assert API_SECRET not in repr(open_outputs)
    assert found.outputs["api_secret_key"] == API_SECRET


def test_rate_limits_are_bound_where_they_are_on_with_numbers_of_the_stack(
    declared: Callable[..., Declared],
) -> None:
    limits = {
        stack: {n: b for n, b in found.bindings().items() if b["type"] == "ratelimit"}
        for stack, found in {
            "production": declared(rateLimitPerMinute=60),
            "staging": declared("staging", environment="staging"),
        }.items()
    }
    assert set(limits["production"]) == {"RATE_LIMIT_ADDRESS", "RATE_LIMIT_RECIPIENT"}
    assert limits["production"]["RATE_LIMIT_RECIPIENT"]["simple"] == {"limit": 60, "period": 60}
    ids = [b["namespaceId"] for found in limits.values() for b in found.values()]
    assert len(set(ids)) == 4
    assert all(int(number) > 0 for number in ids)
    switched_off = declared(rateLimitEnabled=False).bindings().values()
    assert not [binding for binding in switched_off if binding["type"] == "ratelimit"]


def test_the_test_clock_is_bound_only_where_it_is_asked_for(
    declared: Callable[..., Declared],
) -> None:
    assert "TEST_CLOCK" not in declared().bindings()
    local = declared(
        "local",
        environment="development",
        testClock=True,
        **{"cloudflare:baseUrl": "http://127.0.0.1:1/client/v4"},
    )
    assert local.bindings()["TEST_CLOCK"]["service"] == "local-clock"


def test_unless_it_is_set_plain_http_is_the_environments_matter(
    declared: Callable[..., Declared],
) -> None:
    assert "ALLOW_HTTP_WEBHOOKS" not in declared().bindings()


def test_only_a_stack_that_opens_private_networks_says_so_to_its_worker(
    declared: Callable[..., Declared],
) -> None:
    assert "ALLOW_PRIVATE_WEBHOOKS" not in declared().bindings()
    found = declared("dev-2", environment="development", allowPrivateWebhooks=True).bindings()
    assert found["ALLOW_PRIVATE_WEBHOOKS"]["text"] == "true"


def test_the_secrets_that_callers_present_are_secret_outputs(
    declared: Callable[..., Declared],
) -> None:
    found = declared(bridgeToken="e" * 32, metricsToken="f" * 32).outputs
    assert (found["bridge_token"], found["metrics_token"]) == ("e" * 32, "f" * 32)
    assert not {"admin_api_key", "grafana_webhook_password", "encrypt_key"} & found.keys()


@pytest.mark.requirement("PD-17")
def test_a_changed_secret_changes_the_version_and_no_other_resource(
    declared: Callable[..., Declared],
) -> None:
    usual, changed = declared(), declared(apiSecretKey="b2" * 32)

    def inputs(found: Declared) -> dict[str, object]:
        return {r.name: dict(r.inputs) for r in found.registrations if r.name != "releases"}

    before, after = inputs(usual), inputs(changed)
    assert {name for name in before if before[name] != after[name]} == {"version"}
    assert not [r for r in changed.registrations if "secret" in r.type.lower()]
