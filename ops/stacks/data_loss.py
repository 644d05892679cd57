"""Which stores of data a planned update would take away."""

from __future__ import annotations

from ops.stacks.driver import StackUpdate
from ops.stacks.resource_kinds import STORES

_REMOVING = frozenset(
    {
        *("delete", "delete-replaced", "discard-replaced", "replace", "create-replacement"),
        *("import-replacement", "read-replacement"),
    }
)
"""Steps after which the resource that there was is gone, as the SDK's ``OpType`` names them."""


def lost_stores(plan: StackUpdate) -> list[str]:
    """Return the stores that a preview would delete or replace, as a person would name them."""
    lost = {}
    for operation, urn in plan.steps:
        qualified, _, name = urn.rpartition("::")
        type_ = qualified.rpartition("::")[2].rpartition("$")[2]
        if operation in _REMOVING and type_ in STORES:
            lost[urn] = f"the {STORES[type_]} '{name}'"
    return list(lost.values())
