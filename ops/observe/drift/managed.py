"""The resources that a stack's state says it manages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Managed:
    """One resource of the state.

    Attributes:
        type: ``package:Type``, such as ``cloudflare:Queue``.
        name: its name in the program.
        id: its id.
        outputs: its properties as they were last known; secrets among them are encrypted.
        inputs: what the program has set, in the same form.
    """

    type: str
    name: str
    id: str
    outputs: Mapping[str, Any]
    inputs: Mapping[str, Any] = field(default_factory=dict)

    def text(self, key: str) -> str:
        """Return a property that is a text; empty where it isn't there."""
        value = self.outputs.get(key)
        return value if isinstance(value, str) else ""


def managed_resources(exported: Iterable[Mapping[str, Any]]) -> list[Managed]:
    """Return the live resources with an id, from the resources of a state's export."""
    found = []
    for fields in exported:
        if fields.get("delete") or not fields.get("custom") or not fields.get("id"):
            continue
        package, _, rest = str(fields["type"]).partition(":")
        found.append(
            Managed(
                type=f"{package}:{rest.rpartition(':')[2]}",
                name=str(fields["urn"]).rpartition("::")[2],
                id=str(fields["id"]),
                outputs=fields.get("outputs") or {},
                inputs=fields.get("inputs") or {},
            )
        )
    return found
