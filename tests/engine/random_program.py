"""Random Pulumi programs and random changes of them, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

VALUE_KEYS = {
    "D1Database": "name",
    "Namespace": "title",
    "Queue": "queueName",
    "Worker": "name",
    "Record": "text",
}
"""Kind → the input that holds the node's value. A database's is replaced, the others updated."""
_OPTIONS = (
    "retain_on_delete=True",
    "delete_before_replace=True",
    "replace_on_changes=['{key}']",
    "ignore_changes=['{key}']",
    "additional_secret_outputs=['{key}']",
)


@dataclass(frozen=True)
class Node:
    """One resource of a program.

    Attributes:
        name: its name, and that of its variable.
        kind: a key of ``VALUE_KEYS``, or ``Group`` for a component.
        value: what its value begins with; no two nodes share one.
        source: the node whose id is part of the value, or empty.
        needs: what it depends on explicitly.
        parent: a group, or empty for the stack.
        options: further options, as Python text.
        secret: whether the value is a secret.
        protect: whether it is protected.
        aliases: its former names and places, as Python text.
    """

    name: str
    kind: str
    value: str
    source: str = ""
    needs: tuple[str, ...] = ()
    parent: str = ""
    options: tuple[str, ...] = ()
    secret: bool = False
    protect: bool = False
    aliases: tuple[str, ...] = field(default=())

    def text(self) -> str:
        """Return the statement that declares it."""
        options = [option.format(key=VALUE_KEYS.get(self.kind, "")) for option in self.options]
        options += [f"depends_on=[{', '.join(self.needs)}]"] if self.needs else []
        options += [f"parent={self.parent}"] if self.parent else []
        options += ["protect=True"] if self.protect else []
        options += [f"aliases=[{', '.join(self.aliases)}]"] if self.aliases else []
        opts = f"Options({', '.join(options)})"
        if self.kind == "Group":
            return f"{self.name} = Group({self.name!r}, {opts})"
        value = repr(self.value)
        if self.source:
            value = f"pulumi.Output.concat({value}, '-', {self.source}.id)"
        if self.secret:
            value = f"pulumi.Output.secret({value})"
        props = f"{{{VALUE_KEYS[self.kind]!r}: {value}}}"
        if self.kind == "Record":
            return f"{self.name} = Record({self.name!r}, {props}, {opts})"
        return f"{self.name} = Cloud({self.kind!r}, {self.name!r}, {props}, {opts})"


@dataclass(frozen=True)
class RandomProgram:
    """Nodes in an order in which each comes after what it refers to.

    Attributes:
        prefix: what the names begin with, so that programs can share a stack.
        nodes: the resources.
        revision: how often it was changed.
        named: how many names it has had: one that went doesn't come back for another resource,
            whose value the old one's deletion would free too late.
    """

    prefix: str
    nodes: tuple[Node, ...]
    revision: int = 0
    named: int = 0

    @classmethod
    def new(cls, prefix: str, chosen: random.Random) -> RandomProgram:
        """Make up a program of 3 to 8 resources."""
        program = cls(prefix, ())
        for _ in range(chosen.randint(3, 8)):
            program = program._with_another(chosen)
        return program

    def changed(self, chosen: random.Random) -> RandomProgram:
        """Return it after one to four changes, as people make them between two updates."""
        program = replace(
            self,
            revision=self.revision + 1,
            nodes=tuple(replace(node, aliases=()) for node in self.nodes),
        )
        changes = (
            program.__class__._revalued,
            program.__class__._without_a_leaf,
            program.__class__._with_another,
            program.__class__._renamed,
            program.__class__._moved,
            program.__class__._with_other_options,
        )
        for _ in range(chosen.randint(1, 4)):
            program = chosen.choice(changes)(program, chosen)
        return program

    def unprotected(self) -> RandomProgram:
        """Return it without a protected resource, so that it can be destroyed."""
        nodes = tuple(replace(node, protect=False, aliases=()) for node in self.nodes)
        return replace(self, nodes=nodes)

    def chained(self) -> RandomProgram:
        """Return its resources each after the one before, so that a failure's place isn't chance.

        Groups are left out: what depends on one depends on what comes into it later, too.
        """
        chain: list[Node] = []
        for node in self.nodes:
            if node.kind != "Group":
                before = (chain[-1].name,) if chain else ()
                names = tuple(alias for alias in node.aliases if "name=" in alias)
                chain.append(replace(node, needs=before, parent="", protect=False, aliases=names))
        return replace(self, nodes=tuple(chain))

    def text(self) -> str:
        """Return the statements that declare it; every value is an output of the stack."""
        lines = [node.text() for node in self.nodes]
        lines += [
            f"pulumi.export({node.name!r}, {node.name}.id)"
            for node in self.nodes
            if node.kind != "Group"
        ]
        return "\n".join(lines) + "\n"

    def _with_another(self, chosen: random.Random) -> RandomProgram:
        name = f"{self.prefix}r{self.named}"
        program = replace(self, named=self.named + 1)
        if chosen.random() < 0.15:
            return replace(program, nodes=(*self.nodes, Node(name, "Group", "")))
        groups = [node.name for node in self.nodes if node.kind == "Group"]
        # What depends on a group depends on its children, later ones too: nothing may need it, or
        # it could come to need itself.
        free = [node for node in self.nodes if not set(groups) & set(node.needs)]
        custom = [node.name for node in free if node.kind != "Group"]
        everyone = [node.name for node in free]
        kind = chosen.choice(sorted(VALUE_KEYS))
        node = Node(
            name,
            kind,
            f"{name}-{self.revision}",
            source=chosen.choice(custom) if custom and chosen.random() < 0.4 else "",
            needs=tuple(sorted(chosen.sample(everyone, min(len(everyone), chosen.randint(0, 2))))),
            parent=chosen.choice(groups) if groups and chosen.random() < 0.5 else "",
            options=(chosen.choice(_OPTIONS),) if chosen.random() < 0.4 else (),
            secret=chosen.random() < 0.25,
            protect=kind in ("Queue", "Worker") and chosen.random() < 0.15,
        )
        if node.parent:
            node = replace(node, needs=tuple(name for name in node.needs if name not in groups))
        if "replace_on_changes" in "".join(node.options):
            node = replace(node, protect=False)
        return replace(program, nodes=(*self.nodes, node))

    def _revalued(self, chosen: random.Random) -> RandomProgram:
        return self._edited(
            chosen,
            [node for node in self.nodes if node.kind != "Group"],
            lambda node: replace(node, value=self._next_value(node, chosen)),
        )

    def _next_value(self, node: Node, chosen: random.Random) -> str:
        """A record whose text begins with ``new`` is replaced; with ``newest``, deleted first."""
        prefix = chosen.choice(("", "new-", "newest-")) if node.kind == "Record" else ""
        return f"{prefix}{node.name}-{self.revision}-{chosen.randint(0, 999)}"

    def _without_a_leaf(self, chosen: random.Random) -> RandomProgram:
        used = {name for node in self.nodes for name in (*node.needs, node.source, node.parent)}
        leaves = [node for node in self.nodes if node.name not in used and not node.protect]
        if not leaves or len(self.nodes) < 3:
            return self
        gone = chosen.choice(leaves)
        return replace(self, nodes=tuple(node for node in self.nodes if node != gone))

    def _renamed(self, chosen: random.Random) -> RandomProgram:
        candidates = [node for node in self.nodes if not node.aliases and node.kind != "Group"]
        if not candidates:
            return self
        old = chosen.choice(candidates)
        new = f"{self.prefix}r{self.named}"

        def renamed(node: Node) -> Node:
            if node == old:
                return replace(node, name=new, aliases=(f"pulumi.Alias(name={old.name!r})",))
            return replace(
                node,
                source=new if node.source == old.name else node.source,
                needs=tuple(new if name == old.name else name for name in node.needs),
            )

        return replace(self, nodes=tuple(map(renamed, self.nodes)), named=self.named + 1)

    def _moved(self, chosen: random.Random) -> RandomProgram:
        """Put a resource of the stack into a group that comes before it."""
        movable: list[tuple[Node, str]] = []
        groups: list[str] = []
        for node in self.nodes:
            if node.kind == "Group":
                groups.append(node.name)
            elif groups and not (node.parent or node.aliases or set(groups) & set(node.needs)):
                movable.append((node, groups[-1]))
        if not movable:
            return self
        moved, group = chosen.choice(movable)
        alias = "pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)"
        return replace(
            self,
            nodes=tuple(
                replace(node, parent=group, aliases=(alias,)) if node == moved else node
                for node in self.nodes
            ),
        )

    def _with_other_options(self, chosen: random.Random) -> RandomProgram:
        options = (chosen.choice(_OPTIONS),) if chosen.random() < 0.6 else ()
        return self._edited(
            chosen,
            [node for node in self.nodes if node.kind != "Group" and not node.protect],
            lambda node: replace(node, options=options),
        )

    def _edited(
        self, chosen: random.Random, candidates: Sequence[Node], edit: object
    ) -> RandomProgram:
        if not candidates or not callable(edit):
            return self
        old = chosen.choice(candidates)
        return replace(
            self, nodes=tuple(edit(node) if node == old else node for node in self.nodes)
        )
