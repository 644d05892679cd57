"""What `testing.FakeNotificationService` keeps in memory: configurations, templates, logs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from notification_sdk._arguments import known
from notification_sdk._channels import CHANNELS
from notification_sdk._template_renderer import TemplateRenderer

Made = tuple[int, dict[str, Any], dict[str, str]]
"""An answer: status, document without ``success``, headers."""
Route = tuple[str, str, Callable[..., Made]]
"""A method, a pattern of a path, and a function of its groups, ``query`` and ``body``."""
SEGMENT = r"([^/]+)"
STATUSES = ("pending", "sent", "failed", "retry_scheduled", "cancelled")
_IN_FLIGHT = ("pending", "retry_scheduled")
_START = datetime(2026, 1, 1, tzinfo=UTC)


class Refusal(Exception):
    """The fake service refuses a request."""

    def __init__(
        self, status: int, code: str, error: str, *, retry_after: int | None = None
    ) -> None:
        super().__init__(error)
        self.status = status
        self.code = code
        self.error = error
        self.retry_after = retry_after


def ok(**document: Any) -> Made:
    """Return an answer with status 200."""
    return 200, document, {}


def time_text(number: int) -> str:
    """Return the time of the fake service's ``number``-th act."""
    moment = _START + timedelta(milliseconds=number)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class FakeConfigs:
    """Users' configurations."""

    def __init__(self, ids: Iterator[int]) -> None:
        self._ids = ids
        self._kept: dict[tuple[str, str], dict[str, Any]] = {}

    def routes(self) -> list[Route]:
        """Return the routes that these answer."""
        return [
            ("POST", "/api/user-configs", self._save),
            ("GET", "/api/user-configs", self._list),
            ("DELETE", "/api/user-configs", self._delete),
        ]

    def of(self, user_id: str) -> dict[str, bool]:
        """Return a user's configured channels and whether each is active."""
        return {c: row["is_active"] for (user, c), row in self._kept.items() if user == user_id}

    def store(
        self, user_id: str, channel: str, config: Any, *, is_active: bool = True
    ) -> tuple[dict[str, Any], bool]:
        """Keep a configuration; return it and whether it is new."""
        kept = self._kept.get((user_id, channel))
        if config is None and kept is None:
            text = "Missing required fields: user_id, channel_type, config_data"
            raise Refusal(400, "MISSING_PARAMETER", text)
        saved = {
            "id": kept["id"] if kept else next(self._ids),
            "user_id": user_id,
            "channel_type": channel,
            "config_data": kept["config_data"] if kept and config is None else config,
            "is_active": is_active,
            "created_at": time_text(0),
            "updated_at": time_text(0),
        }
        self._kept[user_id, channel] = saved
        return saved, kept is None

    def erase(self, user_id: str) -> int:
        """Forget a user's configurations, and return how many."""
        own = [place for place in self._kept if place[0] == user_id]
        for place in own:
            del self._kept[place]
        return len(own)

    def rows(self, user_id: str) -> list[dict[str, Any]]:
        """Return a user's configurations."""
        return [config for (user, _), config in self._kept.items() if user == user_id]

    def _save(self, *, query: Mapping[str, str], body: dict[str, Any]) -> Made:
        user_id, channel = str(body.get("user_id")), str(body.get("channel_type"))
        if channel.partition(":")[0] not in CHANNELS:
            text = f"Invalid channel_type. Must be one of: {', '.join(CHANNELS)}"
            raise Refusal(400, "VALIDATION_ERROR", text)
        is_active = bool(body.get("is_active", True))
        saved, new = self.store(user_id, channel, body.get("config_data"), is_active=is_active)
        verb = "created" if new else "updated"
        message = f"User configuration {verb} successfully"
        return 201 if new else 200, {"message": message, "data": saved}, {}

    def _list(self, *, query: Mapping[str, str], body: Any) -> Made:
        found = [
            config
            for (user, channel), config in self._kept.items()
            if query.get("user_id") in (None, user) and query.get("channel_type") in (None, channel)
        ]
        return ok(data=_page(found, query, 100, 1000))

    def _delete(self, *, query: Mapping[str, str], body: Any) -> Made:
        place = (query.get("user_id", ""), query.get("channel_type", ""))
        if self._kept.pop(place, None) is None:
            raise Refusal(404, "NOT_FOUND", "Configuration not found")
        return ok(message="User configuration deleted successfully")


