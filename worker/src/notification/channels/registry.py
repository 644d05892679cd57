"""The channels that the service can send over."""

from collections.abc import Mapping

from notification.channels.channel import Channel
from notification.channels.lark import LarkChannel
from notification.channels.slack import SlackChannel
from notification.channels.telegram import TelegramChannel
from notification.channels.webhook import WebhookChannel

CHANNELS: Mapping[str, Channel] = {
    channel.name: channel
    for channel in (WebhookChannel(), TelegramChannel(), LarkChannel(), SlackChannel())
}
