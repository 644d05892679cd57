"""The Worker's three handlers. Everything they do is in the package `notification`.

They are functions and no entrypoint class, by `disable_python_no_global_handlers` (Cloudflare
changelog, 2025-08-14, "Python Workers handlers now live in an entrypoint class"). For each request
the runtime makes an object of such a class, wraps request and answer, and drives the method as an
asyncio task; a function's promise it hands on as it is, which spares a quarter of a send's time.
"""

from typing import Any

from notification.app.worker import Worker

# Empty at import, so that the memory snapshot freezes neither a secret nor a clock.
_worker = Worker()


def on_fetch(request: Any, env: Any, ctx: Any) -> Any:
    """Return a promise of the answer to one HTTP request."""
    return _worker.fetch(request, ctx)


async def on_queue(batch: Any, env: Any, ctx: Any) -> None:
    """Consume one batch; raises nothing that would make the platform repeat settled work."""
    await _worker.queue(batch, ctx)


async def on_scheduled(controller: Any, env: Any, ctx: Any) -> None:
    """Run the tasks that are due; a failure is logged, then raised for the platform to show."""
    await _worker.scheduled(ctx)
