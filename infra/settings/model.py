"""The settings of a stack and its secrets, kept apart so that settings can be shown."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from infra.settings import values as v

CLOUDFLARE_API = "https://api.cloudflare.com/client/v4"
TELEGRAM_API = "https://api.telegram.org"
BASE_URL_KEY = "cloudflare:baseUrl"


class Settings(BaseModel):
    """One stack's ordinary settings; the key of each is its name in camel case.

    Limits of queues and their units: Cloudflare Queues, "Configure Queues" and "Limits".
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )

    account_id: v.AccountId = Field(description="Cloudflare account that owns the resources")
    environment: v.Environment = Field(description="what the Worker reports itself to be")
    workers_dev_subdomain: v.Subdomain | None = Field(
        None, description="the account's workers.dev subdomain; gives the service's URL"
    )
    service_url: v.Url | None = Field(
        None, description="the service's URL where it is not the workers.dev one"
    )
    d1_location: v.D1Location | None = Field(
        None, description="where the database is created; changing it would replace the database"
    )
    d1_jurisdiction: v.D1Jurisdiction | None = Field(
        None, description="where the data has to stay; changing it would replace the database"
    )
    protect_stores: v.Switch = Field(
        False, description="refuse to delete or replace the database, the namespace and the queues"
    )
    rate_limit_enabled: v.Switch = Field(True, description="bind the platform's rate limits")
    rate_limit_per_minute: v.PerMinute = Field(
        100, description="signed calls a minute for one recipient"
    )
    rate_limit_address_per_minute: v.PerMinute = Field(
        100, description="unauthenticated calls a minute from one address"
    )
    allow_loopback_endpoints: v.Switch = Field(
        False, description="deliver to loopback addresses too; nothing else private"
    )
    test_clock: v.Switch = Field(
        False, description="bind the local cloud's clock; for tests against a loopback API alone"
    )
    crons: v.Crons = Field(("*/5 * * * *",), description="when the scheduled tasks run, in UTC")
    log_level: v.LogLevel = Field("info", description="least severe level that is logged")
    max_request_size: v.RequestBytes = Field(1_048_576, description="largest body, in bytes")
    allowed_origins: v.Origins = Field((), description="origins of browsers; empty means any")
    maintenance_mode: v.Switch = Field(False, description="answer 503 to everything but health")
    signature_v1: v.Switch = Field(True, description="accept signatures of version 1")
    telegram_api_url: v.TelegramUrl = Field(
        TELEGRAM_API,
        description="where bots are called: Telegram, or a Bot API server of one's own",
    )
    retry_batch_size: v.BatchSize = Field(10, description="messages of one retry batch")
    retry_max_wait_ms: v.BatchWait = Field(
        v.Milliseconds(5_000), description="milliseconds until a retry batch is delivered"
    )
    retry_max_retries: v.MaxRetries = Field(
        3, description="deliveries of a retry message before it goes to the failed queue"
    )
    retry_delay_seconds: v.RetryDelay = Field(
        v.Seconds(30), description="seconds before a refused retry message comes again"
    )
    failed_batch_size: v.BatchSize = Field(10, description="messages of one batch of failures")
    failed_max_wait_ms: v.BatchWait = Field(
        v.Milliseconds(30_000), description="milliseconds until a batch of failures is delivered"
    )
    failed_max_retries: v.MaxRetries = Field(5, description="deliveries of a failure's message")
    failed_delay_seconds: v.RetryDelay = Field(
        v.Seconds(30), description="seconds before a refused failure's message comes again"
    )
    cloudflare_base_url: v.ApiUrl = Field(
        CLOUDFLARE_API,
        alias="cloudflare:baseUrl",
        description="Cloudflare's API, or a local stand-in",
    )

    @classmethod
    def from_stack_file(cls, path: Path) -> "Settings":
        """Read Pulumi.STACK.yaml outside Pulumi; raise SettingsError with every mistake.

        Secrets are encrypted there: that each is present and encrypted is checked, and no more.
        """
        # Imported here: reading a file needs this very class.
        from infra.settings.stack_file import read_stack_file

        return read_stack_file(path).settings()

    def public_url(self, worker: str) -> str:
        """The service's URL: the one that is set, else the Worker's at workers.dev."""
        return self.service_url or f"https://{worker}.{self.workers_dev_subdomain}.workers.dev"


class Secrets(BaseModel):
    """One stack's secrets; pydantic keeps their values out of every repr."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )

    api_secret_key: v.ApiSecretKey = Field(description="key that signs the calls of clients")
    encrypt_key: v.EncryptKey = Field(description="key that encrypts stored configurations")
    api_secret_key_previous: v.ApiSecretKey | None = Field(
        None, description="signing key before the last rotation; accepted while it is set"
    )
    encrypt_key_previous: v.EncryptKey | None = Field(
        None, description="encryption key before the last rotation; only decrypts"
    )
    admin_api_key: v.Token | None = Field(
        None, description="opens the clean-up of logs; without it the signing key does"
    )
    bridge_token: v.Token | None = Field(
        None, description="opens the bridge; in production it is closed without one"
    )
    metrics_token: v.Token | None = Field(None, description="bearer token of a metrics scraper")
    grafana_webhook_username: v.BasicName | None = Field(
        None, description="user name that Grafana's contact point presents"
    )
    grafana_webhook_password: v.Token | None = Field(
        None, description="password that Grafana's contact point presents"
    )
