"""Every hour: reseal what is stored under an older key, or not sealed at all."""

from typing import Any

from notification.configuration.channel_config import place
from notification.configuration.key_ring import KeyRing, SealedTextError
from notification.foreign_json import parse_foreign_json
from notification.logging import Log
from notification.ports.database import Row, Statement
from notification.ports.platform import Platform
from notification.tasks.sweep import is_paused
from notification.tasks.task import State, state_of
from notification.timestamps import HOUR_MS, iso

PAGE = 50
_MAX_PAGES = 10

_OTHERS = """
SELECT id, user_id, channel_type, config_data FROM user_configs
WHERE id > ?1 AND substr(config_data, 1, length(?2)) <> ?2 ORDER BY id LIMIT ?3
"""
# The clear text is the same, so the revision stays. A row that was saved meanwhile is skipped.
_RESEAL = "UPDATE user_configs SET config_data = ?3 WHERE id = ?1 AND config_data = ?2"
_LEFT = """
SELECT CASE WHEN substr(config_data, 1, 7) = 'enc:v2:' THEN substr(config_data, 8, 8)
  WHEN substr(config_data, 1, 7) = 'enc:v1:' THEN 'v1' ELSE 'clear' END AS key_id,
  COUNT(*) AS rows_left
FROM user_configs GROUP BY key_id ORDER BY key_id
"""


class KeyRotation:
    """Goes on where the last run stopped. Rows that no key opens are left and counted."""

    name = "key_rotation"
    interval_ms = HOUR_MS

    def is_due(self, last_run_ms: int | None, scheduled_ms: int) -> bool:
        """Return whether this is the first firing of an hour."""
        return last_run_ms is None or last_run_ms // HOUR_MS != scheduled_ms // HOUR_MS

    async def run(self, platform: Platform, state: State, log: Log) -> dict[str, Any]:
        """Reseal at most 500 rows of a database, and count the rows by key; see `Task.run`."""
        keys = KeyRing(platform)
        resealed = unreadable = 0
        if not await is_paused(platform, log, self.name):
            for each in platform.shards:
                done = await _reseal_some(each, keys, state_of(state, each.shard))
                resealed, unreadable = resealed + done[0], unreadable + done[1]
        [left] = await platform.everywhere.batch([Statement(_LEFT)])
        sums = left.sums("rows_left", by="key_id")
        by_key = {str(key_id): count for key_id, count in sums.items()}
        return {
            "timestamp": iso(platform.clock.now_ms()),
            "currentKey": keys.current,
            "resealed": resealed,
            "unreadable": unreadable,
            "rowsByKey": by_key,
        }


async def _reseal_some(platform: Platform, keys: KeyRing, state: State) -> tuple[int, int]:
    """Go on in one database; return how many rows were resealed, and how many no key opens."""
    resealed = unreadable = 0
    for _ in range(_MAX_PAGES):
        after = int(state.get("after", 0))
        page = Statement(_OTHERS, (after, keys.prefix, PAGE))
        [others] = await platform.database.batch([page])
        statements = []
        for row in others.rows:
            statement = await _resealed(row, keys)
            if statement is None:
                unreadable += 1
            else:
                statements.append(statement)
        if statements:
            results = await platform.database.batch(statements)
            resealed += sum(result.changes for result in results)
        # At the end the next run starts over, for rows that an older version writes.
        done = len(others.rows) < PAGE
        state["after"] = 0 if done else int(others.rows[-1]["id"])
        if done:
            break
    return resealed, unreadable


async def _resealed(row: Row, keys: KeyRing) -> Statement | None:
    where = place(str(row["user_id"]), str(row["channel_type"]))
    stored = str(row["config_data"])
    try:
        clear = await keys.open(stored, *where)
        parse_foreign_json(clear)
    except (SealedTextError, ValueError):
        return None
    return Statement(_RESEAL, (row["id"], stored, await keys.seal(clear, *where)))
