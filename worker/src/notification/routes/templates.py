"""`/api/templates`: templates, their contents, and previews."""

import json
from collections.abc import Iterable
from typing import Any

from notification.channels.registry import CHANNELS
from notification.errors import ServiceError
from notification.http.parameters import pagination, switch, whole_number
from notification.http.request import Request
from notification.http.response import Response, success
from notification.http.router import Call, Route
from notification.ports.database import Row
from notification.sending.preview import preview_draft, preview_text
from notification.storage.template_rows import TemplateRows
from notification.templates.contents import syntax_problems
from notification.templates.stored_template import KnownTemplates, TemplateText
from notification.templates.template_document import (
    CONTENT_FIELDS,
    check_channel,
    check_key,
    read_content,
    read_template_document,
)
from notification.timestamps import iso

_PREVIEW_FIELDS = frozenset(("variables", "channel", "contents"))
_FIELDS = frozenset(
    (
        *("template_key", "key", "template_name", "name", "description", "variables"),
        *("is_active", "strict", "contents", "channels"),
        # An answer may be sent back as it is.
        *("revision", "created_at", "updated_at", "supported_channels", "template", "problems"),
    )
)


def _rows(call: Call) -> TemplateRows:
    return TemplateRows(call.platform.database)


def _now(call: Call) -> str:
    return iso(call.platform.clock.now_ms())


def _shown(row: Row) -> dict[str, Any]:
    shown: dict[str, Any] = {**row}
    shown["variables"] = json.loads(str(row["variables"]))
    shown["is_active"] = bool(row["is_active"])
    shown["strict"] = bool(row["strict"])
    if "channels" in shown:
        shown["supported_channels"] = json.loads(str(shown.pop("channels")))
    return shown


def _problems(contents: Iterable[Row]) -> list[dict[str, str]]:
    """Return what is wrong with contents that were stored before the grammar refused it."""
    return [
        {"channel_type": str(row["channel_type"]), "problem": problem}
        for row in contents
        for problem in _problems_of(row)
    ]


def _problems_of(row: Row) -> list[str]:
    if row["content_template"] is None:
        key = row["template_key"]
        return [f"The content was not checked in this list: GET /api/templates/{key} checks it"]
    return syntax_problems(_text_of(row))


def _shown_content(row: Row) -> dict[str, Any]:
    extra = json.loads(str(row["extra_config"])) if row["extra_config"] else None
    return {**row, "extra_config": extra}


def _check_contents(request: Request, body: dict[str, Any]) -> None:
    """Let the answer name fields of contents that have no effect; see `read_template_document`."""
    contents = body.get("contents")
    if isinstance(contents, dict):
        for channel, content in contents.items():
            request.check_fields(content, CONTENT_FIELDS, f"contents.{channel}")
    elif contents is None and isinstance(body.get("channels"), list):
        for place, content in enumerate(body["channels"]):
            request.check_fields(content, CONTENT_FIELDS | {"type"}, f"channels[{place}]")


def _missing() -> ServiceError:
    return ServiceError("NOT_FOUND", "Template not found")


async def _found(call: Call, key: str) -> tuple[Row, list[Row]]:
    found = await _rows(call).find(key)
    if found is None:
        raise _missing()
    return found


def _key(call: Call, body: dict[str, Any] | None = None) -> str:
    named = call.parameters.get("key") or call.request.query.get("key")
    if not named and body is not None:
        named = body.get("template_key") or body.get("key")
    return check_key(named)


async def list_templates(call: Call) -> Response:
    """List templates, or show the one that `?key=` names."""
    query = call.request.query
    if query.get("key"):
        return await show_template(call)
    active = switch(query, "is_active")
    if active is None and not switch(query, "include_inactive"):
        active = True
    limit = whole_number(query, "limit", default=50, maximum=200)
    offset = whole_number(query, "offset", default=0, minimum=0)
    channel = query.get("channel") or None
    if channel is not None:
        check_channel(channel, CHANNELS)
    page = await _rows(call).list(is_active=active, channel=channel, limit=limit, offset=offset)
    paging = pagination(page.total, limit=limit, offset=offset, rows=len(page.rows))
    contents: dict[str, list[Row]] = {}
    for content in page.contents:
        contents.setdefault(str(content["template_key"]), []).append(content)
    listed = [
        {**_shown(row), "problems": _problems(contents.get(str(row["template_key"]), ()))}
        for row in page.rows
    ]
    return success(data=listed, pagination=paging)


