"""Any webhook becomes a notification.

`/web_hook/bridge/{user_id}/{channel_type}` asks for a token,
`/api/webhooks/standard/{user_id}/{channel_type}` for a Standard Webhooks signature.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from notification.bridge.body import ParsedBody, parse_body
from notification.bridge.message import (
    MAX_CONTENT,
    BridgeMessage,
    bridge_message,
    call_key,
    delivery_key,
    event_message,
)
from notification.channels.registry import CHANNELS
from notification.channels.standard_webhooks import is_genuine, signing_keys
from notification.configuration.channel_config import ChannelConfig, ConfigReader, KnownConfigs
from notification.configuration.key_ring import KeyRing
from notification.errors import ChannelRefusal, ServiceError
from notification.foreign_json import TooDeep
from notification.http.admission import equal
from notification.http.limits import hops_of
from notification.http.response import Response, bare, failure
from notification.http.router import Access, Call, Route
from notification.identity import recipient_id
from notification.logging import Log
from notification.markup.plain_text import clean, cut
from notification.sending.command import MAX_SUBJECT, SendCommand
from notification.sending.result import undelivered_channels
from notification.sending.send import Sender
from notification.storage.config_rows import ConfigRows


class Received(NamedTuple):
    """The message of a call, and how many of its bytes could not be read as they were declared."""

    message: BridgeMessage
    replaced_bytes: int


async def forward(call: Call) -> Response:
    """Forward a webhook of any form as a notification.

    200 means that the message was sent or will be retried: the caller need not repeat it.
    """
    started = call.platform.clock.now_ms()
    channel = call.parameters["channel_type"]
    config = await _config(call, channel)
    _check_token(call, config)
    return await _forwarded(call, config, _message, _key, started)


def _key(call: Call, user_id: str) -> str | None:
    request = call.request
    return call_key(
        user_id=user_id,
        channel=call.parameters["channel_type"],
        query=request.query,
        headers=request.headers,
    )


async def receive_standard(call: Call) -> Response:
    """Forward a webhook whose sender signs as Standard Webhooks 1.0 says.

    The key is the recipient's `inbound_secret`. A `webhook-id` counts once in a day.
    """
    started = call.platform.clock.now_ms()
    channel = call.parameters["channel_type"]
    config = await _config(call, channel)
    _check_signature(call, config)
    return await _forwarded(call, config, _event_message, _delivery, started)


def _delivery(call: Call, user_id: str) -> str:
    delivery = call.request.headers["webhook-id"]
    return delivery_key(user_id, call.parameters["channel_type"], delivery)


async def _forwarded(
    call: Call,
    config: ChannelConfig | None,
    read_message: Callable[[Call], Received],
    find_key: Callable[[Call, str], str | None],
    started: int,
) -> Response:
    channel = call.parameters["channel_type"]
    if channel not in CHANNELS:
        raise ServiceError(
            "INVALID_CHANNEL_TYPE",
            f"Invalid channel type. Must be one of: {', '.join(CHANNELS)}",
        )
    call.request.channels = (channel,)
    user_id = recipient_id(call.parameters["user_id"])
    hops = hops_of(call.request)
    key = find_key(call, user_id)
    received = read_message(call)
    if config is None or not config.is_active:
        return _not_found(call, channel)
    call.platform.memory.of(KnownConfigs).put([config], started)
    return await _sent(call, user_id, channel, received, key, hops, started)


async def _config(call: Call, channel: str) -> ChannelConfig | None:
    """Read the configuration from the database: a revoked token must not outlive a cache.

    A recipient without one costs the same work, so that a wrong token doesn't tell who exists.
    """
    platform = call.platform
    try:
        user_id = recipient_id(call.parameters["user_id"])
    except ServiceError:
        return None
    platform = await platform.for_user(user_id)
    row = await ConfigRows(platform.database).find(user_id, channel)
    return await platform.memory.of(ConfigReader).read(row, KeyRing(platform))


def _check_token(call: Call, config: ChannelConfig | None) -> None:
    """Compare with the recipient's own token, or else with the deployment's.

    In production there must be one of the two. The answer doesn't reveal whether the recipient
    exists.

    Raises:
        ServiceError: UNAUTHORIZED, or FORBIDDEN if there is no token to compare with.
    """
    settings = call.platform.settings
    own = (config.config or {}).get("bridge_token") if config is not None else None
    if own is not None and not isinstance(own, str):
        # Stored before tokens were checked: it closes the bridge, and nobody can present it.
        own = call.platform.randomness.token_bytes(32).hex()
    expected = own or settings.bridge_token
    presented = call.request.headers.get("x-bridge-token") or call.request.query.get("token", "")
    if not expected and not settings.production:
        return
    if expected and equal(presented, expected):
        return
    if settings.production and not settings.bridge_token:
        raise ServiceError(
            "FORBIDDEN",
            "The bridge is closed: it needs BRIDGE_TOKEN, or bridge_token in the recipient's"
            " configuration",
        )
    raise ServiceError("UNAUTHORIZED", "Invalid or missing bridge token")


def _check_signature(call: Call, config: ChannelConfig | None) -> None:
    """Compare with the recipient's own keys.

    The answer doesn't tell whether the recipient exists, nor which part is wrong.

    Raises:
        ServiceError: the signature isn't the recipient's.
    """
    try:
        keys = signing_keys((config and config.config) or {}, "inbound_secret")
    except ChannelRefusal:
        keys = []
    request = call.request
    if not is_genuine(request.headers, request.body, keys, call.platform.clock.now_ms()):
        raise ServiceError(
            "UNAUTHORIZED",
            "Invalid webhook signature: it needs the recipient's inbound_secret, and a"
            " webhook-timestamp within five minutes",
        )


def _message(call: Call) -> Received:
    parsed = _parsed(call)
    return Received(_cleaned(bridge_message(parsed.value)), parsed.replaced_bytes)


def _event_message(call: Call) -> Received:
    parsed = _parsed(call)
    return Received(_cleaned(event_message(parsed.value)), parsed.replaced_bytes)


def _parsed(call: Call) -> ParsedBody:
    request = call.request
    try:
        return parse_body(
            request.body,
            request.headers.get("content-type", ""),
            request.headers.get("content-encoding", ""),
            limit=call.platform.settings.max_request_size,
        )
    except TooDeep as error:
        raise ServiceError("INVALID_REQUEST", f"Invalid request body: {error}") from None


def _cleaned(message: BridgeMessage | None) -> BridgeMessage:
    if message is None:
        raise ServiceError(
            "MISSING_CONTENT",
            "No content to send",
            details="Unable to extract content from webhook payload",
        )
    return BridgeMessage(
        cut(clean(message.subject), MAX_SUBJECT).text,
        cut(clean(message.content), MAX_CONTENT).text,
    )


async def _sent(
    call: Call,
    user_id: str,
    channel: str,
    received: Received,
    key: str | None,
    hops: int,
    started: int,
) -> Response:
    request, platform = call.request, call.platform
    command = SendCommand(
        user_id=user_id,
        channels=(channel,),
        template_key=None,
        variables=None,
        content=received.message.content,
        subject=received.message.subject,
        idempotency_key=key,
        metadata=None,
        hops=hops,
    )
    sender = Sender(
        await platform.for_user(user_id),
        request_id=request.id,
        own_host=request.host,
        log=Log.of(platform, gathered=request.accepted, requestId=request.id),
    )
    try:
        sent = await sender.send(command)
    except ServiceError as error:
        if error.code == "USER_NO_CHANNELS":
            return _not_found(call, channel)
        raise
    request.undelivered = undelivered_channels(sent.results)
    duration = platform.clock.now_ms() - started
    headers = {"Idempotent-Replayed": "true"} if sent.replayed else {}
    # A repetition whose rows were deleted: it was forwarded, and nothing more is known.
    result = sent.results[0] if sent.results else {"status": "unknown", "messageId": None}
    if result["status"] == "failed":
        return _failed(call, result, user_id=user_id, channel=channel, duration=duration)
    payload: dict[str, Any] = {
        "success": True,
        "message": "Notification forwarded successfully",
        "message_id": result["messageId"],
        "duration": duration,
    }
    if received.replaced_bytes:
        payload["replaced_bytes"] = received.replaced_bytes
    if result["status"] != "sent":
        payload["status"] = result["status"]
    return bare(payload, headers=headers)


def _not_found(call: Call, channel: str) -> Response:
    error = ServiceError("NOT_FOUND", "User configuration not found")
    return failure(error, call.request.id, errors=[f"{channel}: User config not found"])


def _failed(
    call: Call, result: dict[str, Any], *, user_id: str, channel: str, duration: int
) -> Response:
    text = str(result.get("error") or "The message was not accepted")
    outcome = {
        "channel": channel,
        "success": False,
        "error": text,
        "message_id": result["messageId"],
    }
    details = {"user_id": user_id, "channel_type": channel, "results": [outcome]}
    error = ServiceError("ADAPTER_ERROR", text, details=details)
    return failure(error, call.request.id, errors=[f"{channel}: {text}"], duration=duration)


ROUTES = (
    Route(
        "POST",
        "/web_hook/bridge/{user_id}/{channel_type}",
        forward,
        access=Access.PUBLIC,
        query=("token", "idempotency_key"),
    ),
    Route(
        "POST",
        "/api/webhooks/standard/{user_id}/{channel_type}",
        receive_standard,
        access=Access.PUBLIC,
    ),
)
