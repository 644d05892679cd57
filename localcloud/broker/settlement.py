"""What becomes of each message of a batch, from what the consumer said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.broker.message_store import Message, Retry


@dataclass(frozen=True)
class Settlement:
    """Messages that are done, that come again, and that have used up their retries."""

    done: list[Message]
    retries: list[Retry]
    dead: list[Message]


def settle(
    batch: Sequence[Message],
    answer: dict[str, Any],
    *,
    max_retries: int,
    retry_delay_s: int,
    now_ms: int,
) -> Settlement:
    """Decide on every message of `batch`.

    Acknowledged explicitly (`ack`, `ackAll`): done, even where the handler failed afterwards. Else
    an explicit retry, a retried batch or a failed handler: again, after the message's own delay,
    the batch's, or the consumer's, in this order. Else done. A message whose delivery failed more
    often than `max_retries` is dead.
    """
    acknowledged = set(answer.get("explicitAcks") or [])
    own_retries = {
        entry["msgId"]: entry.get("delaySeconds") for entry in answer.get("retryMessages") or []
    }
    batch_retry = answer.get("retryBatch") or {}
    failed = answer.get("outcome") != "ok"
    result = Settlement([], [], [])
    for message in batch:
        asked_again = message.id in own_retries
        said_done = message.id in acknowledged or (answer.get("ackAll") and not asked_again)
        if said_done or not (asked_again or batch_retry.get("retry") or failed):
            result.done.append(message)
        elif message.attempts + 1 > max_retries:
            result.dead.append(message)
        else:
            delays = (own_retries.get(message.id), batch_retry.get("delaySeconds"), retry_delay_s)
            delay = next(delay for delay in delays if delay is not None)
            result.retries.append(Retry(message.sequence, now_ms + int(delay * 1000)))
    return result
