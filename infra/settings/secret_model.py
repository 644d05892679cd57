"""The secrets of a stack, kept apart from its settings so that those can be shown."""

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from infra.settings import values as v


class Secrets(BaseModel):
    """Secrets; pydantic keeps their values out of every repr."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

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
