"""How many requests a version has answered with a failure of its own.

Rows tell what became of notifications, and a version that fails before it writes a row leaves
none. A count per version is what a gradual deployment can be judged by. It costs nothing until
something fails.
"""

from contextlib import suppress

from notification.errors import ServiceError
from notification.ports.database import DatabaseError, Statement
from notification.ports.platform import Platform

KEY = "failed_requests."
"""Beginning of the key in `system_configs`; the first eight characters of the version id follow."""

_COUNT = """
INSERT INTO system_configs (config_key, config_value, description)
VALUES (?1, '1', 'Requests that this version has answered with 5xx')
ON CONFLICT (config_key) DO UPDATE SET
  config_value = CAST(CAST(config_value AS INTEGER) + 1 AS TEXT),
  updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
"""


def count_failure(platform: Platform) -> None:
    """Add one to the running version's count, after the answer; without a version id nothing."""
    if platform.version.id:
        platform.keep_alive(_add(platform))


async def _add(platform: Platform) -> None:
    # What has failed may be the database itself: then there is nowhere to count.
    with suppress(DatabaseError, ServiceError):
        await platform.database.batch([Statement(_COUNT, (KEY + platform.version.short,))])
