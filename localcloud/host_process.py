"""Starting the Node host and speaking its one-line handshake."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from localcloud.errors import NodeMissing, StartFailed
from localcloud.listening import ports_in_use

MIN_NODE = 20
_HANDSHAKE_SECONDS = 60.0
_EXIT_SECONDS = 20.0
_HANDOVER_SECONDS = 30.0
_HANDOVER_PAUSE = 0.5
_MAX_LINE_BYTES = 1024 * 1024
# Exit codes of the host.
_PORT_TAKEN = 3
_STATE_HELD = 4
_INSTALL = "install Node 20 or newer and run `make up` again"

log = logging.getLogger("localcloud.host")


@dataclass(frozen=True)
class HostOrder:
    """What the host is told on its standard input. `token` and `broker_token` are secrets."""

    token: str = field(repr=False)
    state_dir: Path
    edge_port: int
    broker_url: str
    broker_token: str = field(repr=False)
    node_modules: Path | None = None
    cache_dir: Path | None = None
    kv_delay_ms: int = 0

    def line(self) -> bytes:
        """The JSON line with the host's names of the fields."""
        document: dict[str, Any] = {
            "token": self.token,
            "stateDir": str(self.state_dir),
            "edgePort": self.edge_port,
            "brokerUrl": self.broker_url,
            "brokerToken": self.broker_token,
            "kvDelayMs": self.kv_delay_ms,
        }
        if self.node_modules is not None:
            document["nodeModules"] = str(self.node_modules)
        if self.cache_dir is not None:
            document["cacheDir"] = str(self.cache_dir)
        return json.dumps(document).encode() + b"\n"


class HostProcess(Protocol):
    """A host that has said where it listens."""

    control_port: int
    edge_port: int
    pid: int

    async def wait(self) -> None:
        """Return when the process has ended."""

    async def stop(self) -> None:
        """End it in an orderly way, by force where that takes too long."""


class HostLauncher(Protocol):
    """Something that starts a host."""

    async def launch(self, order: HostOrder) -> HostProcess:
        """Start it and wait for its handshake. Raises LocalCloudError."""


class _StateHeld(StartFailed):
    """Another host still works on the state folder."""


class NodeHost:
    """The launcher of the real host: `command` is the program and its first arguments."""

    def __init__(self, command: list[str] | None = None) -> None:
        self._command = command

    async def launch(self, order: HostOrder) -> HostProcess:
        """Start the process. Raises NodeMissing, PortInUse or StartFailed.

        A host that lost its server needs a moment to leave: while it holds the state, wait.
        """
        command = self._command or await node_command()
        deadline = asyncio.get_running_loop().time() + _HANDOVER_SECONDS
        while True:
            try:
                return await self._launch(command, order)
            except _StateHeld:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(_HANDOVER_PAUSE)

    async def _launch(self, command: list[str], order: HostOrder) -> HostProcess:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_MAX_LINE_BYTES,
        )
        running = _Running(process)
        try:
            async with asyncio.timeout(_HANDSHAKE_SECONDS):
                await running.handshake(order)
        except TimeoutError as error:
            await running.stop()
            raise StartFailed(
                f"The runtime said nothing for {_HANDSHAKE_SECONDS:.0f} seconds: see host.log in "
                "the cloud's log folder."
            ) from error
        except BaseException:
            await running.stop()
            raise
        return running


class _Running:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._last_error: dict[str, Any] = {}
        self._diagnostics = asyncio.create_task(self._read_diagnostics())
        self._output: asyncio.Task[None] | None = None
        self.pid = process.pid
        self.control_port = 0
        self.edge_port = 0

    async def handshake(self, order: HostOrder) -> None:
        assert self._process.stdin is not None  # noqa: S101  narrowing: both were asked for as pipes
        assert self._process.stdout is not None  # noqa: S101  narrowing, as above
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._process.stdin.write(order.line())
            await self._process.stdin.drain()
        try:
            line = await self._process.stdout.readline()
            if line:
                ports = json.loads(line)
                self.control_port = int(ports["controlPort"])
                self.edge_port = int(ports["edgePort"])
        except (ValueError, TypeError, KeyError, RecursionError):
            raise StartFailed(
                "The runtime's first line isn't its ports: see host.log in the cloud's log folder; "
                "changed packages come back with `make install`."
            ) from None
        if not line:
            await self._process.wait()
            await self._diagnostics
            raise self._reason(order)
        self._output = asyncio.create_task(_discard(self._process.stdout))

    def _reason(self, order: HostOrder) -> Exception:
        if self._process.returncode == _PORT_TAKEN:
            return ports_in_use({"edge": int(self._last_error.get("port", order.edge_port))})
        said = self._last_error.get("message") or self._last_error.get("error")
        reason = f" ({said})" if said else ""
        kind = _StateHeld if self._process.returncode == _STATE_HELD else StartFailed
        return kind(
            f"The runtime ended with code {self._process.returncode}{reason}: see host.log in the "
            "cloud's log folder; missing packages come back with `make install`."
        )

    async def _read_diagnostics(self) -> None:
        assert self._process.stderr is not None  # noqa: S101  narrowing: asked for as a pipe
        while line := await _line(self._process.stderr):
            text = line.decode("utf-8", "replace").rstrip()
            log.info("%s", text)
            with contextlib.suppress(ValueError):
                document = json.loads(text)
                if isinstance(document, dict) and "error" in document:
                    self._last_error = document

    async def wait(self) -> None:
        await self._process.wait()

    async def stop(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()  # end of input asks the host to leave
        for last_resort in (signal.SIGTERM, signal.SIGKILL, None):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EXIT_SECONDS):
                    await self._process.wait()
                break
            if last_resort is not None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.send_signal(last_resort)
        for task in (self._diagnostics, self._output):
            if task is not None:
                task.cancel()


async def _line(stream: asyncio.StreamReader) -> bytes:
    """The next line; one that is longer than the limit is left out, never left unread."""
    while True:
        try:
            return await stream.readline()
        except ValueError:
            continue


async def _discard(stream: asyncio.StreamReader) -> None:
    while await stream.read(65536):
        pass


async def node_command() -> list[str]:
    """The command that starts the host. Raises NodeMissing with the sentence for a person."""
    node = shutil.which("node")
    if node is None:
        raise NodeMissing(f"Node isn't on the PATH: {_INSTALL}.")
    process = await asyncio.create_subprocess_exec(
        node, "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    said = (await process.communicate())[0].decode("utf-8", "replace").strip()
    major = said.removeprefix("v").split(".")[0]
    if not major.isdecimal() or int(major) < MIN_NODE:
        raise NodeMissing(
            f"Node {said or 'of an unknown version'} at {node} is too old: {_INSTALL}."
        )
    script = Path(__file__).parent / "host" / "main.mjs"
    if not (project_root() / "node_modules" / "workerd").is_dir():
        raise NodeMissing(
            f"The Node packages aren't installed: run `make install` in {project_root()}."
        )
    return [node, str(script)]


def project_root() -> Path:
    """The folder that holds the package and `node_modules`."""
    return Path(__file__).resolve().parent.parent
