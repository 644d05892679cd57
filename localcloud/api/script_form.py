"""The form by which wrangler and the SDKs upload a script: modules, and metadata that names them.

Source: "Multipart upload metadata" in the documentation of Workers.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from localcloud.api.assets import VersionAssets
from localcloud.api.bindings import INVALID, NAME, Binding
from localcloud.api.envelope import ApiError, parse
from localcloud.api.multipart import Part, read_form
from localcloud.api.versions import refuse_unknown_parts
from localcloud.bundle_store import Module
from localcloud.json_text import parse_json

_SOURCE_MAP = "application/source-map"
_ASSETS_ONLY = Module(
    "assets-only.js",
    "application/javascript+module",
    b'export default { fetch: () => new Response("Not found", { status: 404 }) };\n',
)

Annotation = Literal["workers/message", "workers/tag", "workers/triggered_by"]


class Metadata(BaseModel):
    """The part `metadata` of the form."""

    model_config = ConfigDict(extra="ignore")
    main_module: str | None = None
    body_part: str | None = None
    bindings: list[dict[str, Any]] = []
    keep_bindings: list[str] = []
    keep_assets: bool = False
    assets: VersionAssets | None = None
    compatibility_date: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    compatibility_flags: list[str] = []
    annotations: dict[Annotation, str] = {}
    usage_model: Literal["standard", "bundled", "unbound"] = "standard"
    limits: dict[str, Any] | None = None
    placement: dict[str, Any] | None = None
    logpush: bool | None = None
    observability: dict[str, Any] | None = None
    tags: list[str] | None = None
    tail_consumers: list[dict[str, str]] | None = None


class _Bindings(BaseModel):
    bindings: list[Binding]


class _Inherited(BaseModel):
    type: Literal["inherit"]
    name: str = Field(pattern=NAME, max_length=255)


async def read_upload_form(request: Request) -> tuple[Metadata, list[Part]]:
    """Return the metadata and the other parts. Raises ApiError(400, 10021)."""
    parts = await read_form(request, code=INVALID)
    found = [part for part in parts if part.name == "metadata"]
    if len(found) != 1:
        raise ApiError(400, INVALID, "The form must have one part named metadata.")
    try:
        document = parse_json(found[0].content)
    except ValueError as error:
        raise ApiError(400, INVALID, "The part metadata isn't JSON.") from error
    refuse_unknown_parts(document)
    return parse(Metadata, document, code=INVALID), [
        part for part in parts if part.name != "metadata"
    ]


def split_bindings(given: list[dict[str, Any]]) -> tuple[list[Binding], list[str]]:
    """Return the bindings, and the names of those to be inherited. Raises ApiError(400)."""
    inherited = [
        parse(_Inherited, binding, code=INVALID).name
        for binding in given
        if binding.get("type") == "inherit"
    ]
    rest = [binding for binding in given if binding.get("type") != "inherit"]
    return parse_bindings(rest), inherited


def parse_bindings(given: list[dict[str, Any]]) -> list[Binding]:
    """Return the typed bindings. Raises ApiError(400)."""
    return parse(_Bindings, {"bindings": given}, code=INVALID).bindings


def read_modules(metadata: Metadata, parts: list[Part]) -> tuple[list[Module], str]:
    """Return the modules of the form and the name of the main one. Raises ApiError(400)."""
    if metadata.body_part is not None:
        text = (
            "The local cloud runs Workers of ES modules and of Python: give main_module, "
            "not body_part."
        )
        raise ApiError(400, INVALID, text)
    modules = [
        # Wrangler names part and file alike; the SDK calls every part `files`.
        Module((part.filename or part.name).removeprefix("./"), part.content_type, part.content)
        for part in parts
        if part.content_type != _SOURCE_MAP
    ]
    if metadata.main_module is not None:
        return modules, metadata.main_module.removeprefix("./")
    if metadata.assets is None or modules:
        raise ApiError(400, INVALID, "metadata.main_module is missing.")
    return [_ASSETS_ONLY], _ASSETS_ONLY.name
