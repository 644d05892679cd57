"""The Worker's three handlers. Everything they do is in the package `notification`."""

from typing import Any

from notification.app.worker import Worker
from workers import WorkerEntrypoint

# Empty at import, so that the memory snapshot freezes neither a secret nor a clock.
_worker = Worker()


class Default(WorkerEntrypoint):
    """The Worker's entry point: HTTP requests, both queues, and the five-minute cron.

    The runtime passes environment and context to `queue` and `scheduled`; both are attributes here.
    """

    async def fetch(self, request: Any) -> Any:
        """Answer one HTTP request; never raises."""
        return await _worker.fetch(request.js_object, self.ctx)

    async def queue(self, batch: Any, env: Any = None, ctx: Any = None) -> None:
        """Consume one batch; raises nothing that would make the platform repeat settled work."""
        await _worker.queue(batch._binding, self.ctx)

    async def scheduled(self, controller: Any, env: Any = None, ctx: Any = None) -> None:
        """Run the tasks that are due; a failure is logged, then raised for the platform to show."""
        await _worker.scheduled(self.ctx)
