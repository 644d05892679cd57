"""Running a compiled template over variables, within limits."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from notification.markup.escaping import Escape, escape_json_string
from notification.markup.plain_text import clean
from notification.templates.formatting import format_date, format_number
from notification.templates.program import EACH, IF, NEXT, TEXT, UNLESS, VALUE, Step, Template
from notification.templates.values import MAX_VALUE, is_truthy, json_text, scalar_text, value_text

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


def render(
    template: Template, variables: Mapping[str, Any], escape: Escape, *, as_json: bool = False
) -> Rendered:
    """Run `template` over `variables` (JSON values); `escape` is applied to each value.

    Text that a value brings is never read as a template. A placeholder without a value stays as it
    was written; `each` over anything but a list or an object writes nothing. Only an object's own
    keys and a list's existing indexes are found. What a limit leaves out of a loop ends in
    `… N more`. Never raises, whatever the values are.

    Args:
        template: the compiled template.
        variables: the values.
        escape: escapes a value's text.
        as_json: whether the result is JSON: values outside its strings are embedded as JSON.
    """
    return _Run(template, variables, escape, as_json).run()


class _Loop:
    """A list or an object that is being iterated over."""

    __slots__ = ("index", "keys", "members")

    def __init__(self, members: Sequence[Any], keys: Sequence[str] | None) -> None:
        self.members = members
        self.keys = keys
        self.index = 0

    @property
    def left(self) -> int:
        """Members from the present one to the end."""
        return len(self.members) - self.index

    def about(self, name: str) -> Any:
        """Return what `@index`, `@key`, `@first` or `@last` says of the present member."""
        if name == "@index":
            return self.index
        if name == "@key":
            return self.index if self.keys is None else self.keys[self.index]
        return self.index == 0 if name == "@first" else self.left == 1


class _Run:
    __slots__ = (
        "_as_json",
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

    def __init__(
        self, template: Template, variables: Mapping[str, Any], escape: Escape, as_json: bool
    ) -> None:
        self._steps = template.steps
        self._variables = variables if isinstance(variables, dict) else dict(variables)
        self._escape = escape
        self._as_json = as_json
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
        while at < len(steps):
            if budget == 0 or self._room < 0:
                return self._ended(_mark(self._loops[0].left if self._loops else 0))
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
        return self._ended(_mark(0) if self._room < 0 else "")

    def _ended(self, mark: str) -> Rendered:
        """Return what was written, with a mark where a limit ended it."""
        text = "".join(self._written)
        if mark:
            self._truncated = True
            if not self._as_json:
                text = text[: MAX_OUTPUT - len(mark)] + mark
        return Rendered(text[:MAX_OUTPUT], tuple(self._missing), self._truncated)

    def _write(self, text: str) -> None:
        self._room -= len(text)
        self._written.append(text)

    def _leave_out(self, left: int) -> None:
        """Say how many members are left out, where the result is a text."""
        self._truncated = True
        if not self._as_json:
            self._write(_mark(left))

    def _value(self, step: Step) -> None:
        value = self._find(step)
        if step.formatter == "default":
            self._default(step, value)
        elif value is _MISSING:
            self._missing[".".join(step.path)] = None
            self._write(step.text)
        elif step.formatter:
            self._write(self._formatted(step, value))
        elif self._as_json and not step.quoted:
            self._write(json_text(value, limit=MAX_OUTPUT))
        elif isinstance(value, str) and len(value) <= _SMALL:
            self._write(self._escape(clean(value)))
        else:
            self._write(self._escape(self._text(value)))

    def _default(self, step: Step, value: Any) -> None:
        if value is _MISSING or value is None or value == "":
            value = step.arguments[0]
        if self._as_json and not step.quoted:
            self._write(json_text(value, limit=MAX_OUTPUT))
        else:
            self._write(self._escape(self._text(value)))

    def _formatted(self, step: Step, value: Any) -> str:
        if step.formatter == "json":
            text = json_text(value, limit=MAX_OUTPUT)
            if self._as_json:
                return escape_json_string(text) if step.quoted else text
            return self._escape(text)
        formatter = format_date if step.formatter == "date" else format_number
        text = formatter(value, *step.arguments)
        if self._as_json and not step.quoted:
            return scalar_text(text)
        return self._escape(text)

    def _text(self, value: Any) -> str:
        """Return the value's text; a large value is converted once, however often it is shown."""
        if not isinstance(value, str | dict | list | tuple):
            return value_text(value)
        text = self._converted.get(id(value))
        if text is None:
            text = self._converted[id(value)] = value_text(value)
            is_long = not isinstance(value, str) or len(value) > MAX_VALUE
            self._truncated = self._truncated or (is_long and len(text) >= MAX_VALUE)
        return text

    def _control(self, step: Step, at: int) -> int:
        if step.kind == EACH:
            return self._enter(step, at)
        if step.kind == NEXT:
            return self._next(step, at)
        if step.kind in (IF, UNLESS):
            value = self._find(step)
            holds = value is not _MISSING and is_truthy(value)
            return at + 1 if holds == (step.kind == IF) else step.target
        return step.target  # JUMP

    def _enter(self, step: Step, at: int) -> int:
        found = self._find(step)
        if found is _MISSING:
            self._missing[".".join(step.path)] = None
        keys = None
        if isinstance(found, dict):
            keys, found = [str(key) for key in found], list(found.values())
        if not isinstance(found, list | tuple) or not found:
            return step.target
        if not self._may_iterate():
            self._leave_out(len(found))
            return step.target
        self._loops.append(_Loop(found, keys))
        return at + 1

    def _next(self, step: Step, at: int) -> int:
        loop = self._loops[-1]
        loop.index += 1
        if loop.left and self._may_iterate():
            return step.target
        if loop.left:
            self._leave_out(loop.left)
        self._loops.pop()
        return at + 1

    def _may_iterate(self) -> bool:
        if self._iterations == MAX_ITERATIONS:
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
        elif path[0].startswith("@"):
            return self._loops[-1].about(path[0]) if self._loops else _MISSING
        for place, key in enumerate(path):
            if isinstance(found, dict) and place < len(path) - 1:
                # A whole name with dots wins over the way through objects.
                whole = found.get(".".join(path[place:]), _MISSING)
                if whole is not _MISSING:
                    return whole
            found = _member(found, key)
            if found is _MISSING:
                break
        return found


def _mark(left: int) -> str:
    return f"… {left} more" if left else "…"


def render_sample(template: Template, *, full: bool) -> str:
    """Render a JSON template with samples.

    Args:
        template: the compiled template.
        full: whether every condition holds and every loop has a member; else none does.
    """
    run = _SampleRun(template, {}, escape_json_string, as_json=True)
    run.full = full
    return run.run().text


class _SampleRun(_Run):
    """A rendering in which every path has a value."""

    __slots__ = ("full",)

    full: bool

    def _find(self, step: Step) -> Any:
        if step.path[0] in ("@index", "@key", "@first", "@last"):
            return super()._find(step)
        if step.kind == EACH:
            return ["sample"] if self.full else []
        return "sample" if step.kind == VALUE else self.full


def _member(container: Any, key: str) -> Any:
    if isinstance(container, dict):
        return container.get(key, _MISSING)
    if isinstance(container, list | tuple) and key.isdigit() and len(key) <= _INDEX_DIGITS:
        index = int(key)
        if index < len(container) and key == str(index):
            return container[index]
    return _MISSING
