"""Making text fit for a channel."""

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def outbound_text(text: str, limit: int) -> str:
    """Without control characters (tab and line ends stay) and outer spaces, at most `limit` long.

    What is cut ends in `…`; the limit counts code points, so no character is split.

    >>> outbound_text(" a\\x00bcdef ", 4)
    'abc…'
    """
    cleaned = _CONTROL.sub("", text).strip()
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"
