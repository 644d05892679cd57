"""What a program asks for when it registers a resource."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from engine.errors import Unsupported
from engine.property_value import Properties
from engine.resource_state import PROVIDER_TYPE_PREFIX, ResourceState
from engine.urn import Urn, label
from engine.wire import from_struct


@dataclass(frozen=True)
class AliasSpec:
    """One alias as the program gave it: a URN, or parts that differ from the resource's own."""

    urn: str = ""
    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent: str = ""
    no_parent: bool = False


@dataclass(frozen=True)
class Goal:
    """A registration in the engine's terms, inherited options applied."""

    urn: str
    type: str
    name: str
    custom: bool
    inputs: Properties
    parent: str = ""
    protect: bool = False
    retain_on_delete: bool = False
    deleted_with: str = ""
    provider: str = ""
    providers: dict[str, str] = field(default_factory=dict)
    version: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: dict[str, tuple[str, ...]] = field(default_factory=dict)
    additional_secret_outputs: tuple[str, ...] = ()
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    delete_before_replace: bool | None = None
    aliases: tuple[AliasSpec, ...] = ()
    import_id: str = ""

    @property
    def is_provider(self) -> bool:
        """True for provider resources."""
        return self.type.startswith(PROVIDER_TYPE_PREFIX)

    @property
    def package(self) -> str:
        """The package whose provider serves the type."""
        if self.is_provider:
            return self.type[len(PROVIDER_TYPE_PREFIX) :]
        return self.type.split(":", 1)[0]

    @classmethod
    def from_request(cls, request: Any, *, stack: str, project: str, parent: Goal | None) -> Goal:
        """Read a ``RegisterResourceRequest``; ``parent`` is the parent's goal, for what a child
        inherits. Raises ``Unsupported`` for options that only the real CLI has.
        """
        urn = Urn.of(
            stack=stack,
            project=project,
            parent=request.parent,
            type_=request.type,
            name=request.name,
        )
        _refuse_unsupported(request, label(str(urn)))
        goal = cls(
            urn=str(urn),
            type=request.type,
            name=request.name,
            custom=request.custom,
            inputs=from_struct(request.object),
            parent=request.parent,
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            deleted_with=request.deletedWith,
            provider=request.provider,
            providers=dict(request.providers),
            version=request.version,
            dependencies=tuple(sorted(request.dependencies)),
            property_dependencies={
                key: tuple(sorted(value.urns))
                for key, value in request.propertyDependencies.items()
            },
            additional_secret_outputs=tuple(request.additionalSecretOutputs),
            ignore_changes=tuple(request.ignoreChanges),
            replace_on_changes=tuple(request.replaceOnChanges),
            delete_before_replace=(
                request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None
            ),
            import_id=request.importId if request.custom else "",
            aliases=tuple(_alias(item) for item in request.aliases)
            + tuple(AliasSpec(urn=urn) for urn in request.aliasURNs),
        )
        return goal._inheriting(request, parent) if parent else goal

    def _inheriting(self, request: Any, parent: Goal) -> Goal:
        goal = self
        if not request.HasField("protect"):
            goal = replace(goal, protect=parent.protect)
        if not request.HasField("retainOnDelete"):
            goal = replace(goal, retain_on_delete=parent.retain_on_delete)
        if not goal.deleted_with:
            goal = replace(goal, deleted_with=parent.deleted_with)
        return replace(goal, providers={**_providers_of(parent), **goal.providers})

    def state(self, *, inputs: Properties, outputs: Properties, **fields: Any) -> ResourceState:
        """The state this goal leads to; ``fields`` add id, provider, times and the like."""
        return ResourceState(
            urn=self.urn,
            type=self.type,
            custom=self.custom,
            inputs=inputs,
            outputs=outputs,
            parent=self.parent,
            protect=self.protect,
            retain_on_delete=self.retain_on_delete,
            deleted_with=self.deleted_with,
            dependencies=self.dependencies,
            property_dependencies=self.property_dependencies,
            additional_secret_outputs=self.additional_secret_outputs,
            ignore_changes=self.ignore_changes,
            replace_on_changes=self.replace_on_changes,
            import_id=self.import_id,
            **fields,
        )


def _providers_of(parent: Goal) -> dict[str, str]:
    """A component hands its map on; a custom parent hands on its own provider."""
    if parent.custom and parent.provider and not parent.is_provider:
        return {**parent.providers, parent.package: parent.provider}
    return parent.providers


def _alias(message: Any) -> AliasSpec:
    if message.WhichOneof("alias") == "urn":
        return AliasSpec(urn=message.urn)
    spec = message.spec
    return AliasSpec(
        name=spec.name,
        type=spec.type,
        stack=spec.stack,
        project=spec.project,
        parent=spec.parentUrn,
        no_parent=spec.noParent,
    )


def _refuse_unsupported(request: Any, where: str) -> None:
    hooks = request.hooks
    refused = {
        "a remote component": request.remote,
        "a parameterized package": request.packageRef,
        "transforms": len(request.transforms),
        "state migrations": len(request.state_migrations),
        "replace_with": len(request.replace_with),
        "custom timeouts": request.HasField("customTimeouts"),
        "a replacement trigger": request.HasField("replacement_trigger"),
        "environment variable mappings": len(request.envVarMappings),
        "resource hooks": any(getattr(hooks, field.name) for field in hooks.DESCRIPTOR.fields),
    }
    for feature, used in refused.items():
        if used:
            raise Unsupported(feature, where=where)
