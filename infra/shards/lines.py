"""What of an endpoint or a channel holds for several recipients, and goes wherever one goes."""

from __future__ import annotations

import json

from infra.migrations.d1 import Statement
from infra.migrations.schema import Queries
from infra.shards.user_rows import asked, patiently

_PAGE = 500
_SELECT = f"SELECT * FROM endpoint_lines WHERE endpoint > ?1 ORDER BY endpoint LIMIT {_PAGE}"  # noqa: S608  a constant
_LINE = ("endpoint", "channel_type", "throttled_until", "next_slot", "interval_ms", "burst")
_MERGE_LINES = f"""
INSERT INTO endpoint_lines ({", ".join(_LINE)})
SELECT {", ".join(f"json_extract(value, '$.{name}')" for name in _LINE)} FROM json_each(?1)
WHERE true
ON CONFLICT (endpoint) DO UPDATE SET
  throttled_until = MAX(throttled_until, excluded.throttled_until),
  next_slot = MAX(next_slot, excluded.next_slot)
"""  # noqa: S608  constants
_SELECT_HOLDS = "SELECT * FROM channel_holds WHERE user_id = '' ORDER BY channel_type"
_HOLD = ("channel_type", "user_id", "held_until", "reason", "created_at")
_END_HOLDS = """
DELETE FROM channel_holds WHERE user_id = '' AND channel_type NOT IN (
  SELECT json_extract(value, '$.channel_type') FROM json_each(?1))
"""
_WRITE_HOLDS = f"""
INSERT INTO channel_holds ({", ".join(_HOLD)})
SELECT {", ".join(f"json_extract(value, '$.{name}')" for name in _HOLD)} FROM json_each(?1)
WHERE true
ON CONFLICT (channel_type, user_id) DO UPDATE SET
  held_until = excluded.held_until, reason = excluded.reason, created_at = excluded.created_at
"""  # noqa: S608  constants


def copy_lines(source: Queries, target: Queries) -> None:
    """Give a database every line before a throttled endpoint that another one has.

    Whoever moves then waits as before. A line that nobody uses there does no harm, and goes when
    its time is over.
    """
    after = ""
    while True:
        rows = asked(source, _SELECT, after)
        if not rows:
            return
        lines = json.dumps([dict(row) for row in rows])
        patiently(target.batch, [Statement(_MERGE_LINES, (lines,))])
        after = str(rows[-1]["endpoint"])


def copy_holds_of_all(first: Queries, target: Queries) -> None:
    """Give a database the holds of whole channels, which every shard has, and no others.

    A version that knows fewer databases may have ended one where it looked.
    """
    rows = asked(first, _SELECT_HOLDS)
    holds = json.dumps([dict(row) for row in rows])
    patiently(target.batch, [Statement(_END_HOLDS, (holds,)), Statement(_WRITE_HOLDS, (holds,))])
