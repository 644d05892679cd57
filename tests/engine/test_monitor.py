"""What a program hears of the engine: features, registrations, functions, logs and its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc  # type: ignore[import-untyped] # ships no types
import pytest
from google.protobuf import empty_pb2  # type: ignore[import-untyped] # ships no types
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, resource_pb2, resource_pb2_grpc

from engine.monitor import Monitor
from engine.property_value import Secret
from engine.provider import Checked, Difference, Live
from engine.registrar import Registrar
from engine.resource_state import ResourceState
from engine.urn import ROOT_STACK_TYPE
from engine.wire import from_struct, to_struct
from tests.engine.test_settling import PROVIDER, Stack, state, urn

ROOT = f"urn:pulumi:dev::p::{ROOT_STACK_TYPE}::p-dev"


class Running:
    """A monitor that serves a stack, and the program's two stubs."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        registrar = Registrar(stack.run, stack.snapshot, stack.registry)
        self.monitor = Monitor(stack.run, stack.snapshot, stack.registry, registrar)
        self.monitor.start()
        channel = grpc.insecure_channel(self.monitor.address)
        self.program: Any = resource_pb2_grpc.ResourceMonitorStub(channel)
        self.engine: Any = engine_pb2_grpc.EngineStub(channel)
        self.channel = channel

    def register(self, name: str = "n", **fields: Any) -> Any:
        fields = {"type": "a:b:C", "custom": True, "provider": PROVIDER, **fields}
        values = to_struct(fields.pop("inputs", {"in": 0}), keep_secrets=True)
        request = resource_pb2.RegisterResourceRequest(
            name=name, object=values, acceptSecrets=True, **fields
        )
        return self.program.RegisterResource(request)

    def refused(self, call: Callable[[], Any]) -> str:
        with pytest.raises(grpc.RpcError) as ended:
            call()
        assert ended.value.code() == grpc.StatusCode.UNAVAILABLE
        return str(self.stack.run.failure)


@pytest.fixture
def started() -> Iterator[Callable[..., Running]]:
    made: list[Running] = []

    def start(*states: ResourceState, kind: str = "update") -> Running:
        made.append(Running(Stack(*states, kind=kind)))
        return made[-1]

    yield start
    for running in made:
        running.channel.close()
        running.monitor.stop()


@pytest.mark.parametrize(
    ("feature", "has"),
    [
        *((name, True) for name in ("secrets", "resourceReferences", "outputValues")),
        *((name, True) for name in ("aliasSpecs", "deletedWith")),
        *((name, False) for name in ("transforms", "parameterization", "resourceHooks", "")),
    ],
)
def test_a_program_hears_what_this_engine_does(
    started: Callable[..., Running], feature: str, has: bool
) -> None:
    asked = resource_pb2.SupportsFeatureRequest(id=feature)
    assert started().program.SupportsFeature(asked).hasSupport is has


@pytest.mark.parametrize("kind", ["update", "preview"])
def test_a_program_hears_of_its_deployment(started: Callable[..., Running], kind: str) -> None:
    info = started(kind=kind).program.GetDeploymentInfo(empty_pb2.Empty())
    assert (info.project, info.stack, info.organization) == ("p", "dev", "organization")
    assert (info.dryRun, info.parallel) == (kind == "preview", 16)
    name_of = resource_pb2.ResourceMonitorFeature.Name
    assert sorted(name_of(each) for each in info.supportedFeatures) == [
        "RESOURCE_MONITOR_FEATURE_ALIAS_SPECS",
        "RESOURCE_MONITOR_FEATURE_DELETED_WITH",
        "RESOURCE_MONITOR_FEATURE_OUTPUT_VALUES",
        "RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES",
        "RESOURCE_MONITOR_FEATURE_SECRETS",
    ]


def test_a_resource_is_created_kept_changed_and_replaced(started: Callable[..., Running]) -> None:
    made = started().register(inputs={"in": Secret("s")})
    assert (made.urn, made.id) == (urn("n"), "n-new")
    assert from_struct(made.object) == {"in": Secret("s"), "out": 1}
    same = started(state("n"))
    assert same.register().id == "n"
    assert same.stack.provider.calls == []
    changed = started(state("n"))
    changed.stack.provider.difference = Difference(changed=True, keys=("in",))
    assert from_struct(changed.register(inputs={"in": 5}).object) == {"in": 5, "out": 2}
    assert changed.stack.provider.calls == [("update", "n")]
    replaced = started(state("n"))
    replaced.stack.provider.difference = Difference(changed=True, keys=("in",), replaces=("in",))
    assert replaced.register(inputs={"in": 5}).id == "n-new"
    assert replaced.stack.one("n").delete is True


