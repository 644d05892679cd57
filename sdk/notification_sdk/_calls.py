"""The service's calls, one function each; the sync and the async client both run them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from notification_sdk._arguments import filled, names
from notification_sdk._call import Answer, Call, Moment, path, target_of
from notification_sdk._errors import InvalidResponse, StatusError, status_error_type
from notification_sdk._notification import NotificationRequest, SendResponse, SendResult
from notification_sdk._reading import Fields
from notification_sdk._stored import (
    ChannelConfig,
    Health,
    LogEntry,
    LogPage,
    Redriven,
    Template,
    TemplatePreview,
    TemplateText,
)


def send(request: NotificationRequest) -> Call[SendResponse]:
    """`POST /api/notifications/send`; only a send with a key may be repeated."""

    def read(answer: Answer) -> SendResponse:
        return SendResponse(
            results=tuple(map(SendResult.read, answer.fields.items("results"))),
            request_id=answer.fields.text("request_id"),
            replayed=answer.headers.get("idempotent-replayed") == "true",
            idempotency_key=request.idempotency_key,
            warnings=_warnings(answer.fields),
            document=answer.fields.document,
        )

    return Call(
        method="POST",
        target="/api/notifications/send",
        body=request.body(),
        read=read,
        repeatable=request.idempotency_key is not None,
    )


def send_bulk(
    requests: Sequence[NotificationRequest],
) -> Call[tuple[SendResponse | StatusError, ...]]:
    """`POST /api/notifications/batch`; it may be repeated where every send has a key."""

    def read(answer: Answer) -> tuple[SendResponse | StatusError, ...]:
        items = answer.fields.items("results")
        if len(items) != len(requests):
            raise InvalidResponse(
                f"The batch has {len(requests)} sends and its answer {len(items)} results.",
                code="INVALID_RESPONSE",
            )
        request_id = answer.fields.text("request_id")
        return tuple(
            _bulk_item(item, request, request_id)
            for item, request in zip(items, requests, strict=True)
        )

    return Call(
        method="POST",
        target="/api/notifications/batch",
        body={"notifications": [request.body() for request in requests]},
        read=read,
        repeatable=all(request.idempotency_key is not None for request in requests),
    )


def _bulk_item(
    item: Fields, request: NotificationRequest, request_id: str
) -> SendResponse | StatusError:
    if item.flag("success"):
        return SendResponse(
            results=tuple(map(SendResult.read, item.items("results"))),
            request_id=request_id,
            replayed=item.flag("replayed"),
            idempotency_key=request.idempotency_key,
            warnings=_warnings(item),
            document=item.document,
        )
    status, after = item.whole("status"), item.whole_or_none("retryAfter")
    return status_error_type(status)(
        item.text("error"),
        code=item.text("code"),
        status=status,
        request_id=request_id,
        retry_after=None if after is None else float(after),
    )


def _warnings(fields: Fields) -> tuple[Mapping[str, Any], ...]:
    if fields.get("warnings") is None:
        return ()
    return tuple(warning.document for warning in fields.items("warnings"))


def health() -> Call[Health]:
    """`GET /health`, which answers 503 where the service isn't well."""
    return Call(
        method="GET",
        target="/health",
        read=lambda answer: Health.read(answer.fields),
        accepted=(503,),
    )


def _nothing(answer: Answer) -> None:
    return None


def save_config(
    user_id: str, channel: str, config: Mapping[str, Any] | None, is_active: bool | None
) -> Call[ChannelConfig]:
    """`POST /api/user-configs`."""
    body = {
        "user_id": user_id,
        "channel_type": channel,
        "config_data": config,
        "is_active": is_active,
    }
    return Call(
        method="POST",
        target="/api/user-configs",
        body={name: value for name, value in body.items() if value is not None},
        read=lambda answer: ChannelConfig.read(answer.fields.inner("data")),
    )


def list_configs(
    user_id: str | None, channel: str | None, limit: int, offset: int
) -> Call[tuple[ChannelConfig, ...]]:
    """`GET /api/user-configs`."""
    query = {"user_id": user_id, "channel_type": channel, "limit": limit, "offset": offset}
    return Call(
        method="GET",
        target=target_of("/api/user-configs", query),
        read=lambda answer: tuple(map(ChannelConfig.read, answer.fields.items("data"))),
    )


def delete_config(user_id: str, channel: str) -> Call[None]:
    """`DELETE /api/user-configs`."""
    query = {"user_id": user_id, "channel_type": channel}
    return Call(
        method="DELETE",
        target=target_of("/api/user-configs", query),
        read=_nothing,
        when_gone=lambda: None,
    )


