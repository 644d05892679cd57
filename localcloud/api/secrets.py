"""Secrets and settings of a script: each change is a new version, deployed at once.

Source: Cloudflare API reference, "Workers Scripts Secrets" and "Patch Settings".
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.assets import AssetConfig
from localcloud.api.bindings import INVALID, MAX_TEXT_BYTES, NAME, Binding
from localcloud.api.deployments import deploy_versions
from localcloud.api.envelope import ApiError, body_json, body_model, parse, success
from localcloud.api.listing import ListQuery, unsorted
from localcloud.api.multipart import is_form, read_form
from localcloud.api.resources import Account
from localcloud.api.script_form import parse_bindings
from localcloud.api.scripts import active_settings
from localcloud.api.uploads import Upload, newest_version, store_version
from localcloud.api.workers import find_worker, settings_of, update_settings
from localcloud.asset_store import MANIFEST
from localcloud.bundle_store import BundleStore
from localcloud.database import Row
from localcloud.json_text import parse_json

# Codes: 10007 no script, 10056 no such secret, 10215 the newest version isn't deployed.
_SECRET = "secret_text"  # noqa: S105  the type of a binding


class _Secret(BaseModel):
    name: str = Field(pattern=NAME, max_length=255)
    text: str = Field(max_length=MAX_TEXT_BYTES)
    type: Literal["secret_text"]


class _BulkSecrets(BaseModel):
    secrets: dict[str, _Secret | None]


class _Given(BaseModel):
    """A binding, of which the type and the name are read first."""

    model_config = ConfigDict(extra="allow")
    type: str
    name: str


class _Settings(BaseModel):
    """What is changed; what isn't given stays."""

    bindings: list[_Given] | None = None
    compatibility_date: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    compatibility_flags: list[str] | None = None
    usage_model: Literal["standard", "bundled", "unbound"] | None = None
    limits: dict[str, Any] | None = None
    placement: dict[str, Any] | None = None
    annotations: dict[Literal["workers/message", "workers/tag"], str] = {}
    logpush: bool | None = None
    observability: dict[str, Any] | None = None
    tags: list[str] | None = None
    tail_consumers: list[dict[str, str]] | None = None


