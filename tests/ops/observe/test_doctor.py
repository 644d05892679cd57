"""doctor: which checks it makes, and what it ends with."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.access.checks.outcome import Outcome
from ops.observe.doctor import doctor, tools
from ops.observe.doctor.doctor import Doctor
from ops.stacks.errors import OperationError, ToolMissing
from ops.stacks.pulumi_cli import PulumiCli
from ops.stacks.tools import NODE, PULUMI, ToolState
from tests.infra.test_stack_settings import stack_file
from tests.installation import ROOT
from tests.ops.contexts import context_of

OUTPUTS = {"worker_id": "w", "service_url": "http://service", "api_secret_key": "key"}


class World:
    """What each part of doctor finds."""

    def __init__(self, patch: pytest.MonkeyPatch, home: Path) -> None:
        self.tools: list[Outcome] = [Outcome.ok("node", "22")]
        self.token = Outcome.ok("token", "active")
        self.outputs: dict[str, str] = dict(OUTPUTS)
        self.deployed = True
        self.asked = 0
        self.services: list[tuple[str, ...]] = []
        self.context = context_of(ROOT, home=home, environment={"PATH": ""})
        put = patch.setattr
        put(doctor, "look_at_tools", lambda _: iter(self.tools))
        logins = SimpleNamespace(
            plugins=lambda: [Outcome.ok("engine", "embedded")],
            backend=lambda: [Outcome.ok("state", "kept")],
            token=lambda: [self.token],
        )
        put(doctor, "Logins", lambda _: logins)
        put(doctor, "look_at_network", lambda _: iter([Outcome.ok("network", "open")]))
        secrets = SimpleNamespace(outcomes=lambda: [Outcome.ok("secrets", "fine")])
        put(doctor, "StackSecrets", lambda _: secrets)
        put(doctor, "stack_names", lambda _: ["local"] if self.deployed else ["other"])
        put(doctor, "choose_driver", lambda _: SimpleNamespace(outputs=self._outputs))
        put(doctor, "StackAccount", SimpleNamespace(of=lambda _: "account"))
        put(doctor, "Bindings", self._bindings)
        put(
            doctor,
            "service_health",
            lambda *given: iter([Outcome.ok("health", str(given[1]["service_url"]))]),
        )
        put(doctor, "ServiceClient", self._service)
        put(doctor, "Signature", self._signature)

    def _outputs(self, *, show_secrets: bool) -> dict[str, str]:
        assert show_secrets
        self.asked += 1
        return self.outputs

    def _bindings(self, _context: Any, account: str, outputs: Any) -> Any:
        found = Outcome.ok("bindings", f"{account} {outputs['worker_id']}")
        return SimpleNamespace(outcomes=lambda: [found])

    def _service(self, *given: str) -> Any:
        self.services.append(given)

        class Opened:
            def __enter__(self) -> Any:
                return given

            def __exit__(self, *_: object) -> None:
                return None

        return Opened()

    def _signature(self, service: Any, anonymous: Any, *, key: str) -> Any:
        found = Outcome.ok("signed call", f"{service} {anonymous} {key}")
        return SimpleNamespace(outcomes=lambda: [found])

    def run(self, *, signature: bool = False) -> tuple[dict[str, Outcome], OperationError | None]:
        looked = Doctor(self.context)
        looked.run(signature=signature)
        return {one.check: one for one in looked.checks.outcomes}, looked.verdict()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    return World(monkeypatch, tmp_path)


def test_everything_is_looked_at_in_order_and_outputs_are_read_once(world: World) -> None:
    found, verdict = world.run()
    assert list(found) == [
        *("node", "engine", "network", "state", "token", "secrets", "bindings", "health"),
    ]
    assert found["bindings"].found == "account w"
    assert found["health"].found == "http://service"
    assert (verdict, world.asked) == (None, 1)


def test_the_signature_is_looked_at_alone(world: World) -> None:
    found, _ = world.run(signature=True)
    assert list(found) == ["signed call"]
    assert world.services == [("http://service", "key"), ("http://service",)]
    assert found["signed call"].found.endswith(" key")


@pytest.mark.parametrize("signature", [True, False])
@pytest.mark.parametrize("gone", ["stack", "outputs"])
def test_a_stack_that_is_not_deployed_has_nothing_to_look_at(
    world: World, signature: bool, gone: str
) -> None:
    world.deployed = gone != "stack"
    world.outputs = {}
    found, verdict = world.run(signature=signature)
    skipped = {name: one for name, one in found.items() if one.result == "skipped"}
    assert list(skipped) == (["signature"] if signature else ["bindings", "service"])
    for name, one in skipped.items():
        assert one == Outcome.skipped(
            name, "the stack 'local' isn't deployed", "Deploy it: notifyctl up --stack local"
        )
    assert verdict is None
    assert (world.asked > 0) is world.deployed


def test_a_failed_check_is_named_and_a_missing_tool_weighs_more(world: World) -> None:
    world.token = Outcome.fail("token", "The token is expired", "Make a new one.")
    _, verdict = world.run()
    assert str(verdict) == "1 of 8 checks failed: token. Each line above says what to do."
    assert not isinstance(verdict, ToolMissing)
    world.tools = [
        Outcome.warn("git", "old", "Renew it."),
        Outcome.fail("node", "18 is too old", "Install Node 20."),
    ]
    _, verdict = world.run()
    assert isinstance(verdict, ToolMissing)
    assert str(verdict) == "node: 18 is too old. Install Node 20."
    world.tools.pop()
    _, verdict = world.run()
    assert not isinstance(verdict, ToolMissing)


# tools


@pytest.mark.parametrize(
    ("state", "needed", "result", "found"),
    [
        (ToolState("22.1.0", ""), True, "ok", "22.1.0"),
        (ToolState("18.0.0", "18.0.0 is too old"), True, "fail", "18.0.0 is too old"),
        (ToolState("18.0.0", "18.0.0 is too old"), False, "warn", "18.0.0 is too old"),
        (ToolState("", "there is no 'node'", is_there=False), True, "fail", "there is no 'node'"),
        (
            ToolState("", "there is no 'node'", is_there=False),
            False,
            "ok",
            "not installed, and this stack doesn't need it",
        ),
    ],
)
def test_a_tool_is_judged_by_whether_it_is_needed(
    state: ToolState, needed: bool, result: str, found: str
) -> None:
    tool: Any = SimpleNamespace(name="node", install="Install Node.", look=lambda: state)
    outcome = tools.look_at(tool, needed=needed)
    assert (outcome.check, outcome.result, outcome.found) == ("node", result, found)
    assert outcome.advice == ("" if result == "ok" else "Install Node.")


@pytest.mark.parametrize(
    ("version", "is_supported"),
    [
        ((3, 10, 99), False),
        ((3, 11, 0), True),
        ((3, 13, 9), True),
        ((3, 14, 0), False),
        ((2, 12, 0), False),
        ((4, 0, 0), False),
    ],
)
def test_the_interpreters_that_are_supported(version: tuple[int, ...], is_supported: bool) -> None:
    outcome = tools.look_at_python(version)
    text = ".".join(map(str, version))
    assert (outcome.result == "ok") is is_supported
    said = text if is_supported else f"{text} isn't supported; 3.11, 3.12 or 3.13 is needed"
    assert outcome.found == said


def pulumi(
    patch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    cli: PulumiCli | None,
    state: ToolState | None = None,
    packaged: bool = False,
    fetched: PulumiCli | ToolMissing | None = None,
    is_local: bool = False,
) -> Outcome:
    """The outcome of the Pulumi CLI on a machine."""
    context = context_of(ROOT, home=tmp_path, environment={"PATH": ""})
    if not is_local:
        context = context.of_stack("production", stack_file(tmp_path))
    patch.setattr(PulumiCli, "found", lambda *_: cli)
    patch.setattr(PulumiCli, "packaged", lambda *_: packaged)

    def needed(*_: Any, **__: Any) -> Any:
        if isinstance(fetched, Exception):
            raise fetched
        return fetched

    patch.setattr(PulumiCli, "needed", needed)
    asked = []

    def look(tool: Any, *, needed: bool) -> Outcome:
        asked.append(tool)
        if tool.name != PULUMI.name:
            return Outcome.ok(tool.name, "1")
        told: Any = SimpleNamespace(
            name="pulumi", install="Install it.", look=lambda: state or ToolState("3.240.0", "")
        )
        return real(told, needed=needed)

    real = tools.look_at
    patch.setattr(tools, "look_at", look)
    patch.setattr(tools, "look_at_plugins", lambda _: [])
    patch.setattr("shutil.which", lambda name, **_: f"/bin/{name}")
    *others, found = tools.look_at_tools(context)
    assert [one.check for one in others] == ["python", NODE.name, "git"]
    command = asked[-1].command
    assert command == ((cli.command, "version") if cli else PULUMI.command) or fetched
    return found


HERE = PulumiCli("PATH", "pulumi")
NPM = PulumiCli("npm", "/home/pulumi", version="3.240.0")


def test_the_cli_is_told_with_where_it_lies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = pulumi(monkeypatch, tmp_path, cli=HERE)
    assert found == Outcome.ok("pulumi", "3.240.0 (/bin/pulumi)")


def test_npms_cli_is_fetched_for_a_stack_of_an_account(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = pulumi(monkeypatch, tmp_path, cli=None, packaged=True, fetched=NPM)
    assert found == Outcome.ok("pulumi", "3.240.0 (npm's package)")


def test_a_cli_that_cannot_be_fetched_fails_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = ToolMissing(f"It couldn't be fetched: no line. {PULUMI.install}")
    found = pulumi(monkeypatch, tmp_path, cli=None, packaged=True, fetched=missing)
    assert found == Outcome.fail("pulumi", "It couldn't be fetched: no line", PULUMI.install)


def test_a_local_stack_fetches_nothing_and_needs_no_cli(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    none = ToolState("", "there is no 'pulumi' on PATH", is_there=False)
    found = pulumi(
        monkeypatch,
        tmp_path,
        cli=None,
        state=none,
        packaged=True,
        fetched=ToolMissing("asked"),
        is_local=True,
    )
    assert found == Outcome.ok("pulumi", "not installed, and this stack doesn't need it")


def test_an_old_cli_fails_a_stack_of_an_account(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = ToolState("3.1.0", "3.1.0 is too old")
    assert pulumi(monkeypatch, tmp_path, cli=HERE, state=old).result == "fail"


def test_a_plugin_that_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = {"cloudflare": "It is version 1. Take it off PATH. Then go on.", "github": ""}
    monkeypatch.setattr(tools, "version_problem", lambda package, _: problems[package])
    assert list(tools.look_at_plugins({})) == [
        Outcome.fail("plugin cloudflare", "It is version 1", "Take it off PATH. Then go on.")
    ]
