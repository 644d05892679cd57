"""How many calls an endpoint takes: its provider's documented pace, or what is configured."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

from notification.channels.channel import base_channel
from notification.errors import ChannelRefusal
from notification.settings import Settings

_MAX_CALLS = 1_000
"""Calls in a second or a minute that a configuration may name."""


class Pace(NamedTuple):
    """One call every `interval_ms`, after at most `burst` at once."""

    interval_ms: int
    burst: int = 1


DEFAULT_PACE = Pace(200, 5)
"""Of channels that document none, so that an endpoint which has complained isn't flooded."""
_TELEGRAM_GROUP = Pace(3_000)
_PACES: Mapping[str, Pace] = {
    "telegram": Pace(1_000),
    "slack": Pace(1_000, 5),
    "lark": Pace(600),
    "discord": Pace(2_000, 5),
    "teams": Pace(250, 4),
    "ntfy": Pace(5_000, 60),
}
"""Documented paces. Telegram: a message a second in a chat, 20 a minute in a group
(core.telegram.org/bots/faq, "My bot is hitting limits"). Slack: one a second with short bursts
(docs.slack.dev, "Rate limits"; how short isn't documented). Lark: 100 a minute and 5 a second
(open.larksuite.com, "Use bots in groups"): the first of them is the slower one in the long run.
Discord documents no number: 5 in 2 seconds for a webhook, and 30 a minute in the long run, are what
its users report (birdie0.github.io/discord-webhooks-guide, "Rate Limits").
Teams: four a second (learn.microsoft.com, "Rate limiting for connectors"). ntfy: 60 at once, then
one in 5 seconds (docs.ntfy.sh, "Limitations")."""


def pace_of(channel: str, config: Mapping[str, Any] | None, settings: Settings) -> Pace:
    """Return the pace of an endpoint.

    Args:
        channel: the channel, with or without an endpoint's name.
        config: the endpoint's configuration; its `rate` wins.
        settings: the deployment's settings, whose `channel_rates` win over the documented paces.
    """
    name, known = base_channel(channel), config or {}
    own = parse_rate(known.get("rate"))
    if own is not None:
        return own
    of_stack = parse_rate(settings.channel_rates.get(name))
    if of_stack is not None:
        return of_stack
    # A group, a supergroup and a channel have negative ids or a name.
    if name == "telegram" and str(known.get("chat_id", "")).startswith(("-", "@")):
        return _TELEGRAM_GROUP
    return _PACES.get(name, DEFAULT_PACE)


def check_rate(config: Mapping[str, Any]) -> None:
    """Refuse a `rate` that isn't one.

    Raises:
        ChannelRefusal: INVALID_CONFIG.
    """
    if config.get("rate") is not None and parse_rate(config["rate"]) is None:
        raise ChannelRefusal(
            "INVALID_CONFIG",
            'rate must be {"per_second": n} or {"per_minute": n}, with "burst": n beside it if need'
            f" be; each n is a whole number from 1 to {_MAX_CALLS}",
        )


def parse_rate(value: Any) -> Pace | None:
    """Return the pace that a `rate` means; None if it means none."""
    if not isinstance(value, Mapping) or set(value) - {"per_second", "per_minute", "burst"}:
        return None
    calls, burst = value.get("per_second"), value.get("burst", 1)
    span_ms = 1_000
    if calls is None:
        calls, span_ms = value.get("per_minute"), 60_000
    elif "per_minute" in value:
        return None
    if not (_is_count(calls) and _is_count(burst)):
        return None
    return Pace(-(-span_ms // calls), burst)


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_CALLS
