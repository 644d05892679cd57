"""A stack's state without its secrets, for a plan where those may not be.

A program's plan needs the state that it is compared with, and that state needs a passphrase
(pulumi/pulumi#11024). A baseline has a placeholder in the place of each secret, made from the
secret's fingerprint: equal secrets have equal placeholders, and no placeholder leads to a secret.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.property_value import SECRET, SIGNATURE
from infra.dynamic_providers import PROVIDER_KEY
from infra.names import Names
from infra.release import config_digest, secret_fingerprint
from infra.settings import Secrets, SettingsError, read_settings
from infra.settings.derivation import is_encrypted
from infra.settings.key_dates import key_fingerprint
from infra.settings.problems import PROJECT
from localcloud.atomic_write import write_whole
from ops.stacks.bounded_json import parse_bounded
from ops.stacks.choice import choose_driver
from ops.stacks.context import StackContext
from ops.stacks.errors import OperationError, StackFailed, UsageError

FORMAT = 1
MAX_BYTES = 64 * 1024 * 1024
"""A state is read as a whole; ours have some 150 kB."""

_VERSION = ":WorkerVersion"
_OTHER = "placeholder"
"""Stands for secrets that no setting holds: a plan doesn't compare them."""
_MIN_WITHIN = 16
"""Characters of a secret from which on it is looked for inside other texts, too."""
_MAX_DOCUMENTS = 4
"""A secret's value is a document in a text of the state, and may have one in a text of its own."""


@dataclass(frozen=True)
class SecretMark:
    """What tells whether a secret is the one of the baseline.

    Attributes:
        fingerprint: `key_fingerprint` of it, 16 hexadecimal digits.
        sealed: 16 hexadecimal digits of its ciphertext's SHA-256 in the settings file; empty where
            it isn't there.
    """

    fingerprint: str
    sealed: str = ""


@dataclass(frozen=True)
class Baseline:
    """The state of one stack at one moment, without its secrets.

    Attributes:
        stack: the stack's name.
        commit: what the state was exported at; empty outside a repository.
        taken_at: RFC 3339, in UTC.
        secrets: marks of the secret settings that are deployed, by the settings' keys.
        deployment: as `pulumi stack export --show-secrets` gives it, with placeholders.
    """

    stack: str
    commit: str
    taken_at: str
    secrets: Mapping[str, SecretMark]
    deployment: Mapping[str, Any]

    @classmethod
    def take(cls, context: StackContext, settings_file: Path) -> Baseline:
        """Export the stack's state and put placeholders in the place of its secrets.

        Args:
            context: the stack; its state must be readable with its secrets.
            settings_file: the settings as the engine has them.

        Raises:
            StackFailed: the stack isn't deployed.
            OperationError: a secret would be left in it.
        """
        exported = choose_driver(context).export(show_secrets=True)
        deployment = exported.get("deployment") or {}
        deployed = _deployed_secrets(deployment.get("resources") or [])
        if not deployed:
            raise StackFailed(
                f"The stack '{context.stack}' has no version of its Worker yet, so there is "
                f"nothing to compare with. Deploy it first: notifyctl up --stack {context.stack}"
            )
        sealed = sealed_marks(context.of_stack(context.stack, settings_file).file.config)
        marks = {
            key: SecretMark(key_fingerprint(key, text), sealed.get(key, ""))
            for key, text in deployed.items()
        }
        worker = Names.of_stack(context.stack).worker
        swaps = dict(_swaps(deployed, marks, worker))
        swaps |= _digest_swap(settings_file, swaps)
        hidden = _Hidden(swaps).of(deployment)
        # The passphrase's salt and proof: what the state is sealed with is nobody's business.
        hidden.pop("secrets_providers", None)
        baseline = cls(
            stack=context.stack,
            commit=context.commit,
            taken_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            secrets=marks,
            deployment=hidden,
        )
        baseline.require_no_secret(deployed.values())
        return baseline

    @classmethod
    def read(cls, file: Path) -> Baseline:
        """Read a baseline's file.

        Raises:
            UsageError: it is none.
        """
        try:
            with file.open("rb") as opened:
                content = opened.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                raise UsageError(f"{file} is larger than {MAX_BYTES} bytes: no baseline is.")
            document = parse_bounded(content)
            if document["baseline"] != FORMAT:
                raise UsageError(
                    f"{file} is a baseline of the form {document['baseline']!r}, and this command "
                    f"reads form {FORMAT}. Take a new one by 'notifyctl pr baseline'."
                )
            secrets = {str(key): SecretMark(**mark) for key, mark in document["secrets"].items()}
            deployment = dict(document["deployment"])
            if not isinstance(deployment["resources"], list):
                raise ValueError
            stack, commit, taken_at = (str(document[k]) for k in ("stack", "commit", "taken_at"))
        except OSError as error:
            raise UsageError(f"{file} can't be read: {error.strerror}.") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UsageError(
                f"{file} is no baseline. Take one by 'notifyctl pr baseline FILE --stack STACK'."
            ) from None
        return cls(stack, commit, taken_at, secrets, deployment)

    def write(self, file: Path) -> None:
        """Write it, readable by its owner alone: it has no secret, and yet all ids and names.

        Raises:
            UsageError: the file can't be written.
        """
        text = json.dumps({"baseline": FORMAT, **asdict(self)}) + "\n"
        try:
            write_whole(file, text)
        except OSError as error:
            raise UsageError(f"{file} can't be written: {error.strerror}.") from None

    def require_no_secret(self, texts: Iterable[str]) -> None:
        """Look once more for what must not be in there.

        Raises:
            OperationError: one of the texts is in there; the message doesn't tell it.
        """
        written = json.dumps(self.deployment, ensure_ascii=False)
        if any(
            len(text) >= _MIN_WITHIN and any(form in written for form in _written(text))
            for text in texts
        ):
            raise OperationError(
                "A secret would have been left in the baseline, so none was written. The state "
                "has it in a place that isn't known: report it with the type of the resource."
            )


