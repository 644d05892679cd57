"""Storing a version: what all ways to upload one have in common."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.api.assets import AssetConfig
from localcloud.api.bindings import INVALID, Binding, check, in_order_of_answers
from localcloud.api.envelope import ApiError
from localcloud.api.resources import Account
from localcloud.asset_store import MANIFEST, Manifest
from localcloud.bundle_store import BundleStore, Module, UnsafeName
from localcloud.database import Row
from localcloud.host_client import HostError
from localcloud.plan import MAX_SUBREQUESTS

# Codes: 10021 invalid upload or start-up error, 10027 too large, 10057 nothing to inherit, 100328
# limits on the Free plan (github.com/frcdesign/FRCDesignApp/pull/39).
MAX_BUNDLE_BYTES = 64 * 1024 * 1024  # Cloudflare's limit before compression
_REDIRECTS = "_redirects"  # read by Cloudflare's asset server, not by this one
_LIMITS_NEED_PAID_PLAN = 100328
_TAG, _MAX_TAG_BYTES = "workers/tag", 100
_MESSAGE, _MAX_MESSAGE_BYTES = "workers/message", 1000
_SECRET = "secret_text"  # noqa: S105  the type of a binding


@dataclass(frozen=True)
class Upload:
    """What becomes a version.

    Attributes:
        bindings: The bindings that the upload brings itself.
        inherited: The names of bindings that come from the version before.
        kept_types: The types of bindings that stay where the upload doesn't name them.
        must_inherit: Whether a name in `inherited` that isn't there is an error.
        manifest: The static assets, None where there are none.
        source: Who uploads: `terraform`, `wrangler` or `api`.
    """

    modules: list[Module]
    main_module: str
    bindings: list[Binding]
    source: str
    compatibility_date: str | None = None
    compatibility_flags: list[str] = field(default_factory=list)
    annotations: Mapping[Any, str] = field(default_factory=dict)
    usage_model: str = "standard"
    limits: dict[str, Any] | None = None
    placement: dict[str, Any] | None = None
    assets: AssetConfig | None = None
    manifest: Manifest | None = None
    inherited: Iterable[str] = ()
    kept_types: Iterable[str] = ()
    must_inherit: bool = True
    triggered_by: str = "upload"


def newest_version(account: Account, worker: Row) -> Row | None:
    """Return the version of a Worker that was uploaded last."""
    return account.database.row(
        "SELECT * FROM versions WHERE worker_id = ? ORDER BY number DESC LIMIT 1", worker["id"]
    )


async def store_version(account: Account, worker: Row, upload: Upload) -> Row:
    """Check an upload, run its top level as Cloudflare does, and store it.

    Returns:
        The new row of `versions`.

    Raises:
        ApiError: 400 for what Cloudflare refuses, 413 for modules that are too large.
    """
    _check_modules(upload)
    _check_limits(upload, free_plan=account.free_plan)
    documents, secrets = _bindings(account, worker, upload)
    try:
        bundle = await asyncio.to_thread(BundleStore(account.home.bundles).put, upload.modules)
    except UnsafeName as error:
        raise ApiError(400, INVALID, str(error)) from error
    row = {
        "id": account.uuid(),
        "script": worker["name"],
        "created_on": account.clock.timestamp(),
        "bundle": bundle,
        "document": json.dumps(_document(upload, documents)),
        "secrets": json.dumps(secrets),
    }
    with account.desired.holding([row["id"]]):
        try:
            startup_ms = await account.desired.boot(account.desired.host_document(row))
        except HostError as error:
            if error.code in {"boot_failed", "unsupported_binding"}:
                raise ApiError(400, INVALID, error.message) from error
            raise
        _insert(account, worker["id"], row, startup_ms)
    account.desired.prune()
    stored = account.database.row("SELECT * FROM versions WHERE id = ?", row["id"])
    assert stored is not None  # noqa: S101  narrowing: it was just written
    return stored


def _check_modules(upload: Upload) -> None:
    names = [module.name for module in upload.modules]
    for name in names:
        if names.count(name) > 1:
            raise ApiError(400, INVALID, f"Module {name[:80]!r} is there more than once.")
    if _REDIRECTS in names:
        text = f"The local cloud doesn't apply {_REDIRECTS}: leave it out."
        raise ApiError(400, INVALID, text)
    if upload.main_module not in names:
        raise ApiError(400, INVALID, f"Main module {upload.main_module[:80]!r} is not in modules.")
    if sum(len(module.content) for module in upload.modules) > MAX_BUNDLE_BYTES:
        raise ApiError(413, 10027, f"The modules have more than {MAX_BUNDLE_BYTES} bytes.")


def _check_limits(upload: Upload, *, free_plan: bool) -> None:
    asked = upload.limits or {}
    if free_plan and asked:
        raise ApiError(
            400, _LIMITS_NEED_PAID_PLAN, "CPU limits are not supported for the Free plan."
        )
    subrequests = asked.get("subrequests", 1)
    if type(subrequests) is not int or not 1 <= subrequests <= MAX_SUBREQUESTS:
        text = f"limits.subrequests must be a whole number from 1 to {MAX_SUBREQUESTS}."
        raise ApiError(400, INVALID, text)


def _bindings(
    account: Account, worker: Row, upload: Upload
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The bindings of the version as they are stored, and the values of its secrets apart."""
    has_assets = upload.manifest is not None
    documents, secrets = check(upload.bindings, account.database, has_assets=has_assets)
    before = newest_version(account, worker)
    old = json.loads(before["document"])["bindings"] if before else []
    old_secrets = json.loads(before["secrets"]) if before else {}
    by_name = {binding["name"]: binding for binding in old}
    given = {binding["name"] for binding in documents}
    wanted = dict.fromkeys(upload.inherited)
    if upload.must_inherit and (missing := sorted(set(wanted) - set(by_name))):
        text = f"There is no binding {missing[0][:80]!r} to inherit from the version before."
        raise ApiError(400, 10057, text)
    kept = set(upload.kept_types)
    for name, binding in by_name.items():
        if name in given or not (name in wanted or binding["type"] in kept):
            continue
        documents.append(binding)
        if binding["type"] == _SECRET:
            secrets[name] = old_secrets[name]
    return in_order_of_answers(documents), secrets