class FakeTemplates:
    """Templates with plain placeholders; blocks such as ``{{#if}}`` stay as they are."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Any]] = {}

    def routes(self) -> list[Route]:
        """Return the routes that these answer."""
        return [
            ("GET", "/api/templates", self._list),
            ("POST", f"/api/templates/{SEGMENT}", self._save),
            ("GET", f"/api/templates/{SEGMENT}", self._get),
            ("DELETE", f"/api/templates/{SEGMENT}", self._delete),
            ("POST", f"/api/templates/{SEGMENT}/preview", self._preview),
        ]

    def store(self, key: str, body: Mapping[str, Any]) -> None:
        """Keep a template; what ``body`` doesn't name stays."""
        kept = self._kept.get(key, {"contents": {}})
        self._kept[key] = {
            "name": body.get("name") or kept.get("name") or key,
            "description": body.get("description", kept.get("description")),
            "variables": body.get("variables", kept.get("variables", [])),
            "is_active": body.get("is_active", True),
            "contents": {**kept["contents"], **(body.get("contents") or {})},
        }

    def text(
        self, key: str, channel: str, variables: Mapping[str, Any]
    ) -> tuple[str, str | None] | None:
        """Return a template's content and subject; ``None`` where a channel has none."""
        template = self._kept.get(key)
        if template is None or not template["is_active"]:
            raise Refusal(400, "TEMPLATE_NOT_FOUND", f"Template not found: {key}")
        content = template["contents"].get(channel)
        return None if content is None else _rendered(content, variables)

    def _save(self, key: str, *, query: Mapping[str, str], body: Any) -> Made:
        self.store(key, body)
        return ok(message="Template saved successfully", data={"template_key": key})

    def _get(self, key: str, *, query: Mapping[str, str], body: Any) -> Made:
        template = self._found(key)
        contents = [
            {
                "channel_type": channel,
                "content_type": text.get("content_type", "text"),
                "subject_template": text.get("subject_template"),
                "content_template": text["content_template"],
                "extra_config": text.get("extra_config"),
            }
            for channel, text in template["contents"].items()
        ]
        return ok(data={**_shown(key, template), "contents": contents})

    def _list(self, *, query: Mapping[str, str], body: Any) -> Made:
        inactive_too = query.get("include_inactive") == "true"
        found = [
            _shown(key, template)
            for key, template in sorted(self._kept.items())
            if (template["is_active"] or inactive_too)
            and query.get("channel") in (None, *template["contents"])
        ]
        return ok(data=_page(found, query, 50, 200))

    def _delete(self, key: str, *, query: Mapping[str, str], body: Any) -> Made:
        self._found(key)["is_active"] = False
        return ok(message="Template deleted successfully")

    def _preview(self, key: str, *, query: Mapping[str, str], body: Any) -> Made:
        shown = {}
        variables = body.get("variables") or {}
        for channel, text in self._found(key)["contents"].items():
            if body.get("channel") in (None, channel):
                content, subject = _rendered(text, variables)
                check = TemplateRenderer().validate_variables(text["content_template"], variables)
                shown[channel] = {
                    "subject": subject,
                    "content": content,
                    "content_type": text.get("content_type", "text"),
                    "missing_variables": list(check.missing),
                }
        return ok(data=shown)

    def _found(self, key: str) -> dict[str, Any]:
        if key not in self._kept:
            raise Refusal(404, "NOT_FOUND", "Template not found")
        return self._kept[key]


