"""Keeping one Node host alive, and knowing whether it can be called."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx

from localcloud.errors import RuntimeDown, StartFailed
from localcloud.host_client import HostClient, HostError
from localcloud.host_process import HostLauncher, HostOrder, HostProcess

_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)  # seconds before each further restart, the last one repeats
_READY_SECONDS = 60.0

log = logging.getLogger("localcloud.runtime")


class Runtime:
    """The supervised host. After each (re)start `on_ready` sends it the whole desired state."""

    def __init__(
        self,
        launcher: HostLauncher,
        order: HostOrder,
        *,
        on_ready: Callable[[HostClient], Awaitable[None]],
        on_events: Callable[[list[str]], None],
        on_launch: Callable[[int], None],
    ) -> None:
        self._launcher = launcher
        self._order = order
        self._on_ready = on_ready
        self._on_events = on_events
        self._on_launch = on_launch
        self._process: HostProcess | None = None
        self._client: HostClient | None = None
        self._ready = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.restarts = 0

    @property
    def edge_port(self) -> int:
        """The port of the edge, once the host has started."""
        return self._order.edge_port

    @property
    def pid(self) -> int | None:
        """The host's process id, or None while there is none."""
        return self._process.pid if self._process else None

    @property
    def up(self) -> bool:
        """Whether the host runs and has been told everything."""
        return self._ready.is_set()

    async def start(self) -> None:
        """Launch the host, synchronise it, then watch over it. Raises LocalCloudError."""
        try:
            await self._launch()
        except HostError as error:
            raise StartFailed(
                f"The runtime refused the state that it should hold ({error}): see host.log in the "
                "cloud's log folder."
            ) from error
        self._tasks.append(asyncio.create_task(self._watch()))

    async def client(self) -> HostClient:
        """The host to call, waiting while it restarts. Raises RuntimeDown after a minute."""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._ready.wait()
        except TimeoutError as error:
            raise RuntimeDown(
                "The local runtime doesn't start: see host.log in the cloud's log folder, then run "
                "`make down` and `make up`."
            ) from error
        if self._client is None:
            raise RuntimeDown("The local runtime has been stopped.")
        return self._client

    def client_now(self) -> HostClient:
        """The host to call if it is up at this moment. Raises RuntimeDown."""
        if self._client is None or not self._ready.is_set():
            raise RuntimeDown("The local runtime is restarting.")
        return self._client

    async def stop(self) -> None:
        """End the host and stop watching it."""
        self._ready.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._forget()
        if self._process is not None:
            await self._process.stop()

    async def _launch(self) -> None:
        self._process = await self._launcher.launch(self._order)
        # A port that the system chose stays the same for all restarts of the host.
        self._order = replace(self._order, edge_port=self._process.edge_port)
        self._on_launch(self._process.pid)
        client = HostClient(self._process.control_port, self._order.token)
        self._client = client
        try:
            await self._on_ready(client)
        except BaseException:
            await self._process.stop()
            raise
        self._ready.set()
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.create_task(self._listen(client)))

    async def _watch(self) -> None:
        attempt = 0
        while True:
            if self._process is not None:
                await self._process.wait()
                self._process = None
            self._ready.clear()
            await self._forget()
            self.restarts += 1
            log.warning("the runtime ended, it is started again")
            await asyncio.sleep(_PAUSES[min(attempt, len(_PAUSES) - 1)])
            try:
                await self._launch()
                attempt = 0
            except Exception as error:  # whatever it was, the next try may succeed
                attempt += 1
                self._process = None
                log.error("the runtime doesn't start: %s", error)

    async def _forget(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _listen(self, client: HostClient) -> None:
        with contextlib.suppress(httpx.HTTPError):
            async for events in client.events():
                self._on_events(events)
