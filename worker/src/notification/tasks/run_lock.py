"""One run of a task at a time, and the state that it leaves for the next."""

import json
from typing import Any

from notification.ports.database import Statement
from notification.ports.platform import Platform
from notification.timestamps import iso

LEASE_MS = 240_000

_ENSURE = "INSERT INTO scheduled_tasks (task_name) VALUES (?1) ON CONFLICT DO NOTHING"
_TAKE = """
UPDATE scheduled_tasks SET lease_token = ?2, lease_until = ?3
WHERE task_name = ?1 AND (lease_until IS NULL OR lease_until <= ?4)
RETURNING state
"""
_RELEASE = """
UPDATE scheduled_tasks SET lease_token = NULL, lease_until = NULL, last_run_at = ?3, state = ?4
WHERE task_name = ?1 AND lease_token = ?2
"""


class RunLock:
    """A lease of four minutes on a task's row. A run that crashed frees it by time."""

    def __init__(self, platform: Platform, task_name: str) -> None:
        self._platform = platform
        self._task_name = task_name
        self._token = platform.randomness.token_bytes(12).hex()

    async def take(self) -> dict[str, Any] | None:
        """Return the state that the last run left; None while another run holds the lock."""
        now_ms = self._platform.clock.now_ms()
        values = (self._task_name, self._token, iso(now_ms + LEASE_MS), iso(now_ms))
        _, taken = await self._platform.database.batch(
            [Statement(_ENSURE, (self._task_name,)), Statement(_TAKE, values)]
        )
        if taken.row is None:
            return None
        state = json.loads(str(taken.row["state"]))
        return state if isinstance(state, dict) else {}

    async def release(self, state: dict[str, Any], *more: Statement) -> None:
        """Free the lock and store `state` for the next run; `more` joins the same batch."""
        now = iso(self._platform.clock.now_ms())
        release = Statement(_RELEASE, (self._task_name, self._token, now, json.dumps(state)))
        await self._platform.database.batch([release, *more])
