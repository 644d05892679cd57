"""What the engine asks of a provider, whether a stand-in or a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from engine.property_value import Properties


@dataclass(frozen=True)
class Target:
    """The resource that a call is about. ``id`` is empty before the create."""

    urn: str
    type: str
    name: str
    id: str = ""


@dataclass(frozen=True)
class Checked:
    """The outcome of Check: the inputs to keep, or why they are refused (property, reason)."""

    inputs: Properties
    failures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Difference:
    """The outcome of Diff.

    ``changed`` is None where the provider cannot say, which means: compare the inputs. ``keys``
    are the top-level properties that differ, computed ones that would change included;
    ``replaces`` those among them that need a replacement. ``details`` are the paths that the CLI
    shows in place of whole properties: each with `add`, `delete` or `update`.
    """

    changed: bool | None
    keys: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Live:
    """A resource as it is in reality."""

    id: str
    inputs: Properties
    outputs: Properties


@dataclass(frozen=True)
class Known:
    """What the state says of a resource, without secret marks."""

    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)


class Provider(Protocol):
    """The calls of Pulumi's resource provider protocol that the engine makes.

    Properties come without secret marks and may hold unknowns in previews; what is returned may
    hold ``Secret``. Every call raises ``ProviderError`` with one clear sentence.
    """

    def check(self, target: Target, olds: Properties, news: Properties) -> Checked:
        """Validate inputs; ``olds`` is empty for a new resource."""
        ...

    def diff(
        self, target: Target, known: Known, news: Properties, ignore: tuple[str, ...]
    ) -> Difference:
        """Say what applying ``news`` would change."""
        ...

    def create(self, target: Target, news: Properties, *, preview: bool) -> tuple[str, Properties]:
        """Make the resource; returns id and outputs. A preview has no id and makes no call."""
        ...

    def update(
        self, target: Target, known: Known, news: Properties, *, preview: bool
    ) -> Properties:
        """Change the resource in place; returns the outputs."""
        ...

    def delete(self, target: Target, known: Known) -> None:
        """Remove the resource; one that is gone already is no error."""
        ...

    def read(self, target: Target, known: Known) -> Live | None:
        """The resource as it is, None where it is gone.

        With nothing known, ``target.id`` is an import id, as the provider's documentation has it;
        the answer's inputs are then those that a program would have to declare.
        """
        ...

    def find(self, target: Target, inputs: Properties) -> Live | None:
        """The resource that a create with these inputs would collide with: the one that an
        interrupted create has left. None where there is none or it can't be told.
        """
        ...

    def is_repeatable(self, target: Target) -> bool:
        """True where creating twice is the same as creating once."""
        ...

    def invoke(self, token: str, args: Properties) -> Checked:
        """Call a function; the result is in ``inputs``, refusals in ``failures``."""
        ...

    def close(self) -> None:
        """Free what the provider holds."""
        ...
