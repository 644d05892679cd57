"""Settings that reach the Worker's code, or how the platform runs it."""

from pydantic import BaseModel, Field

from infra.settings import values as v

TELEGRAM_API = "https://api.telegram.org"


class WorkerSettings(BaseModel):
    """Limits, switches, schedule and observability of the Worker."""

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
    allow_http_webhooks: v.Switch | None = Field(
        None, description="deliver to http addresses too; unset means outside production only"
    )
    allow_private_webhooks: v.Switch = Field(
        False, description="deliver to private networks too; link-local and metadata never"
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
    feature_webhook_enabled: v.Switch = Field(True, description="deliver to webhooks")
    feature_telegram_enabled: v.Switch = Field(True, description="deliver to Telegram")
    feature_lark_enabled: v.Switch = Field(True, description="deliver to Lark")
    feature_slack_enabled: v.Switch = Field(True, description="deliver to Slack")
    disabled_channels: v.ChannelNames = Field((), description="channels that deliver nothing")
    feature_retry_enabled: v.Switch = Field(True, description="retry what could not be delivered")
    channel_rates: v.ChannelRates = Field(
        {}, description="calls that a channel's endpoints take; empty means the documented paces"
    )
    retry_schedule: v.RetrySchedule = Field(
        (), description="waits before each retry; empty means 10 s and 30 s"
    )
    feature_cache_enabled: v.Switch = Field(True, description="cache configurations and templates")
    cache_ttl_seconds: v.CacheLife = Field(
        v.Seconds(300), description="seconds that the cache keeps an entry"
    )
    observability: v.Switch = Field(True, description="keep the Worker's logs at Cloudflare")
    observability_sampling: v.Sampling = Field(
        1.0, description="share of the calls whose logs are kept"
    )
