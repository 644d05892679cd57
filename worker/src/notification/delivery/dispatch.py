"""Which consumer a batch is for."""

from collections.abc import Sequence

from notification.delivery.dead_letter_consumer import DeadLetterConsumer
from notification.delivery.incoming import IncomingMessage
from notification.delivery.retry_consumer import REPEAT_AFTER_S, RetryConsumer
from notification.logging import Log
from notification.ports.platform import Platform

_RETRY_NAMES = frozenset({"retry-queue", "retry-queue-dev"})
_FAILED_NAMES = frozenset(
    {
        "failed-queue",
        "failed-queue-dev",
        "failed-notifications-dlq",
        "failed-notifications-dlq-dev",
    }
)


async def dispatch(
    queue: str, messages: Sequence[IncomingMessage], *, platform: Platform, log: Log
) -> None:
    """Hand a batch to its consumer: by the configured name, or one of an older installation.

    A batch of an unknown queue is repeated, never acknowledged: a wrong setting must lose nothing.
    """
    settings = platform.settings
    if queue == settings.failed_queue_name or queue in _FAILED_NAMES:
        await DeadLetterConsumer(platform, log).consume(messages)
    elif queue == settings.retry_queue_name or queue in _RETRY_NAMES:
        await RetryConsumer(platform, log).consume(messages)
    else:
        log.write("error", "Unknown queue", type="queue_message", queue=queue, count=len(messages))
        for message in messages:
            message.retry(REPEAT_AFTER_S)
