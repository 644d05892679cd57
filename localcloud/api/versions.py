"""Versions of a Worker: immutable uploads of modules and bindings."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.assets import Assets, VersionAssets
from localcloud.api.bindings import INVALID, Binding, shown
from localcloud.api.envelope import ApiError, body_json, parse, success
from localcloud.api.listing import ListQuery
from localcloud.api.resources import Account
from localcloud.api.uploads import Upload, store_version
from localcloud.api.workers import find_worker
from localcloud.asset_store import MANIFEST
from localcloud.bundle_store import BundleStore, Module
from localcloud.database import Row

# Codes: 10021 invalid upload or start-up error, 10027 too large, 100146 unknown version.
NOT_RUN = ("containers", "migrations", "package_dependencies")


class _Module(BaseModel):
    name: str
    content_type: str
    content_base64: str


class _Version(BaseModel):
    model_config = ConfigDict(extra="ignore")
    modules: list[_Module] = Field(min_length=1, max_length=2000)
    main_module: str
    bindings: list[Binding] = []
    compatibility_date: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    compatibility_flags: list[str] = []
    annotations: dict[Literal["workers/message", "workers/tag", "workers/triggered_by"], str] = {}
    usage_model: Literal["standard", "bundled", "unbound"] = "standard"
    limits: dict[str, Any] | None = None
    placement: dict[str, Any] | None = None
    assets: VersionAssets | None = None


def routes(account: Account) -> Sequence[Route]:
    """/workers/workers/{worker_id}/versions and below."""
    path = "/workers/workers/{worker_id}/versions"
    bundles = BundleStore(account.home.bundles)
    assets = Assets(account)

    async def create(request: Request) -> Response:
        worker = find_worker(account, request.path_params["worker_id"])
        document = await body_json(request, code=INVALID)
        refuse_unknown_parts(document)
        wanted = parse(_Version, document, code=INVALID)
        upload = Upload(
            modules=_modules(wanted),
            main_module=wanted.main_module,
            bindings=wanted.bindings,
            source="terraform",
            compatibility_date=wanted.compatibility_date,
            compatibility_flags=wanted.compatibility_flags,
            annotations=wanted.annotations,
            usage_model=wanted.usage_model,
            limits=wanted.limits,
            placement=wanted.placement,
            # The upload's token is spent, and nobody's business.
            assets=wanted.assets.config if wanted.assets else None,
            manifest=assets.completed(worker["name"], wanted.assets.jwt) if wanted.assets else None,
        )
        return success(_shown(account, worker, await store_version(account, worker, upload)))

    async def listing(request: Request) -> Response:
        worker = find_worker(account, request.path_params["worker_id"])
        return ListQuery(request).page(
            [_shown(account, worker, row) for row in all_versions(account, worker)]
        )

    async def read(request: Request) -> Response:
        worker = find_worker(account, request.path_params["worker_id"])
        row = find_version(account, worker, request.path_params["version_id"])
        found = _shown(account, worker, row)
        if request.query_params.get("include") == "modules":
            modules = await asyncio.to_thread(bundles.get, row["bundle"])
            found["modules"] = [
                {
                    "name": module.name,
                    "content_type": module.content_type,
                    "content_base64": base64.b64encode(module.content).decode(),
                }
                for module in modules
            ]
        return success(found)

    return [
        Route(path, create, methods=["POST"]),
        Route(path, listing, methods=["GET"]),
        Route(path + "/{version_id}", read, methods=["GET"]),
    ]


def refuse_unknown_parts(document: Any) -> None:
    """Refuse by its name what would be lost silently. Raises ApiError(400)."""
    for name in NOT_RUN:
        if isinstance(document, dict) and document.get(name):
            text = f"The local cloud doesn't run Workers with {name}: leave {name} out."
            raise ApiError(400, INVALID, text)


def _modules(wanted: _Version) -> list[Module]:
    modules = []
    for module in wanted.modules:
        try:
            content = base64.b64decode(module.content_base64, validate=True)
        except (binascii.Error, ValueError) as error:
            message = f"content_base64 of module {module.name[:80]!r} isn't base64."
            raise ApiError(400, INVALID, message) from error
        modules.append(Module(module.name, module.content_type, content))
    return modules


def all_versions(account: Account, worker: Row) -> list[Row]:
    """Return the versions of a Worker, the newest first."""
    return account.database.rows(
        "SELECT * FROM versions WHERE worker_id = ? ORDER BY number DESC", worker["id"]
    )


def find_version(account: Account, worker: Row, version_id: str) -> Row:
    """Return the row of a version. Raises ApiError(404, 100146)."""
    row = account.database.row(
        "SELECT * FROM versions WHERE worker_id = ? AND id = ?", worker["id"], version_id
    )
    if row is None:
        raise ApiError(404, 100146, f"Version {version_id} does not exist.")
    return row


def _shown(account: Account, worker: Row, row: Row) -> dict[str, Any]:
    document = json.loads(row["document"])
    preview = f"http://{row['id'][:8]}-{worker['name']}.localhost:{account.runtime.edge_port}"
    has_preview = json.loads(worker["subdomain"])["previews_enabled"]
    document.pop(MANIFEST, None)
    return {
        **document,
        "bindings": [shown(binding) for binding in document["bindings"]],
        "id": row["id"],
        "number": row["number"],
        "created_on": row["created_on"],
        "source": document.get("source", "terraform"),
        "main_script_base64": "",
        "urls": [preview] if has_preview else [],
    }
