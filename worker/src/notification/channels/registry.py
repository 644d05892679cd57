"""The channels that the service can send over."""

from notification.channels.channel import Channels

CHANNELS = Channels(
    webhook="notification.channels.webhook:WebhookChannel",
    telegram="notification.channels.telegram:TelegramChannel",
    lark="notification.channels.lark:LarkChannel",
    slack="notification.channels.slack:SlackChannel",
    discord="notification.channels.discord:DiscordChannel",
    teams="notification.channels.teams:TeamsChannel",
    ntfy="notification.channels.ntfy:NtfyChannel",
    googlechat="notification.channels.googlechat:GooglechatChannel",
)
