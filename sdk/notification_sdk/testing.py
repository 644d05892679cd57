"""Test your own code without a network: a service in memory.

    service = FakeNotificationService()
    remind(service.client(), user="ada")            # your code
    assert service.sent[0].content == "Rent is due"

The pytest plugin brings it as the fixture `notification_service`, and clients of it as
`notification_client` and `async_notification_client`. Those clients never sleep.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import httpx

from notification_sdk._arguments import at_least, known
from notification_sdk._async.client import MAX_BULK, AsyncNotificationClient
from notification_sdk._channels import CHANNELS
from notification_sdk._fake_stores import (
    FakeConfigs,
    FakeLogs,
    FakePersons,
    FakeTemplates,
    Made,
    Refusal,
    ok,
    time_text,
)
from notification_sdk._signing import sign_request
from notification_sdk._sync.client import NotificationClient

TEST_URL = "https://notification.test"
TEST_KEY = "test-key-of-notification-sdk"
_MAX_CONTENT = 100_000
"""Characters, as the service has it."""
_NEVER_TRIED = ("TEMPLATE_CONTENT_NOT_FOUND", "CHANNEL_NOT_CONFIGURED")


@dataclass(frozen=True, kw_only=True)
class SentNotification:
    """One notification that the fake service took, on one channel."""

    user_id: str
    channel: str
    status: str
    content: str
    subject: str | None
    template_key: str | None
    variables: Mapping[str, Any] | None
    metadata: Mapping[str, Any] | None
    message_id: str
    idempotency_key: str | None


class FakeNotificationService:
    """Answers as the service does, from memory.

    It checks signatures and requests, keeps configurations, templates and logs, and sends once per
    idempotency key. Users without any configuration are reached on every channel; `add_user`
    gives one configurations.

    Args:
        key: the API secret key that requests must be signed with; empty takes unsigned ones too.

    Attributes:
        sent: every notification that was taken, oldest first.
        requests: every request that arrived.
    """

    def __init__(self, key: str = TEST_KEY) -> None:
        self.sent: list[SentNotification] = []
        self.requests: list[httpx.Request] = []
        self._key = key
        self._ids = itertools.count(1)
        self._configs = FakeConfigs(self._ids)
        self._templates = FakeTemplates()
        self._logs = FakeLogs()
        self._replies: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
        self._failures: list[Refusal | None] = []
        self._outcomes: dict[str, tuple[str, str, str]] = {}
        self._routes = [
            ("GET", "/health", self._health),
            ("POST", "/api/notifications/send", self._send),
            ("POST", "/api/notifications/batch", self._send_batch),
            *self._configs.routes(),
            *self._templates.routes(),
            *self._logs.routes(),
            *FakePersons(self._configs, self._logs).routes(),
        ]

    def transport(self) -> httpx.MockTransport:
        """Return an httpx transport, for sync and async clients."""
        return httpx.MockTransport(self.handle)

    def client(self, **options: Any) -> NotificationClient:
        """Return a sync client of this service that never sleeps.

        Args:
            **options: further arguments of `NotificationClient`.
        """
        defaults: dict[str, Any] = {"sleep": _no_sleep, "transport": self.transport()}
        return NotificationClient(TEST_URL, self._key, **(defaults | options))

    def async_client(self, **options: Any) -> AsyncNotificationClient:
        """Return an async client of this service that never sleeps.

        Args:
            **options: further arguments of `AsyncNotificationClient`.
        """
        defaults: dict[str, Any] = {"sleep": _no_async_sleep, "transport": self.transport()}
        return AsyncNotificationClient(TEST_URL, self._key, **(defaults | options))

    def add_user(self, user_id: str, *channels: str) -> None:
        """Configure channels of a user; the others then count as not configured.

        Raises:
            ValueError: no channel is named, or one that doesn't exist.
        """
        if not channels:
            raise ValueError("name at least one channel of the user")
        for channel in channels:
            _known_channel(channel)
        for channel in channels:
            self._configs.store(user_id, channel, {"webhook_url": "https://endpoint.test"})

    def add_template(self, key: str, content: str, *, subject: str | None = None) -> None:
        """Store a template with the same text for every channel."""
        text = {"content_template": content, "subject_template": subject}
        self._templates.store(key, {"contents": {channel: dict(text) for channel in CHANNELS}})

    def fail_next(
        self,
        status: int = 503,
        code: str = "DB_ERROR",
        *,
        error: str = "The fake service was told to fail.",
        retry_after: int | None = None,
    ) -> None:
        """Refuse the next request without doing anything; call it again for further requests.

        Raises:
            ValueError: the status isn't one of a refusal.
        """
        known("status", status, range(400, 600))
        if retry_after is not None:
            at_least("retry_after", retry_after, 0)
        self._failures.append(Refusal(status, code, error, retry_after=retry_after))

    def lose_next_answer(self) -> None:
        """Do what the next request asks for, and break the connection before the answer."""
        self._failures.append(None)

    def fail_channel(
        self,
        channel: str,
        *,
        code: str = "HTTP_ERROR",
        error: str = "HTTP 404",
        retry: bool = False,
    ) -> None:
        """Let every send over a channel fail; with ``retry``, be scheduled for a retry.

        Raises:
            ValueError: there is no such channel.
        """
        _known_channel(channel)
        self._outcomes[channel] = ("retry_scheduled" if retry else "failed", code, error)

    def settle(self, message_id: str, status: str) -> None:
        """Give a notification another status, such as ``sent`` after a retry.

        Raises:
            ValueError: there is no such status.
            KeyError: there is no such notification.
        """
        self._logs.settle(message_id, status)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.requests.append(request)
        told = bool(self._failures)
        failure = self._failures.pop(0) if told else None
        try:
            if failure is not None:
                raise failure
            status, document, headers = self._answer(request)
        except Refusal as refusal:
            return _refused(refusal)
        if told:
            raise httpx.ReadError("The fake service was told to lose this answer.", request=request)
        return httpx.Response(status, json={"success": True, **document}, headers=headers)

    def _answer(self, request: httpx.Request) -> Made:
        path = request.url.raw_path.decode("ascii").partition("?")[0]
        for method, pattern, answer in self._routes:
            found = re.fullmatch(pattern, path)
            if found and method == request.method:
                if path != "/health":
                    self._authenticate(request)
                body = json.loads(request.content) if request.content else {}
                segments = [unquote(group) for group in found.groups()]
                return answer(*segments, query=dict(request.url.params), body=body)
        raise Refusal(404, "NOT_FOUND", "Not found")

    def _authenticate(self, request: httpx.Request) -> None:
        if not self._key:
            return
        timestamp = request.headers.get("x-timestamp", "")
        if not timestamp or "x-signature" not in request.headers:
            raise Refusal(401, "MISSING_SIGNATURE", "Missing signature headers")
        expected = sign_request(
            self._key,
            timestamp=timestamp,
            method=request.method,
            target=request.url.raw_path.decode("ascii"),
            body=request.content,
        )
        if request.headers["x-signature"] != expected:
            raise Refusal(401, "INVALID_SIGNATURE", "Invalid signature")

    def _health(self, *, query: Mapping[str, str], body: Any) -> Made:
        connected = dict.fromkeys(("database", "cache", "queues"), "connected")
        return ok(status="healthy", version="fake", environment="test", **connected)

    def _send(self, *, query: Mapping[str, str], body: dict[str, Any]) -> Made:
        user_id, channels, after = _checked(body)
        key = body.get("idempotency_key")
        named = ("template_key", "variables", "custom_content", "send_at")
        identity = json.dumps(
            [user_id, sorted(channels), after, *(body.get(name) for name in named)], sort_keys=True
        )
        if key is not None and (user_id, key) in self._replies:
            kept, reply = self._replies[user_id, key]
            if kept != identity:
                text = "This idempotency key was used for a different request"
                raise Refusal(422, "IDEMPOTENCY_KEY_REUSED", text)
            return 200, reply, {"Idempotent-Replayed": "true"}
        configured = self._configs.of(user_id)
        if configured and not any(configured.get(channel) for channel in channels):
            raise Refusal(400, "USER_NO_CHANNELS", f"User {user_id} has no configured channels")
        request_id = f"request-{next(self._ids)}"
        # Every text is made before anything is kept: an unknown template leaves nothing behind.
        texts = {channel: self._text(channel, body) for channel in channels}
        results: dict[str, dict[str, Any]] = {}
        for channel in channels:
            results[channel] = self._deliver(
                channel,
                texts[channel],
                body,
                request_id,
                reachable=not configured or configured.get(channel, False),
                first=self._first(channel, after, results),
            )
        reply = {"request_id": request_id, "results": list(results.values())}
        if key is not None:
            self._replies[user_id, key] = (identity, reply)
        return 200, reply, {}

    def _send_batch(self, *, query: Mapping[str, str], body: dict[str, Any]) -> Made:
        sends = body.get("notifications")
        if not isinstance(sends, list) or not 1 <= len(sends) <= MAX_BULK:
            raise Refusal(400, "INVALID_REQUEST", f"notifications must be 1 to {MAX_BULK} sends")
        results = []
        for index, send in enumerate(sends):
            try:
                _, made, headers = self._send(query=query, body=send)
                shown = {"success": True, "results": made["results"], "replayed": bool(headers)}
            except Refusal as refusal:
                shown = {"success": False, "error": refusal.error, "code": refusal.code}
                shown["status"] = refusal.status
            results.append({"index": index, **shown})
        return ok(request_id=f"request-{next(self._ids)}", results=results)

    def _text(self, channel: str, body: Mapping[str, Any]) -> tuple[str, str | None] | None:
        custom = body.get("custom_content")
        if custom is not None:
            return str(custom["content"]), custom.get("subject")
        named = self._templates.text(body["template_key"], channel, body.get("variables") or {})
        base = channel.partition(":")[0]
        if named is not None or base == channel:
            return named
        return self._templates.text(body["template_key"], base, body.get("variables") or {})

    def _first(
        self, channel: str, after: Mapping[str, str], results: Mapping[str, Mapping[str, Any]]
    ) -> Mapping[str, Any] | None:
        """Return the result that a fallback waits for; ``None`` if it goes out at once."""
        while channel in after:
            channel = after[channel]
            if results[channel].get("code") not in _NEVER_TRIED:
                return results[channel]
        return None

    def _deliver(
        self,
        channel: str,
        text: tuple[str, str | None] | None,
        body: Mapping[str, Any],
        request_id: str,
        *,
        reachable: bool,
        first: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        status, code, error = self._outcomes.get(channel, ("sent", "", ""))
        waits: dict[str, Any] = {}
        if text is None:
            status, code = "failed", "TEMPLATE_CONTENT_NOT_FOUND"
            error = f"Template {body['template_key']} has no content for channel {channel}"
        elif not reachable:
            status, code = "failed", "CHANNEL_NOT_CONFIGURED"
            error = f"No active configuration for channel {channel}"
        elif body.get("send_at") is not None:
            status, code, error = "retry_scheduled", "", ""
            waits = {"send_at": body["send_at"]}
        answered = status, code, error
        if first is not None and code not in _NEVER_TRIED:
            before = self._logs.status(first["logId"])
            if before != "failed":
                status = "retry_scheduled" if before == "retry_scheduled" else "cancelled"
                code = error = ""
            waits = {"fallback_of": first["logId"]}
            text_of = f"A fallback: it goes out only if {first['channelType']} fails"
            answered = "retry_scheduled", "", text_of
        content, subject = text or ("", None)
        number = next(self._ids)
        sent = SentNotification(
            user_id=body["user_id"],
            channel=channel,
            status=status,
            content=content,
            subject=subject,
            template_key=body.get("template_key"),
            variables=body.get("variables"),
            metadata=body.get("metadata"),
            message_id=f"ntf_{number}_{channel}",
            idempotency_key=body.get("idempotency_key"),
        )
        self.sent.append(sent)
        self._logs.add(_row(sent, number, request_id, error, code))
        result = {
            "channelType": channel,
            "status": answered[0],
            "messageId": sent.message_id,
            "userId": sent.user_id,
            "logId": number,
            **waits,
        }
        told = {"code": answered[1], "error": answered[2]}
        return {**result, **{name: value for name, value in told.items() if value}}


def _row(
    sent: SentNotification, number: int, request_id: str, error: str, code: str
) -> dict[str, Any]:
    created = time_text(number)
    return {
        "id": number,
        "message_id": sent.message_id,
        "user_id": sent.user_id,
        "channel_type": sent.channel,
        "template_key": sent.template_key,
        "subject": sent.subject,
        "content": sent.content,
        "status": sent.status,
        "sent_at": created if sent.status == "sent" else None,
        "error": error or None,
        "code": code or None,
        "retry_count": 1 if sent.status == "retry_scheduled" else 0,
        "attempts": [],
        "next_retry_at": None,
        "request_id": request_id,
        "variables": sent.variables,
        "metadata": sent.metadata,
        "created_at": created,
    }


def _checked(body: Mapping[str, Any]) -> tuple[str, list[str], dict[str, str]]:
    """Return a send's recipient, its channels, each once, and which one each is a fallback of."""
    user_id, channels = body.get("user_id"), body.get("channels")
    if not isinstance(user_id, str) or not user_id:
        raise Refusal(400, "INVALID_USER_ID", "user_id is required and must be a string")
    if not isinstance(channels, list) or not channels:
        text = "channels is required and must be a non-empty array"
        raise Refusal(400, "INVALID_CHANNELS", text)
    groups = [each if isinstance(each, list) else [each] for each in channels]
    listed = [channel for group in groups for channel in group]
    for channel in listed:
        if str(channel).partition(":")[0] not in CHANNELS:
            text = f"Invalid channel: {channel}. Valid channels are: {', '.join(CHANNELS)}"
            raise Refusal(400, "INVALID_CHANNEL_TYPE", text)
    if body.get("template_key") is None and body.get("custom_content") is None:
        text = "Either template_key or custom_content must be provided"
        raise Refusal(400, "MISSING_CONTENT", text)
    _check_content(body.get("custom_content"))
    key = body.get("idempotency_key")
    if key is not None and not (isinstance(key, str) and 1 <= len(key) <= 255):
        text = "idempotency_key must be 1 to 255 characters"
        raise Refusal(400, "INVALID_IDEMPOTENCY_KEY", text)
    _check_object(body.get("variables"), "variables", 65_536)
    _check_object(body.get("metadata"), "metadata", 4_096)
    if body.get("send_at") is not None and not _has_zone(body["send_at"]):
        text = "send_at must be an ISO 8601 time with its zone, in the future, at most 7 days ahead"
        raise Refusal(400, "INVALID_REQUEST", text)
    after = {second: first for group in groups for first, second in itertools.pairwise(group)}
    return user_id, list(dict.fromkeys(listed)), after


