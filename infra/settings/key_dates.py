"""Settings that say since when each secret is in use: its date, never its value."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

from infra.settings import values as v

SetOn = Annotated[date, v.Rule("the day as YYYY-MM-DD.", "2026-10-01")]


class KeyDates(BaseModel):
    """The day on which each secret was set; `notifyctl keys` writes them."""

    api_secret_key_set_on: SetOn | None = Field(
        None, description="day on which apiSecretKey was set"
    )
    encrypt_key_set_on: SetOn | None = Field(None, description="day on which encryptKey was set")
    admin_api_key_set_on: SetOn | None = Field(None, description="day on which adminApiKey was set")
    bridge_token_set_on: SetOn | None = Field(None, description="day on which bridgeToken was set")
    metrics_token_set_on: SetOn | None = Field(
        None, description="day on which metricsToken was set"
    )
    grafana_webhook_password_set_on: SetOn | None = Field(
        None, description="day on which grafanaWebhookPassword was set"
    )
