"""Cron triggers of a Worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field, RootModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cron.expression import CronExpression, InvalidCron
from localcloud.api.envelope import ApiError, body_model, success
from localcloud.api.listing import ListQuery
from localcloud.api.resources import Account
from localcloud.api.workers import find_worker
from localcloud.database import Row
from localcloud.plan import FREE_CRONS, PAID_CRONS

# Codes: 10026 malformed body, 10072 too many, 10100 invalid cron string.


class _Schedule(BaseModel):
    cron: str = Field(max_length=200)


class _Schedules(RootModel[list[_Schedule]]):
    pass


def routes(account: Account) -> Sequence[Route]:
    """/workers/scripts/{script_name}/schedules."""
    path = "/workers/scripts/{script_name}/schedules"

    async def replace(request: Request) -> Response:
        worker = find_worker(account, request.path_params["script_name"])
        wanted = await body_model(request, _Schedules, code=10026)
        crons = list(dict.fromkeys(schedule.cron for schedule in wanted.root))
        for cron in crons:
            try:
                CronExpression.parse(cron)
            except InvalidCron as error:
                raise ApiError(400, 10100, f"invalid cron string: {error}") from error
        _store(account, worker, crons)
        account.schedules_changed()
        return success({"schedules": _shown(account, worker)})

    async def read(request: Request) -> Response:
        worker = find_worker(account, request.path_params["script_name"])
        shown, info = ListQuery(request).slice(_shown(account, worker), per_page=None)
        return success({"schedules": shown}, info=info)

    return [Route(path, replace, methods=["PUT"]), Route(path, read, methods=["GET"])]


def _store(account: Account, worker: Row, crons: list[str]) -> None:
    """A cron that stays keeps its row: it neither forgets nor repeats a firing."""
    now = account.clock.timestamp()
    database = account.database
    with database.transaction():
        before = _crons(account, worker)
        for cron in set(before) - set(crons):
            database.execute(
                "DELETE FROM schedules WHERE worker_id = ? AND cron = ?", worker["id"], cron
            )
        for position, cron in enumerate(crons):
            if cron in before:
                database.execute(
                    "UPDATE schedules SET position = ? WHERE worker_id = ? AND cron = ?",
                    position,
                    worker["id"],
                    cron,
                )
                continue
            database.execute(
                "INSERT INTO schedules VALUES (?, ?, ?, ?, ?, ?)",
                worker["id"],
                cron,
                position,
                now,
                now,
                account.clock.now_ms(),
            )
        total = database.value("SELECT count(*) FROM schedules")
        most = FREE_CRONS if account.free_plan else PAID_CRONS
        if total > most:
            raise ApiError(400, 10072, f"An account has at most {most} cron triggers.")


def _crons(account: Account, worker: Row) -> list[str]:
    return [schedule["cron"] for schedule in _shown(account, worker)]


def _shown(account: Account, worker: Row) -> list[dict[str, Any]]:
    rows = account.database.rows(
        "SELECT cron, created_on, modified_on FROM schedules WHERE worker_id = ? ORDER BY position",
        worker["id"],
    )
    return [dict(row) for row in rows]