def _document(upload: Upload, bindings: list[dict[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "bindings": bindings,
        "compatibility_flags": upload.compatibility_flags,
        "main_module": upload.main_module,
        "usage_model": upload.usage_model,
        "annotations": {**_annotations(upload), "workers/triggered_by": upload.triggered_by},
        "source": upload.source,
    }
    if upload.assets is not None:
        document["assets"] = {"config": upload.assets.model_dump(exclude_none=True)}
        document[MANIFEST] = upload.manifest
    for name in ("compatibility_date", "limits", "placement"):
        value = getattr(upload, name)
        if value is not None:
            document[name] = value
    return document


def _annotations(upload: Upload) -> Mapping[Any, str]:
    """Return the annotations within Cloudflare's limits: a long message is cut, a tag is not.

    Source: Cloudflare API reference, "Create Version", `annotations`.
    """
    if len(upload.annotations.get(_TAG, "").encode()) > _MAX_TAG_BYTES:
        raise ApiError(400, INVALID, f"{_TAG} has at most {_MAX_TAG_BYTES} bytes.")
    if (message := upload.annotations.get(_MESSAGE)) is None:
        return upload.annotations
    cut = message.encode()[:_MAX_MESSAGE_BYTES].decode("utf-8", "ignore")
    return {**upload.annotations, _MESSAGE: cut}


def _insert(account: Account, worker_id: str, row: dict[str, Any], startup_ms: int) -> None:
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
