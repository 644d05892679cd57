"""Which tests run in one process, and in what order the processes get them.

Those of a file run together, and those of files that share a deployed installation. The longest
come first (see `tests/long_tests.yaml`), so that no process is alone with one when the others have
nothing left to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from tests.long_tests import long_files

_OWN = "tests/integration/test_"
_SHARED = {
    "tests/integration/conformance/": "the conformance suite's installation",
    "tests/console/": "the console's installation",
    "tests/host/": "the host",
    "tests/readiness/": "the installation on the real clock",
    "tests/promise/test_on_workerd.py": "the installation whose clock moves",
    f"{_OWN}send.py": "the installation whose clock moves",
    f"{_OWN}beyond_sending.py": "the installation whose clock moves",
    f"{_OWN}api_document.py": "the installation",
    f"{_OWN}batches.py": "the installation",
    f"{_OWN}closed_output.py": "the installation",
    f"{_OWN}command_scopes.py": "the installation",
    f"{_OWN}cost_counts.py": "the installation",
    f"{_OWN}deployments.py": "the installation",
    f"{_OWN}notification_commands.py": "the installation",
    f"{_OWN}perf.py": "the installation",
    f"{_OWN}refusals.py": "the installation",
    f"{_OWN}reports.py": "the installation",
    f"{_OWN}sdk.py": "the installation",
    f"{_OWN}sdk_commands.py": "the installation",
    f"{_OWN}sink_page.py": "the installation",
    f"{_OWN}status.py": "the installation",
    f"{_OWN}tail.py": "the installation",
    f"{_OWN}verify.py": "the installation",
    f"{_OWN}taken_over_account.py": "the account that was taken over",
    f"{_OWN}edits_past_pulumi.py": "the account that was taken over",
}
"""By the beginning of a test's path, in the order in which those of one name run: what was just
taken over is looked at before it is edited. A file that is missing here costs a deployment, no
more."""


def in_order(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests, what runs together together, and what takes the longest first."""
    files = {item.nodeid.partition("::")[0] for item in items}
    seconds: Counter[str] = Counter()
    for file in files:
        seconds[together(file)] += long_files()[file].seconds if file in long_files() else 1

    def place(item: pytest.Item) -> tuple[int, str, int]:
        file = item.nodeid.partition("::")[0]
        scope = together(file)
        at = next((at for at, start in enumerate(_SHARED) if file.startswith(start)), 0)
        return -seconds[scope], scope, at

    return sorted(items, key=place)


def together(file: str) -> str:
    """Return the name under which a file's tests are handed out, with those of others or alone."""
    return next((name for start, name in _SHARED.items() if file.startswith(start)), file)


class ByInstallation(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out files to the processes that are free; files that share an installation together.

    An installation is deployed once per process that needs it, which takes most of a short file's
    time. They are handed out in the order of `in_order`, not by the number of their tests.
    """

    def __init__(self, config: pytest.Config, log: object = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        """The name under which a test is handed out together with others."""
        return together(nodeid.split("::", 1)[0])
