"""The Worker's settings, read once per isolate from the text bindings."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

_SAMPLE_SECRETS = frozenset(
    {
        "dev-secret",
        "dev-secret-key-for-testing",
        "dev-encrypt-key-32-chars-secure!",
        "dev-encrypt-key-32-chars-exactly",
        "test-password",
        "grafana-password",
    }
)
_SAMPLE_PREFIXES = ("your-secret-key", "PLACEHOLDER_")
_TELEGRAM_API = "https://api.telegram.org"
_MIN_CACHE_TTL_S = 60
_ADDRESS_LIMIT = "RATE_LIMIT_ADDRESS_PER_MINUTE"
_OLD_ADDRESS_LIMIT = "RATE_LIMIT_MAX_REQUESTS"
"""The old name, which earlier versions were uploaded with."""
MAX_WAITS = 12
_WAIT = re.compile(r"([1-9][0-9]{0,5})(s|m|h)")
_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000}
_MAX_WAIT_MS = 12 * 3_600_000
_MAX_SCHEDULE_MS = 24 * 3_600_000
SCHEDULE_RULE = (
    f'a list of at most {MAX_WAITS} waits such as "10s", "5m" or "2h", each at most 12 hours and'
    " all together at most 24"
)
_LEVELS = ("debug", "info", "warn", "error")


def _flag(environment: Mapping[str, str], name: str, default: bool) -> bool:
    text = environment.get(name, "").strip().lower()
    return default if text == "" else text in ("true", "on", "1", "yes")


def _whole(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else default


def _listed(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    items = (item.strip() for item in environment.get(name, "").split(","))
    return tuple(item for item in items if item)


def parse_schedule(value: object) -> tuple[int, ...] | None:
    """Return the waits of a retry schedule in milliseconds; None if it is none.

    >>> parse_schedule(["10s", "5m"])
    (10000, 300000)
    """
    if not isinstance(value, list | tuple) or len(value) > MAX_WAITS:
        return None
    waits = []
    for text in value:
        match = _WAIT.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            return None
        waits.append(int(match[1]) * _UNITS_MS[match[2]])
    if any(wait > _MAX_WAIT_MS for wait in waits) or sum(waits) > _MAX_SCHEDULE_MS:
        return None
    return tuple(waits)


def _rates(environment: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        rates = json.loads(environment.get("CHANNEL_RATES") or "{}")
    except ValueError:
        return {}
    return rates if isinstance(rates, dict) else {}


def _schedule(environment: Mapping[str, str]) -> tuple[int, ...] | None:
    text = environment.get("RETRY_SCHEDULE", "").strip()
    return parse_schedule(text.split(",")) if text else None


def _disabled_channels(environment: Mapping[str, str]) -> frozenset[str]:
    """Return the channels that a variable `FEATURE_<CHANNEL>_ENABLED` switches off."""
    names = (
        (name, name.removeprefix("FEATURE_").removesuffix("_ENABLED").lower())
        for name in environment
        if name.startswith("FEATURE_") and name.endswith("_ENABLED")
    )
    return frozenset(channel for name, channel in names if not _flag(environment, name, True))


class Settings(NamedTuple):
    """Typed settings; sizes are in bytes, limits per minute."""

    environment: str
    service_version: str
    api_secret_key: str
    api_secret_key_previous: str
    encrypt_key: str
    encrypt_key_previous: str
    retry_queue_name: str
    failed_queue_name: str
    log_level: str
    max_request_size: int
    maintenance: bool
    allowed_origins: tuple[str, ...]
    allow_loopback_endpoints: bool
    allow_http_webhooks: bool
    allow_private_webhooks: bool
    accept_signature_v1: bool
    rate_limit_per_minute: int
    rate_limit_address_per_minute: int
    admin_api_key: str
    bridge_token: str
    metrics_token: str
    grafana_username: str
    grafana_password: str
    telegram_api: str
    disabled_channels: frozenset[str]
    retries_enabled: bool
    channel_rates: Mapping[str, Any]
    """The stack's paces by channel, each as a configuration's `rate`."""
    retry_schedule: tuple[int, ...] | None
    """The waits before each retry, in milliseconds; None where the default applies."""
    cache_enabled: bool
    cache_ttl_s: int
    worker_name: str
    service_hosts: tuple[str, ...]
    """The names under which the service answers, as far as the deployment knows them."""
    schema_level: int
    secret_fingerprints: str
    console_path: str
    """Where the version serves its console; empty where it serves none."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings; what is missing or malformed gets its default."""
        stage = environment.get("ENVIRONMENT") or "development"
        level = environment.get("LOG_LEVEL", "").lower()
        return cls(
            environment=stage,
            service_version=environment.get("SERVICE_VERSION") or "0.0.0",
            api_secret_key=environment.get("API_SECRET_KEY", ""),
            api_secret_key_previous=environment.get("API_SECRET_KEY_PREVIOUS", ""),
            encrypt_key=environment.get("ENCRYPT_KEY", ""),
            encrypt_key_previous=environment.get("ENCRYPT_KEY_PREVIOUS", ""),
            retry_queue_name=environment.get("RETRY_QUEUE_NAME") or "retry-queue",
            failed_queue_name=environment.get("FAILED_QUEUE_NAME") or "failed-queue",
            log_level=level if level in _LEVELS else ("info" if stage == "production" else "debug"),
            max_request_size=_whole(environment, "MAX_REQUEST_SIZE", 1_048_576),
            maintenance=_flag(environment, "MAINTENANCE_MODE", False),
            allowed_origins=tuple(
                origin for origin in _listed(environment, "ALLOWED_ORIGINS") if origin != "*"
            ),
            allow_loopback_endpoints=_flag(environment, "ALLOW_LOOPBACK_ENDPOINTS", False),
            allow_http_webhooks=_flag(environment, "ALLOW_HTTP_WEBHOOKS", stage != "production"),
            allow_private_webhooks=stage == "development"
            and _flag(environment, "ALLOW_PRIVATE_WEBHOOKS", False),
            accept_signature_v1=_flag(environment, "SIGNATURE_V1", True),
            rate_limit_per_minute=_whole(environment, "RATE_LIMIT_PER_MINUTE", 100),
            rate_limit_address_per_minute=_whole(
                environment, _ADDRESS_LIMIT, _whole(environment, _OLD_ADDRESS_LIMIT, 100)
            ),
            admin_api_key=environment.get("ADMIN_API_KEY", ""),
            bridge_token=environment.get("BRIDGE_TOKEN", ""),
            metrics_token=environment.get("METRICS_TOKEN", ""),
            grafana_username=environment.get("GRAFANA_WEBHOOK_USERNAME", ""),
            grafana_password=environment.get("GRAFANA_WEBHOOK_PASSWORD", ""),
            telegram_api=(environment.get("TELEGRAM_API_URL") or _TELEGRAM_API).rstrip("/"),
            disabled_channels=_disabled_channels(environment),
            retries_enabled=_flag(environment, "FEATURE_RETRY_ENABLED", True),
            channel_rates=_rates(environment),
            retry_schedule=_schedule(environment),
            cache_enabled=_flag(environment, "FEATURE_CACHE_ENABLED", True),
            cache_ttl_s=max(_whole(environment, "CACHE_TTL", 300), _MIN_CACHE_TTL_S),
            worker_name=environment.get("WORKER_NAME", ""),
            service_hosts=_listed(environment, "SERVICE_HOSTS"),
            schema_level=_whole(environment, "SCHEMA_LEVEL", 0),
            secret_fingerprints=environment.get("SECRET_FINGERPRINTS", ""),
            console_path=environment.get("CONSOLE_PATH", ""),
        )

    @property
    def production(self) -> bool:
        """Whether the strict rules for secrets and endpoints apply."""
        return self.environment == "production"

    def secret_weakness(self) -> str | None:
        """Return why signed routes must be refused, without any part of a secret, or None.

        Production refuses a published sample value, a secret below 32 characters, and an encryption
        key that is not 32 ASCII characters; secrets that a rotation leaves behind count, too.
        Elsewhere only a missing secret is refused.
        """
        for name, value in (
            ("API_SECRET_KEY", self.api_secret_key),
            ("ENCRYPT_KEY", self.encrypt_key),
        ):
            if not value:
                return f"{name} is not set"
        if not self.production:
            return None
        return _weakness_in_production(
            self.encrypt_key,
            (
                ("API_SECRET_KEY", self.api_secret_key),
                ("ENCRYPT_KEY", self.encrypt_key),
                ("API_SECRET_KEY_PREVIOUS", self.api_secret_key_previous),
                ("ENCRYPT_KEY_PREVIOUS", self.encrypt_key_previous),
                ("ADMIN_API_KEY", self.admin_api_key),
                ("BRIDGE_TOKEN", self.bridge_token),
                ("METRICS_TOKEN", self.metrics_token),
                ("GRAFANA_WEBHOOK_PASSWORD", self.grafana_password),
            ),
        )


# Every signed request asks, always for the same secrets.
@lru_cache(maxsize=4)
def _weakness_in_production(encrypt_key: str, secrets: tuple[tuple[str, str], ...]) -> str | None:
    for name, value in secrets:
        if value in _SAMPLE_SECRETS or value.startswith(_SAMPLE_PREFIXES):
            return f"{name} is a published sample value"
        if 0 < len(value) < 32:
            return f"{name} is shorter than 32 characters"
    if not (len(encrypt_key) == 32 and encrypt_key.isascii()):
        return "ENCRYPT_KEY must be exactly 32 ASCII characters"
    return None
