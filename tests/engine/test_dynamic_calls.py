"""Calls to the process of dynamic resources, which a server in this one stands in for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped] # ships no types
import pytest
from google.protobuf import empty_pb2  # type: ignore[import-untyped] # ships no types
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto import provider_pb2_grpc as rpc

from engine import dynamic_provider
from engine.dynamic_provider import DynamicProvider
from engine.errors import ProviderError
from engine.plugins.plugin_server import PluginServer, engine_address
from engine.property_value import UNKNOWN, Secret
from engine.provider import Known, Target
from engine.wire import MESSAGE_OPTIONS, from_struct, to_struct

TARGET = Target("urn:pulumi:dev::p::a:b:C::n", "a:b:C", "n", "id-1")


class Process(rpc.ResourceProviderServicer):
    """Answers with what it was asked, and keeps the requests by their method."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.fails_with = ""
        self.answer_changes: Any = pb.DiffResponse.DIFF_SOME

    def _keep(self, method: str, request: Any, context: Any) -> None:
        self.asked[method] = request
        if self.fails_with:
            context.abort(grpc.StatusCode.UNKNOWN, self.fails_with)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        self._keep("Configure", request, context)
        return pb.ConfigureResponse()

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._keep("Check", request, context)
        failure = pb.CheckFailure(property="p", reason="r")
        return pb.CheckResponse(inputs=request.news, failures=[failure])

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._keep("Diff", request, context)
        return pb.DiffResponse(
            changes=self.answer_changes, replaces=["k"], deleteBeforeReplace=True
        )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._keep("Create", request, context)
        return pb.CreateResponse(id="new", properties=request.properties)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._keep("Update", request, context)
        return pb.UpdateResponse(properties=request.news)

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._keep("Delete", request, context)
        return empty_pb2.Empty()

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._keep("Read", request, context)
        gone = not from_struct(request.properties)
        has_inputs = "inputs" in from_struct(request.properties)
        return pb.ReadResponse(
            id="" if gone else "read",
            properties=request.properties,
            inputs=to_struct({"i": 2}, keep_secrets=False) if has_inputs else None,
        )


class Child:
    """A process that prints its port as soon as it starts."""

    lines: tuple[tuple[str, str], ...] = ()

    def __init__(self, *_: object, on_line: Callable[[str, str], None], **__: object) -> None:
        self.ended = False
        for line, stream in self.lines:
            on_line(line, stream)

    def end(self) -> None:
        self.ended = True


@pytest.fixture
def process() -> Process:
    return Process()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def provider(
    process: Process, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DynamicProvider]:
    server = PluginServer(lambda own: rpc.add_ResourceProviderServicer_to_server(process, own))
    port = str(server.port)
    lines = (("7", "stderr"), ("begins", "stdout"), ("", "stdout"), (port, "stdout"))
    monkeypatch.setattr(Child, "lines", (*lines, ("8", "stdout")))
    monkeypatch.setattr(dynamic_provider, "ChildProcess", Child)
    made = DynamicProvider(program=tmp_path, environment={}, say=said.append)
    yield made
    made.close()
    server.stop()


def test_the_port_is_the_first_number_printed_and_all_else_is_told(
    provider: DynamicProvider, process: Process, said: list[str]
) -> None:
    provider.configure({"c": Secret("x")})
    provider.start()
    provider.start()
    assert said == ["7", "begins", "8"]
    provider.delete(TARGET, Known({"a": 1}, {"b": 2}))
    assert from_struct(process.asked["Configure"].args) == {"c": "x"}


def test_each_call_carries_the_resource_and_its_values(
    provider: DynamicProvider, process: Process
) -> None:
    known = Known({"old": 1}, {"out": Secret("s")})
    checked = provider.check(TARGET, {"old": 1}, {"new": 2})
    assert (checked.inputs, checked.failures) == ({"new": 2}, (("p", "r"),))
    difference = provider.diff(TARGET, known, {"new": 2}, ("ignored",))
    assert (difference.changed, difference.keys, difference.replaces) == (True, ("k",), ("k",))
    assert difference.delete_before_replace is True
    assert provider.create(TARGET, {"new": 2}, preview=False) == ("new", {"new": 2})
    assert provider.update(TARGET, known, {"new": 3}, preview=False) == {"new": 3}
    provider.delete(TARGET, known)
    assert set(process.asked) == {"Configure", "Check", "Diff", "Create", "Update", "Delete"}
    for method in ("Diff", "Update", "Delete"):
        asked = process.asked[method]
        assert (asked.id, asked.urn, asked.type) == ("id-1", TARGET.urn, "a:b:C")
        assert from_struct(asked.old_inputs) == {"old": 1}
        outputs = asked.properties if method == "Delete" else asked.olds
        assert from_struct(outputs) == {"out": "s"}
    assert list(process.asked["Diff"].ignoreChanges) == ["ignored"]


