"""The older face of a Worker, addressed by its name: list, settings, subdomain, delete."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.bindings import shown_by_script
from localcloud.api.envelope import body_model, success
from localcloud.api.listing import ListQuery, unsorted
from localcloud.api.resources import Account
from localcloud.api.workers import delete_worker, find_worker, settings_of, update_settings
from localcloud.database import Row

_MALFORMED = 10026


class _Subdomain(BaseModel):
    enabled: bool
    previews_enabled: bool | None = None


class _Settings(BaseModel):
    logpush: bool | None = None
    observability: dict[str, Any] | None = None
    tags: list[str] | None = None
    tail_consumers: list[dict[str, str]] | None = None


def routes(account: Account) -> Sequence[Route]:
    """/workers/scripts and what is below a script's name, but versions and deployments."""
    path = "/workers/scripts"
    database = account.database

    def asked(request: Request) -> Row:
        return find_worker(account, request.path_params["script_name"])

    async def listing(request: Request) -> Response:
        query = ListQuery(request)
        rules = _tag_rules(query)
        rows = database.rows("SELECT * FROM workers")
        found = [row for row in rows if _has_tags(row, rules)]
        found = unsorted(found, lambda row: str(row["name"]))
        return query.page([_script(row) for row in found], per_page=None)

    async def delete(request: Request) -> Response:
        query = ListQuery(request)
        force = query.flag("force") or False
        query.done()
        await delete_worker(account, asked(request), force=force)
        return success(None)

    async def get_subdomain(request: Request) -> Response:
        return success(json.loads(asked(request)["subdomain"]))

    async def post_subdomain(request: Request) -> Response:
        row = asked(request)
        wanted = await body_model(request, _Subdomain, code=_MALFORMED)
        previews = wanted.enabled if wanted.previews_enabled is None else wanted.previews_enabled
        switch = {"enabled": wanted.enabled, "previews_enabled": previews}
        database.execute(
            "UPDATE workers SET subdomain = ? WHERE id = ?", json.dumps(switch), row["id"]
        )
        await account.desired.sync_routes()
        return success(switch)

    async def delete_subdomain(request: Request) -> Response:
        row = asked(request)
        switch = {"enabled": False, "previews_enabled": False}
        database.execute(
            "UPDATE workers SET subdomain = ? WHERE id = ?", json.dumps(switch), row["id"]
        )
        await account.desired.sync_routes()
        return success(switch)

    async def get_settings(request: Request) -> Response:
        row = asked(request)
        return success({**settings_of(row), **active_settings(account, row)})

    async def get_script_settings(request: Request) -> Response:
        return success(settings_of(asked(request)))

    async def patch_script_settings(request: Request) -> Response:
        row = asked(request)
        wanted = await body_model(request, _Settings, code=_MALFORMED)
        new = update_settings(account, row, wanted.model_dump())
        return success(new)

    one = path + "/{script_name}"
    return [
        Route(path, listing, methods=["GET"]),
        Route(one, delete, methods=["DELETE"]),
        Route(one + "/subdomain", get_subdomain, methods=["GET"]),
        Route(one + "/subdomain", post_subdomain, methods=["POST"]),
        Route(one + "/subdomain", delete_subdomain, methods=["DELETE"]),
        Route(one + "/settings", get_settings, methods=["GET"]),
        Route(one + "/script-settings", get_script_settings, methods=["GET"]),
        Route(one + "/script-settings", patch_script_settings, methods=["PATCH"]),
    ]


def _tag_rules(query: ListQuery) -> dict[str, bool]:
    """`tags=a:yes,b:no`: which tags a Worker must have, and which it may not."""
    rules: dict[str, bool] = {}
    text = query.text("tags")
    for part in text.split(",") if text else ():
        tag, _, allowed = part.rpartition(":")
        if not tag or allowed not in {"yes", "no"}:
            raise query.refusal("tags must be a list such as a:yes,b:no.")
        rules[tag] = allowed == "yes"
    return rules


def _has_tags(row: Row, rules: dict[str, bool]) -> bool:
    tags = json.loads(row["tags"])
    return all((tag in tags) is wanted for tag, wanted in rules.items())


def _script(row: Row) -> dict[str, Any]:
    return {
        "id": row["name"],
        "tag": row["id"],
        "created_on": row["created_on"],
        "modified_on": row["updated_on"],
        "logpush": bool(row["logpush"]),
        "tail_consumers": json.loads(row["tail_consumers"]),
        "usage_model": "standard",
    }


def active_settings(account: Account, row: Row) -> dict[str, Any]:
    """Return bindings and compatibility of the version that is deployed, else of the newest one."""
    split = account.desired.split(row["name"])
    sql = "SELECT document FROM versions WHERE worker_id = ? ORDER BY number DESC LIMIT 1"
    text = account.database.value(sql, row["id"])
    if split:
        text = account.database.value("SELECT document FROM versions WHERE id = ?", split[0][0])
    document = json.loads(text or '{"bindings": []}')
    return {
        "bindings": [shown_by_script(binding) for binding in document["bindings"]],
        "compatibility_date": document.get("compatibility_date", ""),
        "compatibility_flags": document.get("compatibility_flags", []),
        "usage_model": document.get("usage_model", "standard"),
    }
