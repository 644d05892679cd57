"""The grammar of templates: which tags there are, and what is wrong with them.

A tag is `{{path}}`, `{{#each path}}`, `{{#if path}}`, `{{else}}`, `{{/each}}` or `{{/if}}`, with
spaces allowed inside the braces. A path is names of ASCII letters, digits and `_`, joined with
dots. Everything else is text.
"""

import re
from typing import NamedTuple

MAX_NESTING = 5
MAX_PROBLEMS = 10
"""Problems that are reported: an author corrects them one after the other."""

# Possessive throughout: a run of characters is read once, so scanning is linear.
_PATH = r"@index|[A-Za-z0-9_]++(?:\.[A-Za-z0-9_]++)*+"
_TAG = re.compile(
    rf"\{{\{{[ \t]*+(?:({_PATH})|\#(each|if)[ \t]++({_PATH})|/(each|if))[ \t]*+\}}\}}"
)
_BLOCK_LIKE = re.compile(r"\{\{[ \t]*+[#/][^{}\n]{0,40}+\}{0,2}+")


class Tag(NamedTuple):
    """A tag and its place. `kind` is value, else, each, if, /each or /if."""

    kind: str
    path: str
    start: int
    end: int


class SyntaxProblem(NamedTuple):
    """What is wrong, and where: line and column count from 1, columns in code points."""

    text: str
    line: int
    column: int

    def __str__(self) -> str:
        """Return the text with line and column."""
        return f"{self.text} (line {self.line}, column {self.column})"


class Structure(NamedTuple):
    """The working tags of a template, in order, and the first problems of the others.

    Block tags that are unknown, unbalanced or nested too deeply are text: they are not among the
    tags.
    """

    tags: tuple[Tag, ...]
    problems: tuple[SyntaxProblem, ...]


class _OpenBlock:
    """A block whose end has not been seen yet."""

    __slots__ = ("otherwise", "tag", "too_deep")

    def __init__(self, tag: Tag, *, too_deep: bool) -> None:
        self.tag = tag
        self.too_deep = too_deep
        self.otherwise: Tag | None = None


class _Reader:
    """Reads one template from start to end, with a stack of open blocks."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._open: list[_OpenBlock] = []
        self._working: list[Tag] = []
        self._problems: list[tuple[int, str]] = []

    def read(self) -> Structure:
        starts = set()
        for match in _TAG.finditer(self._source):
            tag = _tag(match)
            starts.add(tag.start)
            self._take(tag)
        for block in self._open:
            if not block.too_deep:
                self._problem(block.tag, f"{_shown(block.tag)} is never closed")
        for unknown in _BLOCK_LIKE.finditer(self._source):
            if unknown.start() not in starts:
                self._problems.append((unknown.start(), f"unknown block tag {unknown[0]}"))
        return Structure(
            tuple(sorted(self._working, key=lambda tag: tag.start)),
            tuple(
                _located(self._source, *problem)
                for problem in sorted(self._problems)[:MAX_PROBLEMS]
            ),
        )

    def _take(self, tag: Tag) -> None:
        if tag.kind == "value":
            self._working.append(tag)
        elif tag.kind in ("each", "if"):
            too_deep = len(self._open) >= MAX_NESTING
            if too_deep:
                self._problem(tag, f"{_shown(tag)} is nested more than {MAX_NESTING} deep")
            self._open.append(_OpenBlock(tag, too_deep=too_deep))
        elif tag.kind == "else":
            self._take_else(tag)
        else:
            self._close(tag)

    def _take_else(self, tag: Tag) -> None:
        block = self._open[-1] if self._open else None
        if block is None or block.tag.kind != "if":
            self._problem(tag, "{{else}} stands outside {{#if}}")
        elif block.otherwise is not None:
            self._problem(tag, "{{else}} stands twice in one {{#if}}")
        else:
            block.otherwise = tag

    def _close(self, tag: Tag) -> None:
        if not self._open:
            self._problem(tag, f"{_shown(tag)} closes nothing")
            return
        block = self._open[-1]
        if tag.kind != "/" + block.tag.kind:
            due = "{{/" + block.tag.kind + "}}"
            self._problem(tag, f"{_shown(tag)} stands where {due} is due")
            return
        self._open.pop()
        if not block.too_deep:
            self._working += [block.tag, tag]
            if block.otherwise is not None:
                self._working.append(block.otherwise)

    def _problem(self, tag: Tag, text: str) -> None:
        self._problems.append((tag.start, text))


def read_structure(source: str) -> Structure:
    """Return the working tags of a template and its problems; takes any text, in linear time."""
    return _Reader(source).read()


def _tag(match: re.Match[str]) -> Tag:
    path, block, subject, closed = match.groups()
    if path is not None:
        return Tag("else" if path == "else" else "value", path, *match.span())
    if block is not None:
        return Tag(block, subject, *match.span())
    return Tag("/" + closed, "", *match.span())


def _shown(tag: Tag) -> str:
    if tag.kind in ("each", "if"):
        path = tag.path if len(tag.path) <= 40 else tag.path[:39] + "…"
        return "{{#" + f"{tag.kind} {path}" + "}}"
    return "{{" + tag.kind + "}}"


def _located(source: str, offset: int, text: str) -> SyntaxProblem:
    line = source.count("\n", 0, offset) + 1
    return SyntaxProblem(text, line, offset - source.rfind("\n", 0, offset))
