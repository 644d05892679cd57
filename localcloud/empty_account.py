"""A throw-away account on this machine that holds nothing and runs nothing."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path
from types import TracebackType

from localcloud.absent_host import AbsentHost
from localcloud.endpoints import Endpoints, Ports
from localcloud.errors import StartFailed
from localcloud.home import CloudHome
from localcloud.server import CloudServer

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_EDGE_PORT = 65535
"""No port is listened on there: the account's Workers have an address and never an answer."""


class EmptyAccount:
    """The control plane in a thread of this process, on ports of the system's choice.

    Use it as a context manager; `folder` is an empty folder of the caller's, who removes it.

    Example:
        >>> with EmptyAccount(Path("/tmp/plan")) as endpoints:
        ...     endpoints.account_id
        '00000000000000000000000000000001'
    """

    def __init__(self, folder: Path) -> None:
        self._home = CloudHome(folder)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Endpoints:
        """Start it. Raises LocalCloudError, and OSError where `folder` can't be written."""
        self._thread.start()
        self._server = CloudServer(self._home, Ports(0, _EDGE_PORT, 0), AbsentHost())
        starting = asyncio.run_coroutine_threadsafe(self._server.start(), self._loop)
        try:
            ports = starting.result(_START_SECONDS)
        except TimeoutError:
            self._end()
            raise StartFailed(
                f"The throw-away account did not start within {_START_SECONDS:.0f} seconds: "
                "run the command again when the machine has less to do."
            ) from None
        except BaseException:
            self._end()
            raise
        return Endpoints.on(ports, api_token=self._home.api_token())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        stopping = asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop)
        try:
            stopping.result(_STOP_SECONDS)
        finally:
            self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STOP_SECONDS)
        # The log files lie in a folder that goes away now.
        logging.getLogger("localcloud").handlers[:] = []
        logging.getLogger("uvicorn").handlers[:] = []
