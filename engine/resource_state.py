"""One resource in a stack's state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.property_value import Properties
from engine.urn import Urn

PROVIDER_TYPE_PREFIX = "pulumi:providers:"


@dataclass(frozen=True, eq=False)
class ResourceState:
    """What Pulumi keeps of a resource (``ResourceV3`` of pulumi/pulumi sdk/go/common/apitype).

    Two states are the same only if they are the same object: a list of states may hold several
    with one URN (the live one, and replaced ones that wait for their deletion). ``extra`` keeps
    fields that this engine does not use, as they were read. Times are RFC 3339 texts.
    """

    urn: str
    type: str
    custom: bool
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    parent: str = ""
    provider: str = ""
    protect: bool = False
    delete: bool = False
    external: bool = False
    pending_replacement: bool = False
    retain_on_delete: bool = False
    deleted_with: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: dict[str, tuple[str, ...]] = field(default_factory=dict)
    additional_secret_outputs: tuple[str, ...] = ()
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    import_id: str = ""
    custom_timeouts: dict[str, Any] = field(default_factory=dict)
    created: str = ""
    modified: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def is_provider(self) -> bool:
        """True for provider resources, explicit and default."""
        return self.type.startswith(PROVIDER_TYPE_PREFIX)

    @property
    def is_default_provider(self) -> bool:
        """True for providers that no program declared; they are never counted or shown."""
        name = Urn.parse(self.urn).name
        return self.is_provider and (name == "default" or name.startswith("default_"))

    @property
    def package(self) -> str:
        """The package whose provider serves the type."""
        if self.is_provider:
            return self.type[len(PROVIDER_TYPE_PREFIX) :]
        return self.type.split(":", 1)[0]

    @property
    def reference(self) -> str:
        """How other resources name this provider resource: ``URN::ID``."""
        return f"{self.urn}::{self.id}"


@dataclass(frozen=True)
class PendingOperation:
    """An operation that had begun when the state was written: creating, updating, deleting or
    reading.
    """

    type: str
    resource: ResourceState


def provider_urn(reference: str) -> str:
    """The URN part of a provider reference."""
    return reference.rpartition("::")[0]
