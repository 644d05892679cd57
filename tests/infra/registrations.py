"""Runs the Pulumi program without an engine and keeps what it registers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc, set_mocks
from pulumi.runtime.settings import SETTINGS, _get_rpc_manager
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _sync_await

VERSION_TYPE = "cloudflare:index/workerVersion:WorkerVersion"


@dataclass(frozen=True)
class Registration:
    """One resource as the program registered it; `secret` are the inputs sent as secrets."""

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    secret: frozenset[str]
    dependencies: frozenset[str]
    parent: str
    provider: str
    protect: bool
    retain_on_delete: bool


@dataclass(frozen=True)
class Declared:
    """All registrations of one run, and the stack's outputs."""

    registrations: Sequence[Registration]
    outputs: Mapping[str, Any]
    secret_outputs: frozenset[str]

    def of_type(self, name: str) -> list[Registration]:
        """The registrations whose type ends in `name`, such as 'Queue'."""
        return [r for r in self.registrations if r.type.rpartition(":")[2] == name]

    def one(self, name: str) -> Registration:
        """The registration of that logical name."""
        (found,) = [r for r in self.registrations if r.name == name]
        return found

    def bindings(self) -> dict[str, dict[str, Any]]:
        """The Worker version's bindings by name."""
        return {binding["name"]: binding for binding in self.one("version").inputs["bindings"]}

    def depends_on(self, dependent: str, on: str) -> bool:
        """Whether one logical name depends on another, directly or through others."""
        by_urn = {r.urn: r for r in self.registrations}
        target, seen, queue = self.one(on).urn, set(), [self.one(dependent).urn]
        while queue:
            urn = queue.pop()
            if urn in seen or urn not in by_urn:
                continue
            seen.add(urn)
            queue += by_urn[urn].dependencies
        return target in seen and dependent != on


class _Provider(mocks.Mocks):
    """Stands for the cloud: answers the inputs, an id, and what the cloud would compute.

    `before` are the outputs of the Worker version in the state, if there is one; `state` are type
    and outputs of others.
    """

    def __init__(
        self, before: Mapping[str, Any] | None, state: Sequence[Mapping[str, Any]]
    ) -> None:
        version = [{"type": VERSION_TYPE, "outputs": before}] if before else []
        self._state = [*version, *state]

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        computed: dict[str, dict[str, Any]] = {
            "Queue": {"queueId": f"{args.name}-id"},
            "QueueConsumer": {"consumerId": f"{args.name}-id"},
            "Migrations": {"schema_level": args.inputs.get("level")},
            "ReleaseLedger": {"releases": []},
        }
        kind = args.typ.rpartition(":")[2]
        return f"{args.name}-id", {**args.inputs, **computed.get(kind, {})}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        if args.token == "pulumi:pulumi:readStackOutputs":
            return {"outputs": {"release": {}} if self._state else {}}, []
        if args.token == "pulumi:pulumi:readStackResourceOutputs" and self._state:
            return {"outputs": {f"urn::{at}": one for at, one in enumerate(self._state)}}, []
        raise AssertionError(f"the program called {args.token}")


class _Recorder(mocks.MockMonitor):
    def __init__(
        self, before: Mapping[str, Any] | None, state: Sequence[Mapping[str, Any]]
    ) -> None:
        super().__init__(_Provider(before, state))
        self.registrations: list[Registration] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]  # Pulumi has no types here
        if request.type != "pulumi:pulumi:Stack":
            inputs = rpc.deserialize_properties(request.object)
            self.registrations.append(
                Registration(
                    urn=answer.urn,
                    type=request.type,
                    name=request.name,
                    inputs={key: rpc.unwrap_rpc_secret(value) for key, value in inputs.items()},
                    secret=frozenset(k for k, v in inputs.items() if rpc.is_rpc_secret(v)),
                    dependencies=frozenset(request.dependencies),
                    parent=request.parent,
                    provider=request.provider,
                    protect=bool(request.protect),
                    retain_on_delete=bool(request.retainOnDelete),
                )
            )
        return answer


def _require_event_loop() -> None:
    """See that there is a current event loop: the SDK wants one, and a test may have ended it."""
    try:
        asyncio.get_event_loop()
    except RuntimeError:
        asyncio.set_event_loop(asyncio.new_event_loop())


def declare_stack(
    program: Callable[[], Mapping[str, Any]],
    *,
    stack: str,
    before: Mapping[str, Any] | None = None,
    state: Sequence[Mapping[str, Any]] = (),
) -> Declared:
    """Run `program`, which returns the stack's outputs, as the stack of that name.

    `before` are the outputs of the Worker version in the state, if there is one; `state` are type
    and outputs of other resources there.
    """
    _require_event_loop()
    # A run that failed leaves registrations behind that wait for ever.
    _get_rpc_manager().clear()
    SETTINGS.outputs.clear()
    recorder = _Recorder(before, state)
    set_mocks(recorder.mocks, project="notification-system", stack=stack, monitor=recorder)
    outputs: dict[str, Any] = {}
    secret: set[str] = set()

    async def resolve(found: Mapping[str, Any]) -> None:
        for name, value in found.items():
            output = pulumi.Output.from_input(value)
            outputs[name] = await output.future()
            if await output.is_secret():
                secret.add(name)

    def run() -> None:
        _sync_await(resolve(program()))

    _sync_await(run_pulumi_func(run))
    return Declared(tuple(recorder.registrations), outputs, frozenset(secret))
