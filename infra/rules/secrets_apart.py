"""Rules that keep secrets out of sight."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
from pydantic import SecretStr

from infra.rules.declaration import Breach, Stack

_TELLING_NAME = re.compile(r"(?:^|_)(?:SECRET|TOKEN|PASSWORD|PASSPHRASE|KEY|CREDENTIALS?)(?:$|_)")
_NOT_SECRET = frozenset({"SECRET_FINGERPRINTS"})
"""Named like secrets, and known to hold none: keyed digests of 64 bits."""

_RANDOM = re.compile(
    r"[0-9a-fA-F]{40,}|(?=[^_]*[0-9])(?=[^_]*[A-Z])(?=[^_]*[a-z])[A-Za-z0-9+/=]{32,}"
)


def nothing_secret_is_in_plain_text(stack: Stack) -> Iterator[Breach]:
    """Refuse a secret's name, value or look in a plain binding, which the dashboard shows."""
    values = {
        secret.get_secret_value()
        for name in type(stack.secrets).model_fields
        if isinstance(secret := getattr(stack.secrets, name), SecretStr)
    }
    for binding in _bindings(stack):
        name, text = str(binding.get("name")), binding.get("text")
        if binding.get("type") not in ("plain_text", "json") or name in _NOT_SECRET:
            continue
        if _TELLING_NAME.search(name):
            yield Breach(name, "its name says that it is a secret, and it is a plain binding.")
        elif isinstance(text, pulumi.Output):
            yield Breach(name, "a plain binding has to be known before the update.")
        elif isinstance(text, str) and (text in values or any(v in text for v in values if v)):
            yield Breach(name, "a plain binding holds one of the stack's secrets.")
        elif isinstance(text, str) and _RANDOM.fullmatch(text):
            yield Breach(name, "its value looks random, as a secret does, and is a plain binding.")


def secrets_are_marked(stack: Stack) -> Iterator[Breach]:
    """Refuse a secret binding whose value isn't one of Pulumi's secrets."""
    for binding in _bindings(stack):
        if binding.get("type") == "secret_text" and isinstance(binding.get("text"), str | None):
            yield Breach(
                str(binding.get("name")),
                "its value would be in the state in clear. Wrap it in pulumi.Output.secret.",
            )


def _bindings(stack: Stack) -> Iterator[Mapping[str, Any]]:
    for version in stack.of_type("WorkerVersion"):
        for binding in version.properties.get("bindings") or ():
            yield binding if isinstance(binding, Mapping) else _Attributes(binding)


class _Attributes(dict[str, Any]):
    """An args object read like a mapping."""

    def __init__(self, args: Any) -> None:
        super().__init__(name=args.name, type=args.type, text=args.text)
