r"""The grammar of templates: which tags there are, and what is wrong with them.

A tag is one of these, with spaces allowed inside the braces:

- `{{path}}`, or with a formatter: `{{json path}}`, `{{default path "text"}}`,
  `{{date path "zone" "format"}}`, `{{number path}}`
- `{{#each path}}`, `{{#if path}}`, `{{#unless path}}`, `{{else}}`, and their ends `{{/each}}` ...
- `\{{`, which writes two braces

A path is names joined with dots; a name has letters of any script, digits, `_` and `-`. Everything
else is text, and a pair of braces that is no tag is a problem.
"""

import re
from typing import NamedTuple

MAX_NESTING = 5
MAX_PROBLEMS = 10
"""Problems that are reported: an author corrects them one after the other."""
_MAX_SHOWN = 60

# Beyond ASCII a name takes whatever is no space, control or punctuation.
_NAME = (
    r"(?:[A-Za-z0-9_-]|[^\x00-\x7f\s\x80-\xbf\u2000-\u200b\u200e-\u206f\u2e00-\u2e7f\u3000-\u3003"
    r"\u3008-\u3020\ufe10-\ufe6f\ufeff\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
    r"\ufff0-\uffff])"
)
# Possessive throughout: a run of characters is read once, so scanning is linear.
_PATH = rf"@(?:index|key|first|last)(?![\w-])|{_NAME}++(?:\.{_NAME}++)*+"
_TEXT = r'"[^"\n{}]{0,200}+"'
_TAG = re.compile(
    rf"\{{\{{[ \t]*+(?:"
    rf"(?P<formatter>json|default|date|number)[ \t]++(?P<subject>{_PATH})"
    rf"(?P<arguments>(?:[ \t]++(?:{_TEXT}|[0-9]{{1,2}}+)){{0,2}}+)"
    rf"|(?P<path>{_PATH})"
    rf"|\#(?P<block>each|if|unless)[ \t]++(?P<of>{_PATH})"
    rf"|/(?P<closed>each|if|unless)"
    rf")[ \t]*+\}}\}}"
)
_ARGUMENT = re.compile(rf"{_TEXT}|[0-9]++")
_SHOWN = re.compile(rf"\{{\{{[^\n{{}}]{{0,{_MAX_SHOWN}}}+\}}{{0,2}}+")
_ARGUMENTS = {"json": (0, 0), "default": (1, 1), "date": (0, 2), "number": (0, 1)}
"""How many arguments a formatter takes, at least and at most."""


class Tag(NamedTuple):
    """A tag and its place.

    Attributes:
        kind: value, literal, json, default, date, number, else; each, if, unless, or one of these
            with a slash before it.
        path: the path; empty for an end, an else and a literal.
        start: where it begins.
        end: where it ends.
        arguments: the arguments of a formatter, without their quotes.
    """

    kind: str
    path: str
    start: int
    end: int
    arguments: tuple[str, ...] = ()


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

    What is no tag, and block tags that are unbalanced or nested too deeply, is text: it is not
    among the tags.
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
        source = self._source
        at = source.find("{{")
        while at >= 0:
            at = source.find("{{", self._read_at(at))
        for block in self._open:
            if not block.too_deep:
                self._problem(block.tag, f"{_shown(block.tag)} is never closed")
        return Structure(
            tuple(sorted(self._working, key=lambda tag: tag.start)),
            tuple(_located(source, *problem) for problem in sorted(self._problems)[:MAX_PROBLEMS]),
        )

    def _read_at(self, at: int) -> int:
        """Read the braces at a place and return where to go on."""
        source = self._source
        if source.startswith("{{{", at):
            return at + 1
        if source.startswith("\\", at - 1) and at > 0:
            self._working.append(Tag("literal", "", at - 1, at + 2))
            return at + 2
        match = _TAG.match(source, at)
        if match is None:
            self._problems.append((at, _unknown(source, at)))
            return at + 2
        tag = _tag(match)
        if tag is None:
            self._problems.append((at, f"{match[0]} has the wrong number of arguments"))
        else:
            self._take(tag)
        return match.end()

    def _take(self, tag: Tag) -> None:
        if tag.kind in ("each", "if", "unless"):
            too_deep = len(self._open) >= MAX_NESTING
            if too_deep:
                self._problem(tag, f"{_shown(tag)} is nested more than {MAX_NESTING} deep")
            self._open.append(_OpenBlock(tag, too_deep=too_deep))
        elif tag.kind == "else":
            self._take_else(tag)
        elif tag.kind.startswith("/"):
            self._close(tag)
        else:
            self._working.append(tag)

    def _take_else(self, tag: Tag) -> None:
        block = self._open[-1] if self._open else None
        if block is None or block.tag.kind == "each":
            self._problem(tag, "{{else}} stands outside {{#if}}")
        elif block.otherwise is not None:
            self._problem(tag, f"{{{{else}}}} stands twice in one {{{{#{block.tag.kind}}}}}")
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


def _tag(match: re.Match[str]) -> Tag | None:
    """Return the tag of a match; None if its formatter has the wrong number of arguments."""
    found = match.groupdict()
    start, end = match.span()
    if found["formatter"] is not None:
        arguments = tuple(a.strip('"') for a in _ARGUMENT.findall(found["arguments"]))
        fewest, most = _ARGUMENTS[found["formatter"]]
        if not fewest <= len(arguments) <= most:
            return None
        return Tag(found["formatter"], found["subject"], start, end, arguments)
    if found["path"] is not None:
        kind, path = ("else", "") if found["path"] == "else" else ("value", found["path"])
        return Tag(kind, path, start, end)
    if found["block"] is not None:
        return Tag(found["block"], found["of"], start, end)
    return Tag("/" + found["closed"], "", start, end)


def _unknown(source: str, at: int) -> str:
    """Say what is wrong with braces that are no tag."""
    match = _SHOWN.match(source, at)
    shown = match[0] if match is not None else "{{"
    inside = shown[2:].rstrip("}").strip()
    if inside.startswith(("#", "/")):
        return f"unknown block tag {shown}"
    if not shown.endswith("}}"):
        return "{{ is never closed; \\{{ writes two braces"
    if not inside:
        return "{{}} names no variable"
    if "|" in inside:
        return f"{shown} has a filter, which templates don't have"
    if inside.startswith("../"):
        return f"{shown} leads out of a loop, which paths can't"
    return (
        f"{shown} is no tag: a name has letters, digits, _ and -, and a path joins them with dots"
    )


def _shown(tag: Tag) -> str:
    if tag.kind in ("each", "if", "unless"):
        path = tag.path if len(tag.path) <= 40 else tag.path[:39] + "…"
        return "{{#" + f"{tag.kind} {path}" + "}}"
    return "{{" + tag.kind + "}}"


def _located(source: str, offset: int, text: str) -> SyntaxProblem:
    line = source.count("\n", 0, offset) + 1
    return SyntaxProblem(text, line, offset - source.rfind("\n", 0, offset))
