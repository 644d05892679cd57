"""The plugins' calls, made without a CLI: a stand-in over the protocol, and the language host."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped] # ships no types
import pytest
from pulumi.runtime.proto import language_pb2, plugin_pb2
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from engine.errors import EngineError, ProviderError
from engine.plugins import language_host, plugin_server, stand_in_plugin
from engine.plugins.language_host import LanguageHost
from engine.plugins.stand_in_plugin import StandInPlugin
from engine.property_value import Properties, Secret
from engine.provider import Checked, Difference, Known, Live, Target
from engine.wire import from_struct, to_struct

URN = "urn:pulumi:dev::p::a:b:C::n"


class Refused(Exception):
    """The call was aborted."""


class Context:
    """Keeps what a call was aborted with, and what hears of its end."""

    def __init__(self) -> None:
        self.aborted: tuple[Any, str] | None = None
        self.callbacks: list[Callable[[], None]] = []

    def abort(self, code: Any, details: str) -> None:
        self.aborted = (code, details)
        raise Refused

    def add_callback(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)


class Recorded:
    """A provider that keeps its calls."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.live: Live | None = Live("real", {"in": Secret("i")}, {"out": Secret("o")})
        self.difference = Difference(changed=False)

    def check(self, target: Target, olds: Properties, news: Properties) -> Checked:
        self.calls.append((target, olds, news))
        return Checked({"in": Secret("x")}, (("p", "r"),))

    def diff(self, target: Target, known: Known, news: Properties, ignore: Any) -> Difference:
        self.calls.append((target, known, news, ignore))
        return self.difference

    def create(self, target: Target, news: Properties, *, preview: bool) -> Any:
        self.calls.append((target, news, preview))
        return "made", {"out": Secret("o")}

    def update(self, target: Target, known: Known, news: Properties, *, preview: bool) -> Any:
        self.calls.append((target, known, news, preview))
        return {"out": 2}

    def delete(self, target: Target, known: Known) -> None:
        self.calls.append((target, known))

    def read(self, target: Target, known: Known) -> Live | None:
        self.calls.append((target, known))
        return self.live

    def invoke(self, token: str, args: Properties) -> Checked:
        self.calls.append((token, args))
        raise ProviderError("there is no such function")


def struct(**values: Any) -> Any:
    return to_struct(values, keep_secrets=True)


TARGET = Target(URN, "a:b:C", "n", "i-1")


def plugin(provider: Any = None) -> tuple[StandInPlugin, Recorded, list[Properties]]:
    made, given = provider or Recorded(), []

    def configure(inputs: Properties) -> Any:
        given.append(inputs)
        return made

    served = StandInPlugin("cloudflare", configure)
    answer = served.Configure(pb.ConfigureRequest(args=struct(t=Secret("s"))), Context())
    assert answer.supportsPreview is True
    assert answer.acceptSecrets is False
    return served, made, given


def test_a_provider_gets_its_inputs_in_clear_and_each_call_its_own_values() -> None:
    served, provider, given = plugin()
    assert given == [{"t": "s"}]
    checked = served.Check(pb.CheckRequest(urn=URN, olds=struct(a=1), news=struct(b=2)), Context())
    assert provider.calls[-1] == (Target(URN, "a:b:C", "n", ""), {"a": 1}, {"b": 2})
    assert from_struct(checked.inputs) == {"in": Secret("x")}
    assert [(each.property, each.reason) for each in checked.failures] == [("p", "r")]
    known = {"id": "i-1", "urn": URN, "old_inputs": struct(i=1), "olds": struct(o=2)}
    for preview in (True, False):
        made = served.Create(
            pb.CreateRequest(urn=URN, properties=struct(b=2), preview=preview), Context()
        )
        assert provider.calls[-1] == (Target(URN, "a:b:C", "n", ""), {"b": 2}, preview)
        assert (made.id, from_struct(made.properties)) == ("made", {"out": Secret("o")})
        request = pb.UpdateRequest(**known, news=struct(b=3), preview=preview)
        changed = served.Update(request, Context())
        assert provider.calls[-1] == (TARGET, Known({"i": 1}, {"o": 2}), {"b": 3}, preview)
        assert from_struct(changed.properties) == {"out": 2}
    served.Delete(
        pb.DeleteRequest(id="i-1", urn=URN, properties=struct(o=2), old_inputs=struct(i=1)),
        Context(),
    )
    assert provider.calls[-1] == (TARGET, Known({"i": 1}, {"o": 2}))


def test_a_read_finds_what_is_there_or_nothing() -> None:
    served, provider, _ = plugin()
    request = pb.ReadRequest(id="i-1", urn=URN, properties=struct(o=2), inputs=struct(i=1))
    found = served.Read(request, Context())
    assert provider.calls[-1] == (TARGET, Known({"i": 1}, {"o": 2}))
    assert found.id == "real"
    assert from_struct(found.inputs) == {"in": Secret("i")}
    assert from_struct(found.properties) == {"out": Secret("o")}
    provider.live = None
    gone = served.Read(request, Context())
    assert (gone.id, gone.HasField("properties")) == ("", False)