def _check_content(custom: Any) -> None:
    if custom is None:
        return
    if not isinstance(custom, dict):
        raise Refusal(400, "INVALID_CUSTOM_CONTENT", "custom_content must be an object")
    content = custom.get("content")
    if not isinstance(content, str) or not content:
        text = "custom_content.content is required and must be a string"
    elif not content.strip():
        text = "custom_content.content must have a character that can be seen"
    elif len(content) > _MAX_CONTENT:
        text = f"custom_content.content must not exceed {_MAX_CONTENT} characters"
    else:
        return
    raise Refusal(400, "INVALID_CONTENT", text)


def _check_object(value: Any, name: str, max_bytes: int) -> None:
    if value is None:
        return
    code = f"INVALID_{name.upper()}"
    if not isinstance(value, dict):
        raise Refusal(400, code, f"{name} must be an object")
    if len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) > max_bytes:
        raise Refusal(400, code, f"{name} must not exceed {max_bytes} bytes of JSON")


def _has_zone(moment: Any) -> bool:
    try:
        return datetime.fromisoformat(moment).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _known_channel(channel: str) -> None:
    known("channel", channel.partition(":")[0], CHANNELS)


def _refused(refusal: Refusal) -> httpx.Response:
    after = refusal.retry_after
    document = {
        "success": False,
        "error": refusal.error,
        "code": refusal.code,
        "request_id": "request-0",
    }
    headers = {} if after is None else {"Retry-After": str(after)}
    return httpx.Response(refusal.status, json=document, headers=headers)


def _no_sleep(seconds: float) -> None:
    return None


async def _no_async_sleep(seconds: float) -> None:
    return None
