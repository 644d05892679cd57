"""Compares what a program has set of a resource with what is there, property by property.

What is compared follows from the resource's own inputs in the state. A kind of resource says for
each of them under which name a difference is told, or why it isn't compared; a test holds every
input that the program can set to that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.observe.drift.finding import Finding, Repair, Unmanaged
from ops.observe.drift.managed import Managed

GONE = "nothing"
_SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105 - the key by which Pulumi marks a secret


@dataclass(frozen=True)
class Compared:
    """How a property, with all below it, is compared.

    Attributes:
        kind: what a difference is called.
        repair: what puts it right.
        form: brings a value into a form in which equal things are equal.
        tell: how a value in that form reads; ``None``: the property's name and the value.
    """

    kind: str
    repair: Repair = Repair.UPDATE
    form: Callable[[Any], Any] = lambda value: value
    tell: Callable[[Any], str] | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of resource.

    Attributes:
        title: what it is called where it is gone.
        compared: by the path of the property, such as ``settings.batchSize`` or ``settings``.
        elsewhere: inputs that aren't compared, each with the reason.
        assumed: what holds where the program says nothing: another value is a difference.
        watched: properties that the program doesn't set, with their defaults: another value is
            reported as unmanaged.
        gone: what brings the resource back.
    """

    title: str
    compared: Mapping[str, Compared]
    elsewhere: Mapping[str, str]
    assumed: Mapping[str, Any] = field(default_factory=dict)
    watched: Mapping[str, Any] = field(default_factory=dict)
    gone: Repair = Repair.UPDATE

    def rule(self, path: str) -> Compared | None:
        """Return the rule of a property, or of the nearest one that it lies below."""
        while path not in self.compared:
            path, _, _ = path.rpartition(".")
            if not path:
                return None
        return self.compared[path]

    def is_elsewhere(self, path: str) -> bool:
        """Whether the property, or one that it lies below, isn't compared."""
        return path.partition(".")[0] in self.elsewhere

    def differences(
        self, resource: Managed, live: Mapping[str, Any]
    ) -> Iterator[Finding | Unmanaged]:
        """Yield what differs, and what was set past the program.

        Args:
            resource: as the state has it.
            live: as it is there, in the form of the resource's inputs.
        """
        declared = {**self.assumed, **dict(leaves(resource.inputs, self))}
        for path, wanted in declared.items():
            rule = self.rule(path)
            if rule is None or wanted is None or _is_secret(wanted):
                continue
            expected, actual = rule.form(wanted), rule.form(_at(live, path))
            if not _same(expected, actual):
                name = path.rpartition(".")[2]
                tell = rule.tell or (lambda value, name=name: f"{name} {_told(value)}")  # type: ignore[misc]
                yield Finding(rule.kind, resource.name, tell(expected), tell(actual), rule.repair)
        for path, default in self.watched.items():
            actual = _at(live, path)
            if path in declared or actual in (None, default) or actual in ({}, []):
                continue
            yield Unmanaged(self.title, resource.name, f"{path} {_told(actual)}")


def leaves(inputs: Mapping[str, Any], kind: Kind, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield path and value of each property; one that has a rule of its own is a single value."""
    for key, value in inputs.items():
        path = f"{prefix}{key}"
        if key.startswith("__"):
            continue
        rule = kind.compared.get(path)
        whole = rule is not None and rule.tell is not None
        if isinstance(value, Mapping) and not whole and not _is_secret(value):
            yield from leaves(value, kind, f"{path}.")
        else:
            yield path, value


def _at(live: Mapping[str, Any], path: str) -> Any:
    found: Any = live
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return bool(one) == bool(other)
    same: bool = _number(one) == _number(other)
    return same


def _number(value: Any) -> Any:
    """Return a number as one: the state has some as texts, and whole ones with a fraction."""
    try:
        return float(value) if isinstance(value, int | float | str) else value
    except ValueError:
        return value


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value is None or value == [] else str(value)


def _is_secret(value: Any) -> bool:
    return isinstance(value, Mapping) and _SECRET in value