class Secrets:
    """The secrets of the account's scripts."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._bundles = BundleStore(account.home.bundles)
        # Two changes at once would each start from the same version, and one be lost.
        self._changing = asyncio.Lock()

    def routes(self) -> Sequence[Route]:
        """/workers/scripts/{script_name}/secrets and below, secrets-bulk and settings."""
        one = "/workers/scripts/{script_name}"
        return [
            Route(f"{one}/secrets", self._listing, methods=["GET"]),
            Route(f"{one}/secrets", self._put, methods=["PUT"]),
            Route(f"{one}/secrets/{{secret_name:path}}", self._read, methods=["GET"]),
            Route(f"{one}/secrets/{{secret_name:path}}", self._delete, methods=["DELETE"]),
            Route(f"{one}/secrets-bulk", self._bulk, methods=["PATCH"]),
            Route(f"{one}/settings", self._settings, methods=["PATCH"]),
        ]

    def _find(self, request: Request) -> tuple[Row, Row]:
        """The script and its newest version, which has to be the one that is deployed."""
        worker = find_worker(self._account, request.path_params["script_name"])
        version = newest_version(self._account, worker)
        if version is None:
            raise ApiError(404, 10007, "This Worker does not exist on your account.")
        if [part[0] for part in self._account.desired.split(worker["name"])] != [version["id"]]:
            text = (
                "Secret edit failed. You attempted to modify a secret, but the latest version of "
                "your Worker isn't currently deployed."
            )
            raise ApiError(400, 10215, text)
        return worker, version

    def _secrets(self, request: Request) -> list[dict[str, str]]:
        worker = find_worker(self._account, request.path_params["script_name"])
        version = newest_version(self._account, worker)
        bindings = json.loads(version["document"])["bindings"] if version else []
        secrets = [binding for binding in bindings if binding["type"] == _SECRET]
        return [
            {"name": binding["name"], "type": _SECRET}
            for binding in unsorted(secrets, lambda binding: str(binding["name"]))
        ]

    async def _listing(self, request: Request) -> Response:
        return ListQuery(request).page(self._secrets(request), per_page=None)

    async def _read(self, request: Request) -> Response:
        return success(self._one(request))

    def _one(self, request: Request) -> dict[str, str]:
        for secret in self._secrets(request):
            if secret["name"] == request.path_params["secret_name"]:
                return secret
        raise ApiError(404, 10056, "Secret binding not found.")

    async def _put(self, request: Request) -> Response:
        wanted = await body_model(request, _Secret, code=INVALID)
        async with self._changing:
            worker, version = self._find(request)
            await self._change(worker, version, parse_bindings([wanted.model_dump()]))
        return success({"name": wanted.name, "type": _SECRET})

    async def _delete(self, request: Request) -> Response:
        async with self._changing:
            name = self._one(request)["name"]
            worker, version = self._find(request)
            await self._change(worker, version, [], without={name})
        return success(None)

    async def _bulk(self, request: Request) -> Response:
        document = await body_json(request, code=INVALID)
        wanted = parse(_BulkSecrets, document, code=INVALID).secrets
        given = [secret.model_dump() for secret in wanted.values() if secret is not None]
        async with self._changing:
            worker, version = self._find(request)
            await self._change(worker, version, parse_bindings(given), without=set(wanted))
        return success({secret["name"]: secret for secret in self._secrets(request)})

    async def _settings(self, request: Request) -> Response:
        wanted = await _read_settings(request)
        async with self._changing:
            worker, version = self._find(request)
            bindings, without = _changed_bindings(version, wanted)
            changes = wanted.model_dump(
                exclude_none=True,
                include={
                    "compatibility_date",
                    "compatibility_flags",
                    "usage_model",
                    "limits",
                    "placement",
                },
            )
            await self._change(
                worker,
                version,
                bindings,
                without=without,
                annotations=wanted.annotations,
                **changes,
            )
            update_settings(
                self._account, worker, wanted.model_dump(include=set(settings_of(worker)))
            )
        worker = find_worker(self._account, worker["id"])
        return success({**settings_of(worker), **active_settings(self._account, worker)})

    async def _change(
        self,
        worker: Row,
        version: Row,
        bindings: list[Binding],
        *,
        without: Iterable[str] = (),
        **changes: Any,
    ) -> None:
        """Store the version again with these bindings over its own, and deploy it."""
        document = json.loads(version["document"])
        names = {binding["name"] for binding in document["bindings"]} - set(without)
        assets = document.get("assets")
        upload: dict[str, Any] = {
            "compatibility_date": document.get("compatibility_date"),
            "compatibility_flags": document["compatibility_flags"],
            "usage_model": document["usage_model"],
            "limits": document.get("limits"),
            "placement": document.get("placement"),
            **changes,
        }
        stored = await store_version(
            self._account,
            worker,
            Upload(
                modules=await asyncio.to_thread(self._bundles.get, version["bundle"]),
                main_module=document["main_module"],
                bindings=bindings,
                source="api",
                assets=AssetConfig.model_validate(assets["config"]) if assets else None,
                manifest=document.get(MANIFEST),
                inherited=names - {binding.name for binding in bindings},
                triggered_by="secret",
                **upload,
            ),
        )
        await deploy_versions(self._account, worker, {stored["id"]: 100.0}, {})


async def _read_settings(request: Request) -> _Settings:
    """The settings, as JSON or as the part `settings` of a form."""
    if not is_form(request):
        return await body_model(request, _Settings, code=INVALID)
    parts = [part for part in await read_form(request, code=INVALID) if part.name == "settings"]
    if len(parts) != 1:
        raise ApiError(400, INVALID, "The form must have one part named settings.")
    try:
        document = parse_json(parts[0].content)
    except ValueError as error:
        raise ApiError(400, INVALID, "The part settings isn't JSON.") from error
    return parse(_Settings, document, code=INVALID)


def _changed_bindings(version: Row, wanted: _Settings) -> tuple[list[Binding], set[str]]:
    """The bindings that are new, and the names of those that go.

    A binding with nothing but its type and name stays as it was.
    """
    before = {binding["name"]: binding for binding in json.loads(version["document"])["bindings"]}
    if wanted.bindings is None:
        return [], set()
    new = [
        binding.model_dump()
        for binding in wanted.bindings
        if binding.model_extra or binding.name not in before
    ]
    named = {binding.name for binding in wanted.bindings}
    return parse_bindings(new), set(before) - named


def routes(account: Account) -> Sequence[Route]:
    """The family's routes, below the account."""
    return Secrets(account).routes()
