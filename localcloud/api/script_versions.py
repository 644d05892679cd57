"""Scripts as wrangler uploads them, and their versions, addressed by the script's name.

Source: Cloudflare API reference, "Upload Worker Module" and "Upload Version".
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.accounts import USER_EMAIL, USER_ID
from localcloud.api.assets import AssetConfig, Assets
from localcloud.api.bindings import shown_by_script
from localcloud.api.deployments import deploy_versions
from localcloud.api.envelope import ApiError, success
from localcloud.api.listing import ListQuery
from localcloud.api.multipart import Part, write_form
from localcloud.api.resources import Account
from localcloud.api.script_form import Metadata, read_modules, read_upload_form, split_bindings
from localcloud.api.uploads import Upload, newest_version, store_version
from localcloud.api.versions import all_versions, find_version
from localcloud.api.workers import create_worker, find_worker, update_settings
from localcloud.asset_store import MANIFEST, Manifest
from localcloud.bundle_store import BundleStore, Module
from localcloud.database import Row

# Codes: 10007 unknown script, 10021 invalid upload.
_HEADERS = "_headers"  # a module by name, so that it is a part of the bundle's hash


class ScriptVersions:
    """The versions of a script, addressed by its name."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._bundles = BundleStore(account.home.bundles)
        self._assets = Assets(account)

    def routes(self) -> Sequence[Route]:
        """/workers/scripts/{script_name}, its versions and its content."""
        one = "/workers/scripts/{script_name}"
        return [
            Route(one, self._put, methods=["PUT"]),
            Route(one, self._content, methods=["GET"]),
            Route(f"{one}/content/v2", self._content, methods=["GET"]),
            Route(f"{one}/versions", self._upload, methods=["POST"]),
            Route(f"{one}/versions", self._listing, methods=["GET"]),
            Route(f"{one}/versions/{{version_id}}", self._read, methods=["GET"]),
        ]

    async def _put(self, request: Request) -> Response:
        """Upload a version and deploy it at 100 %; the script is made where there is none."""
        metadata, parts = await read_upload_form(request)
        worker, is_new = self._find_or_create(request.path_params["script_name"])
        try:
            version = await store_version(
                self._account, worker, await self._read_upload(request, worker, metadata, parts)
            )
        except Exception:
            if is_new:
                self._account.database.execute("DELETE FROM workers WHERE id = ?", worker["id"])
            raise
        given = metadata.model_dump(include={"logpush", "observability", "tags", "tail_consumers"})
        update_settings(self._account, worker, given)
        await deploy_versions(self._account, worker, {version["id"]: 100.0}, {})
        worker = find_worker(self._account, worker["id"])
        document = json.loads(version["document"])
        return success(
            {
                "id": worker["name"],
                "tag": worker["id"],
                "etag": version["bundle"],
                "handlers": [],
                "named_handlers": [],
                "has_assets": "assets" in document,
                "has_modules": True,
                "logpush": bool(worker["logpush"]),
                "tags": json.loads(worker["tags"]),
                "tail_consumers": json.loads(worker["tail_consumers"]),
                "observability": json.loads(worker["observability"]),
                "compatibility_date": document.get("compatibility_date", ""),
                "compatibility_flags": document["compatibility_flags"],
                "usage_model": document["usage_model"],
                "created_on": worker["created_on"],
                "modified_on": worker["updated_on"],
                "last_deployed_from": document["source"],
                "startup_time_ms": document["startup_time_ms"],
                "entry_point": document["main_module"],
                # What wrangler prints as the version's id.
                "deployment_id": version["id"].replace("-", ""),
            }
        )

    async def _upload(self, request: Request) -> Response:
        worker = find_worker(self._account, request.path_params["script_name"])
        metadata, parts = await read_upload_form(request)
        upload = await self._read_upload(request, worker, metadata, parts)
        row = await store_version(self._account, worker, upload)
        startup_ms = json.loads(row["document"])["startup_time_ms"]
        found = {**self._shown(worker, row), "startup_time_ms": startup_ms}
        if request.query_params.get("include_subdomain_availability") == "true":
            enabled = json.loads(worker["subdomain"])["previews_enabled"]
            found["subdomain"] = {"previews_enabled": enabled}
        return success(found)

    async def _listing(self, request: Request) -> Response:
        worker = find_worker(self._account, request.path_params["script_name"])
        query = ListQuery(request)
        # Every version that is kept can be deployed, so the filter only ends the paging.
        deployable = query.flag("deployable")
        rows = all_versions(self._account, worker)
        shown, info = query.slice(rows, per_page=None)
        if deployable:
            shown = rows
        items = []
        for row in shown:
            found = self._shown(worker, row)
            del found["resources"]
            items.append(found)
        return success({"items": items}, info=info)

    async def _read(self, request: Request) -> Response:
        worker = find_worker(self._account, request.path_params["script_name"])
        row = find_version(self._account, worker, request.path_params["version_id"])
        return success(self._shown(worker, row))

    async def _content(self, request: Request) -> Response:
        """The modules as a form, of the version that is asked for, else of the newest one."""
        worker = find_worker(self._account, request.path_params["script_name"])
        wanted = request.query_params.get("version")
        row = (
            newest_version(self._account, worker)
            if wanted is None
            else find_version(self._account, worker, wanted)
        )
        if row is None:
            raise ApiError(404, 10007, "This Worker does not exist on your account.")
        modules = await asyncio.to_thread(self._bundles.get, row["bundle"])
        parts = [
            Part(module.name, module.name, module.content_type, module.content)
            for module in modules
            if module.name != _HEADERS
        ]
        body, content_type = write_form(parts)
        entry = json.loads(row["document"])["main_module"]
        headers = {"cf-entrypoint": entry, "ETag": f'"{row["bundle"]}"'}
        return Response(body, media_type=content_type, headers=headers)

    def _find_or_create(self, name: str) -> tuple[Row, bool]:
        try:
            return find_worker(self._account, name), False
        except ApiError:
            pass
        try:
            return create_worker(self._account, name), True
        except sqlite3.IntegrityError:  # another upload was quicker
            return find_worker(self._account, name), False

    async def _read_upload(
        self, request: Request, worker: Row, metadata: Metadata, parts: list[Part]
    ) -> Upload:
        bindings, inherited = split_bindings(metadata.bindings)
        modules, main_module = read_modules(metadata, parts)
        config, manifest = self._wanted_assets(worker, metadata)
        if config is not None:
            headers, config = config.headers, config.without_files()
            if headers:
                modules.append(Module(_HEADERS, "text/plain", headers.encode()))
        agent = request.headers.get("user-agent", "")
        return Upload(
            modules=modules,
            main_module=main_module,
            bindings=bindings,
            source="wrangler" if agent.startswith("wrangler/") else "api",
            compatibility_date=metadata.compatibility_date,
            compatibility_flags=metadata.compatibility_flags,
            annotations=metadata.annotations,
            usage_model=metadata.usage_model,
            limits=metadata.limits,
            placement=metadata.placement,
            assets=config,
            manifest=manifest,
            inherited=inherited,
            kept_types=metadata.keep_bindings,
            must_inherit=request.query_params.get("bindings_inherit") == "strict",
        )

    def _wanted_assets(
        self, worker: Row, metadata: Metadata
    ) -> tuple[AssetConfig | None, Manifest | None]:
        if metadata.assets is not None:
            manifest = self._assets.completed(worker["name"], metadata.assets.jwt)
            return metadata.assets.config, manifest
        before = newest_version(self._account, worker) if metadata.keep_assets else None
        document = json.loads(before["document"]) if before else {}
        if "assets" not in document:
            return None, None
        config = AssetConfig.model_validate(document["assets"]["config"])
        return config, document[MANIFEST]

    def _shown(self, worker: Row, row: Row) -> dict[str, Any]:
        document = json.loads(row["document"])
        source = document.get("source", "api")
        runtime = {
            name: document[name]
            for name in ("compatibility_date", "compatibility_flags", "usage_model", "limits")
            if document.get(name) is not None
        }
        return {
            "id": row["id"],
            "number": row["number"],
            "metadata": {
                "author_email": USER_EMAIL,
                "author_id": USER_ID,
                "created_on": row["created_on"],
                "modified_on": row["created_on"],
                "source": source,
                "hasPreview": json.loads(worker["subdomain"])["previews_enabled"],
            },
            "annotations": document["annotations"],
            "resources": {
                "bindings": [shown_by_script(binding) for binding in document["bindings"]],
                "script": {
                    "etag": row["bundle"],
                    # Only the script's own start could tell them, and the runtime doesn't say.
                    "handlers": [],
                    "named_handlers": [],
                    "last_deployed_from": source,
                },
                "script_runtime": runtime,
            },
        }


def routes(account: Account) -> Sequence[Route]:
    """The family's routes, below the account."""
    return ScriptVersions(account).routes()
