"""Queue messages where users are spread over several databases: each goes to its row's."""

from collections.abc import Sequence

from notification.compact_json import compact_json
from notification.delivery.retry_message import parse_retry_message
from notification.errors import ServiceError
from notification.logging import Log
from notification.ports.database import DatabaseError, Statement
from notification.ports.platform import IncomingMessage, Platform
from notification.storage.shards import MOVED_AFTER_S, current_placement

_REPEAT_AFTER_S = 30
_USERS = """
SELECT id, user_id FROM notification_logs WHERE id IN (SELECT value FROM json_each(?1))
"""


async def by_shard(
    messages: Sequence[IncomingMessage], platform: Platform, log: Log
) -> list[tuple[Platform, list[IncomingMessage]]]:
    """Return the messages by the database that holds their rows, as all databases are asked.

    Those whose user is being moved come again later, and so do all if a database doesn't answer.
    Messages without a row are the first database's.
    """
    asked = [parse_retry_message(message.body) for message in messages]
    ids = compact_json([each.log_id for each in asked if each is not None])
    try:
        placement = await current_placement(platform)
        [found] = await platform.everywhere.batch([Statement(_USERS, (ids,))])
    except (DatabaseError, ServiceError) as error:
        log.write("error", "Finding the rows of messages failed", error=str(error))
        for message in messages:
            message.retry(_REPEAT_AFTER_S)
        return []
    users = {int(row["id"]): str(row["user_id"]) for row in found.rows}
    parts: dict[int, list[IncomingMessage]] = {}
    for message, each in zip(messages, asked, strict=True):
        user_id = None if each is None else users.get(each.log_id)
        if user_id is not None and placement.moves(user_id):
            message.retry(MOVED_AFTER_S)
            log.write("info", "Retry message: its user is being moved", type="queue_message")
            continue
        shard = 0 if user_id is None else placement.shard(user_id)
        parts.setdefault(shard, []).append(message)
    return [(served, parts[n]) for n, served in enumerate(platform.shards) if n in parts]
