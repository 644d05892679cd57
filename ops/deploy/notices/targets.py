"""Where notices go: Lark, Slack, or any webhook."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from ops.deploy.notices.notice import Notice

LARK_VARIABLE = "LARK_DEPLOY_WEBHOOK"
LARK_SECRET_VARIABLE = "LARK_DEPLOY_SECRET"  # noqa: S105 - the variable's name, not a secret
SLACK_VARIABLE = "SLACK_DEPLOY_WEBHOOK"
WEBHOOK_VARIABLE = "DEPLOY_WEBHOOK"
"""The environment variables that name the targets; one that isn't set is no target."""


class Target(Protocol):
    """One receiver of notices."""

    @property
    def name(self) -> str:
        """Kind and host, without the path: that is as good as a password."""

    @property
    def url(self) -> str:
        """Where to post."""

    def body(self, notice: Notice) -> Mapping[str, Any]:
        """Return the JSON that the receiver takes."""

    def refusal(self, answer: Mapping[str, Any]) -> str | None:
        """Return why an answer with status 200 is a refusal all the same; None where it isn't."""


@dataclass(frozen=True)
class LarkTarget:
    r"""A custom bot of a Lark group.

    Signed where it has a secret (Lark Open Platform, "Use bots in groups"): base64 of the
    HMAC-SHA256 over nothing, under the key ``timestamp\\nsecret``, with the time in seconds.
    """

    url: str = field(repr=False)
    secret: str = field(default="", repr=False)
    now: Callable[[], float] = time.time

    @property
    def name(self) -> str:
        """See :class:`Target`."""
        return f"Lark at {urlsplit(self.url).hostname}"

    def body(self, notice: Notice) -> Mapping[str, Any]:
        """See :class:`Target`."""
        lines = [[{"tag": "text", "text": f"{k}: {v}"}] for k, v in notice.fields().items()]
        post = {"post": {"en_us": {"title": notice.title, "content": lines}}}
        body: dict[str, Any] = {"msg_type": "post", "content": post}
        if self.secret:
            timestamp = str(int(self.now()))
            key = f"{timestamp}\n{self.secret}".encode()
            digest = hmac.new(key, b"", hashlib.sha256).digest()
            body |= {"timestamp": timestamp, "sign": base64.b64encode(digest).decode()}
        return body

    def refusal(self, answer: Mapping[str, Any]) -> str | None:
        """Lark refuses with status 200 and a code."""
        code = answer.get("code", 0)
        return None if code == 0 else f"code {code}, {answer.get('msg', 'no reason given')}"


@dataclass(frozen=True)
class SlackTarget:
    """An incoming webhook of Slack."""

    url: str = field(repr=False)

    @property
    def name(self) -> str:
        """See :class:`Target`."""
        return f"Slack at {urlsplit(self.url).hostname}"

    def body(self, notice: Notice) -> Mapping[str, Any]:
        """See :class:`Target`."""
        escaped = notice.text().replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return {"text": escaped}

    def refusal(self, answer: Mapping[str, Any]) -> str | None:
        """Slack refuses by status alone."""
        return None


@dataclass(frozen=True)
class WebhookTarget:
    """Any receiver of JSON: the event, the fields by name, and the whole as text."""

    url: str = field(repr=False)

    @property
    def name(self) -> str:
        """See :class:`Target`."""
        return f"the webhook at {urlsplit(self.url).hostname}"

    def body(self, notice: Notice) -> Mapping[str, Any]:
        """See :class:`Target`."""
        fields = {k.lower().replace(" ", "_"): v for k, v in notice.fields().items()}
        return {"event": notice.event, "action": notice.action, **fields, "text": notice.text()}

    def refusal(self, answer: Mapping[str, Any]) -> str | None:
        """Return nothing: a webhook refuses by status alone."""
        return None


def targets_of_environment(environment: Mapping[str, str]) -> list[Target]:
    """Return the targets that the environment names."""
    targets: list[Target] = []
    if url := environment.get(LARK_VARIABLE, "").strip():
        targets.append(LarkTarget(url, environment.get(LARK_SECRET_VARIABLE, "").strip()))
    if url := environment.get(SLACK_VARIABLE, "").strip():
        targets.append(SlackTarget(url))
    if url := environment.get(WEBHOOK_VARIABLE, "").strip():
        targets.append(WebhookTarget(url))
    return targets