def test_a_preview_calls_nobody(provider: DynamicProvider, process: Process) -> None:
    assert provider.create(TARGET, {"a": 1}, preview=True) == ("", {"a": 1})
    assert provider.update(TARGET, Known(), {"a": 1}, preview=True) == {"a": 1}
    assert provider.find(TARGET, {}) is None
    assert provider.is_repeatable(TARGET) is False
    with pytest.raises(ProviderError, match="f does not exist"):
        provider.invoke("f", {})
    assert process.asked == {}


@pytest.mark.parametrize(
    ("changes", "changed"),
    [
        (pb.DiffResponse.DIFF_NONE, False),
        (pb.DiffResponse.DIFF_SOME, True),
        (pb.DiffResponse.DIFF_UNKNOWN, None),
    ],
)
def test_a_difference_is_there_or_not_or_unknown(
    provider: DynamicProvider, process: Process, changes: Any, changed: bool | None
) -> None:
    process.answer_changes = changes
    assert provider.diff(TARGET, Known(), {}, ()).changed is changed


def test_a_read_finds_it_gone_or_keeps_the_inputs_that_it_is_not_told(
    provider: DynamicProvider,
) -> None:
    assert provider.read(TARGET, Known({"i": 1}, {})) is None
    live = provider.read(TARGET, Known({"i": 1}, {"o": 1}))
    assert live is not None
    assert (live.id, live.inputs, live.outputs) == ("read", {"i": 1}, {"o": 1})
    told = provider.read(TARGET, Known({"i": 1}, {"inputs": 1}))
    assert told is not None
    assert told.inputs == {"i": 2}


@pytest.mark.parametrize(
    ("details", "message"),
    [
        ("Traceback:\n  File x\nValueError: it says no", "it says no"),
        ("a.b.Refused: line one\nline two", "line one line two"),
        ("Traceback:\n  File x\nKeyboardInterrupt", "KeyboardInterrupt"),
        ("ValueError: first\n\nDuring that\nOSError: second", "second"),
        ("note: no exception\nlast line", "last line"),
        ("lower: case", "lower: case"),
        ("\n \n", UNKNOWN),
    ],
)
def test_a_failure_is_told_by_the_exceptions_own_words(
    provider: DynamicProvider, process: Process, details: str, message: str
) -> None:
    provider.start()
    provider.check(TARGET, {}, {})
    process.fails_with = details
    with pytest.raises(ProviderError) as refused:
        provider.check(TARGET, {}, {})
    assert str(refused.value) == message


def test_a_process_that_is_gone_is_told_with_the_call(
    provider: DynamicProvider, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Child, "lines", (("1", "stdout"),))
    with pytest.raises(ProviderError, match="dynamic resources ended during Configure"):
        provider.check(TARGET, {}, {})


def test_a_process_that_prints_no_port_is_not_waited_for_without_end(
    provider: DynamicProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Child, "lines", (("no port", "stdout"),))
    monkeypatch.setattr(dynamic_provider, "_START_SECONDS", 0.0)
    with pytest.raises(ProviderError, match="did not start within 0 s; look above"):
        provider.check(TARGET, {}, {})


def test_a_value_of_five_megabytes_crosses_both_ways(provider: DynamicProvider) -> None:
    large = {"text": "x" * 5_000_000}
    assert provider.create(TARGET, large, preview=False) == ("new", large)
    # 400 MiB, as MaxRPCMessageSize of pulumi/pulumi has it.
    assert {value for _, value in MESSAGE_OPTIONS} == {419_430_400}


def test_the_clis_address_is_the_last_argument_that_is_no_option() -> None:
    assert engine_address(["-root=/a", "127.0.0.1:1", "127.0.0.1:2", "-tracing"]) == "127.0.0.1:2"
    assert engine_address(["--x"]) == ""
