"""Static assets: an upload session per version, and the upload of what isn't there yet."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.asset_tokens import LIFETIME_MS, AssetTokens, InvalidAssetToken
from localcloud.api.authentication import bearer_token
from localcloud.api.envelope import ApiError, body_model, success
from localcloud.api.multipart import Part, read_form
from localcloud.api.resources import Account
from localcloud.api.workers import NAME as SCRIPT_NAME
from localcloud.asset_store import AssetStore, Manifest

# Codes: 10000 not this session's token, 10021 invalid upload.
INVALID = 10021
MAX_FILES = 20_000  # of a version, on the free plan
MAX_FILE_BYTES = 25 * 1024 * 1024
MAX_RULES = 100
MAX_RULE_LENGTH = 100
_BUCKET_FILES = 250  # how many files a client sends at once
_NO_TYPE = "application/null"  # how a client says that a file has no content type


class _Entry(BaseModel):
    hash: str = Field(pattern=r"^[0-9a-f]{32}$")
    size: int = Field(ge=0, le=MAX_FILE_BYTES)


class _Session(BaseModel):
    manifest: dict[str, _Entry] = Field(max_length=MAX_FILES)


def check_rules(value: bool | list[str] | None) -> bool | list[str] | None:
    """Refuse rules as Cloudflare does. Raises ValueError with the first reason found.

    A rule begins with `/`, or with `!/` where the assets come first; a star fits anything.
    """
    if not isinstance(value, list):
        return value
    if not 1 <= len(value) <= MAX_RULES:
        raise ValueError(f"there must be from 1 to {MAX_RULES} rules")
    for rule in value:
        if not rule.startswith(("/", "!/")):
            raise ValueError(f"{rule[:80]!r} must begin with '/' or '!/'")
        if len(rule) > MAX_RULE_LENGTH:
            raise ValueError(f"{rule[:80]!r} has more than {MAX_RULE_LENGTH} characters")
        if value.count(rule) > 1:
            raise ValueError(f"{rule!r} is there more than once")
        if wider := _makes_redundant(rule, value):
            raise ValueError(f"{wider!r} makes {rule!r} redundant")
    if all(rule.startswith("!") for rule in value):
        raise ValueError("there must be at least one rule that isn't negative")
    return value


def _makes_redundant(rule: str, rules: list[str]) -> str | None:
    for other in rules:
        if other != rule and other.endswith("*") and rule.startswith(other[:-1]):
            return other
    return None


class AssetConfig(BaseModel):
    """How the assets of a version are served; what is left out has Cloudflare's default."""

    model_config = ConfigDict(extra="forbid")
    html_handling: (
        Literal["auto-trailing-slash", "force-trailing-slash", "drop-trailing-slash", "none"] | None
    ) = None
    not_found_handling: Literal["none", "404-page", "single-page-application"] | None = None
    run_worker_first: bool | list[str] | None = None
    base_path: Literal["/"] | None = None

    headers: str | None = Field(default=None, alias="_headers")
    redirects: Literal[""] | None = Field(default=None, alias="_redirects")

    _rules = field_validator("run_worker_first")(check_rules)

    def without_files(self) -> AssetConfig:
        """Return it without the text of `_headers`, which lies with the modules."""
        return self.model_copy(update={"headers": None, "redirects": None})


class VersionAssets(BaseModel):
    """The part `assets` of a version's upload."""

    model_config = ConfigDict(extra="forbid")
    jwt: str
    config: AssetConfig = AssetConfig()