def test_a_difference_is_told_with_its_paths_and_what_replaces() -> None:
    served, provider, _ = plugin()
    request = pb.DiffRequest(
        id="i-1", urn=URN, olds=struct(o=2), old_inputs=struct(i=1), news=struct(b=3),
        ignoreChanges=["x"],
    )  # fmt: skip
    same = served.Diff(request, Context())
    assert provider.calls[-1] == (TARGET, Known({"i": 1}, {"o": 2}), {"b": 3}, ("x",))
    assert same.changes == pb.DiffResponse.DIFF_NONE
    assert same.hasDetailedDiff is False
    provider.difference = Difference(
        changed=True,
        keys=("a", "r"),
        replaces=("r",),
        delete_before_replace=True,
        details={"a": "add", "r[0].x": "update", "r": "delete", "u": "update"},
    )
    other = served.Diff(request, Context())
    assert other.changes == pb.DiffResponse.DIFF_SOME
    assert (list(other.diffs), list(other.replaces)) == (["a", "r"], ["r"])
    assert (other.deleteBeforeReplace, other.hasDetailedDiff) == (True, True)
    kinds = {
        path: pb.PropertyDiff.Kind.Name(each.kind) for path, each in other.detailedDiff.items()
    }
    assert kinds == {"a": "ADD", "r[0].x": "UPDATE_REPLACE", "r": "DELETE_REPLACE", "u": "UPDATE"}


def test_an_error_is_one_sentence_for_the_cli() -> None:
    served, provider, _ = plugin()
    context = Context()
    request = pb.InvokeRequest(tok="t", args=struct(a=Secret(1)))
    with pytest.raises(Refused):
        served.Invoke(request, context)
    assert provider.calls[-1] == ("t", {"a": 1})
    assert context.aborted == (grpc.StatusCode.UNKNOWN, "there is no such function")

    class Answering(Recorded):
        def invoke(self, token: str, args: Properties) -> Checked:
            return Checked({"r": Secret(1)}, (("p", "r"),))

    answer = plugin(Answering())[0].Invoke(request, Context())
    assert from_struct(getattr(answer, "return")) == {"r": Secret(1)}
    assert [(each.property, each.reason) for each in answer.failures] == [("p", "r")]


def test_a_call_before_the_configuration_and_a_refused_one_are_told_apart() -> None:
    def refuse(inputs: Properties) -> Any:
        raise EngineError("not on this machine")

    served, context = StandInPlugin("github", refuse), Context()
    with pytest.raises(Refused):
        served.Read(pb.ReadRequest(urn=URN), context)
    assert context.aborted == (
        *(grpc.StatusCode.FAILED_PRECONDITION, "The provider isn't configured."),
    )
    with pytest.raises(Refused):
        served.Configure(pb.ConfigureRequest(args=struct(a=1)), context)
    assert context.aborted == (grpc.StatusCode.FAILED_PRECONDITION, "not on this machine")
    with pytest.raises(Refused):
        served.Handshake(None, context)
    assert context.aborted[0] == grpc.StatusCode.UNIMPLEMENTED


def test_settings_of_a_provider_pass_as_they_are() -> None:
    served, _, _ = plugin()
    found = served.CheckConfig(pb.CheckRequest(news=struct(a=1)), Context())
    assert from_struct(found.inputs) == {"a": 1}
    changes = served.DiffConfig(pb.DiffRequest(), Context()).changes
    assert changes == pb.DiffResponse.DIFF_UNKNOWN
    assert served.GetPluginInfo(None, Context()).version.split(".")[0].isdecimal()
    assert served.Attach(None, Context()) == served.Cancel(None, Context())


