"""The SQL of everything that is kept about one recipient."""

from typing import NamedTuple

from notification.ports.database import Database, Row, Statement
from notification.storage.config_rows import COLUMNS as CONFIG_COLUMNS
from notification.storage.log_rows import COLUMNS as LOG_COLUMNS

PAGE = 1_000
_MAX_KEY_PAGES = 20
"""Pages of keys in one export: the platform bounds what one call reads."""

_CONFIGS = f"SELECT {CONFIG_COLUMNS} FROM user_configs WHERE user_id = ?1 ORDER BY id"  # noqa: S608 - constant columns
_LOGS = f"""
SELECT {LOG_COLUMNS} FROM notification_logs WHERE user_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3
"""  # noqa: S608 - constant columns
_KEYS = """
SELECT idempotency_key, message_ids, status, results, expires_at, created_at FROM idempotency_keys
WHERE user_id = ?1 AND idempotency_key > ?2 ORDER BY idempotency_key LIMIT ?3
"""
_HOLDS = """
SELECT channel_type, held_until, reason, created_at FROM channel_holds
WHERE user_id = ?1 ORDER BY channel_type
"""
_IN_FLIGHT = """
SELECT COUNT(*) AS count FROM notification_logs
WHERE user_id = ?1 AND status IN ('pending', 'retry')
"""
_SETTLED_ONLY = """
NOT EXISTS (SELECT 1 FROM notification_logs WHERE user_id = ?1 AND status IN ('pending', 'retry'))
"""
# Once the configurations are gone nothing more is accepted for the recipient: a send is
# conditional on the configurations that it has read.
_DELETE_CONFIGS = f"""
DELETE FROM user_configs WHERE user_id = ?1 AND (?2 OR {_SETTLED_ONLY}) RETURNING channel_type
"""  # noqa: S608 - the condition is a constant of this module
_DELETE_KEYS = f"""
DELETE FROM idempotency_keys WHERE user_id = ?1 AND (?2 OR {_SETTLED_ONLY})
"""  # noqa: S608 - as above
# Lines of an endpoint that others may share name nobody.
_DELETE_LINES = f"""
DELETE FROM endpoint_lines WHERE endpoint > ?1 || ' ' AND endpoint < ?1 || '!'
  AND (?2 OR {_SETTLED_ONLY})
"""  # noqa: S608 - as above
_DELETE_HOLDS = f"""
DELETE FROM channel_holds WHERE user_id = ?1 AND (?2 OR {_SETTLED_ONLY})
"""  # noqa: S608 - as above


class PersonRows(NamedTuple):
    """Configurations (sealed), one page of notifications, idempotency keys, and holds.

    `next_key` is the last of the keys if more may follow.
    """

    configs: list[Row]
    logs: list[Row]
    keys: list[Row]
    holds: list[Row]
    next_key: str | None


async def read_person(
    database: Database, user_id: str, *, after: int, after_key: str, limit: int
) -> PersonRows:
    """Read the notifications above `after`, the keys above `after_key`, and everything else.

    A later page without `after_key` has the first keys again, as it has configurations and holds.
    """
    configs, logs, keys, holds = await database.batch(
        [
            Statement(_CONFIGS, (user_id,)),
            Statement(_LOGS, (user_id, after, limit)),
            Statement(_KEYS, (user_id, after_key, PAGE)),
            Statement(_HOLDS, (user_id,)),
        ]
    )
    all_keys, page = list(keys.rows), keys.rows
    goes_on = after_key or not after
    for _ in range(_MAX_KEY_PAGES - 1 if goes_on else 0):
        if len(page) < PAGE:
            break
        last = page[-1]["idempotency_key"]
        [found] = await database.batch([Statement(_KEYS, (user_id, last, PAGE))])
        page = found.rows
        all_keys += page
    more = goes_on and len(page) == PAGE
    next_key = str(page[-1]["idempotency_key"]) if more else None
    return PersonRows(configs.rows, logs.rows, all_keys, holds.rows, next_key)


async def close_person(
    database: Database, user_id: str, *, force: bool
) -> tuple[int, list[str], int]:
    """Delete configurations and keys, in one transaction.

    Nothing is deleted while a notification is in flight, unless `force` is set.

    Returns:
        How many notifications are in flight, the channels whose configuration was deleted, and how
        many keys were deleted.
    """
    flying, configs, keys, *_ = await database.batch(
        [
            Statement(_IN_FLIGHT, (user_id,)),
            Statement(_DELETE_CONFIGS, (user_id, int(force))),
            Statement(_DELETE_KEYS, (user_id, int(force))),
            Statement(_DELETE_LINES, (user_id, int(force))),
            Statement(_DELETE_HOLDS, (user_id, int(force))),
        ]
    )
    channels = [str(row["channel_type"]) for row in configs.rows]
    return flying.sum("count"), channels, keys.changes
