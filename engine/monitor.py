"""The two services that a Pulumi program talks to: ResourceMonitor and Engine."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import grpc  # type: ignore[import-untyped] # ships no types
from google.protobuf import empty_pb2  # type: ignore[import-untyped] # ships no types
from pulumi.runtime.proto import engine_pb2, provider_pb2, resource_pb2

from engine.errors import EngineError, Stopped, Unsupported
from engine.goal import Goal
from engine.operation import Operation
from engine.property_value import Properties, unwrap
from engine.provider_registry import ProviderRegistry
from engine.registrar import Registrar
from engine.resource_state import ResourceState
from engine.snapshot import Snapshot
from engine.urn import ROOT_STACK_TYPE
from engine.wire import MESSAGE_OPTIONS, from_struct, reference_to_text, to_struct

_log = logging.getLogger(__name__)

#: How many resources a program may register at once, and the threads to serve it: the SDK uses
#: four times as many calls, and the call that waits for the end holds one.
PARALLEL = 16
_THREADS = 4 * PARALLEL + 8
#: secrets, resource references, output values, alias specs, deletedWith: what this engine does.
_FEATURES = tuple(resource_pb2.ResourceMonitorFeature.ValueType(n) for n in (0, 1, 2, 3, 5))
_NAME_ARGUMENT = {
    "pulumi:pulumi:readStackOutputs": "name",
    "pulumi:pulumi:readStackResourceOutputs": "stackName",
}
_ENDED = "Resource monitor has terminated"


class Monitor:
    """Serves one program on a loopback port of its own.

    ``last_error`` is the last error that the program logged, ``parallel`` how many resources it
    may register at once.
    """

    def __init__(
        self,
        operation: Operation,
        snapshot: Snapshot,
        registry: ProviderRegistry,
        registrar: Registrar,
    ) -> None:
        self._operation = operation
        self._snapshot = snapshot
        self._before = snapshot.resources
        self._registry = registry
        self._registrar = registrar
        self._stack_outputs: Properties | None = None
        self._finished_registering = threading.Event()
        self._may_end = threading.Event()
        self.last_error = ""
        self.parallel = PARALLEL
        options = [*MESSAGE_OPTIONS, ("grpc.so_reuseport", 0)]
        self._server = grpc.server(ThreadPoolExecutor(_THREADS), options=options)
        self._server.add_generic_rpc_handlers(
            [
                self._service("pulumirpc.ResourceMonitor", resource_pb2, self._monitor_methods()),
                self._service("pulumirpc.Engine", engine_pb2, self._engine_methods()),
            ]
        )
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.address = f"127.0.0.1:{port}"

    @property
    def finished_registering(self) -> threading.Event:
        """Set once the program has registered everything; never by one that failed."""
        return self._finished_registering

    @property
    def stack_outputs(self) -> Properties | None:
        """What the program exported; None where it did not get that far."""
        return self._stack_outputs

    def start(self) -> None:
        """Begin to serve."""
        self._server.start()

    def let_program_end(self) -> None:
        """Answer the program that waits for the end of the deletes."""
        self._may_end.set()

    def stop(self) -> None:
        """End the service once running calls have answered."""
        self._may_end.set()
        self._server.stop(grace=1).wait()

    def _monitor_methods(self) -> dict[str, tuple[Callable[[Any], Any], Any]]:
        request = resource_pb2
        return {
            "GetDeploymentInfo": (self._deployment_info, empty_pb2.Empty),
            "SupportsFeature": (self._supports_feature, request.SupportsFeatureRequest),
            "RegisterResource": (self._register, request.RegisterResourceRequest),
            "RegisterResourceOutputs": (
                self._register_outputs,
                request.RegisterResourceOutputsRequest,
            ),
            "Invoke": (self._invoke, request.ResourceInvokeRequest),
            "Call": (self._refuse("a method call"), request.ResourceCallRequest),
            "ReadResource": (self._refuse("reading by id"), request.ReadResourceRequest),
            "RegisterPackage": (
                self._refuse("a parameterized package"),
                request.RegisterPackageRequest,
            ),
            "SignalAndWaitForShutdown": (self._wait_for_end, empty_pb2.Empty),
        }

    def _engine_methods(self) -> dict[str, tuple[Callable[[Any], Any], Any]]:
        return {
            "Log": (self._log, engine_pb2.LogRequest),
            "RequirePulumiVersion": (
                lambda _: engine_pb2.RequirePulumiVersionResponse(),
                engine_pb2.RequirePulumiVersionRequest,
            ),
        }

    def _service(
        self, name: str, module: Any, methods: dict[str, tuple[Callable[[Any], Any], Any]]
    ) -> Any:
        handlers = {
            method: grpc.unary_unary_rpc_method_handler(
                self._guarded(method, answer),
                request_deserializer=message.FromString,
                response_serializer=lambda response: response.SerializeToString(),
            )
            for method, (answer, message) in methods.items()
        }
        return grpc.method_handlers_generic_handler(name, handlers)

    def _guarded(self, method: str, answer: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
        """UNAVAILABLE ends the program quietly: the cause is recorded and told by the engine."""

        def handle(request: Any, context: Any) -> Any:
            try:
                return answer(request)
            except Stopped:
                context.abort(grpc.StatusCode.UNAVAILABLE, _ENDED)
            except EngineError as error:
                self._operation.fail(str(error))
                context.abort(grpc.StatusCode.UNAVAILABLE, _ENDED)
            except Exception as error:
                _log.debug("%s failed", method, exc_info=error)
                self._operation.fail(
                    f"The engine failed in {method} ({type(error).__name__}: {error}); what was "
                    "done is kept: run the same command again."
                )
                context.abort(grpc.StatusCode.UNAVAILABLE, _ENDED)

        return handle

    def _deployment_info(self, _: Any) -> Any:
        run_context = self._operation.run_context
        return resource_pb2.DeploymentInfo(
            project=run_context.project,
            stack=run_context.stack,
            organization="organization",
            config=dict(run_context.config),
            configSecretKeys=sorted(run_context.secret_keys),
            dryRun=run_context.dry_run,
            parallel=PARALLEL,
            supportedFeatures=_FEATURES,
        )

    def _supports_feature(self, request: Any) -> Any:
        names = ("secrets", "resourceReferences", "outputValues", "aliasSpecs", "deletedWith")
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in names)

    def _register(self, request: Any) -> Any:
        run_context = self._operation.run_context
        goal = Goal.from_request(
            request,
            stack=run_context.stack,
            project=run_context.project,
            parent=self._registrar.goals.get(request.parent),
        )
        state = self._registrar.register(goal)
        outputs = state.outputs if state.custom else {}
        return resource_pb2.RegisterResourceResponse(
            urn=state.urn,
            id=state.id,
            object=to_struct(outputs, keep_secrets=request.acceptSecrets),
        )

    def _register_outputs(self, request: Any) -> Any:
        outputs = from_struct(request.outputs)
        self._operation.redaction.learn(outputs)
        state = self._snapshot.find(request.urn)
        if state is not None and state.type == ROOT_STACK_TYPE:
            self._stack_outputs = outputs
        elif state is not None and state.outputs != outputs:
            self._set_outputs(state, outputs)
        return empty_pb2.Empty()

    def _set_outputs(self, state: ResourceState, outputs: Properties) -> None:
        self._snapshot.amend(state, replace(state, outputs=outputs))
        if not self._operation.dry_run:
            self._snapshot.write()

    def _invoke(self, request: Any) -> Any:
        self._operation.raise_if_stopped()
        token: str = request.tok
        if token.startswith("pulumi:"):
            return self._builtin(token, from_struct(request.args))
        package = token.split(":", 1)[0]
        goal = Goal(
            urn="",
            type=token,
            name="",
            custom=True,
            inputs={},
            provider=request.provider,
            version=request.version,
        )
        provider = self._registry.get(self._registry.reference_for(goal))
        if provider is None:
            return provider_pb2.InvokeResponse()
        args = unwrap(reference_to_text(from_struct(request.args)))
        answer = provider.invoke(token, args)
        if answer.failures:
            reasons = "; ".join(reason for _, reason in answer.failures)
            raise EngineError(f"The function {token} of {package} refused its arguments: {reasons}")
        return provider_pb2.InvokeResponse(
            **{"return": to_struct(answer.inputs, keep_secrets=True)}
        )

    def _builtin(self, token: str, args: Properties) -> Any:
        """The engine's own functions that read a stack's state, for the stack that runs.

        As in pulumi/pulumi, pkg/resource/deploy/builtins.go; both answer from the state before
        this operation.
        """
        if token not in _NAME_ARGUMENT:
            raise Unsupported(f"the function {token}", where="The program")
        name = str(args.get(_NAME_ARGUMENT[token], ""))
        run_context = self._operation.run_context
        if name != f"organization/{run_context.project}/{run_context.stack}":
            raise Unsupported(f"the state of another stack ({name})", where="The program")
        live = [state for state in self._before if not state.delete]
        if token.endswith("readStackOutputs"):
            outputs = next((s.outputs for s in live if s.type == ROOT_STACK_TYPE), {})
        else:
            outputs = {state.urn: {"type": state.type, "outputs": state.outputs} for state in live}
        return provider_pb2.InvokeResponse(
            **{"return": to_struct({"name": name, "outputs": outputs}, keep_secrets=True)}
        )

    def _refuse(self, feature: str) -> Callable[[Any], Any]:
        def refuse(_: Any) -> Any:
            raise Unsupported(feature, where="The program")

        return refuse

    def _wait_for_end(self, _: Any) -> Any:
        self._finished_registering.set()
        self._may_end.wait()
        return empty_pb2.Empty()

    def _log(self, request: Any) -> Any:
        names = {1: "info", 2: "warning", 3: "error"}
        severity = names.get(request.severity)
        if severity is not None and _ENDED not in request.message:
            if severity == "error" and (said := request.message.strip()):
                self.last_error = said.splitlines()[-1]
            self._operation.say(
                request.message.rstrip(),
                severity=severity,  # type: ignore[arg-type] # one of the names above
                urn=request.urn,
            )
        return empty_pb2.Empty()
