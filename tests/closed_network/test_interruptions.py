"""Each call of a deployment is cut off in some way; what the message advises mends it, always."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.closed_network.faults import Fault
from tests.closed_network.network import LIMIT, missing
from tests.closed_network.operator import Operator, kill_all

pytestmark = [
    pytest.mark.workerd,
    pytest.mark.real_pulumi,
    pytest.mark.soak,
    pytest.mark.skipif(bool(reason := missing()), reason=reason or "it can be had"),
]
STACK = ("--stack", "development")
MAX_ADVICES = 4
"""Commands that a message may lead to, one after the other, until the deployment is done."""
_TELLING = re.compile(r"'?notifyctl (recover|refresh|unlock|import) --stack development'?")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}")
Act = Callable[[subprocess.Popen[str]], None]


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


def cut_off(operator: Operator, call: str, cut: Cut) -> str:
    """Deploy, cut it off at the call, and return what the command said."""
    operator.faults.order(Fault(call, cut.status, times=cut.times, late=cut.late))
    process = operator.start("up", *STACK, "--skip-verify")
    # Some calls aren't made each time: files that the account has are uploaded once.
    is_held = cut.act is not None and operator.faults.await_held(
        LIMIT, lambda: process.poll() is not None
    )
    if cut.act is not None and is_held:
        cut.act(process)
        operator.faults.clear()
        if cut.act is kill_all:
            return ""
    told = process.communicate(timeout=LIMIT)[1]
    operator.faults.clear()
    assert "Traceback" not in told
    return told


def follow(operator: Operator, told: str) -> None:
    """Do what the message advises, and then what that one's does, until it is deployed."""
    for _ in range(MAX_ADVICES):
        if advised := _TELLING.search(told):
            agreed = ("--yes",) if advised[1] in ("recover", "import") else ()
            done = operator.run("notifyctl", advised[1], *STACK, *agreed)
            assert "Traceback" not in done.stderr
            if done.returncode != 0:
                told = done.stderr
                continue
        done = operator.run("notifyctl", "up", *STACK, "--skip-verify")
        assert "Traceback" not in done.stderr
        if done.returncode == 0:
            return
        told = done.stderr
    raise AssertionError(f"the advice doesn't lead out: {told}")


def pairs(calls: list[str], turn: int) -> list[tuple[str, str]]:
    """Return a way for each call; over all turns each call is cut off in each way."""
    names = list(CUTS)
    return [(names[(number + turn) % len(names)], call) for number, call in enumerate(calls)]


@dataclass
class Place:
    """Where a deployment is cut off, and whether the way on failed there."""

    failed: bool = False


@contextmanager
def noted(faults: list[str], name: str) -> Iterator[Place]:
    """Keep what fails at a place and go on: a sweep that takes hours tells all that it finds."""
    started = time.monotonic()
    place = Place()
    try:
        yield place
    except AssertionError as error:
        place.failed = True
        faults.append(f"{name}: {error}")
    found = faults[-1] if place.failed else f"{name}: whole"
    print(f"{time.monotonic() - started:.0f} s  {found}", flush=True)  # noqa: T201


def calls_of(operator: Operator) -> list[str]:
    """Return the calls that a deployment makes, each kind once, as expressions in their order."""
    operator.faults.calls()
    operator.ctl("up", *STACK, "--skip-verify")
    # Ids are other ones in each deployment.
    return list(dict.fromkeys(_ID.sub("[^/]+", call) for call in operator.faults.calls()))


def require_whole(operator: Operator) -> dict[str, list[str]]:
    """Expect a stack that is as declared, each store once, and return the ids."""
    operator.ctl("preview", *STACK, "--expect-no-changes")
    found = operator.ids()
    assert [len(ids) for ids in found.values()] == [1, 1, 2, 1]
    return found


@pytest.mark.parametrize("turn", range(len(CUTS)))
def test_a_first_deployment_that_is_cut_off_anywhere_is_mended_by_what_it_says(
    operator: Operator, turn: int, record_property: Callable[[str, object], None]
) -> None:
    operator.begin_anew()
    calls = calls_of(operator)
    operator.ctl("destroy", *STACK, "--yes")
    faults: list[str] = []
    for name, call in pairs(calls, turn):
        with noted(faults, f"{name} at {call}") as place:
            told = cut_off(operator, call, CUTS[name])
            before = operator.ids()
            follow(operator, told)
            after = require_whole(operator)
            lost = {path for path, ids in before.items() if not set(ids) <= set(after[path])}
            assert lost == set()
            operator.ctl("destroy", *STACK, "--yes")
            assert set(map(len, operator.ids().values())) == {0}
        if place.failed:
            operator.begin_anew()
    record_property("cut-off first deployments", len(calls))
    assert faults == []


@pytest.mark.parametrize("turn", range(len(CUTS)))
def test_a_later_deployment_that_is_cut_off_anywhere_keeps_every_row(
    operator: Operator, turn: int, record_property: Callable[[str, object], None]
) -> None:
    operator.begin_anew()
    operator.ctl("up", *STACK)
    stores = require_whole(operator)
    operator.sql(
        "INSERT INTO user_configs (user_id, channel_type, config_data) "
        "VALUES ('ada', 'webhook', '{}')"
    )
    rows = operator.rows()
    assert all(rows.values())
    operator.release(f"Calls of a later deployment, {turn}")
    calls = calls_of(operator)
    faults: list[str] = []
    for name, call in pairs(calls, turn):
        operator.release(f"{name} at {call}, {turn}")
        with noted(faults, f"{name} at {call}"):
            follow(operator, cut_off(operator, call, CUTS[name]))
            assert require_whole(operator) == stores
        assert operator.ids() == stores
        assert operator.rows() == rows, f"{name} at {call}"
    operator.ctl("destroy", *STACK, "--yes")
    record_property("cut-off later deployments", len(calls))
    assert faults == []


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
