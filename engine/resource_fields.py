"""A resource's state to and from the fields of Pulumi's JSON (``ResourceV3``)."""

from __future__ import annotations

from typing import Any

from engine.errors import StateUnreadable, Unsupported
from engine.resource_state import ResourceState

_PLAIN = {
    "id": "id",
    "parent": "parent",
    "provider": "provider",
    "protect": "protect",
    "delete": "delete",
    "external": "external",
    "pendingReplacement": "pending_replacement",
    "retainOnDelete": "retain_on_delete",
    "deletedWith": "deleted_with",
    "created": "created",
    "modified": "modified",
    "customTimeouts": "custom_timeouts",
    "importID": "import_id",
    "inputs": "inputs",
    "outputs": "outputs",
}
_LISTS = {
    "dependencies": "dependencies",
    "additionalSecretOutputs": "additional_secret_outputs",
    "ignoreChanges": "ignore_changes",
    "replaceOnChanges": "replace_on_changes",
}
#: Positions hold paths of the machine, and aliases must not be kept (a kept one breaks the next
#: rename), so all three are dropped at the first write.
_DROPPED = frozenset({"sourcePosition", "stackTrace", "aliases"})
_REFUSED = {"viewOf": "a resource view", "resourceHooks": "resource hooks"}
_ORDER = (
    *("urn", "custom", "delete", "id", "type", "inputs", "outputs", "parent", "protect"),
    *("external", "dependencies", "provider", "propertyDependencies", "pendingReplacement"),
    *("additionalSecretOutputs", "customTimeouts", "importID", "retainOnDelete", "deletedWith"),
    *("created", "modified", "ignoreChanges", "replaceOnChanges"),
)


def resource_from_fields(fields: dict[str, Any]) -> ResourceState:
    """Read one resource object of a checkpoint; values are taken as they stand.

    Raises ``StateUnreadable`` where URN or type is missing, ``Unsupported`` for what only the
    real CLI can manage.
    """
    for name, feature in _REFUSED.items():
        if fields.get(name):
            raise Unsupported(feature, where=f"The state of {fields.get('urn')}")
    if not fields.get("urn") or not fields.get("type"):
        raise StateUnreadable(
            "A resource in the stack's state has no urn or type; restore the state from its backup."
        )
    known = {"urn", "type", "custom", "propertyDependencies", *_PLAIN, *_LISTS, *_DROPPED}
    values: dict[str, Any] = {
        ours: fields[theirs] for theirs, ours in _PLAIN.items() if fields.get(theirs)
    }
    values |= {ours: tuple(fields.get(theirs) or ()) for theirs, ours in _LISTS.items()}
    values["property_dependencies"] = {
        key: tuple(urns or ()) for key, urns in (fields.get("propertyDependencies") or {}).items()
    }
    return ResourceState(
        urn=fields["urn"],
        type=fields["type"],
        custom=bool(fields.get("custom")),
        extra={key: value for key, value in fields.items() if key not in known},
        **values,
    )


def resource_to_fields(state: ResourceState) -> dict[str, Any]:
    """The resource object to write; empty fields are left out as Pulumi does."""
    fields: dict[str, Any] = {"urn": state.urn, "custom": state.custom, "type": state.type}
    for theirs, ours in _PLAIN.items():
        if value := getattr(state, ours):
            fields[theirs] = value
    for theirs, ours in _LISTS.items():
        if value := getattr(state, ours):
            fields[theirs] = list(value)
    if state.property_dependencies:
        fields["propertyDependencies"] = {
            key: list(urns) for key, urns in sorted(state.property_dependencies.items())
        }
    ordered = {name: fields[name] for name in _ORDER if name in fields}
    return {**ordered, **state.extra}
