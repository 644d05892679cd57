"""The bindings of a Worker version: everything that the code finds in its environment."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare
from pydantic import SecretStr

from infra import SERVICE_VERSION
from infra.components.stores import Stores
from infra.names import Names
from infra.release import secret_fingerprints
from infra.settings import Secrets, Settings

Binding = cloudflare.WorkerVersionBindingArgs

CLOCK_SERVICE = "local-clock"
"""The service under which the local cloud binds its clock; no account has one of this name."""

_RATE_LIMIT_PERIOD_S = 60


@dataclass(frozen=True)
class BindingArgs:
    """What the bindings are made of."""

    settings: Settings
    secrets: Secrets
    names: Names
    stores: Stores
    has_assets: bool
    schema_level: int


def worker_bindings(args: BindingArgs) -> list[Binding]:
    """All bindings, sorted by name: Cloudflare answers in that order, and others would differ."""
    bindings = [
        *_stores(args.stores, args.names),
        *_variables(args.settings, args.names),
        *_release(args),
        *_secrets(args.secrets),
        *_rate_limits(args.settings, args.names),
        Binding(name="CALLS", type="analytics_engine", dataset=args.names.calls_dataset),
        Binding(name="CF_VERSION_METADATA", type="version_metadata"),
    ]
    if args.has_assets:
        path = args.settings.console_base_path
        bindings.append(Binding(name="ASSETS", type="assets"))
        bindings.append(Binding(name="CONSOLE_PATH", type="plain_text", text=path))
    if args.settings.test_clock:
        bindings.append(Binding(name="TEST_CLOCK", type="service", service=CLOCK_SERVICE))
    return sorted(bindings, key=lambda binding: str(binding.name))


def _stores(stores: Stores, names: Names) -> Iterator[Binding]:
    for shard, database in enumerate(stores.databases):
        yield Binding(name=shard_binding(shard), type="d1", id=database.id)
    yield Binding(name="CONFIG_CACHE", type="kv_namespace", namespace_id=stores.config_cache.id)
    yield Binding(name="RETRY_QUEUE", type="queue", queue_name=names.retry_queue)
    yield Binding(name="FAILED_QUEUE", type="queue", queue_name=names.failed_queue)


def shard_binding(shard: int) -> str:
    """Return the name of a shard's binding: the first database's is older than the others."""
    return f"DB_{shard}" if shard else "DB"


def _variables(settings: Settings, names: Names) -> Iterator[Binding]:
    texts = {
        "ENVIRONMENT": settings.environment,
        "SERVICE_VERSION": SERVICE_VERSION,
        "RETRY_QUEUE_NAME": names.retry_queue,
        "FAILED_QUEUE_NAME": names.failed_queue,
        "LOG_LEVEL": settings.log_level,
        "MAX_REQUEST_SIZE": str(settings.max_request_size),
        "MAINTENANCE_MODE": _word(settings.maintenance_mode),
        "ALLOWED_ORIGINS": ",".join(settings.allowed_origins),
        "ALLOW_LOOPBACK_ENDPOINTS": _word(settings.allow_loopback_endpoints),
        "SIGNATURE_V1": "on" if settings.signature_v1 else "off",
        "RATE_LIMIT_PER_MINUTE": str(settings.rate_limit_per_minute),
        "RATE_LIMIT_ADDRESS_PER_MINUTE": str(settings.rate_limit_address_per_minute),
        "TELEGRAM_API_URL": settings.telegram_api_url,
        "FEATURE_WEBHOOK_ENABLED": _word(settings.feature_webhook_enabled),
        "FEATURE_TELEGRAM_ENABLED": _word(settings.feature_telegram_enabled),
        "FEATURE_LARK_ENABLED": _word(settings.feature_lark_enabled),
        "FEATURE_SLACK_ENABLED": _word(settings.feature_slack_enabled),
        **{f"FEATURE_{name.upper()}_ENABLED": "false" for name in settings.disabled_channels},
        "FEATURE_RETRY_ENABLED": _word(settings.feature_retry_enabled),
        "FEATURE_CACHE_ENABLED": _word(settings.feature_cache_enabled),
        "CACHE_TTL": str(settings.cache_ttl_seconds),
    }
    if settings.channel_rates:
        texts["CHANNEL_RATES"] = json.dumps(settings.channel_rates)
    if settings.retry_schedule:
        texts["RETRY_SCHEDULE"] = ",".join(settings.retry_schedule)
    if settings.allow_http_webhooks is not None:
        texts["ALLOW_HTTP_WEBHOOKS"] = _word(settings.allow_http_webhooks)
    if settings.allow_private_webhooks:
        texts["ALLOW_PRIVATE_WEBHOOKS"] = "true"
    for name, text in texts.items():
        yield Binding(name=name, type="plain_text", text=text)


def _release(args: BindingArgs) -> Iterator[Binding]:
    """Return what the service tells about its own release, to be compared with the stack's."""
    prints = secret_fingerprints(args.secrets, args.names.worker)
    texts = {
        "SCHEMA_LEVEL": str(args.schema_level),
        "SECRET_FINGERPRINTS": json.dumps(
            {name.upper(): value for name, value in sorted(prints.items())}
        ),
        "WORKER_NAME": args.names.worker,
    }
    hosts = args.settings.service_hosts(args.names.worker)
    if hosts:
        texts["SERVICE_HOSTS"] = ",".join(hosts)
    for name, text in texts.items():
        yield Binding(name=name, type="plain_text", text=text)


def _secrets(secrets: Secrets) -> Iterator[Binding]:
    for name in type(secrets).model_fields:
        secret: SecretStr | None = getattr(secrets, name)
        if secret is not None:
            text = pulumi.Output.secret(secret.get_secret_value())
            yield Binding(name=name.upper(), type="secret_text", text=text)


def _rate_limits(settings: Settings, names: Names) -> Iterator[Binding]:
    if not settings.rate_limit_enabled:
        return
    limits = {
        "RATE_LIMIT_ADDRESS": settings.rate_limit_address_per_minute,
        "RATE_LIMIT_RECIPIENT": settings.rate_limit_per_minute,
    }
    for name, limit in limits.items():
        yield Binding(
            name=name,
            type="ratelimit",
            namespace_id=names.rate_limit_namespace(name),
            simple=cloudflare.WorkerVersionBindingSimpleArgs(
                limit=limit, period=_RATE_LIMIT_PERIOD_S
            ),
        )


def _word(value: bool) -> str:
    return "true" if value else "false"
