from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

# A red line in what tests share then tells its values, as one in a test does.
pytest.register_assert_rewrite(
    *(f"tests.{folder.name}" for folder in Path(__file__).parent.iterdir() if folder.is_dir())
)

from tests.distribution import ByInstallation, in_order  # noqa: E402
from tests.installation import Installation  # noqa: E402
from tests.real_cli import MISSING  # noqa: E402
from tests.soak_table import print_table, rows_of  # noqa: E402


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByInstallation:
    """Give several processes their tests; the command line's ``--dist`` only switches it on."""
    return ByInstallation(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; several processes get them in this order."""
    items[:] = in_order(items)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine has no program for; where CI could have it, that is a failure."""
    for mark, missing in MISSING.items():
        if item.get_closest_marker(mark) and (reason := missing()):
            if mark == "real_pulumi" and "CI" in os.environ and shutil.which("go"):
                pytest.fail(f"{reason}, and CI can build one: scripts/install-pulumi")
            pytest.skip(reason)


def pytest_sessionstart() -> None:
    """Let Ctrl-C reach the commands that tests start, lift the API's limit, and wait for no retry.

    A shell starts what runs in its background with SIGINT ignored, and children inherit that.
    """
    # Production's limit of 1,200 calls in five minutes has tests of its own.
    os.environ.setdefault("NOTIFICATION_LOCAL_API_LIMIT", "1000000")
    os.environ.setdefault("NOTIFICATION_LOCAL_GITHUB_LIMIT", "1000000")
    # KV's delay has tests of its own as well.
    os.environ.setdefault("NOTIFICATION_LOCAL_KV", "immediate")
    # No test fetches a program: where no CLI is on PATH, there is none.
    os.environ["NOTIFYCTL_PULUMI"] = "path"
    stamina.set_testing(True, attempts=100, cap=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """End a run of the long counts with one table of them."""
    if config.getoption("markexpr") != "soak":
        return
    ended = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    print_table(terminalreporter, rows_of(report for report in ended if report.when == "call"))


@pytest.fixture(scope="session")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One deployed installation whose clock the tests move on, and that they may break for a while.

    Commands sign with this machine's clock: they have no place here.
    """
    with Installation.deployed(
        tmp_path_factory.mktemp("moving"), settings={"testClock": True}
    ) as built:
        yield built
