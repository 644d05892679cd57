"""The channels that the service can send over."""

from collections.abc import Mapping

from notification.channels.channel import Channel
from notification.channels.webhook import WebhookChannel

CHANNELS: Mapping[str, Channel] = {channel.name: channel for channel in (WebhookChannel(),)}
