"""Signed sends to the deployed service, as a load."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from bench.load import LoadResult, load
from ops.stacks.service import sign
from tests.installation import Installation

SEND = "/api/notifications/send"
TELEGRAM_TOKEN = "123456789:AAbenchbenchbenchbenchbench"  # noqa: S105 no bot has this token


class SendLoad:
    """Sends for one recipient, whose channels all lead to the benchmark's endpoint.

    Args:
        installation: the installation under measurement.
        user: the recipient.
        endpoint: URL that takes the notifications; Telegram's is the installation's setting.
    """

    def __init__(self, installation: Installation, *, user: str, endpoint: str) -> None:
        outputs = installation.outputs()
        self._url, self._key, self._user = outputs["service_url"], outputs["api_secret_key"], user
        configs = {
            "webhook": {"webhook_url": endpoint},
            "lark": {"webhook_url": endpoint},
            "slack": {"webhook_url": endpoint},
            "telegram": {"bot_token": TELEGRAM_TOKEN, "chat_id": "1"},
        }
        with installation.service() as service:
            for channel, config in configs.items():
                body = {"user_id": user, "channel_type": channel, "config_data": config}
                service.result("POST", "/api/user-configs", body=body)

    def run(
        self,
        channels: Sequence[str] = ("webhook",),
        *,
        clients: int,
        seconds: int | None = None,
        amount: int | None = None,
    ) -> LoadResult:
        """Send to ``channels`` from ``clients`` connections, for so long or so often.

        The signature is made once, at the start: it holds for five minutes.
        """
        text = {"subject": "Hello", "content": "It works"}
        body = json.dumps(
            {"user_id": self._user, "channels": list(channels), "custom_content": text}
        )
        return load(
            self._url + SEND,
            clients=clients,
            seconds=seconds,
            amount=amount,
            body=body,
            headers=signed_headers(self._key, SEND, body),
        )


def signed_headers(key: str, path: str, body: str) -> dict[str, str]:
    """Return the headers of a POST of JSON, signed now: they hold for five minutes."""
    timestamp = str(int(time.time() * 1000))
    return {
        "Content-Type": "application/json",
        "X-Timestamp": timestamp,
        "X-Signature-Version": "2",
        "X-Signature": sign(key, timestamp, "POST", path, body.encode()),
    }