@pytest.mark.parametrize("package", ["cloudflare", "github"])
def test_a_plugin_serves_the_package_that_its_first_argument_names(
    monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    served: list[Any] = []
    monkeypatch.setattr(stand_in_plugin, "serve", served.append)
    monkeypatch.setattr(sys, "argv", ["plugin", package, "127.0.0.1:1"])
    stand_in_plugin.main()
    assert len(served) == 1
    monkeypatch.setattr(sys, "argv", ["plugin", "aws", package])
    with pytest.raises(SystemExit, match="There is no stand-in for aws"):
        stand_in_plugin.main()


def test_a_module_that_is_only_imported_serves_nobody() -> None:
    program = (
        "import engine.plugins.plugin_server as server\n"
        "server.serve = lambda register: print('serves')\n"
        "import engine.plugins.language_host, engine.plugins.stand_in_plugin\n"
        "print('imported')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stdout == "imported\n"


class Child:
    """A program that ends with a code."""

    code = 0
    made: list[Child]

    def __init__(self, script: str, **settings: Any) -> None:
        self.script, self.settings = script, settings
        self.sent: Any = None
        self.ends = 0
        Child.made.append(self)

    def send(self, document: Any) -> None:
        self.sent = document
        self.settings["on_line"]("a line", "stdout")
        self.settings["on_line"]("an error", "stderr")

    def wait(self, seconds: float) -> int:
        assert seconds == 604_800.0
        return self.code

    def end(self) -> None:
        self.ends += 1


@pytest.mark.parametrize(
    ("code", "bail", "error"),
    [(0, False, ""), (32, True, ""), (1, False, "The program ended with exit code 1.")],
)
def test_a_program_is_run_with_all_that_it_needs_and_its_end_told(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    code: int,
    bail: bool,
    error: str,
) -> None:
    Child.made = []
    monkeypatch.setattr(Child, "code", code)
    monkeypatch.setattr(language_host, "ChildProcess", Child)
    host, context = LanguageHost("engine:1"), Context()
    request = language_pb2.RunRequest(
        project="p", stack="dev", organization="o", pwd="/elsewhere", monitor_address="monitor:1",
        parallel=0, dryRun=True, config={"p:k": "v"}, configSecretKeys=["p:z", "p:k"],
        info=language_pb2.ProgramInfo(
            root_directory="/root", program_directory=str(tmp_path), entry_point="app"
        ),
    )  # fmt: skip
    answer = host.Run(request, context)
    [child] = Child.made
    assert (answer.bail, answer.error) == (bail, error)
    assert child.settings["folder"] == tmp_path
    assert child.settings["environment"]["PULUMI_PROJECT"] == "p"
    assert child.sent == {
        "monitor": "monitor:1",
        "engine": "engine:1",
        "project": "p",
        "stack": "dev",
        "organization": "o",
        "parallel": 1,
        "dry_run": True,
        "root": "/root",
        "program": str(tmp_path / "app"),
        "config": {"p:k": "v"},
        "secret_keys": ["p:k", "p:z"],
    }
    assert capsys.readouterr() == ("a line\n", "an error\n")
    assert child.ends == 1
    context.callbacks[0]()
    assert child.ends == 2, "a CLI that is gone ends its program"
    host.Cancel(None, context)
    assert child.ends == 2, "what has ended is not ended again"


def test_a_host_that_was_attached_takes_the_clis_address() -> None:
    host = LanguageHost("")
    request = language_pb2.LanguageHandshakeRequest(engine_address="engine:2")
    host.Handshake(request, Context())
    host.Handshake(language_pb2.LanguageHandshakeRequest(), Context())
    assert host.__dict__["_engine"] == "engine:2"


def test_a_host_tells_what_it_runs_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host = LanguageHost("")
    for name, document in {
        "pulumi_a": {"resource": True, "name": "a", "version": "1.0"},
        "pulumi_b": {"resource": False, "name": "b"},
        "pulumi_c": {"resource": True, "name": "c", "server": "s"},
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "pulumi-plugin.json").write_text(json.dumps(document))
    monkeypatch.setattr(
        "engine.plugins.language_host.sysconfig.get_path", lambda name: str(tmp_path)
    )
    found = host.GetRequiredPackages(None, Context()).packages
    assert list(found) == [
        plugin_pb2.PackageDependency(name="a", kind="resource", version="1.0"),
        plugin_pb2.PackageDependency(name="c", kind="resource", server="s"),
    ]
    about = host.About(None, Context())
    assert (about.executable, about.version) == (sys.executable, sys.version.split()[0])
    names = {each.name for each in host.GetProgramDependencies(None, Context()).dependencies}
    assert "pulumi" in names
    assert host.GetPluginInfo(None, Context()).version.startswith("3.")
    served: list[Any] = []
    monkeypatch.setattr(language_host, "serve", served.append)
    language_host.main()
    assert len(served) == 1


def test_a_server_answers_until_it_is_stopped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    monkeypatch.setattr(plugin_server, "guard", lambda: told.append("guarded"))
    monkeypatch.setattr(plugin_server.PluginServer, "wait", lambda self: self.stop())
    monkeypatch.setattr("signal.signal", lambda number, _: told.append(number.name))
    plugin_server.serve(lambda server: told.append("registered"))
    assert told == ["guarded", "SIGINT", "registered"]
    assert capsys.readouterr().out.strip().isdecimal()


@pytest.mark.parametrize(("ended_by", "code"), [("SIGINT", 0), ("the end of its input", 70)])
def test_a_plugin_tells_its_port_serves_there_and_ends_with_its_cli(
    ended_by: str, code: int
) -> None:
    # A CLI sets no such variable: what isn't flushed stays in the plugin.
    buffered = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    plugin = subprocess.Popen(
        [sys.executable, "-m", "engine.plugins.stand_in_plugin", "github", "127.0.0.1:1"],
        cwd=Path(__file__).parents[2],
        env=buffered,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert plugin.stdin is not None
    assert plugin.stdout is not None
    give_up = threading.Timer(60, plugin.kill)
    give_up.start()
    with plugin:
        port = plugin.stdout.readline().strip()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            found = ResourceProviderStub(channel).GetPluginInfo(plugin_pb2.PluginInfo(), timeout=60)
        assert found.version.split(".")[0].isdecimal()
        if ended_by == "SIGINT":
            plugin.send_signal(signal.SIGINT)
        else:
            plugin.stdin.close()
        assert plugin.wait() == code
    give_up.cancel()
