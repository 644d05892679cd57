"""The service on any platform: the work of the Worker's three events."""

from asyncio import gather
from collections.abc import Sequence

from notification.http.application import Application
from notification.http.request import Request
from notification.http.response import Response
from notification.identity import new_request_id
from notification.logging import Log
from notification.ports.platform import IncomingMessage, Platform
from notification.routes.table import MODULES, ROUTES

_REPEAT_AFTER_S = 30
# Queues of an older installation keep their names until they are empty.
_RETRY_QUEUES = frozenset({"retry-queue", "retry-queue-dev"})
_FAILED_QUEUES = frozenset(
    {
        "failed-queue",
        "failed-queue-dev",
        "failed-notifications-dlq",
        "failed-notifications-dlq-dev",
    }
)


class Service:
    """Answers requests, consumes queues and runs the cron.

    What only queues and cron need is imported by them: most isolates never do.
    """

    def __init__(self) -> None:
        self._application = Application(ROUTES, MODULES)

    async def answer(self, request: Request, platform: Platform) -> Response:
        """Answer one request; never raises."""
        return await self._application.answer(request, platform)

    async def consume(
        self, queue: str, messages: Sequence[IncomingMessage], platform: Platform
    ) -> None:
        """Hand a batch to the consumer of the queue.

        A batch of an unknown queue is retried, never acknowledged: a wrong setting must lose
        nothing.
        """
        log = _invocation_log(platform)
        settings = platform.settings
        if queue == settings.failed_queue_name or queue in _FAILED_QUEUES:
            from notification.delivery.dead_letter_consumer import DeadLetterConsumer
            from notification.tasks.operator_alert import OperatorAlert

            alert = OperatorAlert(platform, log)
            for served, part in await self._by_shard(messages, platform, log):
                await DeadLetterConsumer(served, log, alert).consume(part)
        elif queue == settings.retry_queue_name or queue in _RETRY_QUEUES:
            from notification.delivery.retry_consumer import RetryConsumer

            parts = await self._by_shard(messages, platform, log)
            works = [
                RetryConsumer(served, log, shares=len(parts)).consume(part)
                for served, part in parts
            ]
            if len(works) == 1:
                # Without a task, which costs turns of the event loop.
                await works[0]
            else:
                # A slow endpoint delays nobody's notifications in another database.
                await gather(*works)
        else:
            count = len(messages)
            log.write("error", "Unknown queue", type="queue_message", queue=queue, count=count)
            for message in messages:
                message.retry(_REPEAT_AFTER_S)

    async def _by_shard(
        self, messages: Sequence[IncomingMessage], platform: Platform, log: Log
    ) -> Sequence[tuple[Platform, Sequence[IncomingMessage]]]:
        if not platform.is_sharded:
            return [(platform, messages)]
        from notification.delivery.shard_messages import by_shard

        return await by_shard(messages, platform, log)

    async def run_cron(self, platform: Platform) -> None:
        """Run the tasks that are due.

        Raises:
            Exception: the first failure, after all tasks have run and it was logged.
        """
        from notification.tasks.cron import run_cron

        log = _invocation_log(platform)
        await run_cron(platform, scheduled_ms=platform.clock.now_ms(), log=log)


def _invocation_log(platform: Platform) -> Log:
    return Log.of(platform, requestId=new_request_id(platform.clock.now_ms(), platform.randomness))
