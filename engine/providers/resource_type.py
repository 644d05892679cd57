"""One row of a stand-in's table: everything that makes a resource type what it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Properties = dict[str, Any]

#: What the real provider puts where a resource has no ``id`` attribute of its own.
MISSING_ID = "missing ID"


@dataclass(frozen=True)
class Call:
    """A request; ``{property}`` in the path is taken from the resource's properties."""

    method: str
    path: str


@dataclass(frozen=True)
class Bound:
    """How a Worker version is bound to a resource: the binding's type, and how it names it.

    ``fields`` are tried in turn. They hold the id; or, where ``by_lookup`` is set, the property of
    that name, by which the resource is found in the type's list.
    """

    type: str
    fields: tuple[str, ...]
    by_lookup: str = ""


@dataclass(frozen=True)
class Lookup:
    """How to find what an interrupted create has left: list ``path`` and compare."""

    path: str
    #: Whether an item of the list (Pulumi's names) is the one that these inputs would make.
    is_same: Callable[[Properties, Properties], bool]
    #: The property of the result that holds the list, where the result is not the list itself.
    items: str = ""


def same_property(name: str) -> Callable[[Properties, Properties], bool]:
    """Names are unique in the account: two with the same are one."""
    return lambda item, inputs: item.get(name) == inputs.get(name)


def unchanged(properties: Properties) -> Properties:
    """The default of the hooks below."""
    return properties


def keep_outputs(_: Properties, outputs: Properties) -> Properties:
    """The default of ``shape``: outputs as they are."""
    return outputs


@dataclass(frozen=True)
class ResourceType:
    """The behaviour of one type, in the real provider's property names.

    ``optional`` inputs disappear when the program drops them, ``defaulted`` ones (optional and
    computed) then keep what the service says; ``computed`` are outputs only. ``stable`` names the
    computed ones that an update leaves alone, all others are unknown in its preview. ``unread``
    are never taken from an answer to a read, ``verbatim`` never from any answer. A type without
    ``update`` changes only in the state, one without ``delete`` is only forgotten, as in the real
    provider.
    """

    name: str
    create: Call
    read: Call
    id: str
    update: Call | None = None
    delete: Call | None = None
    optional: frozenset[str] = frozenset()
    defaulted: frozenset[str] = frozenset()
    computed: frozenset[str] = frozenset()
    stable: frozenset[str] = frozenset()
    replaces: frozenset[str] = frozenset()
    in_path: frozenset[str] = frozenset({"accountId"})
    unread: frozenset[str] = frozenset()
    verbatim: frozenset[str] = frozenset()
    #: The properties that an import id names, in its order; empty where it can't be imported.
    imports: tuple[str, ...] = ()
    #: Lists whose order means nothing, with the property that names an item (empty: the item).
    sets: dict[str, str] = field(default_factory=dict)
    #: Properties of list items that say where something comes from: they change in the state alone.
    in_state: dict[str, frozenset[str]] = field(default_factory=dict)
    #: RFC 3339 properties that the real provider keeps in whole seconds.
    times: frozenset[str] = frozenset()
    #: Properties of list items that the real provider's schema calls sensitive.
    sensitive: dict[str, frozenset[str]] = field(default_factory=dict)
    #: Inputs that this stand-in does not serve yet.
    refused: frozenset[str] = frozenset()
    #: What people call it, as in "the KV namespace abc".
    title: str = ""
    #: Whether it holds what can't be made again as it was: rows, values, messages, versions.
    keeps: bool = False
    #: How a Worker version is bound to it, if it can be.
    bound: Bound | None = None
    schema_version: int = 500
    #: Creating twice is the same as creating once, so that an interrupted create needs no look-up.
    repeatable: bool = False
    lookup: Lookup | None = None
    #: Inputs → inputs with the provider's defaults.
    fill: Callable[[Properties], Properties] = unchanged
    #: Inputs (defaults filled in) → the request's body, in Pulumi's names.
    body: Callable[[Properties], Any] = unchanged
    #: (inputs or known outputs, outputs) → outputs, after every answer.
    shape: Callable[[Properties, Properties], Properties] = keep_outputs

    @property
    def inputs(self) -> frozenset[str]:
        """Every property that a program may set."""
        return self.optional | self.defaulted

    @property
    def meta(self) -> str:
        """The provider's private note in the state; without it the real plugin would run its
        state upgraders from version 0.
        """
        return f'{{"schema_version":"{self.schema_version}"}}'