def save_template(
    key: str,
    *,
    name: str | None,
    description: str | None,
    variables: Iterable[str] | None,
    contents: Mapping[str, TemplateText] | None,
    is_active: bool | None,
) -> Call[None]:
    """`POST /api/templates/{key}`."""
    body = {
        "name": name,
        "description": description,
        "variables": None if variables is None else list(names("variables", variables)),
        "contents": contents,
        "is_active": is_active,
    }
    return Call(
        method="POST",
        target=path("api", "templates", key),
        body={field: value for field, value in body.items() if value is not None},
        read=_nothing,
    )


def get_template(key: str) -> Call[Template]:
    """`GET /api/templates/{key}`."""
    return Call(
        method="GET",
        target=path("api", "templates", key),
        read=lambda answer: Template.read(answer.fields.inner("data")),
    )


def list_templates(
    *, channel: str | None, include_inactive: bool, limit: int, offset: int
) -> Call[tuple[Template, ...]]:
    """`GET /api/templates`."""
    query = {
        "channel": channel,
        "include_inactive": include_inactive or None,
        "limit": limit,
        "offset": offset,
    }
    return Call(
        method="GET",
        target=target_of("/api/templates", query),
        read=lambda answer: tuple(map(Template.read, answer.fields.items("data"))),
    )


def delete_template(key: str) -> Call[None]:
    """`DELETE /api/templates/{key}`."""
    return Call(
        method="DELETE",
        target=path("api", "templates", key),
        read=_nothing,
        when_gone=lambda: None,
    )


def preview_template(
    key: str, variables: Mapping[str, Any], channel: str | None
) -> Call[dict[str, TemplatePreview]]:
    """`POST /api/templates/{key}/preview`, which stores nothing."""

    def read(answer: Answer) -> dict[str, TemplatePreview]:
        data = answer.fields.inner("data")
        return {name: TemplatePreview.read(data.inner(name)) for name in data.document}

    body: dict[str, Any] = {"variables": variables}
    return Call(
        method="POST",
        target=path("api", "templates", key, "preview"),
        body=body if channel is None else {**body, "channel": channel},
        read=read,
    )


def query_logs(query: Mapping[str, object]) -> Call[LogPage]:
    """`GET /api/notification-logs`."""

    def read(answer: Answer) -> LogPage:
        data, paging = answer.fields.inner("data"), answer.fields.inner("pagination")
        return LogPage(
            logs=tuple(map(LogEntry.read, data.items("logs"))),
            total=data.whole("total"),
            limit=data.whole("limit"),
            offset=data.whole("offset"),
            has_more=paging.flag("hasMore"),
            total_capped=data.flag("total_capped", default=False),
            searched_from=data.time_or_none("searched_from"),
        )

    return Call(method="GET", target=target_of("/api/notification-logs", query), read=read)


def get_log(log_id: int) -> Call[LogEntry]:
    """`GET /api/notification-logs/{id}`."""
    return Call(
        method="GET",
        target=path("api", "notification-logs", str(log_id)),
        read=lambda answer: LogEntry.read(answer.fields.inner("data")),
    )


def clean_logs(before: Moment, status: str | None) -> Call[int]:
    """`DELETE /api/notification-logs/cleanup`; the result is the number of deleted rows."""
    query = {"before": before, "status": status}
    return Call(
        method="DELETE",
        target=target_of("/api/notification-logs/cleanup", query),
        read=lambda answer: answer.fields.inner("data").whole("deleted_count"),
    )


def redrive(body: Mapping[str, Any]) -> Call[Redriven]:
    """`POST /api/notifications/retry`.

    Repeated, it would queue further rows: it isn't repeatable.
    """
    return Call(
        method="POST",
        target="/api/notifications/retry",
        body=filled(body),
        read=lambda answer: Redriven.read(answer.fields.inner("data")),
        repeatable=False,
    )


def cancel(log_ids: Sequence[int]) -> Call[int]:
    """`POST /api/queue/clear-retries`; the result is the number of cancelled rows.

    Repeated, it counts what the lost try has left.
    """
    return Call(
        method="POST",
        target="/api/queue/clear-retries",
        body={"taskIds": list(log_ids), "markAsFailed": False},
        read=lambda answer: answer.fields.inner("data").whole("updated"),
    )


def export_user(
    user_id: str, *, after: int, after_key: str | None, limit: int
) -> Call[Mapping[str, Any]]:
    """`GET /api/users/{id}/export`."""
    query = {"after": after, "after_key": after_key, "limit": limit}
    return Call(
        method="GET",
        target=target_of(path("api", "users", user_id, "export"), query),
        read=lambda answer: answer.fields.mapping("data"),
    )


def erase_user(user_id: str, *, force: bool) -> Call[bool]:
    """`DELETE /api/users/{id}`; the result tells whether everything is gone."""
    return Call(
        method="DELETE",
        target=target_of(path("api", "users", user_id), {"force": force or None}),
        read=lambda answer: answer.fields.inner("data").flag("complete"),
        when_gone=lambda: True,
    )
