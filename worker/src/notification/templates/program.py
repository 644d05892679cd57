"""Templates compiled to a flat list of steps."""

from functools import lru_cache
from typing import NamedTuple

from notification.templates.syntax import Tag, read_structure

TEXT, VALUE, EACH, NEXT, IF, UNLESS, JUMP = range(7)
"""The kinds of steps; see `Step`."""


MAX_CACHED_LENGTH = 4_000
"""Code points of a template that is cached: 64 of the largest take 20 MB."""


class Step(NamedTuple):
    """One step.

    TEXT writes `text`. VALUE writes the value at `path`, or `text` if there is none. EACH enters
    the list or object at `path` or goes on at `target`; NEXT goes back to `target` for the next
    member. IF goes on at `target` unless the value is true, UNLESS unless it is false; JUMP always
    does.

    Attributes:
        in_each: whether `path` may begin at a member instead of the variables (read by its place).
        formatter: json, default, date or number; empty for a value as it is.
        arguments: the formatter's arguments.
        quoted: whether the tag stands inside a JSON string; it matters in JSON templates.
    """

    kind: int
    text: str = ""
    path: tuple[str, ...] = ()
    in_each: bool = False
    target: int = 0
    formatter: str = ""
    arguments: tuple[str, ...] = ()
    quoted: bool = False


class Template(NamedTuple):
    """A compiled template."""

    steps: tuple[Step, ...]


def compile_template(source: str) -> Template:
    """Compile any text; what is no working tag is text (`read_structure` tells which and why).

    Templates of ordinary length are compiled once and cached.
    """
    return _cached(source) if len(source) <= MAX_CACHED_LENGTH else _compile(source)


def _compile(source: str) -> Template:
    compiler = _Compiler(source)
    for tag in read_structure(source).tags:
        compiler.take(tag)
    return compiler.finished()


_cached = lru_cache(_compile)
_KINDS = {"each": EACH, "if": IF, "unless": UNLESS}
_OF_A_MEMBER = ("@index", "@key", "@first", "@last")


class _Compiler:
    def __init__(self, source: str) -> None:
        self._source = source
        self._written = 0
        self._steps: list[Step] = []
        self._open: list[int] = []
        self._loops = 0
        self._quoted = False

    def take(self, tag: Tag) -> None:
        self._text_until(tag.start)
        self._written = tag.end
        if tag.kind == "literal":
            self._steps.append(Step(TEXT, "{{"))
        elif tag.kind in _KINDS:
            self._open.append(len(self._steps))
            self._add(_KINDS[tag.kind], tag)
            self._loops += tag.kind == "each"
        elif tag.kind == "else":
            condition = self._open.pop()
            self._open.append(len(self._steps))
            self._steps.append(Step(JUMP))
            self._set_target(condition)
        elif tag.kind.startswith("/"):
            opening = self._open.pop()
            if tag.kind == "/each":
                self._loops -= 1
                self._steps.append(Step(NEXT, target=opening + 1))
            self._set_target(opening)
        else:
            self._add(VALUE, tag)

    def finished(self) -> Template:
        self._text_until(len(self._source))
        return Template(tuple(self._steps))

    def _text_until(self, end: int) -> None:
        if end > self._written:
            text = self._source[self._written : end]
            self._steps.append(Step(TEXT, text))
            unescaped = text.replace("\\\\", "").replace('\\"', "")
            self._quoted ^= unescaped.count('"') % 2 == 1

    def _add(self, kind: int, tag: Tag) -> None:
        self._steps.append(
            Step(
                kind,
                self._source[tag.start : tag.end],
                tuple(tag.path.split(".")),
                self._loops > 0 or tag.path in _OF_A_MEMBER,
                formatter="" if tag.kind == "value" or kind != VALUE else tag.kind,
                arguments=tag.arguments,
                quoted=self._quoted,
            )
        )

    def _set_target(self, index: int) -> None:
        self._steps[index] = self._steps[index]._replace(target=len(self._steps))
