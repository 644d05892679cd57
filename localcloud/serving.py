"""The command `serve`: run the cloud in this process until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from localcloud.endpoints import Endpoints, Ports
from localcloud.errors import DiskFull, LocalCloudError, StartFailed, is_disk_full
from localcloud.file_lock import LockTaken, locked
from localcloud.home import CloudHome
from localcloud.host_process import HostLauncher
from localcloud.process_record import Identity, ProcessRecord, end
from localcloud.server import CloudServer

_OTHER_SERVER_SECONDS = 5.0
_OLD_HOST_SECONDS = 20.0

log = logging.getLogger("localcloud.serving")

Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Serving:
    """One run of the server; `report` hears {"step"}, then {"ready"} or {"error"}."""

    home: CloudHome
    ports: Ports
    report: Report
    launcher: HostLauncher | None = None

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; returns the exit code, 0 after an orderly end."""
        try:
            self.home.create()
            with locked(self.home.serve_lock, seconds=_OTHER_SERVER_SECONDS):
                return asyncio.run(self._serve())
        except LockTaken:
            text = f"Another local cloud already serves {self.home.cloud}: stop that one first."
            return self._failed(StartFailed(text))
        except LocalCloudError as error:
            return self._failed(error)
        except (OSError, sqlite3.Error) as error:
            if is_disk_full(error):
                return self._failed(DiskFull.at(self.home.cloud))
            text = f"The state in {self.home.cloud} can't be used: {error}."
            return self._failed(StartFailed(text))

    async def _serve(self) -> int:
        leaving = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, leaving.set)
        before = ProcessRecord.read(self.home.record)
        if before is not None:
            # The host of a killed server leaves by itself at the end of its input.
            await asyncio.to_thread(end, before.host, grace_s=_OLD_HOST_SECONDS, ask=False)
        me = Identity.of(os.getpid())
        assert me is not None  # noqa: S101  narrowing: this process lives
        record = ProcessRecord("starting", me, self.ports)
        record.write(self.home.record)

        def remember(pid: int) -> None:
            nonlocal record
            record = replace(record, host=Identity.of(pid))
            record.write(self.home.record)

        server = CloudServer(self.home, self.ports, self.launcher, on_launch=remember)
        starting = asyncio.create_task(
            server.start(on_step=lambda text: self.report({"step": text}))
        )
        asked = asyncio.create_task(leaving.wait())
        await asyncio.wait([starting, asked], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
        try:
            ports = await starting
        except asyncio.CancelledError:
            self.home.record.unlink(missing_ok=True)
            return 0

        record = replace(record, state="ready", ports=ports)
        record.write(self.home.record)
        public = Endpoints.on(ports, api_token="").public()
        log.info("serving at %s", public)
        self.report({"ready": public})
        await leaving.wait()
        asked.cancel()
        await server.stop()
        self.home.record.unlink(missing_ok=True)
        return 0

    def _failed(self, error: LocalCloudError) -> int:
        self.report({"error": {"kind": error.kind, "message": str(error)}})
        return 1


def json_lines(document: dict[str, Any]) -> None:
    """Report to a parent process: one JSON line each, silently dropped when it has gone."""
    try:
        print(json.dumps(document), flush=True)  # noqa: T201  standard output is the channel
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