async def show_template(call: Call) -> Response:
    """Show a template with its contents; `template` repeats its own fields."""
    row, contents = await _found(call, _key(call))
    template = _shown(row)
    shown = [_shown_content(content) for content in contents]
    problems = _problems(contents)
    return success(data={**template, "contents": shown, "template": template, "problems": problems})


async def save_template(call: Call) -> Response:
    """Create or change a template; saving activates it unless the body says otherwise."""
    body = call.request.json_object("Invalid JSON in request body")
    call.request.check_fields(body, _FIELDS)
    _check_contents(call.request, body)
    key = _key(call, body)
    document = read_template_document(body, CHANNELS)
    await _rows(call).save(
        key,
        name=document.name,
        description=document.description,
        variables=document.variables,
        is_active=document.is_active,
        strict=document.strict,
        contents=document.contents,
        now=_now(call),
    )
    call.platform.memory.of(KnownTemplates).drop(key)
    return success(message="Template saved successfully", data={"template_key": key})


async def delete_template(call: Call) -> Response:
    """Deactivate a template; its contents stay."""
    key = _key(call)
    if not await _rows(call).switch_off(key, _now(call)):
        raise _missing()
    call.platform.memory.of(KnownTemplates).drop(key)
    return success(message="Template deleted successfully")


async def list_contents(call: Call) -> Response:
    """List the contents of one template."""
    _, contents = await _found(call, _key(call))
    return success(data=[_shown_content(content) for content in contents])


async def save_content(call: Call) -> Response:
    """Create or replace one channel's content."""
    key = _key(call)
    body = call.request.json_object()
    call.request.check_fields(body, CONTENT_FIELDS)
    content = read_content(call.parameters["channel"], body, CHANNELS)
    if not await _rows(call).save_content(key, content, _now(call)):
        raise _missing()
    call.platform.memory.of(KnownTemplates).drop(key)
    data = {"template_key": key, "channel_type": content.channel}
    return success(message="Template content saved successfully", data=data)


async def delete_content(call: Call) -> Response:
    """Delete one channel's content."""
    key = _key(call)
    if not await _rows(call).delete_content(key, call.parameters["channel"], _now(call)):
        raise ServiceError("NOT_FOUND", "Template content not found")
    call.platform.memory.of(KnownTemplates).drop(key)
    return success(message="Template content deleted successfully")


async def preview_template(call: Call) -> Response:
    """Show what each channel, or the one named, would get; nothing is sent.

    With `contents` a draft is rendered in place of the stored template, which needn't exist.
    """
    body = call.request.json_object()
    call.request.check_fields(body, _PREVIEW_FIELDS)
    variables, channel = body.get("variables", {}), body.get("channel")
    if not isinstance(variables, dict):
        raise ServiceError("INVALID_VARIABLES", "variables must be an object")
    if channel is not None:
        check_channel(channel, CHANNELS)
    key, draft, now_ms = _key(call), body.get("contents"), call.platform.clock.now_ms()
    if draft is None:
        _, rows = await _found(call, key)
        texts = {str(row["channel_type"]): _text_of(row) for row in rows}
        data = {
            name: preview_text(key, name, text, variables, now_ms=now_ms)
            for name, text in texts.items()
            if channel in (None, name)
        }
    elif isinstance(draft, dict):
        _check_contents(call.request, {"contents": draft})
        data = {
            name: preview_draft(key, name, content, variables, now_ms=now_ms)
            for name, content in draft.items()
            if channel in (None, name)
        }
    else:
        raise ServiceError("VALIDATION_ERROR", "Contents must be an object")
    return success(data=data)


def _text_of(row: Row) -> TemplateText:
    subject = row["subject_template"]
    return TemplateText(
        str(row["content_type"]),
        str(row["content_template"]),
        None if subject is None else str(subject),
    )


_ONE = "/api/templates/{key}"

ROUTES = (
    Route(
        "GET",
        "/api/templates",
        list_templates,
        query=("key", "include_inactive", "is_active", "channel", "limit", "offset"),
    ),
    Route("POST", "/api/templates", save_template, aliases=(_ONE,), query=("key",)),
    Route("PUT", "/api/templates", save_template, aliases=(_ONE,), query=("key",)),
    Route("DELETE", "/api/templates", delete_template, aliases=(_ONE,), query=("key",)),
    Route("GET", _ONE, show_template),
    Route("GET", f"{_ONE}/contents", list_contents),
    Route("POST", f"{_ONE}/contents/{{channel}}", save_content),
    Route("PUT", f"{_ONE}/contents/{{channel}}", save_content),
    Route("DELETE", f"{_ONE}/contents/{{channel}}", delete_content),
    Route("POST", f"{_ONE}/preview", preview_template),
)
