"""The chat providers' APIs on this machine, with the limits and errors that they document."""

from __future__ import annotations

from localcloud.sink.chat.api import ChatAnswer, ChatApi, ChatCall
from localcloud.sink.chat.lark import Lark
from localcloud.sink.chat.slack import Slack
from localcloud.sink.chat.telegram import Telegram

__all__ = ["ChatAnswer", "ChatApi", "ChatCall", "Lark", "Slack", "Telegram", "chat_apis"]


def chat_apis() -> tuple[ChatApi, ...]:
    """Make one of each, with nothing used of its limits."""
    return (Telegram(), Lark(), Slack())
