"""How often a notification that has just failed is tried again."""

from notification.delivery.schedule import DEFAULT_MAX_RETRIES
from notification.ports.database import DatabaseError
from notification.ports.platform import Platform
from notification.storage.system_settings import max_retries


async def retry_limit(platform: Platform) -> int:
    """The configured number; the default where the database doesn't answer.

    An attempt was made, and a question that fails must not leave it unrecorded.
    """
    try:
        return await max_retries(platform)
    except DatabaseError:
        return DEFAULT_MAX_RETRIES