class Assets:
    """Sessions and files."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._database = account.database
        self._tokens = AssetTokens(account.database, account.clock)
        self.store = AssetStore(account.home.assets, account.database)

    def routes(self) -> Sequence[Route]:
        """/workers/scripts/{script_name}/assets-upload-session and /workers/assets/upload."""
        session = "/workers/scripts/{script_name}/assets-upload-session"
        return [
            Route(session, self._begin, methods=["POST"]),
            Route("/workers/assets/upload", self._upload, methods=["POST"]),
        ]

    def completed(self, script: str, token: str) -> Manifest:
        """What the completion token of a session of this Worker stands for.

        Raises ApiError(400): a token that isn't one, of another Worker, or expired.
        """
        try:
            session = self._tokens.session(token, "complete")
        except InvalidAssetToken as error:
            raise ApiError(400, INVALID, str(error)) from error
        row = self._database.row("SELECT * FROM asset_sessions WHERE id = ?", session)
        if row is None or row["script"] != script:
            raise ApiError(400, INVALID, "The assets token belongs to another Worker.")
        manifest: Manifest = json.loads(row["manifest"])
        if missing := self.store.missing(manifest):
            text = f"{len(missing)} of the assets are not uploaded: start another upload session."
            raise ApiError(400, INVALID, text)
        return manifest

    async def _begin(self, request: Request) -> Response:
        # A first deployment uploads its assets before there is a script.
        script = request.path_params["script_name"]
        if not re.fullmatch(SCRIPT_NAME, script):
            raise ApiError(400, INVALID, f"The script name {script[:80]!r} isn't one.")
        wanted = await body_model(request, _Session, code=INVALID)
        manifest = wanted.model_dump()["manifest"]
        for path in manifest:
            _check_path(path)
        session, now_ms = self._account.ids(), self._account.clock.now_ms()
        expires_ms = now_ms + LIFETIME_MS
        with self._database.transaction():
            self._database.execute("DELETE FROM asset_sessions WHERE expires_ms <= ?", now_ms)
            self._database.execute(
                "INSERT INTO asset_sessions VALUES (?, ?, ?, ?)",
                session,
                script,
                json.dumps(manifest),
                expires_ms,
            )
        missing = self.store.missing(manifest)
        buckets = [missing[at : at + _BUCKET_FILES] for at in range(0, len(missing), _BUCKET_FILES)]
        purpose: Literal["upload", "complete"] = "upload" if missing else "complete"
        token = self._tokens.issue(session, purpose, expires_ms)
        return success({"jwt": token, "buckets": buckets})

    async def _upload(self, request: Request) -> Response:
        try:
            session = self._tokens.session(bearer_token(request), "upload")
        except InvalidAssetToken as error:
            raise ApiError(401, 10000, "Authentication error") from error
        row = self._database.row("SELECT * FROM asset_sessions WHERE id = ?", session)
        if row is None:
            raise ApiError(401, 10000, "Authentication error")
        if request.query_params.get("base64") != "true":
            raise ApiError(400, INVALID, "Upload assets with base64=true.")
        manifest: Manifest = json.loads(row["manifest"])
        sizes = {entry["hash"]: entry["size"] for entry in manifest.values()}
        for part in await read_form(request, code=INVALID):
            name, content = part.name, _content(part)
            if name not in sizes:
                raise ApiError(400, INVALID, f"The hash {name[:64]!r} isn't in the manifest.")
            if len(content) != sizes[name]:
                text = f"The file {name} has {len(content)} bytes, its manifest says {sizes[name]}."
                raise ApiError(400, INVALID, text)
            await asyncio.to_thread(self.store.put, name, content, _type(part))
        if self.store.missing(manifest):
            return success({"jwt": None}, status=202)
        token = self._tokens.issue(session, "complete", row["expires_ms"])
        return success({"jwt": token}, status=201)


def _check_path(path: str) -> None:
    plain = path.startswith("/") and "\\" not in path and path.isprintable() and len(path) <= 1024
    if not plain or ".." in path.split("/"):
        raise ApiError(400, INVALID, f"The asset path {path[:80]!r} isn't an absolute URL path.")


def _content(part: Part) -> bytes:
    try:
        return base64.b64decode(b"".join(part.content.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ApiError(400, INVALID, "A file of the upload isn't base64.") from error


def _type(part: Part) -> str | None:
    return None if part.content_type in {"", _NO_TYPE} else part.content_type


def routes(account: Account) -> Sequence[Route]:
    """The family's routes, below the account."""
    return Assets(account).routes()
