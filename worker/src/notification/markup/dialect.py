"""How the authors of a channel write Markdown."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from notification.markup.document import BOLD, ITALIC, LINK, STRIKE

_NOTHING = re.compile(r"(?!)")
ESCAPED_AT = "&#64;"
"""How an at sign that mentions nobody is written in HTML."""
NO_MENTION = "@\u2060"
"""An at sign and a word joiner, which isn't seen, and parts it from a name behind it."""


class Dialect(NamedTuple):
    """How a channel's authors write Markdown.

    Attributes:
        marks: the kinds by their marks, such as `**`.
        word_marks: the marks that are read at the ends of words alone.
        special: what stands between angle brackets or begins with `@`: mentions, broadcasts and
            links. The names of its groups are kinds, and `label` is what is shown.
        tags: tags of this channel alone, such as Lark's `<font>`; group 1 is the closing slash,
            group 2 the name.
        mention_scheme: addresses of links that mention a person.
        finds_names: whether the channel itself takes `@name` in any text for a mention.
    """

    marks: Mapping[str, str]
    word_marks: frozenset[str] = frozenset(("_", "__"))
    special: re.Pattern[str] = _NOTHING
    tags: re.Pattern[str] = _NOTHING
    mention_scheme: str = ""
    finds_names: bool = False

    def escaped(self, character: str, after: str) -> str:
        """Return how an escaped character is written: an `@` so that it mentions nobody.

        Args:
            character: the character.
            after: the one behind it, or nothing if markup may stand between it and a name.
        """
        parts = character == "@" and self.finds_names and not after.isspace()
        return NO_MENTION if parts else character


COMMON = Dialect({"**": BOLD, "__": BOLD, "*": ITALIC, "_": ITALIC, "~~": STRIKE, "~": STRIKE})
"""CommonMark with GitHub's strikethrough."""


def shown_text(kind: str, value: str) -> str:
    """Return what is shown of a mention or link that has no label."""
    return value if kind == LINK or value.startswith(("@", "#")) else "@" + value.removeprefix("!")
