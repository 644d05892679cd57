"""Telling the operators something, through the service's own channels."""

from notification.channels.registry import CHANNELS
from notification.errors import ServiceError
from notification.logging import Log
from notification.ports.database import DatabaseError
from notification.ports.platform import Platform
from notification.sending.command import SendCommand
from notification.sending.send import Sender
from notification.storage.system_settings import read_text

COOL_DOWN_MS = 3_600_000
_TOLD_ALREADY = ("IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_IN_PROGRESS")


async def alert_recipient(platform: Platform, log: Log) -> str | None:
    """The setting `alert_user_id`; None where there is none, or the database doesn't answer."""
    try:
        return await read_text(platform, "alert_user_id") or None
    except DatabaseError as error:
        log.write("error", "Alerts could not be sent", error=str(error))
        return None


async def alert_operators(
    recipient: str, text: str, *, key: str, platform: Platform, log: Log
) -> None:
    """Send `text` over the setting `alert_channels`, once within an hour for each `key`.

    Never raises. The cool-down is an idempotency key of that life: it holds in all processes.
    """
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
            platform, request_id="alert", own_host="", log=log, key_life_ms=COOL_DOWN_MS
        )
        await sender.send(command)
    except ServiceError as error:
        if error.code not in _TOLD_ALREADY:
            log.write("error", "Alerts could not be sent", code=error.code, error=error.text)
    except DatabaseError as error:
        log.write("error", "Alerts could not be sent", error=str(error))
