"""Random programs go through this engine and the real CLI, which judges it: the same plan, the same
counts, the same state, but for ids and times."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from tests.engine.attached_plugins import attached_plugins
from tests.engine.fake_cloudflare import FakeCloudflare, Refusal
from tests.engine.random_program import RandomProgram
from tests.engine.test_real_pulumi import Cli, comparable
from tests.engine.workspace import Workspace

pytestmark = pytest.mark.real_pulumi

_HIDDEN = {"same", "delete-replaced", "create-replacement", "discard-replaced"}
"""Steps that the CLI's JSON leaves out, or that stand beside the ``replace`` that is told."""
_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Plan = tuple[list[tuple[str, str]], dict[str, int]]


class Side:
    """One of the two that run the same programs, with a cloud and a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.said = ""
        self.api = FakeCloudflare()
        self.workspace = Workspace(folder, self.api)
        outside = folder / "outside"
        outside.mkdir()
        self.workspace.config["folder"] = str(outside)

    def install(self, programs: Sequence[RandomProgram]) -> None:
        """Make these programs the stack's one program."""
        self.install_text("".join(program.text() for program in programs))

    def install_text(self, body: str) -> None:
        """Make this text, after what every random program begins with, the program."""
        self.workspace.program("random_base", lambda text: text + body)
        (self.workspace.folder / "app" / "records_provider.py").write_text(
            (Path(__file__).with_name("programs") / "records_provider.py").read_text()
        )

    def state(self) -> Any:
        """Return the state with names in place of ids and without what is this side's alone."""
        if not self.workspace.stack_file.exists():
            return []
        text = json.dumps(comparable(self.workspace), sort_keys=True)
        for resource in self.workspace.state().get("resources") or []:
            if len(resource.get("id", "")) >= 16:
                text = text.replace(resource["id"], f"<id of {resource['urn']}>")
        text = text.replace(str(self.workspace.folder), "<folder>").replace(self.api.url, "<api>")
        return json.loads(_ID.sub("<id>", text))

    def account(self) -> list[str]:
        """Return what is in the account, by kind and name."""
        return sorted(
            _ID.sub("<id>", f"{collection} {name}")
            for collection in self.api.objects
            for name in self.api.names(collection)
        )

    def preview(self) -> Plan:
        """Return what an update would do, and the counts."""
        raise NotImplementedError

    def up(self) -> tuple[str, dict[str, int]]:
        """Update; return result and counts as the history keeps them."""
        raise NotImplementedError

    def start_up(self) -> subprocess.Popen[bytes]:
        """Start an update in a process of its own."""
        raise NotImplementedError

    def destroy(self) -> None:
        """Destroy the stack."""
        raise NotImplementedError

    def newest(self) -> tuple[str, dict[str, int]]:
        """Return result and counts of the newest entry in the history."""
        history = sorted(self.workspace.backend.rglob("*.history.json"))
        entry = json.loads(history[-1].read_text())
        return entry["result"], entry.get("resourceChanges") or {}


class Engine(Side):
    """This project's engine."""

    def preview(self) -> Plan:
        result = self.workspace.engine().preview()
        assert result.result == "succeeded", result.message
        return _plan(result.steps), result.changes

    def up(self) -> tuple[str, dict[str, int]]:
        self.said = self.workspace.engine().up().message
        return self.newest()

    def start_up(self) -> subprocess.Popen[bytes]:
        self.workspace.write_config()
        command = [sys.executable, "-m", "tests.engine.engine_process", str(self.workspace.folder)]
        return subprocess.Popen(command, cwd=Path(__file__).parents[2])

    def destroy(self) -> None:
        self.workspace.engine().destroy()


class RealCli(Side):
    """The real one."""

    def __init__(self, folder: Path, plugins: dict[str, str]) -> None:
        super().__init__(folder)
        self._cli = Cli(self.workspace)
        self._cli.environment |= plugins
        self._initialized = False

    def preview(self) -> Plan:
        self._begin()
        plan = json.loads(self._cli("preview", "--json"))
        return (
            _plan([(step["op"], step["urn"]) for step in plan["steps"]]),
            plan["changeSummary"],
        )

    def up(self) -> tuple[str, dict[str, int]]:
        self._begin()
        self.said = self._cli.run("up", "--yes", "--skip-preview").stdout
        return self.newest()

    def start_up(self) -> subprocess.Popen[bytes]:
        return self._cli.start("up", "--yes", "--skip-preview")

    def destroy(self) -> None:
        self._cli.run("destroy", "--yes", "--skip-preview")

    def _begin(self) -> None:
        self.workspace.write_config()
        if not self._initialized:
            self._cli("stack", "init")
            self._initialized = True


