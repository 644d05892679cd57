"""What ``notifyctl dev`` deploys, shows and goes on with; cloud and driver are the test's."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.settings import SettingsError, StackFile
from infra.settings.problems import Problem
from localcloud.errors import LocalCloudError
from ops.deploy.development import development_run as module
from ops.deploy.development.development_run import Address, DevelopmentRun
from ops.stacks.errors import OperationError, UsageError
from tests.ops.contexts import context_of

P = "notification-system"
ENDPOINTS: Any = SimpleNamespace(
    control_url="http://control", service_url="http://service", sink_url="http://sink",
    account_id="a" * 32, api_token="token",
)  # fmt: skip


class World:
    """A local cloud and a driver that note what is done with them."""

    def __init__(self, patch: pytest.MonkeyPatch, root: Path) -> None:
        self.calls: list[Any] = []
        self.changes: list[list[Path]] = []
        self.lines: list[Any] = ["first", None, "second"]
        self.failures: list[Exception | None] = []
        self.rendered: list[StackFile] = []
        self.ready: list[Address] = []
        self.shown: list[Any] = []
        self.interruption: Any = SimpleNamespace(seen=False)
        self.refused: SettingsError | None = None
        put = patch.setattr
        put(module, "LocalCloud", self._cloud)
        put(module, "SourceWatch", lambda places: SimpleNamespace(changed=self._changed))
        put(module, "ThrowawayStack", SimpleNamespace(render=self._render))
        put(module, "read_settings", self._read)
        put(module, "throwaway_driver", self._driver)
        put(module, "build_bundle", lambda *_: self.calls.append("build"))
        put(module, "LiveTail", self._tail)
        config = (
            "{" + f"{P}:logLevel: warn, {P}:workersDevSubdomain: team, {P}:workersDev: true, "
            f"{P}:apiSecretKey: {{secure: 'v1:a:b'}}, {P}:environment: production" + "}"
        )
        (root / "Pulumi.dev.yaml").write_text(f"config: {config}\n")
        self.context = context_of(root, "dev", environment={"A": "b"})

    def _cloud(self, folder: Path, ports: Any) -> Any:
        self.calls.append(("cloud", ports.edge if hasattr(ports, "edge") else ports))

        def start(*, on_step: Any) -> Any:
            on_step("starting")
            return ENDPOINTS

        return SimpleNamespace(start=start, stop=lambda: self.calls.append("stopped"))

    def _changed(self) -> list[Path]:
        return self.changes.pop(0) if self.changes else []

    def _render(self, stack: str, own: StackFile, **how: Any) -> Any:
        assert (stack, how["account"], how["base"]) == ("dev", ENDPOINTS, {"A": "b"})
        self.rendered.append(own)
        return SimpleNamespace(local=SimpleNamespace(config_file=how["folder"] / "rendered.yaml"))

    def _read(self, _: Path) -> None:
        if self.refused is not None:
            raise self.refused

    def _driver(self, context: Any, _local: Any) -> Any:
        assert context.project.home != self.context.project.home

        def up(_: Any, *, message: str) -> Any:
            self.calls.append(message)
            failure = self.failures.pop(0) if self.failures else None
            if failure is not None:
                raise failure
            outputs = {"api_secret_key": "key", "worker_name": "notify"}
            return SimpleNamespace(outputs=outputs, summary="1 update")

        return SimpleNamespace(up=up)

    def _tail(self, account: Any, worker: str, _: Any) -> Any:
        assert (account.base_url, account.token, account.is_local) == (
            "http://control",
            "token",
            True,
        )
        assert (account.account_id, worker) == ("a" * 32, "notify")

        def lines() -> Any:
            yield from self.lines

        return SimpleNamespace(lines=lines)

    def run(self, *, debug: bool = False, port: int = 8790) -> None:
        DevelopmentRun(
            self.context, port, debug, self.ready.append, self.shown.append, self.interruption
        ).run()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    return World(monkeypatch, tmp_path)


def test_it_deploys_tells_its_address_and_shows_lines(world: World) -> None:
    world.run()
    assert world.calls == [("cloud", 8790), "build", "Worker", "stopped"]
    assert world.ready == [Address("http://service", "http://sink", "key")]
    assert world.shown == ["first", "second"]


@pytest.mark.parametrize("debug", [True, False])
def test_the_stacks_settings_hold_but_for_its_addresses(world: World, debug: bool) -> None:
    world.run(debug=debug)
    (own,) = world.rendered
    config = {key.removeprefix(f"{P}:"): value for key, value in own.config.items()}
    assert config["serviceUrl"] == "http://service"
    assert config["logLevel"] == ("debug" if debug else "warn")
    assert config["apiSecretKey"] == {"secure": "v1:a:b"}
    assert not {"workersDevSubdomain", "workersDev"} & set(config)


@pytest.mark.parametrize(
    ("count", "title"),
    [
        (1, "Changed: f0.py"),
        (3, "Changed: f0.py, f1.py, f2.py"),
        (5, "Changed: f0.py, f1.py, f2.py and 2 more"),
    ],
)
def test_a_change_is_deployed_again_with_the_names_of_three_files(
    world: World, count: int, title: str
) -> None:
    world.changes = [[], [Path(f"src/f{number}.py") for number in range(count)]]
    world.run()
    assert world.calls[1:] == ["build", "Worker", "build", title, "stopped"]


def test_a_version_that_does_not_start_leaves_the_one_before(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    lines: list[str] = []
    world.context.reporter.line = lambda text, **_: lines.append(text)  # type: ignore[method-assign]
    world.changes = [[Path("a.py")]]
    world.failures = [None, OperationError("It has a syntax error.")]
    world.run()
    assert lines == ["It has a syntax error.", "The version before still serves."]
    assert world.shown == ["first", "second"]


@pytest.mark.parametrize("seen", [True, False])
def test_a_deployment_that_was_interrupted_ends_the_run(world: World, seen: bool) -> None:
    world.interruption.seen = seen
    world.failures = [OperationError("It was interrupted.")]
    with pytest.raises(KeyboardInterrupt if seen else OperationError):
        world.run()
    assert world.calls[-1] == "stopped"


def test_mistakes_in_the_settings_end_it_before_anything_is_deployed(world: World) -> None:
    problem = Problem("logLevel", "loud", "one of debug, info.", "info")
    world.refused = SettingsError("Pulumi.dev.yaml", [problem])
    with pytest.raises(UsageError, match="logLevel"):
        world.run()
    assert world.calls == [("cloud", 8790), "stopped"]


def test_a_cloud_that_cannot_start_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(**_: Any) -> None:
        raise LocalCloudError("Port 8790 is taken.")

    stopped: list[bool] = []
    cloud = SimpleNamespace(start=start, stop=lambda: stopped.append(True))
    monkeypatch.setattr(module, "LocalCloud", lambda *_: cloud)
    with pytest.raises(OperationError, match=r"Port 8790 is taken\."), nullcontext():
        world.run()
    assert stopped == [True]
