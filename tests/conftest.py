from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import stamina

# A red line in what tests share then tells its values, as one in a test does.
pytest.register_assert_rewrite(
    *(f"tests.{folder.name}" for folder in Path(__file__).parent.iterdir() if folder.is_dir())
)

from infra.lazy_package import LazyPackage  # noqa: E402
from tests.cost_table import begin, costs_of, print_costs, settle  # noqa: E402
from tests.day_sample import VARIABLE, leave_to_soak, seed, soaking  # noqa: E402
from tests.distribution import ByInstallation, in_order  # noqa: E402
from tests.installation import Installation  # noqa: E402
from tests.long_tests import ALL, leave_out, note_the_change, told  # noqa: E402
from tests.long_tests import VARIABLE as LONG  # noqa: E402
from tests.real_cli import MISSING  # noqa: E402
from tests.soak_parts import Part  # noqa: E402
from tests.soak_table import Results, print_table, rows_of  # noqa: E402

# As the program's own entry does: whole, they take every process that collects seconds.
LazyPackage.install("pulumi_cloudflare")
LazyPackage.install("pulumi_github")


def pytest_configure(config: pytest.Config) -> None:
    """Note what a run takes, and make the marks known that say so."""
    if not hasattr(config, "workerinput"):
        note_the_change(config)
    for mark in (
        "sample(count): so many of a test's members run each day, and all of them in `make soak`",
        "judge: holds the local cloud's answers against what others publish; also in `make soak`",
    ):
        config.addinivalue_line("markers", mark)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from what a collection makes: all of it stays to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByInstallation:
    """Give several processes their tests; the command line's ``--dist`` only switches it on."""
    return ByInstallation(config, log)


# Before the marks are held against the command line's -m.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest files first, since several processes get them in this order; take samples."""
    leave_to_soak(items, all_of_them=soaking(config))
    leave_out(items, all_of_them=soaking(config))
    if soaking(config) and (part := Part.asked_for()).parts > 1:
        taken = part.take(items)
        kept = set(taken)
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = taken
    items[:] = in_order(items)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep the results of a run of the long counts in a file, where one is asked for."""
    config = session.config
    # Of several processes, each would begin the same file.
    if not soaking(config) or config.option.collectonly or hasattr(config, "workerinput"):
        return
    if results := Results.asked_for([item.nodeid for item in session.items]):
        config.pluginmanager.register(results)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine has no program for; where CI could have it, that is a failure."""
    for mark, missing in MISSING.items():
        if item.get_closest_marker(mark) and (reason := missing()):
            if mark == "real_pulumi" and "CI" in os.environ and shutil.which("go"):
                pytest.fail(f"{reason}, and CI can build one: scripts/install-pulumi")
            pytest.skip(reason)


def pytest_sessionstart() -> None:
    """Let Ctrl-C reach the commands that tests start, lift the API's limit, and wait for no retry.

    A shell starts what runs in its background with SIGINT ignored, ``nohup`` ignores SIGHUP, and
    children inherit both.
    """
    # Before other processes are started, so that all of them choose the same.
    seed()
    # Production's limit of 1,200 calls in five minutes has tests of its own.
    os.environ.setdefault("NOTIFICATION_LOCAL_API_LIMIT", "1000000")
    os.environ.setdefault("NOTIFICATION_LOCAL_GITHUB_LIMIT", "1000000")
    # KV's delay has tests of its own as well.
    os.environ.setdefault("NOTIFICATION_LOCAL_KV", "immediate")
    # No test fetches a program: where no CLI is on PATH, there is none.
    os.environ["NOTIFYCTL_PULUMI"] = "path"
    stamina.set_testing(True, attempts=100, cap=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """End a run of the long counts with a table of them, and any other with its sample."""
    groups = terminalreporter.stats.values()
    every = [each for group in groups for each in group if isinstance(each, pytest.TestReport)]
    print_costs(terminalreporter, costs_of(every))
    if soaking(config):
        print_table(terminalreporter, rows_of(every))
        return
    taken = told(os.environ.get(LONG, ALL))
    terminalreporter.write_line(f"day's sample: {VARIABLE}={seed()}; {taken}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Note what a test costs, with the fixtures that it is the first to need."""
    begin(item)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give a test's last report its cost."""
    if call.when == "teardown":
        settle(item)
    return (yield)


@pytest.fixture(scope="session")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One deployed installation whose clock the tests move on, and that they may break for a while.

    Commands sign with this machine's clock: they have no place here.
    """
    with Installation.deployed(
        tmp_path_factory.mktemp("moving"), settings={"testClock": True}
    ) as built:
        yield built
