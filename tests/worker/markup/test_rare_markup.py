"""Markup that few authors write."""

from __future__ import annotations

import pytest

from notification.markup.document import CODE, FENCE, TAG, Document, Span
from notification.markup.lark import DIALECT
from notification.markup.markdown import read_markdown
from notification.markup.splitting import split_document


def read(source: str) -> tuple[str, list[tuple[str, str, str]]]:
    document = read_markdown(source, DIALECT)
    spans = [(s.kind, document.text[s.start : s.end], s.value) for s in document.spans]
    return document.text, spans


@pytest.mark.parametrize(
    ("source", "text", "spans"),
    [
        ("`` ` ``", "`", [(CODE, "`", "")]),
        ("`` a ` ``", "a `", [(CODE, "a `", "")]),
        ("``a ``", "a ", [(CODE, "a ", "")]),
        ("` a `", " a ", [(CODE, " a ", "")]),
        ("a ``b", "a ``b", []),
        ("```py\nx\n```", "x", [(FENCE, "x", "py")]),
        ("```\nx\n\n```", "x\n", [(FENCE, "x\n", "")]),
        ("<font color='red'>a</font>b", "ab", [(TAG, "a", "<font color='red'>")]),
        ("a</font>b", "a</font>b", []),
        ("<font color='red'>a", "<font color='red'>a", []),
    ],
)
def test_code_and_tags(source: str, text: str, spans: list[tuple[str, str, str]]) -> None:
    assert read(source) == (text, spans)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("aaaa\nbbbb", ["aaaa", "bbbb"]),
        ("aaaaa\nbbb", ["aaaaa", "bbb"]),
        ("aaa\n\nbbb", ["aaa\n", "bbb"]),
    ],
)
def test_a_fence_is_cut_at_a_line_without_losing_another(text: str, parts: list[str]) -> None:
    document = Document(text, (Span(0, len(text), FENCE, "py"),))
    found = split_document(document, lambda part: len(part.text) <= 5, longest=5, count=5)
    assert [part.text for part in found.documents] == parts
    assert {span.kind for part in found.documents for span in part.spans} == {FENCE}
