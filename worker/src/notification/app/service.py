"""The service on any platform: the work of the Worker's three events."""

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
            await DeadLetterConsumer(platform, log, alert).consume(messages)
        elif queue == settings.retry_queue_name or queue in _RETRY_QUEUES:
            from notification.delivery.retry_consumer import RetryConsumer

            await RetryConsumer(platform, log).consume(messages)
        else:
            count = len(messages)
            log.write("error", "Unknown queue", type="queue_message", queue=queue, count=count)
            for message in messages:
                message.retry(_REPEAT_AFTER_S)

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
