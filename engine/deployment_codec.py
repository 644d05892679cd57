"""Pulumi's version 3 deployment, as text.

Each resource's text and each secret's ciphertext are kept and reused, so that a write costs only
what has changed and the file of an unchanged stack stays byte for byte the same but for its time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import StateUnreadable
from engine.passphrase import PassphraseSecrets
from engine.property_value import SECRET, SIGNATURE, Properties, PropertyValue, Secret
from engine.resource_fields import resource_from_fields, resource_to_fields
from engine.resource_state import PendingOperation, ResourceState

#: Goes into the manifest; its hash is the manifest's "magic", which the CLI checks.
ENGINE_VERSION = "v3.272.0"

_Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Deployment:
    """A stack's decrypted state: resources in dependency order, and operations cut short."""

    resources: tuple[ResourceState, ...] = ()
    pending: tuple[PendingOperation, ...] = ()


class DeploymentCodec:
    """Reads and writes the checkpoint of one stack with one stack's secrets."""

    def __init__(self, stack_reference: str, secrets: PassphraseSecrets) -> None:
        self._stack_reference = stack_reference
        self._secrets = secrets
        self._ciphertexts: dict[tuple[str, _Path], tuple[str, str]] = {}
        self._texts: dict[int, tuple[ResourceState, str]] = {}

    def decode(self, text: str) -> Deployment:
        """The deployment in a checkpoint's text.

        Raises ``StateUnreadable`` for another version, form or manifest, ``WrongPassphrase``
        where a secret does not open.
        """
        try:
            return self._deployment(self._latest(text))
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            raise StateUnreadable(
                f"The state of {self._stack_reference} is not a Pulumi checkpoint: "
                "restore it from the .bak file beside it."
            ) from None

    def _deployment(self, latest: dict[str, Any] | None) -> Deployment:
        if latest is None:
            return Deployment()
        resources = [self._resource(item) for item in latest.get("resources") or []]
        pending = [
            PendingOperation(item["type"], self._resource(item["resource"], slot="pending"))
            for item in latest.get("pending_operations") or []
        ]
        return Deployment(tuple(resources), tuple(pending))

    def _latest(self, text: str) -> dict[str, Any] | None:
        document = json.loads(text)
        version, latest = document["version"], document["checkpoint"].get("latest")
        if version != 3:
            raise StateUnreadable(
                f"The state of {self._stack_reference} has version {version}; this engine reads "
                "version 3: open it once with a pulumi CLI of the 3.x line."
            )
        if latest is None:
            return None
        provider = latest.get("secrets_providers") or {}
        if provider and provider.get("type") != "passphrase":
            raise StateUnreadable(
                f"The secrets of {self._stack_reference} are kept by {provider.get('type')!r}; "
                "this engine has the passphrase provider alone."
            )
        salt = (provider.get("state") or {}).get("salt", self._secrets.salt)
        if salt != self._secrets.salt:
            raise StateUnreadable(
                f"The state of {self._stack_reference} was made with another encryption salt than "
                "the config file's: set encryptionsalt to the one in the state."
            )
        return dict(latest)

    def encode(
        self, resources: Iterable[ResourceState], pending: Iterable[PendingOperation], *, time: str
    ) -> str:
        """The checkpoint's text. ``time`` is the manifest's, in RFC 3339."""
        manifest = {
            "time": time,
            "magic": hashlib.sha256(ENGINE_VERSION.encode()).hexdigest(),
            "version": ENGINE_VERSION,
        }
        secrets = {"type": "passphrase", "state": {"salt": self._secrets.salt}}
        latest = [
            f'"manifest": {json.dumps(manifest)}',
            f'"secrets_providers": {json.dumps(secrets)}',
        ]
        texts = [self._text(state) for state in resources]
        if texts:
            latest.append('"resources": [\n' + ",\n".join(texts) + "\n]")
        operations = [
            json.dumps({"resource": self._fields(item.resource, slot="pending"), "type": item.type})
            for item in pending
        ]
        if operations:
            latest.append('"pending_operations": [\n' + ",\n".join(operations) + "\n]")
        latest.append('"metadata": {}')
        stack = json.dumps(self._stack_reference)
        body = ",\n".join(latest)
        return f'{{"version": 3, "checkpoint": {{"stack": {stack}, "latest": {{\n{body}\n}}}}}}\n'

    def fields(self, state: ResourceState) -> dict[str, Any]:
        """One resource as the plain JSON object that stands in the state, secrets encrypted."""
        return self._fields(state)

    def _text(self, state: ResourceState) -> str:
        known = self._texts.get(id(state))
        if known is None or known[0] is not state:
            known = (state, json.dumps(self._fields(state), indent=1, ensure_ascii=False))
            self._texts[id(state)] = known
        return known[1]

    def _fields(self, state: ResourceState, *, slot: str = "") -> dict[str, Any]:
        owner = f"{slot}{'delete ' if state.delete else ''}{state.urn}"
        sealed = replace(
            state,
            inputs=self._seal_all(state.inputs, owner, "inputs"),
            outputs=self._seal_all(state.outputs, owner, "outputs"),
        )
        return resource_to_fields(sealed)

    def _seal_all(self, values: Properties, owner: str, side: str) -> Properties:
        return {key: self._seal(item, owner, (side, key)) for key, item in sorted(values.items())}

    def _seal(self, value: PropertyValue, owner: str, path: _Path) -> PropertyValue:
        if isinstance(value, Secret):
            return {SIGNATURE: SECRET, "ciphertext": self._ciphertext(value, owner, path)}
        if isinstance(value, dict):
            # Go writes maps sorted; the wire gives them in any order.
            return {k: self._seal(item, owner, (*path, k)) for k, item in sorted(value.items())}
        if isinstance(value, list):
            return [self._seal(item, owner, (*path, n)) for n, item in enumerate(value)]
        return value

    def _ciphertext(self, secret: Secret, owner: str, path: _Path) -> str:
        plaintext = _canonical(_inner(secret.value))
        known = self._ciphertexts.get((owner, path))
        if known is None or known[0] != plaintext:
            known = (plaintext, self._secrets.encrypt(plaintext))
            self._ciphertexts[(owner, path)] = known
        return known[1]

    def _resource(self, fields: dict[str, Any], *, slot: str = "") -> ResourceState:
        state = resource_from_fields(fields)
        owner = f"{slot}{'delete ' if state.delete else ''}{state.urn}"
        return replace(
            state,
            inputs=self._open_all(state.inputs, owner, "inputs"),
            outputs=self._open_all(state.outputs, owner, "outputs"),
        )

    def _open_all(self, values: Properties, owner: str, side: str) -> Properties:
        return {key: self._open(item, owner, (side, key)) for key, item in values.items()}

    def _open(self, value: PropertyValue, owner: str, path: _Path) -> PropertyValue:
        if isinstance(value, dict):
            if value.get(SIGNATURE) == SECRET:
                ciphertext = str(value["ciphertext"])
                plaintext = self._secrets.decrypt(ciphertext)
                decoded = _outer(json.loads(plaintext))
                self._ciphertexts[(owner, path)] = (_canonical(_inner(decoded)), ciphertext)
                return Secret(decoded)
            return {key: self._open(item, owner, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self._open(item, owner, (*path, n)) for n, item in enumerate(value)]
        return value


def _canonical(value: PropertyValue) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def _inner(value: PropertyValue) -> PropertyValue:
    """Secrets inside a secret keep their signature, with plain JSON where the ciphertext was."""
    if isinstance(value, Secret):
        return {SIGNATURE: SECRET, "ciphertext": _canonical(_inner(value.value))}
    if isinstance(value, dict):
        return {key: _inner(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_inner(item) for item in value]
    return value


def _outer(value: PropertyValue) -> PropertyValue:
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return Secret(_outer(json.loads(value["ciphertext"])))
        return {key: _outer(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_outer(item) for item in value]
    return value
