"""One installation's day: all answers, rows and messages of a story with every turn in it.

`python -m tests.worker.whole_story` writes them to `whole_story.yaml`. Read the difference before
you commit it: each line of it is something that callers, operators or queues see.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from notification.timestamps import HOUR_MS, MINUTE_MS, iso
from tests.worker.caller import Answer
from tests.worker.endpoints import answer
from tests.worker.world import World

FILE = Path(__file__).parent / "whole_story.yaml"
TABLES = {
    "notification_logs": "id",
    "idempotency_keys": "user_id, idempotency_key",
    "endpoint_lines": "endpoint",
    "channel_holds": "channel_type, user_id",
    "user_configs": "id",
    "notification_rollups": "step, period_start, channel_type",
    "scheduled_tasks": "task_name",
}
UNTOLD = {"config_data", "request_hash"}
"""Sealed, or a hash: other tests open them."""
SLACK = "https://hooks.slack.com/services/T000/B000/XXXX"


def tell() -> dict[str, Any]:
    """Return what each chapter of the story answered, and what it left in tables and queues."""
    world = World()
    # No round time: sums and differences are no others by chance.
    world.clock.ms += 11 * HOUR_MS + 2 * MINUTE_MS + 3_457
    chapters: dict[str, Any] = {}
    known: dict[str, list[dict[str, Any]]] = {}

    def close(name: str, *answers: Answer) -> None:
        changed = {}
        for table, order in TABLES.items():
            rows = [_shown(row) for row in _rows(world, table, order)]
            if new := [row for row in rows if row not in known.get(table, [])]:
                changed[table] = new
            known[table] = rows
        queues = {
            queue: [
                {**waiting.body, "due": iso(waiting.due_ms)}
                for waiting in sorted(waits, key=lambda waiting: waiting.body["logId"])
            ]
            for queue, waits in (
                ("retry", world.retry_queue.waiting),
                ("failed", world.failed_queue.waiting),
            )
            if waits
        }
        called = [f"{request.method} {request.url}" for _, request in world.endpoints.received]
        world.endpoints.received.clear()
        chapters[name] = {
            "at": iso(world.clock.ms),
            "answers": [{"status": each.status, **each.json} for each in answers],
            "called": called,
            "tables": changed,
            "queues": queues,
        }

    world.configure()
    world.configure("u1", "webhook:second", webhook_url="https://second.example.com/in")
    world.configure("u1", "slack", webhook_url=SLACK)
    world.configure("u2", webhook_url="https://u2.example.com/in")
    template = {"subject_template": "S {{a}}", "content_template": "C {{a}} {{b}}"}
    world.request("POST", "/api/templates/t", {"contents": {"webhook": template}})
    close("recipients")

    world.endpoints.behave = lambda request: _after(world, 31, answer())
    templated = {
        "user_id": "u1",
        "channels": ["webhook", "lark"],
        "template_key": "t",
        "variables": {"a": "ä"},
        "idempotency_key": "k",
        "metadata": {"m": 1},
        "urgent": True,
    }
    sends = [world.request("POST", "/api/notifications/send", templated) for _ in range(2)]
    close("sent, and asked for again", *sends)

    world.endpoints.behave = lambda request: _after(world, 7, answer(500, "down"))
    chain: Any = [["webhook", "webhook:second"]]
    close("broken, with a fallback", world.send(channels=chain))

    until = {"until": iso(world.clock.ms + HOUR_MS), "reason": "maintenance"}
    held = world.request("PUT", "/api/holds/slack", until)
    planned = world.send(channels=["webhook"], send_at=iso(world.clock.ms + 2 * HOUR_MS + 1))
    close("held, and planned", held, world.send(channels=["slack"]), planned)

    world.endpoints.behave = lambda request: _after(world, 3, answer(429, retry_after="90"))
    close("throttled", world.send("u2"), world.send("u2"), world.send("u2"))

    world.endpoints.behave = lambda request: answer(503, "still down")
    for minute in range(2):
        world.clock.ms += 59_999 * (minute + 1)
        world.deliver_queues()
    close("retries spent, fallback released, lines served")

    world.endpoints.behave = lambda request: _after(world, 5, answer())
    released = world.request("DELETE", "/api/holds/slack", {})
    world.clock.ms += MINUTE_MS
    world.deliver_queues()
    close("hold taken away", released)

    world.endpoints.behave = lambda request: answer(410, "gone")
    close("gone", world.send("u2"))
    world.endpoints.behave = lambda request: _after(world, 5, answer())
    failed = world.request("POST", "/api/notifications/retry", {"user_id": "u1"})
    all_failed = world.request("POST", "/api/notifications/retry", {})
    world.clock.ms += 20_000
    world.deliver_queues()
    close("failed ones again", failed, all_failed)

    status = world.request("GET", "/api/queue/status")
    cleared = world.request("POST", "/api/queue/clear-retries", {"markAsFailed": False})
    close("cleared", status, cleared, world.request("GET", "/api/queue/status"))

    world.clock.ms += 3 * HOUR_MS
    world.cron()
    close("an afternoon later", world.request("GET", "/api/stats/series?metric=accepted"))
    return chapters


def _after(world: World, ms: int, given: Any) -> Any:
    world.clock.ms += ms
    return given


def _rows(world: World, table: str, order: str) -> list[dict[str, Any]]:
    return world.sqlites[0].rows(f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608 - constants


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what is NULL, with its JSON read."""
    shown = {name: value for name, value in row.items() if value is not None}
    for name in UNTOLD & shown.keys():
        del shown[name]
    for name, value in shown.items():
        if isinstance(value, str) and value[:1] in ("{", "["):
            shown[name] = json.loads(value)
    return shown


def main() -> None:
    """Write the file."""
    FILE.write_text(
        "# Written by `python -m tests.worker.whole_story`; see there.\n"
        + yaml.safe_dump(tell(), sort_keys=False, allow_unicode=True, width=100),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
