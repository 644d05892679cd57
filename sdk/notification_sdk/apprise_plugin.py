"""A plugin for Apprise: whatever speaks Apprise can notify through the service.

    apprise --plugin-path "$(python -m notification_sdk.apprise_plugin)" --body "It works" \
        "notifications://API_KEY@notify.example.com/ada/lark/slack"

The URL names the service, the user, and the channels; without channels, two of the user's active
ones are chosen. ``notifications://`` is https, ``notification://`` is http. In a Python program,
importing this module registers both schemes. It needs the extra ``apprise``.

The interface is the one of https://appriseit.com/library/extending/decorator/.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from apprise import NotifyFormat
from apprise.decorators import notify

from notification_sdk._errors import NotificationError
from notification_sdk._notification import CustomContent
from notification_sdk._sync.client import NotificationClient

# Apprise prints what its plugins log here.
_log = logging.getLogger("apprise")


_SCHEMES = {"notifications": "https", "notification": "http"}

# Apprise's decorator has no types.
_https = notify(on="notifications", name="notification-system", body_format=NotifyFormat.TEXT)  # type: ignore[no-untyped-call, unused-ignore]
_http = notify(on="notification", name="notification-system (http)", body_format=NotifyFormat.TEXT)  # type: ignore[no-untyped-call, unused-ignore]


@_https  # type: ignore[untyped-decorator, unused-ignore]
@_http  # type: ignore[untyped-decorator, unused-ignore]
def send(
    body: str,
    title: str,
    notify_type: str,
    meta: Mapping[str, Any],
    *_args: object,
    attach: object = None,
    **_options: object,
) -> bool:
    """Send one notification; tell Apprise whether at least one channel accepted it."""
    path = str(meta.get("fullpath") or "").split("/")
    user, *channels = [unquote(part) for part in path if part] or [""]
    if not user or not meta.get("user"):
        _log.error("The URL must be SCHEME://API_KEY@HOST/USER/CHANNEL; channels are optional.")
        return False
    if not body.strip():
        _log.error("There is no text to send, and the notification service has no attachments.")
        return False
    if attach:
        _log.warning("The notification service has no attachments: only the text is sent.")
    scheme = _SCHEMES[meta["schema"]]
    host = str(meta["host"])
    port = f":{meta['port']}" if meta.get("port") else ""
    content: CustomContent = {"content": body, "subject": title or None}
    try:
        with NotificationClient(f"{scheme}://{host}{port}", unquote(str(meta["user"]))) as client:
            sent = client.send_notification(
                user, channels, custom_content=content, metadata={"apprise_type": notify_type}
            )
    except (NotificationError, ValueError) as error:
        _log.error("%s", error)
        return False
    for result in sent.failed:
        _log.warning("%s: %s", result.channel, result.error)
    return sent.accepted


if __name__ == "__main__":
    print(__file__)  # noqa: T201 this is its output
