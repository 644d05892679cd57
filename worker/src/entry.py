"""The Worker's three handlers. Everything they do is in the package `notification`."""

from typing import Any

from workers import WorkerEntrypoint

from notification.cloudflare.runtime import Runtime

# Empty at import, so that the memory snapshot freezes neither a secret nor a clock.
_runtime = Runtime()


class Default(WorkerEntrypoint):
    """`fetch` answers HTTP, `queue` consumes both queues, `scheduled` is the five-minute cron."""

    async def fetch(self, request: Any) -> Any:
        """Answer one HTTP request; never raises."""
        return await _runtime.fetch(request.js_object, self.ctx)

    async def queue(self, batch: Any) -> None:
        """Consume one batch; raises nothing that would make the platform repeat settled work."""
        await _runtime.queue(batch._binding, self.ctx)

    async def scheduled(self, controller: Any) -> None:
        """Run what is due; a failure is logged, then raised, so that the platform shows it."""
        await _runtime.scheduled(controller, self.ctx)
