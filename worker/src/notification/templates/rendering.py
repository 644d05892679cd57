"""Running a compiled template over variables, within limits."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from notification.markup.escaping import Escape
from notification.markup.plain_text import clean
from notification.templates.program import EACH, IF, NEXT, TEXT, VALUE, Step, Template
from notification.templates.values import is_truthy, value_text

MAX_OUTPUT = 100_000
"""Code points of one rendered text."""
MAX_ITERATIONS = 1_000
"""Members that all `each` blocks of one rendering visit in total."""
MAX_STEPS = 100_000
"""Steps of one rendering; a template without loops has at most 40,000. Limits loops that write
nothing."""

_MISSING = object()
_SMALL = 256
_INDEX_DIGITS = 9


class Rendered(NamedTuple):
    """The text, the paths without a value (each once), and whether a limit cut something off."""

    text: str
    missing: tuple[str, ...]
    truncated: bool


def render(template: Template, variables: Mapping[str, Any], escape: Escape) -> Rendered:
    """Run `template` over `variables` (JSON values); `escape` is applied to each value.

    Text that a value brings is never read as a template. A placeholder without a value stays as it
    was written; `each` over anything but a list writes nothing. Only an object's own keys and a
    list's existing indexes are found. Never raises, whatever the values are.
    """
    return _Run(template, variables, escape).run()


class _Loop:
    """A list that is being iterated over."""

    __slots__ = ("index", "members")

    def __init__(self, members: list[Any] | tuple[Any, ...]) -> None:
        self.members = members
        self.index = 0


class _Run:
    __slots__ = (
        "_converted",
        "_escape",
        "_iterations",
        "_loops",
        "_missing",
        "_room",
        "_steps",
        "_truncated",
        "_variables",
        "_written",
    )

    def __init__(self, template: Template, variables: Mapping[str, Any], escape: Escape) -> None:
        self._steps = template.steps
        self._variables = variables if isinstance(variables, dict) else dict(variables)
        self._escape = escape
        self._written: list[str] = []
        self._room = MAX_OUTPUT
        self._loops: list[_Loop] = []
        self._iterations = 0
        self._missing: dict[str, None] = {}
        self._truncated = False
        self._converted: dict[int, str] = {}

    def run(self) -> Rendered:
        steps = self._steps
        at = 0
        budget = MAX_STEPS
        while at < len(steps) and self._room >= 0:
            if budget == 0:
                self._truncated = True
                break
            budget -= 1
            step = steps[at]
            kind = step[0]
            if kind == TEXT:
                self._write(step[1])
                at += 1
            elif kind == VALUE:
                self._value(step)
                at += 1
            else:
                at = self._control(step, at)
        return Rendered("".join(self._written), tuple(self._missing), self._truncated)

    def _write(self, text: str) -> None:
        self._room -= len(text)
        if self._room < 0:
            text = text[: self._room]
            self._truncated = True
        self._written.append(text)

    def _value(self, step: Step) -> None:
        value = self._find(step)
        if value is _MISSING:
            self._missing[".".join(step.path)] = None
            self._write(step.text)
        elif isinstance(value, str) and len(value) <= _SMALL:
            self._write(self._escape(clean(value)))
        else:
            self._write(self._escape(self._text(value)))

    def _text(self, value: Any) -> str:
        """Return the value's text; a large value is converted once, however often it is shown."""
        if not isinstance(value, str | dict | list | tuple):
            return value_text(value)
        text = self._converted.get(id(value))
        if text is None:
            text = self._converted[id(value)] = value_text(value)
        return text

    def _control(self, step: Step, at: int) -> int:
        if step.kind == EACH:
            return self._enter(step, at)
        if step.kind == NEXT:
            return self._next(step, at)
        if step.kind == IF:
            value = self._find(step)
            return at + 1 if value is not _MISSING and is_truthy(value) else step.target
        return step.target  # JUMP

    def _enter(self, step: Step, at: int) -> int:
        members = self._find(step)
        if members is _MISSING:
            self._missing[".".join(step.path)] = None
        if not isinstance(members, list | tuple) or not members or not self._may_iterate():
            return step.target
        self._loops.append(_Loop(members))
        return at + 1

    def _next(self, step: Step, at: int) -> int:
        loop = self._loops[-1]
        loop.index += 1
        if loop.index < len(loop.members) and self._may_iterate():
            return step.target
        self._loops.pop()
        return at + 1

    def _may_iterate(self) -> bool:
        if self._iterations == MAX_ITERATIONS:
            self._truncated = True
            return False
        self._iterations += 1
        return True

    def _find(self, step: Step) -> Any:
        """Return the value at a path; `this` and `@index` belong to the innermost `each`."""
        path = step[2]
        found: Any = self._variables
        if not step[3] and len(path) == 1:
            return found.get(path[0], _MISSING)
        if step[3] and path[0] == "this":
            loop = self._loops[-1]
            found = loop.members[loop.index]
            path = path[1:]
        elif path[0] == "@index":
            return self._loops[-1].index if self._loops else _MISSING
        for key in path:
            found = _member(found, key)
            if found is _MISSING:
                break
        return found


def _member(container: Any, key: str) -> Any:
    if isinstance(container, dict):
        return container.get(key, _MISSING)
    if isinstance(container, list | tuple) and key.isdigit() and len(key) <= _INDEX_DIGITS:
        index = int(key)
        if index < len(container) and key == str(index):
            return container[index]
    return _MISSING
