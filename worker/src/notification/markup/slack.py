"""Slack's texts: a header and sections, each within its limit and never cut inside an entity."""

from typing import NamedTuple

from notification.markup.escaping import escape_slack
from notification.markup.plain_text import ELLIPSIS, WHITESPACE, Cut, cut_to_fit

MAX_TEXT = 40_000
MAX_HEADER = 150
MAX_SECTION = 3_000
MAX_BLOCKS = 50
"""Slack's limits, in characters as sent (api.slack.com, "Blocks" and "chat.postMessage")."""
_MAX_TOKEN = 1_000
"""A longer entity or link is cut like any text: Slack reads none that long."""


class Sections(NamedTuple):
    """The texts of the section blocks, and whether the end was cut off."""

    texts: tuple[str, ...]
    truncated: bool


def slack_plain_text(text: str, *, limit: int = MAX_TEXT) -> Cut:
    """Escape plain text and cut it so that the escaped form has at most `limit` characters."""
    fitting = cut_to_fit(text, lambda start: len(escape_slack(start)) <= limit)
    return Cut(escape_slack(fitting.text), fitting.truncated)


def slack_entities(text: str) -> str:
    """Write out the entities of quotes: Slack decodes `&amp;`, `&lt;` and `&gt;` only."""
    return text.replace("&quot;", '"').replace("&#x27;", "'")


def slack_marked_text(text: str, *, limit: int = MAX_TEXT) -> Cut:
    """Cut mrkdwn before an entity or link that doesn't fit as a whole."""
    if len(text) <= limit:
        return Cut(text, truncated=False)
    return Cut(text[: _outside_tokens(text, 0, limit - 1)] + ELLIPSIS, truncated=True)


def slack_sections(text: str, *, limit: int = MAX_SECTION, count: int = MAX_BLOCKS - 2) -> Sections:
    """Split mrkdwn into at most `count` sections; two blocks are left for header and context.

    Sections end at a line's end or a space if their last quarter has one.
    """
    found: list[str] = []
    start = 0
    while len(text) - start > limit and len(found) < count - 1:
        end = _section_end(text, start, start + limit)
        found.append(text[start:end])
        start = end
    last = slack_marked_text(text[start:], limit=limit)
    texts = (section.strip(WHITESPACE) for section in (*found, last.text))
    return Sections(tuple(section for section in texts if section), last.truncated)


def _section_end(text: str, start: int, end: int) -> int:
    earliest = start + (end - start) * 3 // 4
    for mark in ("\n", " "):
        place = text.rfind(mark, earliest, end)
        if place > start and _outside_tokens(text, start, place) == place:
            return place + 1
    return _outside_tokens(text, start, end)


def _outside_tokens(text: str, start: int, end: int) -> int:
    """Return `end`, or the start of the `&…;` or `<…>` that lies across it."""
    earliest = max(start + 1, end - _MAX_TOKEN)
    for opening, closing, reach in (("<", ">", _MAX_TOKEN), ("&", ";", 10)):
        place = text.rfind(opening, max(earliest, end - reach), end)
        if place > start and closing not in text[place:end] and closing in text[end : end + reach]:
            end = place
    return end
