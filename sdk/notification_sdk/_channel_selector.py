"""Choosing channels for a notification."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Literal, get_args

from notification_sdk._arguments import at_least, known, names

Priority = Literal["urgent", "normal", "marketing", "transactional"]
Urgency = Literal["immediate", "high", "normal", "low"]

_PRIORITIES: dict[str, tuple[str, ...]] = {
    "urgent": ("telegram", "lark", "slack", "webhook"),
    "normal": ("lark", "telegram", "webhook", "slack"),
    "marketing": ("webhook", "slack"),
    "transactional": ("telegram", "lark", "webhook"),
}
_FALLBACKS: dict[str, tuple[str, ...]] = {
    "lark": ("telegram", "webhook", "slack"),
    "telegram": ("lark", "webhook", "slack"),
    "webhook": ("lark", "telegram", "slack"),
    "slack": ("lark", "telegram", "webhook"),
}
_BY_URGENCY: dict[str, tuple[Priority, int]] = {
    "immediate": ("urgent", 4),
    "high": ("urgent", 2),
    "normal": ("normal", 2),
    "low": ("marketing", 1),
}
DEFAULT_CHANNELS = ("webhook",)
"""Where nothing is configured."""
LONG_TEXT = 1_000
"""Characters from which a text is better read in a card or by a program than in a chat."""


class SmartChannelSelector:
    """Chooses among the channels on which a user can be reached.

    >>> SmartChannelSelector().select_channels({"webhook", "lark"}, max_channels=1)
    ('lark',)
    """

    def __init__(self) -> None:
        self._priorities = dict(_PRIORITIES)
        self._fallbacks = dict(_FALLBACKS)

    def set_priority_channels(self, priority: Priority, channels: Iterable[str]) -> None:
        """Change which channels a priority prefers, the best first."""
        known("priority", priority, get_args(Priority))
        self._priorities[priority] = names("channels", channels)

    def set_fallback_channels(self, failed: str, channels: Iterable[str]) -> None:
        """Change which channels stand in for one that failed, the best first."""
        self._fallbacks[failed] = names("channels", channels)

    def select_channels(
        self,
        available: Collection[str],
        *,
        priority: Priority = "normal",
        preferred: Iterable[str] = (),
        max_channels: int = 2,
    ) -> tuple[str, ...]:
        """Return at most ``max_channels`` channels, the best first.

        Preferred channels go before those of the priority. Where none of them is available, any
        available one is taken; where nothing is available, ``webhook``.

        Raises:
            ValueError: there is no such priority, or ``max_channels`` is below 1.
            ValidationError: ``preferred`` isn't a list of names.
        """
        known("priority", priority, get_args(Priority))
        at_least("max_channels", max_channels, 1)
        liked = names("preferred", preferred)
        ranked = dict.fromkeys([*liked, *self._priorities[priority], *sorted(available)])
        chosen = [channel for channel in ranked if channel in available]
        return tuple(chosen[:max_channels]) or DEFAULT_CHANNELS

    def select_channels_by_urgency(
        self, available: Collection[str], urgency: Urgency
    ) -> tuple[str, ...]:
        """Return all for ``immediate``, two for ``high`` and ``normal``, one for ``low``.

        Raises:
            ValueError: there is no such urgency.
        """
        known("urgency", urgency, get_args(Urgency))
        priority, max_channels = _BY_URGENCY[urgency]
        return self.select_channels(available, priority=priority, max_channels=max_channels)

    def get_fallback_channels(self, failed: str) -> tuple[str, ...]:
        """Return the channels to try after one that failed, the best first."""
        return self._fallbacks.get(failed, ())

    def recommend_channels_by_content(
        self, content: str, variables: Mapping[str, object] | None = None
    ) -> tuple[str, ...]:
        """Return the channels that suit a text, the best first.

        Long texts and code suit a card or a program; a text with variables is for a program too;
        short ones suit a chat.
        """
        if len(content) > LONG_TEXT or "```" in content:
            return ("lark", "slack", "webhook")
        return ("webhook", "lark") if variables else ("telegram", "lark", "slack")
