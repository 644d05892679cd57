"""One installation's day: all answers, rows and messages of a story with every turn in it.

`python -m tests.worker.whole_story` writes them to `whole_story.yaml`. Read the difference before
you commit it: each line of it is something that callers, operators or queues see.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from notification.channels.registry import CHANNELS
from notification.timestamps import HOUR_MS, MINUTE_MS, iso
from tests.worker.caller import Answer
from tests.worker.endpoints import answer
from tests.worker.world import ENDPOINT, World

FILE = Path(__file__).parent / "whole_story.yaml"
ADMINISTRATION = FILE.with_name("whole_administration.yaml")
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


SEND = "/api/notifications/send"
LONG = "x" * 101
REFUSED: list[tuple[str, str, Any]] = [
    ("POST", SEND, {}),
    ("POST", SEND, {"user_id": ""}),
    ("POST", SEND, {"user_id": " "}),
    ("POST", SEND, {"user_id": LONG}),
    ("POST", SEND, {"user_id": "u1"}),
    ("POST", SEND, {"user_id": "u1", "channels": ["fax"]}),
    ("POST", SEND, {"user_id": "u1", "channels": ["webhook"] * 2 + ["slack", []]}),
    ("POST", SEND, {"user_id": "u1", "channels": ["webhook"]}),
    ("POST", SEND, {"user_id": "u1", "channels": ["webhook"], "template_key": "a b"}),
    ("POST", SEND, {"user_id": "u1", "channels": ["webhook"], "template_key": 7}),
    ("POST", SEND, {"user_id": "u1", "channels": ["webhook"], "template_key": "none"}),
    ("POST", SEND, {"user_id": "u1", "channels": ["webhook"], "variables": []}),
    ("POST", SEND, {"user_id": "u1", "channels": ["webhook"], "metadata": "x"}),
    ("POST", SEND, {"user_id": "u1", "channels": ["webhook"], "custom_content": "x"}),
    ("POST", SEND, {"user_id": "u1", "channels": ["webhook"], "custom_content": {}}),
    ("POST", SEND, {"user_id": "u1", "channels": ["webhook"], "idempotency_key": 7}),
    ("POST", SEND, {"user_id": "u1", "channels": ["webhook"], "idempotency_key": ""}),
    ("POST", "/api/notifications/batch", {}),
    ("POST", "/api/user-configs", {}),
    ("POST", "/api/user-configs", {"user_id": "u1", "channel_type": "fax", "config_data": {}}),
    ("POST", "/api/user-configs", {"user_id": "u1", "channel_type": "slack", "config_data": []}),
    ("GET", "/api/user-configs?limit=0", None),
    ("GET", "/api/user-configs?limit=101", None),
    ("GET", "/api/user-configs?colour=red", None),
    ("GET", "/api/notification-logs?limit=1001", None),
    ("GET", "/api/notification-logs?status=lost", None),
    ("GET", "/api/notification-logs?channel=fax", None),
    ("GET", "/api/notification-logs?start_date=soon", None),
    ("GET", "/api/notification-logs/1", None),
    ("POST", "/api/notifications/retry", {"limit": 1_001}),
    ("POST", "/api/notifications/retry", {"max_age_hours": 8_761}),
    ("POST", "/api/notifications/retry", {"channel": "fax"}),
    ("POST", "/api/notifications/retry", {"log_id": 1}),
    ("POST", "/api/notifications/retry", {}),
    ("PUT", "/api/holds/fax", {"until": "2026-02-01"}),
    ("PUT", "/api/holds/slack", {"until": "never"}),
    ("DELETE", "/api/holds/slack", None),
    ("POST", "/api/queue/discard-failed", {}),
    ("POST", "/api/queue/clear-retries", {"taskIds": "all"}),
    ("POST", "/api/queue/purge-test-data", {"testUserIds": ["ann"]}),
    ("POST", "/api/queue/purge-test-data", {"testUserIds": "ann"}),
    ("POST", "/api/queue/clear-messages", {}),
    ("GET", "/api/deployment/versions?minutes=1441", None),
    ("GET", "/api/stats/series?metric=colour", None),
    ("GET", "/api/stats/series?metric=sent&step=week", None),
    ("GET", "/metrics?format=xml", None),
    ("GET", "/metrics?format=prometheus&user_id=u1", None),
    ("POST", "/api/scheduled-tasks/trigger", {"taskName": "lunch"}),
    ("GET", "/api/task-execution-records?limit=201", None),
    ("GET", "/api/users/nobody/export", None),
    ("POST", "/api/templates", {}),
    ("POST", "/api/templates/a.b", {}),
    ("POST", "/api/templates/t", {"contents": {"fax": {"content_template": "x"}}}),
    ("POST", "/api/templates/t/preview", {"variables": []}),
    ("POST", "/api/templates/t/preview", {"contents": []}),
    ("POST", "/api/templates/t/preview", {}),
    ("GET", "/api/templates?is_active=maybe", None),
    ("GET", "/api/nothing", None),
    ("PATCH", "/api/user-configs", {}),
]
"""Mistakes, each with its whole refusal."""


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


def tell_of_administration() -> list[dict[str, Any]]:
    """Return an operator's calls, each with its answer."""
    world = World(checks_accepted_bodies=False)
    world.clock.ms += 11 * HOUR_MS + 2 * MINUTE_MS + 3_457
    told: list[dict[str, Any]] = []

    def ask(method: str, path: str, body: Any = None) -> Any:
        world.clock.ms += 17
        answer = world.request(method, path, body)
        text = answer.text.replace(", ".join(CHANNELS), "<all channels>")
        shown = json.loads(text)
        shown.pop("request_id", None)
        asked = {} if body is None else {"body": body}
        told.append({"call": f"{method} {path}", **asked, "http": answer.status, "answer": shown})
        return answer.json

    order = {
        "name": "Order",
        "description": "A new order",
        "variables": ["id", "customer"],
        "contents": {
            "webhook": {
                "subject_template": "Order {{id}}",
                "content_template": "{{id}} for {{customer}} {{missing}}",
            },
            "lark": {"content_type": "markdown", "content_template": "**{{customer}}**"},
        },
    }
    ask("POST", "/api/templates/order", order)
    ask("PUT", "/api/templates/order", {"name": "Orders", "strict": True})
    html = {"content_type": "html", "content_template": "<b>{{customer}}</b>"}
    ask("PUT", "/api/templates/order/contents/telegram", html)
    ask("GET", "/api/templates/order")
    ask("GET", "/api/templates/order/contents")
    ask("GET", "/api/templates?channel=telegram&limit=1&offset=1")
    ask("POST", "/api/templates/order/preview", {"variables": {"id": 7, "customer": "A & B"}})
    draft = {"contents": {"slack": {"content_template": "*{{x}}* {{#if x}}"}}}
    ask("POST", "/api/templates/order/preview", {"variables": {"x": 1}, **draft})
    ask("DELETE", "/api/templates/order/contents/lark")
    ask("DELETE", "/api/templates/order/contents/lark")
    ask("DELETE", "/api/templates/order")
    ask("GET", "/api/templates?is_active=false")

    bot = {"bot_token": "123456789:" + "a" * 30, "chat_id": "-1001", "timeout": 5_000}
    telegram = {"user_id": "u1", "channel_type": "telegram", "config_data": bot}
    ask("POST", "/api/user-configs", telegram)
    ask("PUT", "/api/users/u1/configs/webhook", {"config_data": {"webhook_url": ENDPOINT}})
    ask("PUT", "/api/users/u1/configs/telegram", {"is_active": False})
    ask("GET", "/api/user-configs?user_id=u1&limit=1&offset=1")
    ask("GET", "/api/users/u1/configs")
    ask("GET", "/api/user-configs?user_id=u1&channel_type=telegram")
    ask("DELETE", "/api/users/u1/configs/telegram")
    ask("DELETE", "/api/users/u1/configs/telegram")

    world.endpoints.behave = lambda request: _after(world, 31, answer())
    send = {"user_id": "u1", "channels": ["webhook"], "custom_content": {"content": "text"}}
    several = [{**send, "metadata": {"n": 1}}, {**send, "user_id": "nobody"}, {"user_id": 7}]
    batch = ask("POST", "/api/notifications/batch", {"notifications": several})
    log_id = batch["results"][0]["results"][0]["logId"]
    world.endpoints.behave = lambda request: _after(world, 9, answer(404, "not here"))
    many = {name: value for name, value in send.items() if name != "user_id"}
    ask("POST", "/api/notifications/batch", {**many, "user_ids": ["u1"]})
    world.request("POST", "/api/notifications/send", send)
    ask("GET", "/api/notification-logs?user_id=u1&limit=1&offset=1")
    ask("GET", "/api/notification-logs?status=sent&channel=webhook&start_date=2026-01-01")
    ask("GET", f"/api/notification-logs/{log_id}")
    ask("GET", f"/api/notification-logs/changes?after={log_id}&watch={log_id}")
    ask("GET", "/api/notification-logs/changes")
    ask("DELETE", f"/api/notification-logs/{log_id}")
    ask("GET", "/api/deployment/versions?minutes=5")
    ask("POST", "/api/queue/discard-failed", {"taskIds": [log_id, log_id + 1]})
    ask("POST", "/api/queue/purge-test-data", {"testUserIds": ["test-1"], "dryRun": True})
    ask("POST", "/api/queue/clear-messages", {"queueName": "retry-queue"})
    world.cron()
    ask("POST", "/api/scheduled-tasks/trigger", {"taskName": "key_rotation"})
    ask("GET", "/api/task-execution-records?limit=2&offset=1")
    ask("GET", "/health/scheduled-tasks")
    ask("GET", "/api/users/u1/export")
    ask("DELETE", "/api/users/u1")

    for method, path, body in REFUSED:
        ask(method, path, body)
    return told


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
    """Write both files."""
    for file, story in ((FILE, tell()), (ADMINISTRATION, tell_of_administration())):
        file.write_text(
            "# Written by `python -m tests.worker.whole_story`; see there.\n"
            + yaml.safe_dump(story, sort_keys=False, allow_unicode=True, width=100),
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
