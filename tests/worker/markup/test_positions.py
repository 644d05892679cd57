"""A document's spans lie where their text lies, wherever that is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from notification.channels.discord import DIALECT as DISCORD
from notification.markup.dialect import COMMON, Dialect
from notification.markup.document import Document
from notification.markup.html import read_html
from notification.markup.lark import DIALECT as LARK
from notification.markup.markdown import read_markdown
from notification.markup.slack import DIALECT as SLACK
from notification.markup.telegram import DIALECT as TELEGRAM

CONTENT = yaml.safe_load(
    (Path(__file__).parents[1] / "channels" / "whole_requests.yaml").read_text(encoding="utf-8")
)["content"]
"""Every kind of markup in one text of each content type."""


@pytest.mark.parametrize(
    ("read", "content_type", "line"),
    [(read_markdown, "markdown", "x\n"), (read_html, "html", "x<br>")],
    ids=["markdown", "html"],
)
@pytest.mark.parametrize(
    "dialect",
    [COMMON, DISCORD, LARK, SLACK, TELEGRAM],
    ids=["common", "discord", "lark", "slack", "telegram"],
)
def test_lines_before_a_text_move_its_spans_and_change_nothing(
    dialect: Dialect,
    read: Callable[[str, Dialect], Document],
    content_type: str,
    line: str,
) -> None:
    first = read(CONTENT[content_type], dialect)
    assert len(first.spans) > 8
    for lines in range(1, 33):
        moved = read(line * lines + CONTENT[content_type], dialect)
        places = 2 * lines
        assert moved.text == "x\n" * lines + first.text
        assert [
            span._replace(start=span.start - places, end=span.end - places) for span in moved.spans
        ] == list(first.spans)
        assert moved.part(places, len(moved.text)) == first
