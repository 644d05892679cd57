"""Each call of a deployment is cut off in some way; what the message advises mends it, always."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from operator import le

import pytest

from tests.closed_network.faults import ASKING, Fault
from tests.closed_network.network import IN_A_CLOSED_NETWORK, LIMIT
from tests.closed_network.operator import LISTS, Operator, kill_all

pytestmark = [*IN_A_CLOSED_NETWORK, pytest.mark.soak]
STACK = ("--stack", "development")
MAX_ADVICES = 4
"""Commands that a message may lead to, one after the other, until the deployment is done."""
_TELLING = re.compile(r"'?notifyctl (recover|refresh|unlock|import) --stack development'?")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}")
ANY_ID = "ID"
Act = Callable[[subprocess.Popen[str]], None]
Ids = dict[str, list[str]]
"""What the account has: ids by the path of their list."""


@dataclass(frozen=True)
class Cut:
    """A way in which a deployment is cut off at one call.

    Attributes:
        status: what the service's proxy answers; 0 holds the answer while ``act`` is done.
        act: what happens to the command meanwhile.
        late: whether the service has done its work.
        times: how often, since a client repeats what it may.
    """

    status: int = 0
    act: Act | None = None
    late: bool = False
    times: int = 1


def _signal(number: signal.Signals) -> Act:
    return lambda process: process.send_signal(number)


CUTS = {
    "400": Cut(400),
    "429 for long": Cut(429, times=50),
    "500 for long": Cut(500, times=50),
    "500 once": Cut(500),
    "lost answer": Cut(502, late=True),
    "SIGKILL": Cut(act=kill_all),
    "SIGINT": Cut(act=_signal(signal.SIGINT)),
    "closed terminal": Cut(act=_signal(signal.SIGHUP)),
}


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    with Operator.at_work(tmp_path_factory.mktemp("interruptions")) as made:
        made.set_up()
        yield made


@dataclass(frozen=True)
class Place:
    """A call of a deployment, and the way in which it is cut off there.

    Attributes:
        cut: a name in `CUTS`.
        call: the call's kind, in which `ANY_ID` stands for every id.
        skip: how many calls of that kind pass before.
    """

    cut: str
    call: str
    skip: int

    def __str__(self) -> str:
        return f"{self.cut} at {self.call}" + (f" after {self.skip}" if self.skip else "")

    @property
    def expression(self) -> str:
        """The calls of the kind, as a regular expression."""
        return re.escape(self.call).replace(re.escape(ANY_ID), "[^/]+")


def kinds(calls: Sequence[str]) -> Counter[str]:
    """Count the kinds of calls, in their order; ids are other ones in each deployment."""
    return Counter(_ID.sub(ANY_ID, call) for call in calls)


def lines_of(calls: Iterable[str]) -> list[list[str]]:
    """Divide a first deployment's calls into lines, in which one can be cut off after the other.

    The stores and the Worker are made at the same time, so that each begins a line; what asks for
    permission, before them, is one question of many names.
    """
    asking = [call for call in calls if call.endswith(ASKING)]
    made = [call for call in calls if call not in asking]
    early = [call for call in made if call.endswith(LISTS)]
    lines = [[call] for call in early]
    for number, call in enumerate(call for call in made if call not in early):
        lines[number % len(lines)].append(call)
    lines[-1].insert(0, asking[0])
    return lines


def places(line: Sequence[str], turn: int, counted: Mapping[str, int]) -> list[Place]:
    """Return a way for each call of a line; over all turns each call is cut off in each way."""
    names = list(CUTS)
    return [
        Place(names[(turn + number) % len(names)], call, turn * counted[call] // len(names))
        for number, call in enumerate(line)
    ]


class Sweep:
    """Deployments that are cut off at one call after the other, with what is found.

    After each the operator does what the message says, up to the deployment itself: that is the one
    that is cut off next. What fails is kept, so that a sweep tells all that it finds.

    Args:
        operator: whose plugins run already but where a process is ended.
        again: begins anew after a deployment that came through, or a fault.
    """

    def __init__(self, operator: Operator, again: Callable[[], None]) -> None:
        self._operator = operator
        self._again = again
        self.faults: list[str] = []

    def live_through(self, line: Sequence[Place], unharmed: Callable[[Ids], None]) -> None:
        """Go through a line and come out whole.

        Args:
            line: the places.
            unharmed: expects the stores from before an interruption to be there after it.
        """
        self._again()
        is_cut = False
        for place in line:
            if not is_cut and place is not line[0]:
                self._again()
            is_cut = False
            with self._noted(str(place)) as noted:
                is_cut = self._interrupt(place, unharmed, noted)
        with self._noted(f"the end after {line[-1]}") as noted:
            noted.commands += finish(self._operator)
            require_whole(self._operator)

    def _interrupt(self, place: Place, unharmed: Callable[[Ids], None], noted: Noted) -> bool:
        """Return whether the deployment was cut off, and the way on from there found."""
        code, told = self._cut_off(place)
        if code == 0 and not self._operator.faults.came:
            # A recovery that imports something goes on to the end itself.
            require_whole(self._operator)
            self._again()
            code, told = self._cut_off(place)
        noted.said = "".join(line for line in told.splitlines() if line.startswith("error: "))
        before = self._operator.ids()
        assert self._operator.faults.came, f"the call never came: {code}, {told}"
        if code == 0:
            require_whole(self._operator)
        else:
            noted.commands += recover(self._operator, told)
        unharmed(before)
        return code != 0

    def _cut_off(self, place: Place) -> tuple[int, str]:
        """Deploy, cut it off, and return the exit code and what the command said."""
        operator, cut = self._operator, CUTS[place.cut]
        operator.faults.order(
            Fault(place.expression, cut.status, times=cut.times, skip=place.skip, late=cut.late)
        )
        with operator.own_plugins() if cut.act else nullcontext():
            process = operator.start("up", *STACK, "--skip-verify")
            if cut.act is not None and operator.faults.await_held(
                LIMIT, lambda: process.poll() is not None
            ):
                cut.act(process)
                operator.faults.clear()
                if cut.act is kill_all:
                    return -signal.SIGKILL, ""
            told = process.communicate(timeout=LIMIT)[1]
        operator.faults.clear()
        assert "Traceback" not in told
        return process.returncode, told

    @contextmanager
    def _noted(self, name: str) -> Iterator[Noted]:
        started = time.monotonic()
        noted = Noted()
        try:
            yield noted
            found = f"whole, by {', '.join((*noted.commands, 'up'))}"
        except AssertionError as error:
            found = str(error)
            self.faults.append(f"{name}: {found}")
        seconds = time.monotonic() - started
        print(f"{seconds:.0f} s  {name}: {found}  {noted.said}", flush=True)  # noqa: T201


@dataclass
class Noted:
    """What an interrupted deployment said, and the commands that the messages advised."""

    said: str = ""
    commands: list[str] = field(default_factory=list)


def recover(operator: Operator, told: str) -> list[str]:
    """Do what the message advises, and then what that one's does; return the commands."""
    commands: list[str] = []
    if not told:
        # A lost machine says nothing: the next one who deploys is told.
        told = deployed(operator)
    for _ in range(MAX_ADVICES):
        if (advised := _TELLING.search(told)) is None:
            return commands
        commands.append(advised[1])
        agreed = ("--yes",) if advised[1] in ("recover", "import") else ()
        done = operator.run("notifyctl", advised[1], *STACK, *agreed)
        assert "Traceback" not in done.stderr
        told = done.stderr if done.returncode != 0 else ""
    raise AssertionError(f"the advice doesn't lead out: {told}")


