"""How the real provider sends a Worker's version and what it makes of the answer."""

from __future__ import annotations

import base64
import binascii
import hashlib
from pathlib import Path
from typing import Any

from engine.property_value import UNKNOWN
from engine.providers.asset_upload import manifest_sha256
from engine.providers.resource_type import Properties

_SENT = ("config", "jwt")


def version_defaults(inputs: Properties, *, folder: Path = Path()) -> Properties:
    """Inputs with the schema's one default (internal/services/worker_version/schema.go).

    A directory of assets, relative to ``folder``, gets the hash of its manifest, so that a changed
    file is a change. Raises ProviderError where it can't be read.
    """
    filled = {**inputs, "usageModel": inputs.get("usageModel", "standard")}
    assets = inputs.get("assets")
    if isinstance(assets, dict) and assets.get("directory") not in (None, UNKNOWN):
        digest = manifest_sha256(str(folder / str(assets["directory"])))
        filled["assets"] = {**assets, "assetManifestSha256": digest}
    return filled


def version_body(inputs: Properties) -> Properties:
    """The request: bindings in the order of their names, which is how the API answers."""
    body = dict(inputs)
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


def _module(module: dict[str, Any], contents: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    live = contents.get(module.get("name")) or {}
    content = live.get("contentBase64", module.get("contentBase64"))
    if not isinstance(content, str) or content == UNKNOWN:
        return module
    try:
        digest = hashlib.sha256(base64.b64decode(content)).hexdigest()
    except binascii.Error:
        return module
    return {**module, "contentBase64": content, "contentSha256": digest}


def _bindings(known: list[dict[str, Any]], answer: list[dict[str, Any]]) -> list[dict[str, Any]]:
    live = {item.get("name"): item for item in answer}
    kept = [{**item, **live.pop(item.get("name"))} for item in known if item.get("name") in live]
    return [*kept, *live.values()]
