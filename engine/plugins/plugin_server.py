"""Serve one plugin to the Pulumi CLI, as every Pulumi plugin does it.

The CLI starts the executable with its own address as the last argument, reads the port from the
first line of standard output, and keeps standard input open for as long as it lives.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc  # type: ignore[import-untyped] # ships no types

from engine.child_guard import guard
from engine.wire import MESSAGE_OPTIONS

_MAX_CALLS = 128
"""Calls at once: the CLI's default of parallel steps is 16, and a program's Run holds one."""


class PluginServer:
    """A gRPC server on a free port of this machine, for as long as it isn't stopped."""

    def __init__(self, register: Callable[[Any], None]) -> None:
        self._server = grpc.server(ThreadPoolExecutor(_MAX_CALLS), options=MESSAGE_OPTIONS)
        register(self._server)
        self.port = int(self._server.add_insecure_port("127.0.0.1:0"))
        self._server.start()

    def wait(self) -> None:
        """Return once the server is stopped."""
        self._server.wait_for_termination()

    def stop(self) -> None:
        """Answer no more calls."""
        self._server.stop(grace=None)


def serve(register: Callable[[Any], None]) -> None:
    """Serve until the CLI ends this process, or is gone itself."""
    guard()
    # The CLI interrupts a plugin that it has no more calls for.
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(0))
    server = PluginServer(register)
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    server.wait()


def engine_address(arguments: list[str]) -> str:
    """Return the CLI's address: the last argument that isn't an option; empty without one."""
    return next((item for item in reversed(arguments) if not item.startswith("-")), "")
