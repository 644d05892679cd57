"""The provider of ``pulumi.dynamic`` resources: a process that speaks Pulumi's protocol."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped] # ships no types
from google.protobuf import empty_pb2  # type: ignore[import-untyped] # ships no types
from pulumi.runtime.proto import provider_pb2 as pb

from engine.child_process import ChildProcess
from engine.errors import ProviderError
from engine.property_value import UNKNOWN, Properties
from engine.provider import Checked, Difference, Known, Live, Target
from engine.wire import MESSAGE_OPTIONS, from_struct, reference_to_text, to_struct

_SERVICE = "/pulumirpc.ResourceProvider/"
_START_SECONDS = 60.0
#: The last line of a traceback that names the exception and its message.
_RAISED = re.compile(r"^([A-Za-z_][\w.]*)(?:: (.*))?\Z", re.S)


class DynamicProvider:
    """Starts ``pulumi.dynamic`` when it is first needed and passes calls on to it."""

    def __init__(
        self,
        *,
        program: Path,
        environment: Mapping[str, str],
        say: Callable[[str], None],
    ) -> None:
        self._program = program if program.is_dir() else program.parent
        self._environment = environment
        self._say = say
        self._config: Properties = {}
        self._lock = threading.Lock()
        self._child: ChildProcess | None = None
        self._channel: Any = None
        self._port: queue.Queue[str] = queue.Queue()

    def configure(self, config: Properties) -> None:
        """Set the config that the providers' ``configure`` gets, before the first call."""
        self._config = config

    def start(self) -> None:
        """Begin to start the process without waiting for it; a second call does nothing."""
        with self._lock:
            if self._child is None:
                self._child = ChildProcess(
                    "dynamic_runner.py",
                    folder=self._program,
                    environment=self._environment,
                    on_line=self._line,
                )

    def _line(self, line: str, stream: str) -> None:
        if stream == "stdout" and self._port.empty() and line.isdigit() and self._channel is None:
            self._port.put(line)
        elif line:
            self._say(line)

    def _connected(self) -> Any:
        self.start()
        with self._lock:
            if self._channel is None:
                try:
                    port = self._port.get(timeout=_START_SECONDS)
                except queue.Empty:
                    raise ProviderError(
                        "The process for dynamic resources did not start within "
                        f"{_START_SECONDS:.0f} s; look above for what it printed."
                    ) from None
                options = [*MESSAGE_OPTIONS, ("grpc.enable_http_proxy", 0)]
                self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=options)
                arguments = to_struct(self._config, keep_secrets=False)
                request = pb.ConfigureRequest(args=arguments, acceptSecrets=False)
                self._send(self._channel, "Configure", request, pb.ConfigureResponse)
            return self._channel

    def _call(self, method: str, request: Any, response: Any) -> Any:
        return self._send(self._connected(), method, request, response)

    def _send(self, channel: Any, method: str, request: Any, response: Any) -> Any:
        call = channel.unary_unary(
            _SERVICE + method,
            request_serializer=type(request).SerializeToString,
            response_deserializer=response.FromString,
        )
        try:
            return call(request)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                raise ProviderError(
                    f"the process for dynamic resources ended during {method}"
                ) from None
            raise ProviderError(_told(error.details() or method)) from None

    def check(self, target: Target, olds: Properties, news: Properties) -> Checked:
        """See ``Provider.check``."""
        request = pb.CheckRequest(
            urn=target.urn, olds=_struct(olds), news=_struct(news), type=target.type
        )
        answer = self._call("Check", request, pb.CheckResponse)
        failures = tuple((item.property, item.reason) for item in answer.failures)
        return Checked(from_struct(answer.inputs), failures)

    def diff(
        self, target: Target, known: Known, news: Properties, ignore: tuple[str, ...]
    ) -> Difference:
        """See ``Provider.diff``."""
        request = pb.DiffRequest(
            id=target.id,
            urn=target.urn,
            olds=_struct(known.outputs),
            news=_struct(news),
            old_inputs=_struct(known.inputs),
            ignoreChanges=ignore,
            type=target.type,
        )
        answer = self._call("Diff", request, pb.DiffResponse)
        says = {pb.DiffResponse.DIFF_NONE: False, pb.DiffResponse.DIFF_SOME: True}
        replaces = tuple(answer.replaces)
        return Difference(says.get(answer.changes), replaces, replaces, answer.deleteBeforeReplace)

    def create(self, target: Target, news: Properties, *, preview: bool) -> tuple[str, Properties]:
        """See ``Provider.create``; in a preview the inputs stand for the outputs, as for every
        provider without previews of its own.
        """
        if preview:
            return "", dict(news)
        request = pb.CreateRequest(urn=target.urn, properties=_struct(news), type=target.type)
        answer = self._call("Create", request, pb.CreateResponse)
        return answer.id, from_struct(answer.properties)

    def update(
        self, target: Target, known: Known, news: Properties, *, preview: bool
    ) -> Properties:
        """See ``Provider.update``."""
        if preview:
            return dict(news)
        request = pb.UpdateRequest(
            id=target.id,
            urn=target.urn,
            olds=_struct(known.outputs),
            news=_struct(news),
            old_inputs=_struct(known.inputs),
            type=target.type,
        )
        return from_struct(self._call("Update", request, pb.UpdateResponse).properties)

    def delete(self, target: Target, known: Known) -> None:
        """See ``Provider.delete``."""
        request = pb.DeleteRequest(
            id=target.id,
            urn=target.urn,
            properties=_struct(known.outputs),
            old_inputs=_struct(known.inputs),
            type=target.type,
        )
        self._call("Delete", request, empty_pb2.Empty)

    def read(self, target: Target, known: Known) -> Live | None:
        """See ``Provider.read``."""
        request = pb.ReadRequest(
            id=target.id,
            urn=target.urn,
            properties=_struct(known.outputs),
            inputs=_struct(known.inputs),
            type=target.type,
        )
        answer = self._call("Read", request, pb.ReadResponse)
        if not answer.id:
            return None
        inputs = from_struct(answer.inputs) if answer.HasField("inputs") else known.inputs
        return Live(answer.id, inputs, from_struct(answer.properties))

    def find(self, target: Target, inputs: Properties) -> Live | None:
        """See ``Provider.find``: a dynamic provider can't look anything up without its id."""
        return None

    def is_repeatable(self, target: Target) -> bool:
        """See ``Provider.is_repeatable``: nobody can tell for a program's own provider."""
        return False

    def invoke(self, token: str, args: Properties) -> Checked:
        """See ``Provider.invoke``: a dynamic provider has no functions."""
        raise ProviderError(f"The function {token} does not exist in dynamic providers.")

    def close(self) -> None:
        """End the process, if it ever started."""
        with self._lock:
            if self._channel is not None:
                self._channel.close()
                self._channel = None
            if self._child is not None:
                self._child.end()
                self._child = None


def _struct(values: Properties) -> Any:
    return to_struct(reference_to_text(values), keep_secrets=False)


def _told(details: str) -> str:
    """The exception's own message out of the traceback that the SDK sends."""
    lines = details.strip().splitlines()
    for index in range(len(lines) - 1, -1, -1):
        match = _RAISED.match(lines[index])
        if match and (match[1][0].isupper() or "." in match[1]):
            message = " ".join([match[2] or match[1], *lines[index + 1 :]])
            return message.strip()
    return lines[-1].strip() if lines else UNKNOWN
