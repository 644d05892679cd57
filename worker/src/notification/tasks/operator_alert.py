"""Alerts to the operators, through the service's own channels."""

from notification.channels.registry import CHANNELS
from notification.errors import ServiceError
from notification.logging import Log
from notification.ports.database import DatabaseError
from notification.ports.platform import Platform
from notification.sending.command import SendCommand
from notification.sending.send import Sender
from notification.storage.system_settings import read_text
from notification.timestamps import HOUR_MS

COOL_DOWN_MS = HOUR_MS
_TOLD_ALREADY = ("IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_IN_PROGRESS")


class OperatorAlert:
    """Sends alerts to the user `alert_user_id` over `alert_channels` of `system_configs`."""

    def __init__(self, platform: Platform, log: Log) -> None:
        self._platform = platform
        self._log = log

    async def recipient(self) -> str | None:
        """Return the setting `alert_user_id`; None if it is missing or can't be read."""
        try:
            return await read_text(self._platform, "alert_user_id") or None
        except DatabaseError as error:
            self._log.write("error", "Alerts could not be sent", error=str(error))
            return None

    async def send(
        self, recipient: str, text: str, *, key: str, life_ms: int = COOL_DOWN_MS
    ) -> None:
        """Send `text`, at most once in `life_ms` for each `key`. Never raises.

        The limit is an idempotency key that lives so long: it holds across all isolates.
        """
        platform = self._platform
        try:
            chosen = (await read_text(platform, "alert_channels") or "webhook").split(",")
            channels = tuple(dict.fromkeys(c.strip() for c in chosen if c.strip() in CHANNELS))
            command = SendCommand(
                user_id=recipient,
                channels=channels or ("webhook",),
                template_key=None,
                variables=None,
                content=text,
                subject=f"Notification system ({platform.settings.environment}): alert",
                idempotency_key=f"alert:{key}",
                metadata=None,
            )
            sender = Sender(
                await platform.for_user(recipient),
                request_id="alert",
                own_host="",
                log=self._log,
                key_life_ms=life_ms,
            )
            await sender.send(command)
        except ServiceError as error:
            if error.code not in _TOLD_ALREADY:
                self._log.write(
                    "error", "Alerts could not be sent", code=error.code, error=error.text
                )
        except DatabaseError as error:
            self._log.write("error", "Alerts could not be sent", error=str(error))
