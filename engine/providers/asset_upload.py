"""Uploading a directory of static assets as the real provider does (worker_version/assets.go)."""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
from pathlib import Path
from typing import Any, Protocol

from engine.errors import ProviderError

Manifest = dict[str, dict[str, Any]]
_NO_TYPE = "application/null"
# Go's encoder writes these characters of a JSON text as escapes.
_ESCAPED = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


class AssetApi(Protocol):
    """The calls that an upload makes."""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request; the answer's result."""
        ...

    def upload(self, path: str, files: dict[str, tuple[str, bytes, str]], token: str) -> Any:
        """One multipart request with a token of its own; the answer's result."""
        ...


def asset_manifest(directory: str) -> Manifest:
    """URL path → hash and size of each file below the directory, sorted by path.

    Raises ProviderError where it can't be read.
    """
    root = Path(directory)
    if not root.is_dir():
        raise ProviderError(f"the assets directory {directory} isn't there: build the assets first")
    files = sorted(path for path in root.rglob("*") if path.is_file())
    try:
        return {f"/{path.relative_to(root).as_posix()}": _entry(path) for path in files}
    except OSError as error:
        raise ProviderError(f"the asset {error.filename} can't be read: {error.strerror}") from None


def manifest_sha256(directory: str) -> str:
    """The state's ``assetManifestSha256``: the hash of the manifest's JSON as Go writes it."""
    text = json.dumps(
        dict(sorted(asset_manifest(directory).items())), separators=(",", ":"), ensure_ascii=False
    )
    for character, escape in _ESCAPED.items():
        text = text.replace(character, escape)
    return hashlib.sha256(text.encode()).hexdigest()


def upload_assets(api: AssetApi, account_id: str, worker_id: str, directory: str) -> str:
    """Upload what the account doesn't have yet; returns the completion token.

    Raises ProviderError where a file or the API fails.
    """
    manifest = asset_manifest(directory)
    account = f"/accounts/{account_id}"
    script = api.call("GET", f"{account}/workers/workers/{worker_id}")["name"]
    session = api.call(
        "POST", f"{account}/workers/scripts/{script}/assets-upload-session", {"manifest": manifest}
    )
    paths = {entry["hash"]: path for path, entry in manifest.items()}
    token = str(session["jwt"])
    for bucket in session["buckets"]:
        files = {name: _file(directory, paths[name]) for name in bucket}
        answer = api.upload(f"{account}/workers/assets/upload", files, str(session["jwt"]))
        token = (answer or {}).get("jwt") or token
    return token


def _entry(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"hash": hashlib.sha256(content).hexdigest()[:32], "size": len(content)}


def _file(directory: str, path: str) -> tuple[str, bytes, str]:
    content = (Path(directory) / path.removeprefix("/")).read_bytes()
    kind, _ = mimetypes.guess_type(path)
    if kind is not None and kind.startswith("text/"):
        kind += "; charset=utf-8"
    return path, base64.b64encode(content), kind or _NO_TYPE