def _plan(steps: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted((op, urn) for op, urn in steps if op not in _HIDDEN)


class Pair:
    """Both sides, and the comparison after each operation."""

    def __init__(self, folder: Path, plugins: dict[str, str]) -> None:
        self.engine = Engine(folder / "engine")
        self.cli = RealCli(folder / "cli", plugins)

    def install(self, programs: Sequence[RandomProgram]) -> None:
        for side in (self.engine, self.cli):
            side.install(programs)

    def previews(self) -> None:
        assert self.engine.preview() == self.cli.preview()

    def updates(self) -> None:
        ours, theirs = self.engine.up(), self.cli.up()
        assert ours == theirs, (self.engine.said, self.cli.said)
        self.compare()

    def destroys(self) -> None:
        self.engine.destroy()
        self.cli.destroy()
        self.compare()

    def compare(self) -> None:
        pairs = zip_longest(self.engine.state(), self.cli.state())
        assert [(ours, theirs) for ours, theirs in pairs if ours != theirs] == []
        assert self.engine.account() == self.cli.account()

    def close(self) -> None:
        for side in (self.engine, self.cli):
            side.api.close()


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with attached_plugins(tmp_path_factory.mktemp("plugins")) as variables:
        yield variables


@pytest.fixture
def pair(tmp_path: Path, plugins: dict[str, str]) -> Iterator[Pair]:
    both = Pair(tmp_path, plugins)
    yield both
    both.close()


def live_through(pair: Pair, seeds: Sequence[int]) -> None:
    """Create the programs of these seeds, change them twice, and destroy them."""
    chosen = {seed: random.Random(seed) for seed in seeds}  # noqa: S311 - repeatable, no secret
    programs = {seed: RandomProgram.new(f"p{seed}", chosen[seed]) for seed in seeds}
    pair.install(list(programs.values()))
    pair.updates()
    for _ in range(2):
        programs = {seed: programs[seed].changed(chosen[seed]) for seed in seeds}
        pair.install(list(programs.values()))
        pair.previews()
        pair.updates()
    pair.install([program.unprotected() for program in programs.values()])
    pair.updates()
    pair.destroys()


def test_twenty_random_programs_live_the_same_life(pair: Pair) -> None:
    live_through(pair, range(20))


@pytest.mark.soak
@pytest.mark.parametrize("first", range(100, 1100, 20))
def test_a_thousand_random_programs_live_the_same_life(
    pair: Pair, first: int, record_property: Callable[[str, object], None]
) -> None:
    live_through(pair, range(first, first + 20))
    record_property("programs", 20)


CHAIN = """\
r0 = Group('r0', Options())
r1 = Cloud('Queue', 'r1', {'queueName': 'r1'}, Options(parent=r0))
r2 = Cloud('D1Database', 'r2', {'name': 'r2'}, Options(depends_on=[r1]))
r3 = Cloud('Worker', 'r3', {'name': 'r3', 'tags': [key]}, Options(depends_on=[r2]))
r4 = Record('r4', {'text': 'r4'}, Options(depends_on=[r3]))
pulumi.export('r3', r3.id)
pulumi.export('r4', r4.id)
"""
"""Each resource after the one before it, so that what a failure leaves undone isn't chance."""


def chain(*, name: str, protect: bool = False) -> str:
    """Return the chain with another name of its database, which replaces it."""
    return CHAIN.replace(
        "{'name': 'r2'}, Options(", f"{{'name': {name!r}}}, Options(protect={protect}, "
    )


FAILURES: list[tuple[str, tuple[str, str] | None, str]] = [
    ("a create", ("POST", "workers/workers$"), CHAIN),
    ("nothing", None, CHAIN),
    ("an update", ("P(UT|ATCH)", "queues"), CHAIN.replace("queueName': 'r1'", "queueName': 'q'")),
    ("a program", None, f"{CHAIN}raise ValueError('no more')\n"),
    ("nothing, but replaces a record", None, CHAIN.replace("{'text': 'r4'}", "{'text': 'newest'}")),
    (
        "a create by the program's own provider",
        None,
        CHAIN.replace("'r4', {'text': 'r4'", "'r5', {'text': 'refuse'"),
    ),
    ("a replacement", ("POST", "d1/database$"), chain(name="d")),
    ("a replaced one's delete", ("DELETE", "d1/database"), chain(name="d")),
    ("nothing, and protects", None, chain(name="d", protect=True)),
    ("a protected one's replacement", None, chain(name="e", protect=True)),
    ("nothing: protection goes with it", None, chain(name="e")),
    ("nothing: protection comes with it", None, chain(name="f", protect=True)),
    ("nothing, and unprotects", None, chain(name="f")),
    ("a delete", ("DELETE", "workers/workers"), CHAIN[: CHAIN.index("r3")]),
    ("nothing, and restores", None, CHAIN),
]
"""What fails in turn: its name, the calls that the API refuses, and the program of that run."""


def test_failures_leave_the_same_behind(pair: Pair) -> None:
    for name, refused, body in FAILURES:
        for side in (pair.engine, pair.cli):
            side.install_text(body)
            side.api.refuse.clear()
            if refused is not None:
                side.api.refuse[refused] = Refusal(403, 10000, "not now")
        ours, theirs = pair.engine.up(), pair.cli.up()
        assert ours == theirs, (name, pair.engine.said, pair.cli.said)
        assert pair.engine.state() == pair.cli.state(), name
        assert pair.engine.account() == pair.cli.account(), name
        assert (ours[0] == "succeeded") == name.startswith("nothing"), (name, pair.engine.said)


def killed_at(side: Side, wanted: str) -> int:
    """Run an update that is killed when the first such call is carried out but not answered yet.

    Args:
        side: whose update.
        wanted: a regular expression for METHOD and path.

    Returns:
        The exit code; 0 where no such call came.
    """
    started = side.start_up()

    def kill(verb: str, path: str) -> None:
        if re.fullmatch(wanted, f"{verb} {path}"):
            started.kill()
            started.wait()

    side.api.before_answer = kill
    code = started.wait(120)
    side.api.before_answer = lambda verb, path: None
    return code


def pending(side: Side) -> list[tuple[str, str]]:
    """Return the operations that the state says were under way."""
    found = side.workspace.state().get("pending_operations") or []
    return [(operation["type"], operation["resource"]["urn"]) for operation in found]


def test_a_killed_update_leaves_the_same_state(pair: Pair) -> None:
    body = CHAIN[: CHAIN.index("r3")]
    for side in (pair.engine, pair.cli):
        side.install_text("")
    pair.updates()
    for side in (pair.engine, pair.cli):
        side.install_text(body)
        assert killed_at(side, "POST d1/database") == -signal.SIGKILL
    assert [operation for operation, _ in pending(pair.engine)] == ["creating"]
    assert pending(pair.engine) == pending(pair.cli)
    pair.compare()


CALLS = (
    ("POST", "d1/database"),
    ("POST", "storage/kv/namespaces"),
    ("POST", "queues"),
    ("POST", "workers/workers"),
    ("P(UT|ATCH)", ".*"),
    ("DELETE", ".*"),
)
"""What one of is refused, or isn't answered to a process that is killed."""


@pytest.mark.sample(1)
@pytest.mark.parametrize("seed", range(2000, 2020))
def test_random_failures_and_kills_leave_the_same_behind(pair: Pair, seed: int) -> None:
    chosen = random.Random(seed)  # noqa: S311 - repeatable, no secret
    program = RandomProgram.new(f"p{seed}", chosen).chained()
    for _ in range(2):
        pair.install([program])
        verb, path = chosen.choice(CALLS)
        for side in (pair.engine, pair.cli):
            side.api.refuse[verb, f"{path}$"] = Refusal(403, 10000, "not now")
        pair.updates()
        for side in (pair.engine, pair.cli):
            side.api.refuse.clear()
        pair.updates()
        program = program.changed(chosen).chained()
    pair.install([program])
    wanted = " ".join(chosen.choice(CALLS))
    ended = [killed_at(side, wanted) for side in (pair.engine, pair.cli)]
    assert set(ended) in ({0}, {-signal.SIGKILL})
    assert pending(pair.engine) == pending(pair.cli)
    pair.compare()
