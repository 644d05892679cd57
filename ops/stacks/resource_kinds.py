"""What the table of Cloudflare's resource types tells of the kinds that a state's export has.

One entry of `engine.providers.cloudflare_table` makes a type known to the engine, and through here
to drift, rollback, destroy, doctor and the confirmation of a loss of data.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.providers.cloudflare_table import CLOUDFLARE_TYPES
from engine.providers.resource_type import ResourceType

_ACCOUNT = "/accounts/{accountId}/"

KINDS: Mapping[str, ResourceType] = {
    f"cloudflare:{name.rpartition(':')[2]}": type_ for name, type_ in CLOUDFLARE_TYPES.items()
}
"""The types by ``package:Type``, such as ``cloudflare:Queue``."""

STORES: Mapping[str, str] = {
    name: type_.title for name, type_ in CLOUDFLARE_TYPES.items() if type_.keeps
}
"""What can't be made again as it was: titles by the type's whole name."""

BOUND: Mapping[str, ResourceType] = {
    type_.bound.type: type_ for type_ in CLOUDFLARE_TYPES.values() if type_.bound is not None
}
"""What a Worker version can be bound to, by the binding's type."""


def read_path(kind: str) -> str:
    """Return the path at which one resource is read: below the account, or from ``/`` on.

    ``{…}`` in it stands for the resource's id and other properties of it.

    Raises:
        KeyError: the table has no such kind.
    """
    return KINDS[kind].read.path.partition("?")[0].removeprefix(_ACCOUNT)


def is_alone(kind: str) -> bool:
    """Whether a resource is deleted by itself, and found by its id alone."""
    found = KINDS.get(kind)
    return (
        found is not None
        and found.delete is not None
        and found.read.path.replace(_ACCOUNT, "").count("{") == 1
        and found.read.path.startswith(_ACCOUNT)
    )
