"""The chat providers' APIs on this machine, with the limits and errors that they document.

Each module of this package that isn't `api` or a part of a provider's markup is one provider: its
class has the module's name. A new provider is a new module.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from localcloud.sink.chat.api import ChatAnswer, ChatApi, ChatCall
from localcloud.sink.chat.lark import Lark
from localcloud.sink.chat.slack import Slack
from localcloud.sink.chat.telegram import Telegram

__all__ = ["ChatAnswer", "ChatApi", "ChatCall", "Lark", "Slack", "Telegram", "chat_apis"]

_NO_PROVIDERS = {"api"}


def chat_apis() -> tuple[ChatApi, ...]:
    """Make one of each provider, with nothing used of its limits."""
    names = [module.name for module in iter_modules(__path__)]
    providers = [name for name in names if name not in _NO_PROVIDERS and "_" not in name]
    return tuple(
        getattr(import_module(f"{__name__}.{name}"), name.capitalize())() for name in providers
    )
