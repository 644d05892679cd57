"""How the real provider sends a Worker's version and what it makes of the answer."""

from __future__ import annotations

import base64
import binascii
import hashlib
from pathlib import Path
from typing import Any

from engine.errors import ProviderError
from engine.property_value import UNKNOWN
from engine.providers.asset_upload import manifest_sha256
from engine.providers.resource_type import Properties

_SENT = ("config", "jwt")
MODULE_SOURCES = frozenset({"contentBase64", "contentFile"})
"""Where a module's content comes from. The hash decides whether the version is replaced: a change
of the source alone stays in the state (custom.go and Update in resource.go)."""


def version_defaults(inputs: Properties, *, folder: Path = Path()) -> Properties:
    """Inputs with the schema's one default (internal/services/worker_version/schema.go).

    Each module gets the hash of its content, and a directory of assets that of its manifest, so
    that a changed file is a change. Paths are relative to ``folder``. Raises ProviderError where
    one can't be read, or where a module doesn't have one source of its content.
    """
    filled = {**inputs, "usageModel": inputs.get("usageModel", "standard")}
    if isinstance(inputs.get("modules"), list):
        filled["modules"] = [_hashed(module, folder) for module in inputs["modules"]]
    assets = inputs.get("assets")
    if isinstance(assets, dict) and assets.get("directory") not in (None, UNKNOWN):
        digest = manifest_sha256(str(folder / str(assets["directory"])))
        filled["assets"] = {**assets, "assetManifestSha256": digest}
    return filled


def version_body(inputs: Properties, *, folder: Path = Path()) -> Properties:
    """The request: bindings in the order of their names, which is how the API answers.

    Modules that are files, relative to ``folder``, are sent with their content.
    """
    body = dict(inputs)
    if isinstance(body.get("modules"), list):
        body["modules"] = [_sent(module, folder) for module in body["modules"]]
    if isinstance(body.get("bindings"), list):
        body["bindings"] = sorted(body["bindings"], key=lambda binding: str(binding["name"]))
    if isinstance(body.get("assets"), dict):
        # Directory and hash are the provider's own.
        body["assets"] = {key: body["assets"][key] for key in _SENT if key in body["assets"]}
    return body


def version_shape(known: Properties, outputs: Properties) -> Properties:
    """Outputs with each module's hash; after a read, modules and bindings as they are now.

    Secret texts are never answered: they stay what the state says. The bindings keep the order
    they have there, and new ones come last (custom.go).
    """
    answer = known.get("__answer") or {}
    shaped = dict(outputs)
    if isinstance(shaped.get("modules"), list):
        contents = {item.get("name"): item for item in answer.get("modules") or []}
        shaped["modules"] = [_module(item, contents) for item in shaped["modules"]]
    if isinstance(shaped.get("bindings"), list) and "bindings" in answer:
        shaped["bindings"] = _bindings(shaped["bindings"], answer["bindings"])
    return shaped


def _hashed(module: dict[str, Any], folder: Path) -> dict[str, Any]:
    sources = [key for key in sorted(MODULE_SOURCES) if module.get(key) is not None]
    if len(sources) != 1:
        raise ProviderError(
            f"the module {module.get('name')} needs one of contentBase64 and contentFile, "
            f"and has {'both' if sources else 'none'}"
        )
    content = _content(module, folder)
    if content is None:
        return module
    return {**module, "contentSha256": hashlib.sha256(content).hexdigest()}


def _sent(module: dict[str, Any], folder: Path) -> dict[str, Any]:
    content = _content(module, folder)
    kept = {key: value for key, value in module.items() if key in ("name", "contentType")}
    if content is None:
        return module
    return {**kept, "contentBase64": base64.b64encode(content).decode("ascii")}


def _content(module: dict[str, Any], folder: Path) -> bytes | None:
    """The module's bytes; None where they aren't known before the update."""
    if module.get("contentFile") is not None:
        if module["contentFile"] == UNKNOWN:
            return None
        path = Path(str(module["contentFile"]))
        if path.parts[:1] == ("~",):
            path = path.expanduser()
        try:
            return (folder / path).read_bytes()
        except OSError as error:
            raise ProviderError(
                f"the module {module.get('name')} can't be read from {module['contentFile']}: "
                f"{error.strerror}"
            ) from None
    return _decoded(module)


def _decoded(module: dict[str, Any]) -> bytes | None:
    text = module.get("contentBase64")
    if not isinstance(text, str) or text == UNKNOWN:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ProviderError(
            f"the contentBase64 of module {module.get('name')} is no base64"
        ) from None


def _module(module: dict[str, Any], contents: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    live = _decoded(contents.get(module.get("name")) or {})
    if live is None:
        return module
    shaped = {**module, "contentSha256": hashlib.sha256(live).hexdigest()}
    if module.get("contentBase64") is not None:
        shaped["contentBase64"] = base64.b64encode(live).decode("ascii")
    return shaped


def _bindings(known: list[dict[str, Any]], answer: list[dict[str, Any]]) -> list[dict[str, Any]]:
    live = {item.get("name"): item for item in answer}
    kept = [{**item, **live.pop(item.get("name"))} for item in known if item.get("name") in live]
    return [*kept, *live.values()]
