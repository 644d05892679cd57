"""`POST /api/notifications/batch`: many sends in one request, or one send to many recipients."""

from collections.abc import Mapping, Sequence
from typing import Any

from notification.channels.registry import CHANNELS
from notification.errors import ServiceError
from notification.http.limits import within_limit_of
from notification.http.response import Response, success
from notification.http.router import Call, Route
from notification.http.unread_fields import UnreadFields
from notification.logging import Log
from notification.ports.database import DatabaseError
from notification.ports.platform import Platform
from notification.sending.batch import MAX_FIRST_ATTEMPTS, MAX_SENDS, Answer, BatchSender
from notification.sending.command import (
    CUSTOM_FIELDS,
    SEND_FIELDS,
    SendCommand,
    parse_send,
)
from notification.sending.result import undelivered_channels
from notification.sending.send import Sender

_WRONG = (
    f"Either notifications (1 to {MAX_SENDS} sends) or user_ids (1 to {MAX_SENDS} recipients of"
    " one send) must be provided"
)

_TWO_KINDS = "user_ids and user_id both name recipients: give one of them"
_TRIPS = 4
"""Calls that each further database takes from the first attempts: three batches and a queue's."""
_SEVERAL_FIELDS = frozenset(("notifications", "user_ids"))
_SHARED_FIELDS = SEND_FIELDS | _SEVERAL_FIELDS
_ONE_KEY = (
    "Idempotency-Key is the key of one send: give each of the notifications its own idempotency_key"
)


async def send_batch(call: Call) -> Response:
    """200 with one answer per send, in their order; a send that is refused fails alone.

    With `user_ids` the other fields are those of a send, and each recipient gets it once under
    the same idempotency key. Among `notifications` each has a key of its own.
    """
    request, platform = call.request, call.platform
    header_key = request.headers.get("idempotency-key")
    body = request.json_object()
    is_shared = body.get("notifications") is None
    request.check_fields(body, _SHARED_FIELDS if is_shared else _SEVERAL_FIELDS)
    if is_shared:
        request.check_fields(body.get("custom_content"), CUSTOM_FIELDS, "custom_content")
    bodies = _bodies(body)
    if header_key is not None and "user_ids" not in body:
        raise ServiceError("INVALID_IDEMPOTENCY_KEY", _ONE_KEY)
    log = Log.of(platform, gathered=request.accepted, requestId=request.id)
    answers: dict[int, Answer] = {}
    commands: dict[int, SendCommand] = {}
    for place, each in enumerate(bodies):
        try:
            commands[place] = await _parsed(call, each, header_key)
        except ServiceError as error:
            answers[place] = error
    named = (channel for command in commands.values() for channel in command.channels)
    request.channels = tuple(sorted(set(named)))
    left = MAX_FIRST_ATTEMPTS
    while waiting := {place: commands[place] for place in commands if place not in answers}:
        served, chosen = await _of_one_database(platform, waiting, answers)
        sender = Sender(served, request_id=request.id, own_host=request.host, log=log)
        batch = BatchSender(
            sender, platform=served, own_host=request.host, log=log, attempts_left=left
        )
        try:
            sent: list[Answer] = await batch.send(list(chosen.values()))
        except ServiceError as error:
            if chosen == commands:
                raise
            # What other databases have taken is answered for.
            sent = [error] * len(chosen)
        answers |= zip(chosen, sent, strict=True)
        left = max(batch.attempts_left - _TRIPS, 0)
    taken = [each.results for each in answers.values() if not isinstance(each, ServiceError)]
    request.undelivered = undelivered_channels(entry for each in taken for entry in each)
    return success(
        request_id=request.id,
        results=[
            _shown(place, answers[place], [] if is_shared else _unread(each))
            for place, each in enumerate(bodies)
        ],
    )


async def _of_one_database(
    platform: Platform, waiting: Mapping[int, SendCommand], answers: dict[int, Answer]
) -> tuple[Platform, dict[int, SendCommand]]:
    """Return the sends to the users of one database, with its platform; refuse who is moving.

    Asked anew for each database: the attempts for the one before take their time.
    """
    if not platform.is_sharded:
        return platform, dict(waiting)
    served, chosen = platform, dict[int, SendCommand]()
    for place, command in waiting.items():
        try:
            found = await platform.for_user(command.user_id)
        except ServiceError as error:
            answers[place] = error
        except DatabaseError:
            answers[place] = ServiceError("DB_ERROR", "The database did not answer")
        else:
            served = served if chosen else found
            if found.shard == served.shard:
                chosen[place] = command
    return served, chosen


def _bodies(body: dict[str, Any]) -> list[Any]:
    sends, users = body.get("notifications"), body.get("user_ids")
    if (sends is None) == (users is None):
        raise ServiceError("INVALID_REQUEST", _WRONG)
    listed = sends if users is None else users
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_SENDS:
        raise ServiceError("INVALID_REQUEST", _WRONG)
    if users is None:
        return listed
    if "user_id" in body:
        raise ServiceError("INVALID_REQUEST", _TWO_KINDS)
    shared = {name: value for name, value in body.items() if name != "user_ids"}
    return [{**shared, "user_id": user} for user in listed]


async def _parsed(call: Call, body: Any, header_key: str | None) -> SendCommand:
    """Count a send for its recipient and return it.

    Raises:
        ServiceError: it is refused.
    """
    if not isinstance(body, dict):
        raise ServiceError("INVALID_REQUEST", "A send must be an object")
    await within_limit_of(body.get("user_id"), call.platform)
    return parse_send(
        body,
        known_channels=CHANNELS,
        header_key=header_key,
        now_ms=call.platform.clock.now_ms(),
    )


def _unread(body: Any) -> list[dict[str, Any]]:
    """Return the warning of fields of one send that nobody reads, if it has such."""
    unread = UnreadFields()
    if isinstance(body, dict):
        unread.check(body, SEND_FIELDS)
        unread.check(body.get("custom_content"), CUSTOM_FIELDS, "custom_content")
    return unread.warnings()


def _shown(place: int, answer: Answer, unread: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not isinstance(answer, ServiceError):
        taken: dict[str, Any] = {
            "index": place,
            "success": True,
            "results": answer.results,
            "replayed": answer.replayed,
        }
        warnings = [*answer.warnings, *unread]
        return {**taken, "warnings": warnings} if warnings else taken
    shown: dict[str, Any] = {
        "index": place,
        "success": False,
        "error": answer.text,
        "code": answer.code,
        "status": answer.status,
    }
    if answer.retry_after is not None:
        shown["retryAfter"] = answer.retry_after
    if unread:
        shown["warnings"] = list(unread)
    return shown


ROUTES = (Route("POST", "/api/notifications/batch", send_batch),)