class FakeLogs:
    """Notifications that were taken, newest first."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    def routes(self) -> list[Route]:
        """Return the routes that these answer."""
        return [
            ("GET", "/api/notification-logs", self._list),
            ("DELETE", "/api/notification-logs/cleanup", self._clean),
            ("GET", f"/api/notification-logs/{SEGMENT}", self._get),
            ("POST", "/api/notifications/retry", self._retry),
            ("POST", "/api/queue/clear-retries", self._cancel),
        ]

    def add(self, row: dict[str, Any]) -> None:
        """Keep the newest row."""
        self._rows.insert(0, row)

    def status(self, log_id: int) -> str:
        """Return a row's status."""
        return next(str(row["status"]) for row in self._rows if row["id"] == log_id)

    def settle(self, message_id: str, status: str) -> None:
        """Give a row another status."""
        known("status", status, STATUSES)
        found = [row for row in self._rows if row["message_id"] == message_id]
        if not found:
            raise KeyError(message_id)
        found[0]["status"] = status

    def rows(self, user_id: str) -> list[dict[str, Any]]:
        """Return a user's rows, the oldest first."""
        return [row for row in reversed(self._rows) if row["user_id"] == user_id]

    def erase(self, user_id: str) -> int:
        """Forget a user's rows, and return how many."""
        return self._keep(lambda row: row["user_id"] != user_id)

    def _keep(self, wanted: Callable[[dict[str, Any]], bool]) -> int:
        before = len(self._rows)
        self._rows = [row for row in self._rows if wanted(row)]
        return before - len(self._rows)

    def _clean(self, *, query: Mapping[str, str], body: Any) -> Made:
        settled = ("sent", "failed", "cancelled")
        if query.get("status", "sent") not in settled:
            text = f"Invalid status: it must be one of {', '.join(settled)}"
            raise Refusal(400, "INVALID_PARAMETER", text)
        statuses = (query["status"],) if "status" in query else settled
        before = query.get("before", "")
        deleted = self._keep(lambda r: r["status"] not in statuses or r["created_at"] >= before)
        return ok(data={"deleted_count": deleted, "before": before})

    def _list(self, *, query: Mapping[str, str], body: Any) -> Made:
        fields = {"user_id": "user_id", "channel": "channel_type"}
        fields |= {name: name for name in ("template_key", "request_id", "message_id")}
        status = {"retry": "retry_scheduled"}.get(query.get("status", ""), query.get("status"))
        if status not in (None, *STATUSES):
            text = "Invalid status: it must be one of pending, sent, failed, retry, cancelled"
            raise Refusal(400, "INVALID_PARAMETER", text)
        found = [
            row
            for row in self._rows
            if status in (None, row["status"])
            and all(query.get(name) in (None, row[field]) for name, field in fields.items())
            and query.get("start_date", "") <= row["created_at"] <= query.get("end_date", "~")
        ]
        page = _page(found, query, 50, 1000)
        limit, offset = int(query.get("limit", 50)), int(query.get("offset", 0))
        paging = {"total": len(found), "limit": limit, "offset": offset}
        return ok(
            data={"logs": page, **paging},
            pagination={**paging, "hasMore": offset + limit < len(found)},
        )

    def _get(self, log_id: str, *, query: Mapping[str, str], body: Any) -> Made:
        for row in self._rows:
            if str(row["id"]) == log_id:
                return ok(data=row)
        raise Refusal(404, "NOT_FOUND", "Log not found")

    def _retry(self, *, query: Mapping[str, str], body: dict[str, Any]) -> Made:
        fields = {"log_id": "id", "message_id": "message_id"}
        fields |= {"user_id": "user_id", "channel": "channel_type"}
        fields |= {"template_key": "template_key", "code": "code"}
        matching = [
            row
            for row in reversed(self._rows)
            if row["status"] == "failed"
            and row["id"] > body.get("cursor", 0)
            and all(body.get(name) in (None, row[field]) for name, field in fields.items())
            and body.get("since", "") <= row["created_at"] <= body.get("until", "~")
        ]
        chosen = matching[: int(body.get("limit", 100))]
        for row in chosen:
            row["status"] = "retry_scheduled"
        count = len(chosen)
        return ok(
            data={
                "matched": len(matching),
                "queued": count,
                "skipped": [],
                "next": chosen[-1]["id"] if count < len(matching) else None,
                "message": f"Queued {count} notifications for retry",
            }
        )

    def _cancel(self, *, query: Mapping[str, str], body: dict[str, Any]) -> Made:
        chosen = [
            row
            for row in self._rows
            if row["status"] == "retry_scheduled" and row["id"] in body.get("taskIds", [row["id"]])
        ]
        for row in chosen:
            row["status"] = "failed" if body.get("markAsFailed", True) else "cancelled"
        return ok(data={"updated": len(chosen)})


