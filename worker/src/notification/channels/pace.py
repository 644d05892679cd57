"""How many calls an endpoint takes: its provider's documented pace, or what is configured."""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, TypeGuard

from notification.channels.channel import DEFAULT_PACE, Pace, base_channel
from notification.channels.registry import CHANNELS
from notification.errors import ChannelRefusal
from notification.settings import Settings

_DIGEST = 16
"""Hexadecimal digits of each part: two of 100,000 endpoints share one once in four billion."""
_CHAT = re.compile(r"([0-9a-f]{16})\.[0-9a-f]{16}")
_MAX_CALLS = 1_000
"""Calls in a second or a minute that a configuration may name."""


_TELEGRAM_GROUP = Pace(3_000)
BOT_PACE = Pace(34)
"""Of all chats of a Telegram bot together: 30 messages a second (core.telegram.org/bots/faq).
Telegram's answer doesn't tell which of its limits was hit. So a throttled chat waits alone, since a
group's 20 a minute would else hold up the bot's other chats; what goes on keeps this pace."""


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
    return CHANNELS[name].pace if name in CHANNELS else DEFAULT_PACE


def endpoint_id(channel: str, config: Mapping[str, Any]) -> str:
    """Return the id of the endpoint that a configuration leads to, whoever's it is.

    It is a digest, since URLs and tokens are secrets; before that of a bot's chat stand the bot's
    and a dot. Empty if the configuration doesn't say where it leads.
    """
    name = base_channel(channel)
    if name not in CHANNELS:
        return ""
    fields = CHANNELS[name].endpoint_fields
    if config.get(fields[-1]) is None:
        return ""
    endpoint = _digest(name, *(str(config.get(field) or "") for field in fields))
    bot = _digest(name, str(config.get("bot_token") or "")) + "." if name == "telegram" else ""
    return bot + endpoint


def bot_of(endpoint: str) -> str:
    """Return the id of the bot whose chat an endpoint is; empty if it is none.

    >>> bot_of("6b86b273ff34fce1.d4735e3a265e16ee")
    '6b86b273ff34fce1'
    """
    match = _CHAT.fullmatch(endpoint)
    return "" if match is None else match[1]


def _digest(*parts: str) -> str:
    # A configuration that was taken over may hold half a character.
    text = "\0".join(map(_spelling, parts)).encode(errors="replace")
    return sha256(text).hexdigest()[:_DIGEST]


def _spelling(part: str) -> str:
    """Return the one spelling of a URL: its scheme and host in small letters, no fragment."""
    scheme, separator, rest = part.strip().partition("://")
    if not separator:
        return part.strip()
    host, slash, path = rest.partition("#")[0].partition("/")
    return f"{scheme.lower()}://{host.lower()}{slash or '/'}{path}"


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
