"""Which older URNs a registration claims as its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.goal import AliasSpec, Goal
from engine.urn import Urn


@dataclass
class AliasResolution:
    """Resolves aliases; remembers each resource's, since children inherit them.

    The rules are those of pulumi/pulumi pkg/resource/deploy/step_generator.go
    (``generateAliases``).
    """

    stack: str
    project: str
    _known: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, goal: Goal) -> tuple[str, ...]:
        """All URNs that the resource may have had before, in the order to look for them."""
        own = [self._resolve(alias, goal) for alias in goal.aliases]
        found: dict[str, None] = dict.fromkeys(str(urn) for urn in own)
        parent_name = Urn.parse(goal.parent).name if goal.parent else ""
        for parent_alias in self._known.get(goal.parent, ()):
            inherited = [(goal.type, goal.name), *((urn.type, urn.name) for urn in own)]
            for type_, name in inherited:
                found[self._inherit(type_, name, parent_name, parent_alias)] = None
        found.pop(goal.urn, None)
        self._known[goal.urn] = tuple(found)
        return tuple(found)

    def _resolve(self, alias: AliasSpec, goal: Goal) -> Urn:
        if alias.urn:
            return Urn.parse(alias.urn)
        parent = "" if alias.no_parent else alias.parent or goal.parent
        return Urn.of(
            stack=alias.stack or self.stack,
            project=alias.project or self.project,
            parent=parent,
            type_=alias.type or goal.type,
            name=alias.name or goal.name,
        )

    def _inherit(self, type_: str, name: str, parent_name: str, parent_alias: str) -> str:
        """A child named after its parent (``PARENT-details``) was named after the alias."""
        if parent_name and name.startswith(parent_name):
            name = Urn.parse(parent_alias).name + name[len(parent_name) :]
        urn = Urn.of(
            stack=self.stack, project=self.project, parent=parent_alias, type_=type_, name=name
        )
        return str(urn)
