"""Versions that the account keeps from before the stack listed its releases."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ops.deploy.release.release import Release
from ops.stacks.account import StackAccount
from ops.stacks.active_deployment import short_version
from ops.stacks.errors import OperationError

if TYPE_CHECKING:
    from cloudflare import Cloudflare

_MAX_VERSIONS = 20


def older_versions(account: StackAccount, outputs: Mapping[str, Any]) -> list[Release]:
    """Return the versions that are older than the stack's list of releases, the newest first.

    An earlier program of this stack uploaded them, and kept no list. Newer ones that aren't listed
    were uploaded outside the stack. An API that doesn't answer hides them: a rollback needs none.
    """
    entries = outputs.get("releases") or []
    if not entries or "worker_id" not in outputs:
        return []
    listed = {str(entry.get("version_id")) for entry in entries}
    oldest = min((str(entry.get("at", "")) for entry in entries), default="")
    path = f"workers/workers/{outputs['worker_id']}/versions"
    try:
        found = [
            item
            for item in account.listed(path, _get)
            if str(item.get("id")) not in listed and _is_before(item, oldest)
        ]
    except OperationError:
        return []
    found.sort(key=lambda item: str(item.get("created_on")), reverse=True)
    return [_release(item) for item in found[:_MAX_VERSIONS] if item.get("id")]


def read_version(account: StackAccount, outputs: Mapping[str, Any], version_id: str) -> Release:
    """Return one version with everything that its bindings tell; a list leaves them out.

    Raises:
        OperationError: the API refused, or gave no answer.
    """
    url = (
        f"/accounts/{account.account_id}/workers/workers/{outputs['worker_id']}"
        f"/versions/{version_id}"
    )
    what = f"read version {short_version(version_id)}"
    found = account.result(what, url)
    with account.understood(what):
        return _release(found)


def _is_before(item: Mapping[str, Any], oldest: str) -> bool:
    created = item.get("created_on")
    return isinstance(created, str) and "" < created < oldest


def _release(item: Mapping[str, Any]) -> Release:
    texts = {
        str(one.get("name")): str(one.get("text", "")) for one in _bindings(item.get("bindings"))
    }
    level = texts.get("SCHEMA_LEVEL", "")
    schema_level = int(level) if level.isdecimal() else 0
    return Release(
        version_id=str(item["id"]),
        at=str(item.get("created_on", "")),
        commit="",
        bundle_sha256=_tag(item.get("annotations")),
        assets_sha256="",
        code_level=schema_level,
        schema_level=schema_level,
        fingerprints=_fingerprints(texts.get("SECRET_FINGERPRINTS", "")),
    )


def _tag(annotations: object) -> str:
    return str(annotations.get("workers/tag", "")) if isinstance(annotations, Mapping) else ""


def _bindings(found: object) -> Iterable[Mapping[str, Any]]:
    return (
        [one for one in found or () if isinstance(one, Mapping)] if isinstance(found, list) else ()
    )


def _fingerprints(text: str) -> dict[str, str]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _get(url: str, client: Cloudflare) -> Any:
    return client.get(url, cast_to=object)
