"""Property values as the engine holds them.

Values keep the shape they have on the wire (plain JSON, with Pulumi's signature objects for
assets and resource references); only secrets get a class, so that no secret can be written or
printed by accident. The constants are those of pulumi/pulumi sdk/go/common/resource/sig.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a public marker, no password
OUTPUT_VALUE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
RESOURCE_REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

PropertyValue: TypeAlias = Any
Properties: TypeAlias = dict[str, PropertyValue]


class Secret:
    """A value that may only leave the process encrypted, or to the provider that needs it."""

    __slots__ = ("value",)

    def __init__(self, value: PropertyValue) -> None:
        self.value: PropertyValue = value.value if isinstance(value, Secret) else value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.value == other.value

    def __hash__(self) -> int:
        return hash(SECRET)

    def __repr__(self) -> str:
        return "Secret([hidden])"


def unwrap(value: PropertyValue) -> PropertyValue:
    """The value with all secret marks taken off, as a provider without secrets wants it."""
    if isinstance(value, Secret):
        return unwrap(value.value)
    if isinstance(value, dict):
        return {key: unwrap(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unwrap(item) for item in value]
    return value


def contains(value: PropertyValue, predicate: Callable[[PropertyValue], bool]) -> bool:
    """True where ``predicate`` holds for the value or for anything inside it."""
    if predicate(value):
        return True
    if isinstance(value, Secret):
        return contains(value.value, predicate)
    if isinstance(value, dict):
        return any(contains(item, predicate) for item in value.values())
    if isinstance(value, list):
        return any(contains(item, predicate) for item in value)
    return False


def contains_secret(value: PropertyValue) -> bool:
    """True where the value or anything inside it is a secret."""
    return contains(value, lambda item: isinstance(item, Secret))


def contains_unknown(value: PropertyValue) -> bool:
    """True where the value or anything inside it is not known yet (previews only)."""
    return contains(value, lambda item: isinstance(item, str) and item == UNKNOWN)


def revealed(value: Any, decrypt: Callable[[str], str]) -> Any:
    """A state's JSON with plaintexts where it has ciphertexts, as `--show-secrets` exports it."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET and "ciphertext" in value:
            return {SIGNATURE: SECRET, "plaintext": decrypt(str(value["ciphertext"]))}
        return {key: revealed(item, decrypt) for key, item in value.items()}
    if isinstance(value, list):
        return [revealed(item, decrypt) for item in value]
    return value


def mark_like(values: Properties, pattern: Properties) -> Properties:
    """``values`` with every property made secret whose counterpart in ``pattern`` holds a secret.

    Objects are walked together; anything else is marked as a whole property, never as a leaf
    (annotateSecrets of pulumi/pulumi sdk/go/common/resource/plugin).
    """
    marked = dict(values)
    for key, like in pattern.items():
        if key not in marked:
            continue
        value = marked[key]
        if isinstance(value, dict) and isinstance(like, dict):
            marked[key] = mark_like(value, like)
        elif not isinstance(value, Secret) and contains_secret(like):
            marked[key] = Secret(value)
    return marked


def mark_names(values: Properties, names: tuple[str, ...]) -> Properties:
    """``values`` with the named top-level properties made secret."""
    marked = dict(values)
    for name in names:
        if name in marked and not isinstance(marked[name], Secret):
            marked[name] = Secret(marked[name])
    return marked
