"""The floor: one insert, one outbound POST, one update, and nothing else.

A Worker can't deliver a notification with less: the row before the attempt, the attempt, the
outcome. It neither authenticates nor parses, and talks to the raw bindings.
"""

from typing import Any

import js
from pyodide.ffi import to_js
from workers import WorkerEntrypoint, import_from_javascript

INSERT = """INSERT INTO notification_logs
 (id, message_id, user_id, channel_type, subject, content, status, lease_token, lease_until)
 VALUES (?1, ?2, 'floor', 'webhook', ?3, ?4, 'pending', ?5, ?6)"""
UPDATE = """UPDATE notification_logs SET status = 'sent', sent_at = ?2, lease_token = NULL,
 lease_until = NULL, updated_at = ?2 WHERE id = ?1 AND lease_token = ?3"""
BODY = '{"content":"It works","subject":"Hello","metadata":{"channel":"webhook","version":"1.0"}}'
TOKEN = "0123456789abcdef"  # noqa: S105 a lease of the measured row, nothing secret
TIME = "2026-01-01T00:00:00.000Z"
EPOCH_MS, IDS_PER_MS = 1_704_067_200_000, 4096
"""The form of the service's ids, so that the floor's rows lie one after another as its own do.

Random ids would cost the floor more in the index, and hide later notifications from readers of the
newest ones.
"""


class Default(WorkerEntrypoint):
    """Answers every request with one delivery."""

    async def fetch(self, _request: Any) -> Any:
        """Write a row, call the endpoint, write the outcome."""
        env = import_from_javascript("cloudflare:workers").env
        row = int((js.Date.now() - EPOCH_MS) * IDS_PER_MS + js.Math.random() * IDS_PER_MS)
        insert = env.DB.prepare(INSERT).bind(row, f"floor-{row}", "Hello", "It works", TOKEN, TIME)
        await env.DB.batch(to_js([insert]))
        options = to_js({"method": "POST", "body": BODY}, dict_converter=js.Object.fromEntries)
        answer = await js.fetch(env.ENDPOINT, options)
        await answer.text()
        await env.DB.batch(to_js([env.DB.prepare(UPDATE).bind(row, TIME, TOKEN)]))
        return js.Response.new("{}")
