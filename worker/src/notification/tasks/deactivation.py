"""Endpoints that are gone: their configurations are switched off, and the operators are told."""

from contextlib import suppress

from notification.configuration.channel_config import cache_key
from notification.delivery.dead_letter_consumer import tell_of_gone
from notification.identity import IDS_PER_MS, first_row_id
from notification.logging import Log
from notification.ports.database import Row, Statement
from notification.ports.platform import Platform
from notification.tasks.operator_alert import OperatorAlert
from notification.tasks.task import State
from notification.timestamps import DAY_MS, iso

SILENT = "Nothing was delivered for 5 days"
FAILING_MS = 5 * DAY_MS
"""How long an endpoint may take nothing before it counts as gone."""
_LOOK_BACK_MS = 30 * DAY_MS
_MAX_TOLD = 20
"""Endpoints that one run tells of; the next run goes on."""

# Endpoints whose failures reach over five days with nothing delivered since the first of them. A
# configuration that was saved meanwhile gets its five days anew.
_SWITCH_OFF = """
UPDATE user_configs SET is_active = 0, revision = revision + 1, deactivated_at = ?1,
  deactivated_reason = ?6
WHERE is_active = 1 AND updated_at <= ?2 AND (user_id, channel_type) IN (
  SELECT user_id, channel_type FROM notification_logs
  WHERE status = 'failed' AND id >= ?3
    AND json_extract(attempts, '$[#-1].outcome') IN ('rejected', 'broken')
  GROUP BY user_id, channel_type HAVING MAX(id) - MIN(id) >= ?4 AND MIN(id) <= ?5)
AND NOT EXISTS (
  SELECT 1 FROM notification_logs AS log
  WHERE log.user_id = user_configs.user_id AND log.channel_type = user_configs.channel_type
    AND log.status = 'sent' AND log.sent_at >= ?2)
RETURNING user_id, channel_type
"""
_SWITCHED_OFF = """
SELECT id, user_id, channel_type, deactivated_at, deactivated_reason FROM user_configs
WHERE deactivated_at >= ?1 AND (deactivated_at > ?1 OR id > ?2) ORDER BY deactivated_at, id LIMIT ?3
"""


async def switch_off_gone(platform: Platform, state: State, log: Log) -> int:
    """Switch off what has taken nothing for five days, and tell of all that was switched off.

    Returns:
        How many configurations the operators were told of.

    Raises:
        DatabaseError: the database did not answer.
    """
    now_ms = platform.clock.now_ms()
    since = iso(now_ms - FAILING_MS)
    told = str(state.get("deactivated_told") or since)
    # Without an id the state is an older version's, which took all of one moment for told.
    told_id = int(state.get("deactivated_told_id", 2**52))
    gone, found = await platform.database.batch(
        [
            Statement(
                _SWITCH_OFF,
                (
                    iso(now_ms),
                    since,
                    first_row_id(now_ms - _LOOK_BACK_MS),
                    FAILING_MS * IDS_PER_MS,
                    first_row_id(now_ms - FAILING_MS),
                    SILENT,
                ),
            ),
            Statement(_SWITCHED_OFF, (told, told_id, _MAX_TOLD)),
        ]
    )
    for row in gone.rows:
        # The cache only shows configurations: what it holds a minute longer sends nothing.
        with suppress(Exception):
            await platform.cache.delete(cache_key(str(row["user_id"]), str(row["channel_type"])))
    if not found.rows:
        return 0
    last = found.rows[-1]
    state["deactivated_told"] = str(last["deactivated_at"])
    state["deactivated_told_id"] = int(last["id"])
    alert = OperatorAlert(platform, log)
    recipient = await alert.recipient()
    if recipient is not None:
        silent = [row for row in found.rows if row["deactivated_reason"] == SILENT]
        if silent:
            text = "Endpoints were switched off:\n" + "\n".join(map(_line, silent))
            key = f"deactivated.{last['deactivated_at']}.{last['id']}"
            await alert.send(recipient, text, key=key)
        for row in found.rows:
            if row not in silent and row["user_id"] != recipient:
                # Told when it was found, unless the queue has lost the message.
                await tell_of_gone(alert, recipient, row)
    return len(found.rows)


def _line(row: Row) -> str:
    return f"{row['channel_type']} of {row['user_id']}: {row['deactivated_reason']}"