@pytest.mark.parametrize(
    ("inputs", "forced", "calls"),
    [
        ({"in": 0}, (), []),
        ({"in": Secret(0)}, (), []),
        ({"in": 1}, (), [("update", "n")]),
        ({"in": 1}, ("in",), [("create", "n")]),
        ({"in": 1}, ("other",), [("update", "n")]),
        ({"in": 0, "more": 1}, ("more",), [("create", "n")]),
    ],
)
def test_where_the_provider_cannot_say_the_inputs_are_compared(
    started: Callable[..., Running], inputs: Any, forced: Any, calls: list[Any]
) -> None:
    running = started(state("n"))
    running.stack.provider.difference = Difference(changed=None)
    running.register(inputs=inputs, replaceOnChanges=forced)
    assert running.stack.provider.calls == calls


def test_no_change_replaces_nothing_whatever_the_program_forces(
    started: Callable[..., Running],
) -> None:
    running = started(state("n"))
    running.stack.provider.difference = Difference(changed=False, keys=("in",), replaces=("in",))
    running.register(inputs={"in": 5}, replaceOnChanges=["in"])
    assert running.stack.provider.calls == []


def test_what_waited_for_its_place_is_made_again(started: Callable[..., Running]) -> None:
    running = started(state("n", pending_replacement=True))
    assert running.register().id == "n-new"
    assert running.stack.run.changes == {"replace": 1}
    assert running.stack.ids() == ["n-new"]


def test_a_renamed_resource_goes_on_under_its_new_name(started: Callable[..., Running]) -> None:
    running = started(state("old"), state("child", parent=urn("old")))
    found = running.register("new", aliasURNs=[urn("old")])
    assert (found.id, found.urn) == ("old", urn("new"))
    assert running.stack.one("child").parent == urn("new")
    assert running.stack.snapshot.find(urn("old")) is None
    kept = started(state("old"))
    kept.register("old")
    assert kept.register("new", aliasURNs=[urn("old")]).id == "new-new"


def test_two_resources_of_one_name_end_the_program(started: Callable[..., Running]) -> None:
    running = started()
    running.register()
    said = running.refused(lambda: running.register())
    assert said == f"Two resources are registered as {urn('n')}: give one another name."


def test_refused_inputs_are_named(started: Callable[..., Running]) -> None:
    running = started()
    running.stack.provider.check = lambda *_: Checked({}, (("p", "why"), ("", "at all")))  # type: ignore[method-assign]
    said = running.refused(lambda: running.register())
    assert "failed: p: why; at all. What was done" in said


@pytest.mark.parametrize(("inputs", "counted"), [({"a": 1}, "same"), ({"a": 2}, "update")])
def test_a_component_changes_with_its_inputs(
    started: Callable[..., Running], inputs: dict[str, Any], counted: str
) -> None:
    old = state("n", custom=False, provider="", inputs={"a": 1}, outputs={"o": 1}, id="")
    running = started(old)
    answer = running.register(custom=False, provider="", inputs=inputs)
    assert from_struct(answer.object) == {}
    assert running.stack.run.changes == {counted: 1}
    found = running.stack.snapshot.find(urn("n"))
    assert found is not None
    assert (found.outputs, found.created) == ({"o": 1}, old.created)
    assert (found.modified == old.modified) is (counted == "same")
    new = started()
    new.register(custom=False, provider="")
    assert new.stack.run.changes == {"create": 1}


def test_an_import_that_differs_is_updated_or_refused(started: Callable[..., Running]) -> None:
    live = Live("real", {"in": 0}, {"in": 0, "out": 0})
    same, changed, replaced = started(), started(), started()
    for running in (same, changed, replaced):
        running.stack.provider.live["i"] = live
    assert same.register(importId="i").id == "real"
    assert same.stack.run.changes == {"import": 1}
    assert same.stack.ids() == ["real"]
    changed.stack.provider.difference = Difference(changed=True, keys=("in",))
    assert changed.register(importId="i", inputs={"in": 1}).id == "real"
    assert changed.stack.run.changes == {"import": 1, "update": 1}
    replaced.stack.provider.difference = Difference(changed=True, keys=("in",), replaces=("in",))
    said = replaced.refused(lambda: replaced.register(importId="i"))
    assert "'n' can't be imported: in of what exists differs from the program's" in said


def outputs_of(running: Running, about: str, **values: Any) -> None:
    request = resource_pb2.RegisterResourceOutputsRequest(
        urn=about, outputs=to_struct(values, keep_secrets=True)
    )
    running.program.RegisterResourceOutputs(request)


@pytest.mark.parametrize(("kind", "writes"), [("update", 1), ("preview", 0)])
def test_outputs_are_the_stacks_or_the_components(
    started: Callable[..., Running], kind: str, writes: int
) -> None:
    root = ResourceState(ROOT, ROOT_STACK_TYPE, custom=False)
    running = started(root, state("n", custom=False, outputs={"o": 1}), kind=kind)
    assert running.monitor.stack_outputs is None
    outputs_of(running, ROOT, a=1)
    assert running.monitor.stack_outputs == {"a": 1}
    outputs_of(running, urn("n"), o=1)
    outputs_of(running, urn("nobody"), o=1)
    assert running.stack.written.count == 0
    outputs_of(running, urn("n"), o=2)
    found = running.stack.snapshot.find(urn("n"))
    assert found is not None
    assert (found.outputs, running.stack.written.count) == ({"o": 2}, writes)


