"""What a rule sees: the declared resources, and what the stack is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.access.permission_groups import Group
from infra.settings import Secrets, Settings


@dataclass(frozen=True)
class Declaration:
    """One resource as the program declared it, before any engine has seen it.

    `type` is the token's last part, such as 'Queue'. `properties` are the inputs; what another
    resource decides is an Output.
    """

    type: str
    name: str
    properties: Mapping[str, Any]
    protect: bool


@dataclass(frozen=True)
class Stack:
    """A stack's declarations with the settings and secrets that they were made from.

    `permission_groups` is the account's list, where the program asked for it.
    """

    settings: Settings
    secrets: Secrets
    declarations: Sequence[Declaration]
    permission_groups: Sequence[Group] = ()

    def of_type(self, *types: str) -> list[Declaration]:
        """Return the declarations of these types."""
        return [found for found in self.declarations if found.type in types]


@dataclass(frozen=True)
class Breach:
    """One broken rule: which resource, what is wrong with it, and what to do."""

    resource: str
    text: str

    def __str__(self) -> str:
        return f"{self.resource}: {self.text}"