def _written(text: str) -> Iterator[str]:
    """Yield a text as a document has it, and as documents inside of its texts have it."""
    for _ in range(_MAX_DOCUMENTS):
        text = json.dumps(text, ensure_ascii=False)[1:-1]
        yield text


def placeholder(key: str, fingerprint: str) -> str:
    """Return what stands for a secret setting: its form is right, and it opens nothing.

    >>> placeholder("encryptKey", "0123456789abcdef") == placeholder("encryptKey", "0" * 16)
    False
    """
    digits = hashlib.sha256(f"placeholder:{key}:{fingerprint}".encode()).hexdigest()
    return digits[:32] if key.startswith("encryptKey") else digits


def _deployed_secrets(resources: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the secrets that the uploaded version has, by their settings' keys."""
    keys = {name.upper(): str(info.alias) for name, info in Secrets.model_fields.items()}
    found: dict[str, str] = {}
    for resource in resources:
        if resource.get("delete") or not str(resource.get("type", "")).endswith(_VERSION):
            continue
        for binding in _opened((resource.get("inputs") or {}).get("bindings")) or []:
            if binding.get("type") == "secret_text" and binding.get("name") in keys:
                found[keys[binding["name"]]] = str(binding["text"])
    return found


def _opened(value: Any) -> Any:
    """Return a state's value with the marks of its secrets taken off."""
    if isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET:
            return _opened(json.loads(_text(value)))
        return {key: _opened(item) for key, item in value.items()}
    return [_opened(item) for item in value] if isinstance(value, list) else value


def _text(secret: Mapping[str, Any]) -> str:
    # Inside another secret the plain text stands in the ciphertext's place.
    return str(secret["plaintext"] if "plaintext" in secret else secret["ciphertext"])


def sealed_marks(config: Mapping[str, Any]) -> dict[str, str]:
    """Return what tells one ciphertext of the settings file from another, by key."""
    return {
        key.removeprefix(f"{PROJECT}:"): hashlib.sha256(value["secure"].encode()).hexdigest()[:16]
        for key, value in config.items()
        if is_encrypted(value)
    }


def _swaps(
    deployed: Mapping[str, str], marks: Mapping[str, SecretMark], worker: str
) -> Iterable[tuple[str, str]]:
    """Yield each text that follows from a secret, with what follows from its placeholder."""
    names = {str(info.alias): name for name, info in Secrets.model_fields.items()}
    for key, text in deployed.items():
        instead, name = placeholder(key, marks[key].fingerprint), names[key]
        yield text, instead
        yield key_fingerprint(key, text), key_fingerprint(key, instead)
        yield secret_fingerprint(name, text, worker), secret_fingerprint(name, instead, worker)


def _digest_swap(settings_file: Path, swaps: Mapping[str, str]) -> dict[str, str]:
    """Return the settings' digest, which covers the fingerprints, and what it becomes."""
    try:
        settings = read_settings(settings_file)
    except SettingsError:
        return {}
    recorded = {key: swaps.get(text, text) for key, text in settings.key_fingerprints.items()}
    changed = settings.model_copy(update={"key_fingerprints": recorded})
    return {config_digest(settings): config_digest(changed)}


@dataclass(frozen=True)
class _Hidden:
    """Writes a state anew without its secrets.

    Attributes:
        swaps: what stands for each text that is one of the secrets, or follows from one.
    """

    swaps: Mapping[str, str]

    def of(self, value: Any) -> Any:
        """Return a value as it may be shown."""
        if isinstance(value, Mapping):
            if value.get(SIGNATURE) == SECRET:
                inner = self._inside(json.loads(_text(value)))
                return {SIGNATURE: SECRET, "plaintext": json.dumps(inner, ensure_ascii=False)}
            return {
                key: self._of_provider(item) if key == PROVIDER_KEY else self.of(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.of(item) for item in value]
        return self._swapped(value) if isinstance(value, str) else value

    def _of_provider(self, value: Any) -> Any:
        """Return what a dynamic resource is carried out by: Pulumi marks it, and it is code."""
        if isinstance(value, Mapping) and value.get(SIGNATURE) == SECRET:
            inner = json.dumps(self._shown(json.loads(_text(value))), ensure_ascii=False)
            return {SIGNATURE: SECRET, "plaintext": inner}
        return self.of(value)

    def _inside(self, value: Any) -> Any:
        """Return a secret value with nothing of it but its shape, and what a binding shows."""
        if isinstance(value, Mapping):
            if value.get(SIGNATURE) == SECRET:
                inner = json.dumps(self._inside(json.loads(_text(value))), ensure_ascii=False)
                return {SIGNATURE: SECRET, "ciphertext": inner}
            if {"name", "type"} <= set(value) and value["type"] != "secret_text":
                return self._shown(value)
            named = {key: value[key] for key in ("name", "type") if key in value}
            return {key: self._inside(item) for key, item in value.items()} | named
        if isinstance(value, list):
            return [self._inside(item) for item in value]
        if isinstance(value, str):
            swapped = self._swapped(value)
            return swapped if swapped != value or not value else _OTHER
        return value if value is None or isinstance(value, bool) else 0

    def _shown(self, value: Any) -> Any:
        """Return a binding that is no secret, though the list that it stands in is marked as one.

        A mark inside another secret has its plain text in the ciphertext's place, and keeps it.
        """
        if isinstance(value, Mapping):
            if value.get(SIGNATURE) == SECRET:
                inner = json.dumps(self._shown(json.loads(_text(value))), ensure_ascii=False)
                return {SIGNATURE: SECRET, "ciphertext": inner}
            return {key: self._shown(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._shown(item) for item in value]
        return self._swapped(value) if isinstance(value, str) else value

    def _swapped(self, text: str) -> str:
        if text in self.swaps:
            return self.swaps[text]
        for old, new in self.swaps.items():
            if len(old) >= _MIN_WITHIN and old in text:
                text = text.replace(old, new)
        return text
