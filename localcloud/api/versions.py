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
from localcloud.api.bindings import INVALID, Binding, check, shown
from localcloud.api.envelope import ApiError, body_json, parse, success
from localcloud.api.listing import ListQuery
from localcloud.api.resources import Account
from localcloud.api.workers import find_worker
from localcloud.asset_store import MANIFEST, Manifest
from localcloud.bundle_store import BundleStore, Module, UnsafeName
from localcloud.database import Row
from localcloud.host_client import HostError

# Codes: 10021 invalid upload or start-up error, 10027 too large, 100146 unknown version.
_NOT_RUN = ("containers", "migrations", "package_dependencies")
_REDIRECTS = "_redirects"  # read by Cloudflare's asset server, not by this one
MAX_BUNDLE_BYTES = 64 * 1024 * 1024  # Cloudflare's limit before compression


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
    """/workers/workers/{worker_id}/versions, and the read-only list below the script's name."""
    path = "/workers/workers/{worker_id}/versions"
    bundles = BundleStore(account.home.bundles)
    assets = Assets(account)

    async def create(request: Request) -> Response:
        worker = find_worker(account, request.path_params["worker_id"])
        document = await body_json(request, code=INVALID)
        _refuse_unknown_parts(document)
        wanted = parse(_Version, document, code=INVALID)
        modules = _modules(wanted)
        manifest = assets.completed(worker["name"], wanted.assets.jwt) if wanted.assets else None
        has_assets = manifest is not None
        documents, secrets = check(wanted.bindings, account.database, has_assets=has_assets)
        try:
            bundle = await asyncio.to_thread(bundles.put, modules)
        except UnsafeName as error:
            raise ApiError(400, INVALID, str(error)) from error
        row = {
            "id": account.uuid(),
            "script": worker["name"],
            "created_on": account.clock.timestamp(),
            "bundle": bundle,
            "document": json.dumps(_document(wanted, documents, manifest)),
            "secrets": json.dumps(secrets),
        }
        with account.desired.holding([row["id"]]):
            startup_ms = await _boot(account, row)
            _store(account, worker["id"], row, startup_ms)
        account.desired.prune()
        return success(_shown(_find(account, worker, row["id"])))

    async def listing(request: Request) -> Response:
        worker = find_worker(account, request.path_params["worker_id"])
        return ListQuery(request).page([_shown(row) for row in _all(account, worker)])

    async def script_listing(request: Request) -> Response:
        worker = find_worker(account, request.path_params["script_name"])
        query = ListQuery(request)
        # Every version that is kept can be deployed, so the filter only ends the paging.
        deployable = query.flag("deployable")
        rows = _all(account, worker)
        shown, info = query.slice(rows, per_page=None)
        if deployable:
            shown = rows
        return success({"items": [_item(row) for row in shown]}, info=info)

    async def read(request: Request) -> Response:
        worker = find_worker(account, request.path_params["worker_id"])
        row = _find(account, worker, request.path_params["version_id"])
        found = _shown(row)
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
        Route("/workers/scripts/{script_name}/versions", script_listing, methods=["GET"]),
    ]


def _refuse_unknown_parts(document: Any) -> None:
    """What would be lost silently is refused by name."""
    for name in _NOT_RUN:
        if isinstance(document, dict) and document.get(name):
            text = f"The local cloud doesn't run Workers with {name}: leave {name} out."
            raise ApiError(400, INVALID, text)


def _modules(wanted: _Version) -> list[Module]:
    names = [module.name for module in wanted.modules]
    for name in names:
        if names.count(name) > 1:
            raise ApiError(400, INVALID, f"Module {name[:80]!r} is there more than once.")
    if _REDIRECTS in names:
        text = f"The local cloud doesn't apply {_REDIRECTS}: leave it out."
        raise ApiError(400, INVALID, text)
    if wanted.main_module not in names:
        raise ApiError(400, INVALID, f"Main module {wanted.main_module[:80]!r} is not in modules.")
    modules = []
    for module in wanted.modules:
        try:
            content = base64.b64decode(module.content_base64, validate=True)
        except (binascii.Error, ValueError) as error:
            message = f"content_base64 of module {module.name[:80]!r} isn't base64."
            raise ApiError(400, INVALID, message) from error
        modules.append(Module(module.name, module.content_type, content))
    if sum(len(module.content) for module in modules) > MAX_BUNDLE_BYTES:
        raise ApiError(413, 10027, f"The modules have more than {MAX_BUNDLE_BYTES} bytes.")
    return modules


def _document(
    wanted: _Version, bindings: list[dict[str, Any]], manifest: Manifest | None
) -> dict[str, Any]:
    annotations = {**wanted.annotations, "workers/triggered_by": "upload"}
    document: dict[str, Any] = {
        "bindings": bindings,
        "compatibility_flags": wanted.compatibility_flags,
        "main_module": wanted.main_module,
        "usage_model": wanted.usage_model,
        "annotations": annotations,
    }
    if wanted.assets is not None:
        # The upload's token is spent, and nobody's business.
        document["assets"] = {"config": wanted.assets.config.model_dump(exclude_none=True)}
        document[MANIFEST] = manifest
    for name in ("compatibility_date", "limits", "placement"):
        value = getattr(wanted, name)
        if value is not None:
            document[name] = value
    return document


async def _boot(account: Account, row: dict[str, Any]) -> int:
    """Run the top level of the Worker, as Cloudflare does at upload; milliseconds it took."""
    try:
        return await account.desired.boot(account.desired.host_document(row))
    except HostError as error:
        if error.code in {"boot_failed", "unsupported_binding"}:
            raise ApiError(400, INVALID, error.message) from error
        raise


def _store(account: Account, worker_id: str, row: dict[str, Any], startup_ms: int) -> None:
    document = {**json.loads(row["document"]), "startup_time_ms": startup_ms}
    with account.database.transaction():
        last = account.database.value(
            "SELECT MAX(number) FROM versions WHERE worker_id = ?", worker_id
        )
        account.database.execute(
            "INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?)",
            row["id"],
            worker_id,
            (last or 0) + 1,
            row["created_on"],
            row["bundle"],
            json.dumps(document),
            row["secrets"],
        )


def _all(account: Account, worker: Row) -> list[Row]:
    return account.database.rows(
        "SELECT * FROM versions WHERE worker_id = ? ORDER BY number DESC", worker["id"]
    )


def _find(account: Account, worker: Row, version_id: str) -> Row:
    row = account.database.row(
        "SELECT * FROM versions WHERE worker_id = ? AND id = ?", worker["id"], version_id
    )
    if row is None:
        raise ApiError(404, 100146, f"Version {version_id} does not exist.")
    return row


def _shown(row: Row) -> dict[str, Any]:
    document = json.loads(row["document"])
    document.pop(MANIFEST, None)
    return {
        **document,
        "bindings": [shown(binding) for binding in document["bindings"]],
        "id": row["id"],
        "number": row["number"],
        "created_on": row["created_on"],
        "source": "terraform",
        "main_script_base64": "",
    }


def _item(row: Row) -> dict[str, Any]:
    document = json.loads(row["document"])
    metadata = {"created_on": row["created_on"], "modified_on": row["created_on"], "source": "api"}
    return {
        "id": row["id"],
        "number": row["number"],
        "metadata": metadata,
        "annotations": document["annotations"],
    }
