"""Deployments: which versions of a Worker get which share of the traffic."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.accounts import USER_EMAIL
from localcloud.api.envelope import ApiError, body_model, success
from localcloud.api.listing import ListQuery
from localcloud.api.resources import Account
from localcloud.api.workers import find_worker
from localcloud.database import Row
from localcloud.host_client import HostError

# Codes: 10021 start-up error, 10026 malformed, 10336 unknown deployment, 100146 unknown version.
_MALFORMED = 10026
_TOLERANCE = 1e-6  # shares have two decimals


class _Share(BaseModel):
    version_id: str
    percentage: float = Field(ge=0, le=100)


class _Deployment(BaseModel):
    model_config = ConfigDict(extra="ignore")
    strategy: Literal["percentage"]
    versions: list[_Share] = Field(min_length=1, max_length=2)
    annotations: dict[Literal["workers/message", "workers/triggered_by"], str] | None = None


def routes(account: Account) -> Sequence[Route]:
    """/workers/scripts/{script_name}/deployments and below."""
    path = "/workers/scripts/{script_name}/deployments"
    database = account.database

    async def create(request: Request) -> Response:
        worker = find_worker(account, request.path_params["script_name"])
        wanted = await body_model(request, _Deployment, code=_MALFORMED)
        _check(account, worker, wanted)
        shares = {share.version_id: share.percentage for share in wanted.versions}
        row = await deploy_versions(account, worker, shares, wanted.annotations)
        return success(_shown(row))

    async def listing(request: Request) -> Response:
        worker = find_worker(account, request.path_params["script_name"])
        rows = database.rows(
            "SELECT * FROM deployments WHERE worker_id = ? ORDER BY sequence DESC", worker["id"]
        )
        query = ListQuery(request, code=_MALFORMED)
        since, until = query.moment("since"), query.moment("until")
        found = [
            row
            for row in rows
            if (since is None or datetime.fromisoformat(row["created_on"]) >= since)
            and (until is None or datetime.fromisoformat(row["created_on"]) <= until)
        ]
        shown, info = query.slice(found, per_page=None)
        return success({"deployments": [_shown(row) for row in shown]}, info=info)

    async def read(request: Request) -> Response:
        worker = find_worker(account, request.path_params["script_name"])
        return success(_shown(_find(account, worker, request.path_params["deployment_id"])))

    return [
        Route(path, create, methods=["POST"]),
        Route(path, listing, methods=["GET"]),
        Route(path + "/{deployment_id}", read, methods=["GET"]),
    ]


async def deploy_versions(
    account: Account,
    worker: Row,
    shares: Mapping[str, float],
    annotations: Mapping[Any, str] | None,
) -> Row:
    """Start the versions, then give each its share of the traffic in percent.

    Returns:
        The new row of `deployments`.

    Raises:
        ApiError: 400 where a version doesn't start.
    """
    with account.desired.holding(shares):
        for identifier in shares:
            await _boot(account, identifier)
        identifier = _store(account, worker, shares, annotations)
        try:
            await account.desired.sync_routes()
        except Exception:
            account.database.execute("DELETE FROM deployments WHERE id = ?", identifier)
            raise
    account.desired.prune()
    return _find(account, worker, identifier)


def _check(account: Account, worker: Row, wanted: _Deployment) -> None:
    identifiers = [share.version_id for share in wanted.versions]
    if len(set(identifiers)) != len(identifiers):
        raise ApiError(400, _MALFORMED, "A version is in the deployment more than once.")
    total = sum(share.percentage for share in wanted.versions)
    if abs(total - 100) > _TOLERANCE:
        raise ApiError(400, _MALFORMED, f"Percentages must sum to 100, these sum to {total:g}.")
    for identifier in identifiers:
        known = account.database.value(
            "SELECT 1 FROM versions WHERE id = ? AND worker_id = ?", identifier, worker["id"]
        )
        if not known:
            raise ApiError(400, 100146, f"Version {identifier} does not exist.")


async def _boot(account: Account, identifier: str) -> None:
    try:
        await account.desired.ensure_running(identifier)
    except HostError as error:
        if error.code in {"boot_failed", "unsupported_binding"}:
            raise ApiError(400, 10021, error.message) from error
        raise


def _store(
    account: Account, worker: Row, shares: Mapping[str, float], given: Mapping[str, str] | None
) -> str:
    identifier = account.uuid()
    now = account.clock.timestamp()
    annotations = None
    if given is not None:
        annotations = json.dumps({**given, "workers/triggered_by": "deployment"})
    versions = [
        {"version_id": version, "percentage": percentage} for version, percentage in shares.items()
    ]
    with account.database.transaction():
        account.database.execute(
            "INSERT INTO deployments (id, worker_id, created_on, strategy, versions, annotations) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            identifier,
            worker["id"],
            now,
            "percentage",
            json.dumps(versions),
            annotations,
        )
        account.database.execute(
            "UPDATE workers SET deployed_on = ? WHERE id = ?", now, worker["id"]
        )
    return identifier


def _find(account: Account, worker: Row, identifier: str) -> Row:
    row = account.database.row(
        "SELECT * FROM deployments WHERE worker_id = ? AND id = ?", worker["id"], identifier
    )
    if row is None:
        raise ApiError(404, 10336, f"Deployment {identifier} does not exist.")
    return row


def _shown(row: Row) -> dict[str, Any]:
    found = {
        "id": row["id"],
        "created_on": row["created_on"],
        "source": "api",
        "strategy": row["strategy"],
        "author_email": USER_EMAIL,
        "versions": json.loads(row["versions"]),
    }
    if row["annotations"]:
        found["annotations"] = json.loads(row["annotations"])
    return found