def deployed(operator: Operator) -> str:
    """Deploy; return what a failure says, and nothing of a success."""
    done = operator.run("notifyctl", "up", *STACK, "--skip-verify")
    assert "Traceback" not in done.stderr
    return done.stderr if done.returncode != 0 else ""


def finish(operator: Operator) -> list[str]:
    """Deploy, and do what the messages advise, until it is deployed; return the commands."""
    commands: list[str] = []
    told = ""
    for _ in range(MAX_ADVICES):
        if not (told := deployed(operator)):
            return commands
        commands += recover(operator, told)
    raise AssertionError(f"the advice doesn't lead out: {told}")


def require_whole(operator: Operator) -> Ids:
    """Expect a stack that is as declared, each store once, and return the ids."""
    done = operator.run(
        *("pulumi", "preview", *STACK, "--non-interactive", "--expect-no-changes"),
        plain=True,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    found = operator.ids()
    assert [len(ids) for ids in found.values()] == [1, 1, 2, 1]
    return found


@pytest.fixture(scope="module")
def first_calls(operator: Operator) -> Counter[str]:
    """The calls of a first deployment: each kind, and how many there are of it."""
    operator.begin_anew()
    operator.faults.calls()
    operator.ctl("up", *STACK, "--skip-verify")
    return kinds(operator.faults.calls())


@pytest.mark.parametrize("turn", range(len(CUTS)))
def test_a_first_deployment_that_is_cut_off_anywhere_is_mended_by_what_it_says(
    operator: Operator,
    first_calls: Counter[str],
    turn: int,
    record_property: Callable[[str, object], None],
) -> None:
    lines = [places(line, turn, first_calls) for line in lines_of(first_calls)]
    sweep = Sweep(operator, operator.begin_anew)

    def unharmed(before: Ids) -> None:
        after = operator.ids()
        assert {path for path, ids in before.items() if not set(ids) <= set(after[path])} == set()
        assert all(map(le, map(len, after.values()), (1, 1, 2, 1))), "nothing is made twice"

    with operator.attached():
        for line in lines:
            sweep.live_through(line, unharmed)
    operator.ctl("destroy", *STACK, "--yes")
    assert set(map(len, operator.ids().values())) == {0}
    record_property("cut-off first deployments", sum(map(len, lines)))
    assert sweep.faults == []


@pytest.mark.parametrize("turn", range(len(CUTS)))
def test_a_later_deployment_that_is_cut_off_anywhere_keeps_every_row(
    operator: Operator, turn: int, record_property: Callable[[str, object], None]
) -> None:
    operator.begin_anew()
    operator.ctl("up", *STACK, "--skip-verify")
    stores = require_whole(operator)
    operator.sql(
        "INSERT INTO user_configs (user_id, channel_type, config_data) "
        "VALUES ('ada', 'webhook', '{}')"
    )
    rows = operator.rows()
    assert all(rows.values())
    operator.release(f"Calls of a later deployment, {turn}")
    operator.faults.calls()
    operator.ctl("up", *STACK, "--skip-verify")
    counted = kinds(operator.faults.calls())
    asking = [call for call in counted if call.endswith(ASKING)]
    line = places([call for call in counted if call not in asking[1:]], turn, counted)
    releases = iter(range(2 * len(line)))

    def unharmed(_: Ids) -> None:
        assert operator.ids() == stores
        assert operator.rows() == rows

    sweep = Sweep(operator, lambda: operator.release(f"A later one, {turn}.{next(releases)}"))
    with operator.attached():
        sweep.live_through(line, unharmed)
    unharmed(stores)
    operator.ctl("destroy", *STACK, "--yes")
    record_property("cut-off later deployments", len(line))
    assert sweep.faults == []


def test_a_canary_that_is_interrupted_says_what_serves_and_the_way_back_works(
    operator: Operator,
) -> None:
    first = operator.json("up", "--skip-verify")["version_id"]
    operator.release("A canary")
    process = operator.start(
        *("deploy", *STACK, "--canary", "--steps", "10,100"),
        *("--watch", "1h", "--least", "100000", "--skip", "tests", "--skip", "types"),
    )
    while len(serving := operator.serving()) < 2 or operator.runs_pulumi(process):
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    out, told = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    new = next(version for version in serving if version != first)
    assert serving == {new: 10, first: 90}
    assert f"{new[:8]} answers 10 % and {first[:8]} answers 90 %" in out + told

    for command in (("status", "--no-drift"), ("preview",), ("releases",), ("drift",)):
        done = operator.run("notifyctl", *command, *STACK)
        assert f"{new[:8]} answers 10 %" in done.stdout, (command, done.stderr, done.stdout)
    report = operator.json("rollback", "--yes")
    assert report["version_id"] == first
    assert operator.serving() == {first: 100}


def test_of_two_operators_at_once_one_waits_and_nothing_is_unlocked_under_the_other(
    operator: Operator,
) -> None:
    operator.ctl("up", *STACK, "--skip-verify")
    operator.release("By the first of two")
    operator.faults.order(Fault("POST .*/versions"))
    first = operator.start("up", *STACK, "--skip-verify")
    operator.faults.await_held(LIMIT)
    told = operator.fails("up", *STACK, "--skip-verify", code=4)
    assert "The stack is locked by" in told
    told = operator.fails("recover", *STACK, code=8)
    assert "still runs on this machine" in told
    operator.faults.clear()
    _, told = first.communicate(timeout=LIMIT)
    assert first.returncode == 0, told
    require_whole(operator)