def invoke(running: Running, token: str, **args: Any) -> Any:
    request = resource_pb2.ResourceInvokeRequest(
        tok=token, args=to_struct(args, keep_secrets=True), provider=PROVIDER
    )
    return running.program.Invoke(request)


def test_a_function_of_a_provider_answers_or_is_refused(started: Callable[..., Running]) -> None:
    running = started()
    asked: list[Any] = []

    def answer(token: str, args: Any) -> Checked:
        asked.append((token, args))
        return Checked({"r": Secret(1)})

    running.stack.provider.invoke = answer  # type: ignore[method-assign]
    found = invoke(running, "a:b:f", x=Secret(1))
    assert asked == [("a:b:f", {"x": 1})]
    assert from_struct(getattr(found, "return")) == {"r": Secret(1)}
    running.stack.provider.invoke = lambda *_: Checked({}, (("x", "no"), ("y", "nor")))  # type: ignore[method-assign]
    said = running.refused(lambda: invoke(running, "a:b:f"))
    assert said == "The function a:b:f of a refused its arguments: no; nor"


def test_a_program_reads_its_own_stack_alone(started: Callable[..., Running]) -> None:
    root = ResourceState(ROOT, ROOT_STACK_TYPE, custom=False, outputs={"a": 1})
    running = started(root, state("n"), state("gone", delete=True))
    own = "organization/p/dev"
    outputs = invoke(running, "pulumi:pulumi:readStackOutputs", name=own)
    assert from_struct(getattr(outputs, "return")) == {"name": own, "outputs": {"a": 1}}
    whole = invoke(running, "pulumi:pulumi:readStackResourceOutputs", stackName=own)
    found: Any = from_struct(getattr(whole, "return"))["outputs"]
    assert found[urn("n")] == {"type": "a:b:C", "outputs": {"in": 0, "out": 0}}
    assert len(found) == 3
    said = running.refused(lambda: invoke(running, "pulumi:pulumi:readStackOutputs", name="x"))
    assert "the state of another stack (x)" in said
    other = started()
    assert "pulumi:pulumi:getResource" in other.refused(
        lambda: invoke(other, "pulumi:pulumi:getResource")
    )


@pytest.mark.parametrize(
    ("method", "request_type", "feature"),
    [
        ("Call", resource_pb2.ResourceCallRequest, "a method call"),
        ("ReadResource", resource_pb2.ReadResourceRequest, "reading by id"),
        ("RegisterPackage", resource_pb2.RegisterPackageRequest, "a parameterized package"),
    ],
)
def test_calls_of_the_real_cli_alone_are_refused(
    started: Callable[..., Running], method: str, request_type: Any, feature: str
) -> None:
    running = started()
    assert feature in running.refused(lambda: getattr(running.program, method)(request_type()))


def test_an_unforeseen_error_ends_the_program_with_the_call(
    started: Callable[..., Running],
) -> None:
    running = started()
    running.stack.provider.invoke = lambda *_: 1 / 0  # type: ignore[assignment, method-assign]
    said = running.refused(lambda: invoke(running, "a:b:f"))
    assert said.startswith("The engine failed in Invoke (ZeroDivisionError: division by zero); ")
    assert running.refused(lambda: invoke(running, "a:b:f")) == said, "the first one is kept"


@pytest.mark.parametrize(
    ("severity", "shown"), [(0, None), (1, "info"), (2, "warning"), (3, "error"), (4, None)]
)
def test_a_programs_lines_are_told_by_their_severity(
    started: Callable[..., Running], severity: int, shown: str | None
) -> None:
    running = started()
    log = engine_pb2.LogRequest(severity=severity, message="one\n two \n", urn=urn("n"))  # type: ignore[arg-type]
    running.engine.Log(log)
    told = [(event.severity, event.message, event.urn) for event in running.stack.events]
    assert told == ([] if shown is None else [(shown, "one\n two", urn("n"))])
    assert running.monitor.last_error == (" two" if shown == "error" else "")
    ended = engine_pb2.LogRequest(severity=3, message="x: Resource monitor has terminated")  # type: ignore[arg-type]
    running.engine.Log(ended)
    assert len(running.stack.events) == len(told)


def test_a_program_waits_for_the_end_of_the_deletions(started: Callable[..., Running]) -> None:
    running = started()
    waiting = running.program.SignalAndWaitForShutdown.future(empty_pb2.Empty())
    assert running.monitor.finished_registering.wait(30)
    assert not waiting.done()
    running.monitor.let_program_end()
    assert waiting.result(30) == empty_pb2.Empty()
    version = engine_pb2.RequirePulumiVersionRequest(pulumi_version_range=">=3")
    assert running.engine.RequirePulumiVersion(version) is not None