class FakePersons:
    """What is kept about one person."""

    def __init__(self, configs: FakeConfigs, logs: FakeLogs) -> None:
        self._configs = configs
        self._logs = logs

    def routes(self) -> list[Route]:
        """Return the routes that these answer."""
        return [
            ("GET", f"/api/users/{SEGMENT}/export", self._export),
            ("DELETE", f"/api/users/{SEGMENT}", self._erase),
        ]

    def _export(self, user_id: str, *, query: Mapping[str, str], body: Any) -> Made:
        after, rows = int(query.get("after", 0)), self._logs.rows(user_id)
        configs = self._configs.rows(user_id)
        if not (rows or configs):
            raise Refusal(404, "NOT_FOUND", "Nothing is kept about this user")
        later = [row for row in rows if row["id"] > after]
        page = _page(later, {**query, "offset": "0"}, 1000, 1000)
        return ok(
            data={
                "user_id": user_id,
                "exported_at": time_text(0),
                "configs": configs,
                "notifications": page,
                "idempotency_keys": [],
                "holds": [],
                "next_after": page[-1]["id"] if len(page) < len(later) else None,
                "next_key": None,
            }
        )

    def _erase(self, user_id: str, *, query: Mapping[str, str], body: Any) -> Made:
        waiting = [r for r in self._logs.rows(user_id) if r["status"] in _IN_FLIGHT]
        if waiting and query.get("force") != "true":
            text = f"{len(waiting)} notifications of this user are still being delivered"
            raise Refusal(409, "LOG_IN_FLIGHT", text)
        if not self._configs.erase(user_id) + self._logs.erase(user_id):
            raise Refusal(404, "NOT_FOUND", "Nothing is kept about this user")
        return ok(data={"user_id": user_id, "complete": True})


def _rendered(text: Mapping[str, Any], variables: Mapping[str, Any]) -> tuple[str, str | None]:
    renderer = TemplateRenderer()
    subject = text.get("subject_template")
    return (
        renderer.render(str(text["content_template"]), variables),
        None if subject is None else renderer.render(subject, variables),
    )


def _shown(key: str, template: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "template_key": key,
        "template_name": template["name"],
        "description": template["description"],
        "variables": list(template["variables"]),
        "is_active": template["is_active"],
        "created_at": time_text(0),
        "updated_at": time_text(0),
        "supported_channels": list(template["contents"]),
    }


def _page(
    found: list[dict[str, Any]], query: Mapping[str, str], size: int, largest: int
) -> list[dict[str, Any]]:
    limit = _whole(query, "limit", size, minimum=1)
    if limit > largest:
        raise Refusal(400, "INVALID_PARAMETER", f"limit must not exceed {largest}")
    offset = _whole(query, "offset", 0, minimum=0)
    return found[offset : offset + limit]


def _whole(query: Mapping[str, str], name: str, default: int, *, minimum: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit()) or int(text) < minimum:
        kind = "a positive integer" if minimum else "a non-negative integer"
        raise Refusal(400, "INVALID_PARAMETER", f"{name} must be {kind}")
    return int(text)
