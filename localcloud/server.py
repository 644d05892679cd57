"""The serving process: the control plane, the broker, the cron clock, the sink, and the host."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
from collections.abc import Callable, Iterator

import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.api.application import application
from localcloud.api.authentication import require_token
from localcloud.api.resources import Account
from localcloud.asset_store import AssetStore, used_hashes
from localcloud.broker.broker import Broker
from localcloud.broker.message_store import MessageStore
from localcloud.broker.producer import Producer
from localcloud.bundle_store import BundleStore
from localcloud.clock import VirtualClock
from localcloud.cron.cron_clock import CronClock
from localcloud.database import Database
from localcloud.desired_state import DesiredState
from localcloud.endpoints import LOOPBACK, Ports
from localcloud.errors import StartFailed
from localcloud.faults import FaultGate, Faults
from localcloud.front_page import FrontPage
from localcloud.github.application import github_api
from localcloud.github.directory import GITHUB
from localcloud.home import CloudHome
from localcloud.host_client import HostClient
from localcloud.host_process import HostLauncher, HostOrder, NodeHost, project_root
from localcloud.listening import listen
from localcloud.local_api import LocalApi
from localcloud.log_files import LogFiles
from localcloud.loopback_guard import LoopbackGuard
from localcloud.plan import is_free_plan
from localcloud.rate_limit import RateLimit, limit_from_environment
from localcloud.runtime import Runtime
from localcloud.schema import CONTROL_PLANE
from localcloud.sink.application import application as sink_application
from localcloud.sink.message_log import MessageLog
from localcloud.tail.connection import tail_route
from localcloud.tail.masking import TailProtocol
from localcloud.tail.tails import Tails

KV_VARIABLE = "NOTIFICATION_LOCAL_KV"
# developers.cloudflare.com/kv/concepts/how-kv-works: a location remembers a read for 60 seconds.
KV_DELAY_MS = 60_000
MAX_BODY_BYTES = 128 * 1024 * 1024  # the largest upload of modules, in base64
# Files of D1's import and objects of R2, which take more and are never whole in memory.
_STREAMING = re.compile(
    r"/local/d1-files/[^/]+|/client/v4/accounts/[^/]+/r2/buckets/[^/]+/objects/.+"
)
MAX_HOOK_BYTES = 4 * 1024 * 1024
MAX_WEBSOCKET_BYTES = 64 * 1024  # a tail's client has one short message
_TRACE = '{"type":"trace"'  # an event for watchers, which no log keeps
_BROKER_PATHS = {"/message", "/batch"}  # workerd's queue bindings know no prefix


def kv_delay_ms() -> int:
    """Return how long Workers don't see a value that was written elsewhere after they read it.

    Raises StartFailed where KV_VARIABLE is set to anything but `immediate`, which hides the delay.
    """
    text = os.environ.get(KV_VARIABLE, "")
    if text not in {"", "immediate"}:
        raise StartFailed(f"{KV_VARIABLE} is {text[:40]!r}: give 'immediate', or leave it out.")
    return 0 if text else KV_DELAY_MS


class CloudServer:
    """Everything that serves, in one event loop. Call `start`, later `stop`."""

    def __init__(
        self,
        home: CloudHome,
        ports: Ports,
        launcher: HostLauncher | None = None,
        *,
        on_launch: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`on_launch` hears the process id of each host that is started."""
        self._home = home
        self._on_launch = on_launch
        self._ports = ports
        self._launcher = launcher or NodeHost()
        self._closing = contextlib.AsyncExitStack()

    async def start(self, on_step: Callable[[str], None] = lambda _: None) -> Ports:
        """Listen, start the host and send it the whole state; returns the ports in use.

        Raises LocalCloudError, and OSError or sqlite3.Error where the disk can't be written.
        """
        try:
            return await self._start(on_step)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End in an orderly way: no new work, then the host, then the files."""
        await self._closing.aclose()

    async def _start(self, on_step: Callable[[str], None]) -> Ports:
        on_step("opening the state")
        control = listen("control", self._ports.control)
        self._closing.callback(control.close)
        sink = listen("sink", self._ports.sink)
        self._closing.callback(sink.close)
        self._home.create()
        self._build(control.getsockname()[1])
        sink_app = LoopbackGuard(self._sink, max_body=MAX_HOOK_BYTES)
        servers = [_server(self._control, websockets=True), _server(sink_app)]
        serving = [
            asyncio.create_task(server.serve(sockets=[listening]))
            for server, listening in zip(servers, (control, sink), strict=True)
        ]
        self._closing.push_async_callback(_leave, servers, serving)
        on_step("starting the runtime")
        self._closing.push_async_callback(self._desired.settle)
        self._closing.push_async_callback(self._runtime.stop)
        await self._runtime.start()
        self._closing.push_async_callback(self._broker.stop)
        self._broker.start()
        self._closing.push_async_callback(self._cron.stop)
        self._closing.push_async_callback(_cancel, asyncio.create_task(self._cron.run()))
        return Ports(control.getsockname()[1], self._runtime.edge_port, sink.getsockname()[1])

    def _build(self, control_port: int) -> None:
        home = self._home
        token = home.api_token()
        self._logs = LogFiles(home.logs)
        self._logs.install()
        self._database = Database(home.database, (*CONTROL_PLANE, *GITHUB))
        messages = MessageStore(home.broker_database)
        used = self._database.rows("SELECT DISTINCT bundle FROM versions")
        BundleStore(home.bundles).keep_only(row["bundle"] for row in used)
        self._clock = clock = VirtualClock(self._database)
        assets = AssetStore(home.assets, self._database)
        assets.keep_only(used_hashes(self._database, clock.now_ms()))
        received = MessageLog(home.sink_database, clock.now_ms)
        for opened in (self._logs, self._database, messages, received):
            self._closing.callback(opened.close)
        self._tails = Tails(clock)
        free_plan = is_free_plan()
        self._desired = DesiredState(self._database, home, free_plan=free_plan)
        control_url = f"http://{LOOPBACK}:{control_port}"
        broker_token = secrets.token_urlsafe(32)
        order = HostOrder(
            token=secrets.token_urlsafe(32),
            state_dir=home.runtime,
            edge_port=self._ports.edge,
            broker_url=control_url,
            broker_token=broker_token,
            node_modules=project_root() / "node_modules",
            cache_dir=project_root() / "build" / "cache" / "local-edge",
            kv_delay_ms=kv_delay_ms(),
        )
        self._runtime = Runtime(
            self._launcher,
            order,
            on_ready=self._on_ready,
            on_events=self._on_events,
            on_launch=self._on_launch,
        )
        self._desired.runtime = self._runtime
        self._broker = Broker(self._database, messages, clock, self._desired)
        self._cron = CronClock(self._database, clock, self._desired)
        producer = Producer(self._broker, broker_token)
        self._closing.callback(producer.close)
        account = Account(
            database=self._database,
            clock=clock,
            home=home,
            desired=self._desired,
            runtime=self._runtime,
            tails=self._tails,
            backlog=messages.backlog,
            queues_changed=self._broker.reload,
            queue_deleted=self._broker.drop_queue,
            schedules_changed=self._cron.look_again,
            free_plan=free_plan,
        )

        def check(request: Request) -> None:
            require_token(request, token)

        faults = Faults(clock)
        local = LocalApi(
            database=self._database,
            faults=faults,
            runtime=self._runtime,
            clock=clock,
            broker=self._broker,
            cron=self._cron,
            logs=self._logs,
            require_token=check,
        ).routes()
        page = FrontPage(
            self._database, self._runtime, clock, self._broker, self._desired, self._logs
        )
        routes = [
            *local,
            *page.routes(),
            tail_route(self._tails),
            github_api(self._database, clock, token),
        ]
        api: ASGIApp = application(account, token, routes)
        api = RateLimit(FaultGate(api, faults), clock, limit_from_environment())
        api = LoopbackGuard(api, max_body=MAX_BODY_BYTES, streaming=_STREAMING)
        self._control = _with_broker(api, producer)
        self._sink = sink_application(received, clock.now_ms)

    async def _on_ready(self, client: HostClient) -> None:
        told = self._clock.offset_ms
        await client.put_clock(told)
        await self._desired.send_everything(client)
        if scripts := self._tails.scripts():
            await client.put_tails(scripts)
        while told != self._clock.offset_ms:  # it was moved meanwhile
            told = self._clock.offset_ms
            await client.put_clock(told)

    def _on_events(self, lines: list[str]) -> None:
        for line in lines:
            if line.startswith(_TRACE):
                self._tails.publish(line)
        if kept := [line for line in lines if not line.startswith(_TRACE)]:
            self._logs.write(kept)


class _Server(uvicorn.Server):
    """A server among several in one process: it leaves the signals to whoever owns them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


def _server(app: ASGIApp, *, websockets: bool = False) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http="h11",
        ws=TailProtocol if websockets else "none",
        ws_max_size=MAX_WEBSOCKET_BYTES,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        timeout_keep_alive=60,
    )
    config.load()  # here, where a missing package stops the start; in the task nobody would see it
    return _Server(config)


async def _leave(servers: list[uvicorn.Server], serving: list[asyncio.Task[None]]) -> None:
    for server in servers:
        server.should_exit = True
    await asyncio.gather(*serving)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _with_broker(app: ASGIApp, producer: Producer) -> ASGIApp:
    """Send the broker's paths past the guard and the router.

    workerd's queue bindings name no real host, the broker has a token of its own, and a send is on
    the way of a user's request.
    """

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in _BROKER_PATHS:
            await producer(scope, receive, send)
        else:
            await app(scope, receive, send)

    return either
