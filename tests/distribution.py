"""Which tests run in one process, and in what order the processes get them.

Those of a file run together, and those of files that share a deployed installation. The longest
come first, so that no process is alone with one when the others have nothing left to do.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

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
"""By the beginning of a test's path. A file that is missing here costs a deployment, no more."""

_LONGEST = (
    "tests/console/",
    f"{_OWN}closed_output.py",
    "tests/promise/test_on_workerd.py",
    "tests/releases/test_rollback.py",
    "tests/integration/conformance/",
    "tests/readiness/",
    "tests/docs/test_commands_in_docs.py",
    f"{_OWN}taken_over_account.py",
    f"{_OWN}edits_past_pulumi.py",
    "tests/infra/test_stack_shapes.py",
    f"{_OWN}database_commands.py",
    f"{_OWN}failed_first_update.py",
    f"{_OWN}scenario.py",
    "tests/ops/cli/test_local_commands_stay_here.py",
    f"{_OWN}deploy_access.py",
    "tests/localcloud/test_worker_start.py",
    "tests/localcloud/test_wrangler.py",
    "tests/host/",
    "tests/promise/",
    "tests/engine/",
    "tests/localcloud/",
)
"""By the beginning of a test's path, the longest first; each stands for what it is run with."""


def in_order(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests, those of the longest files first, else as they were."""

    def place(item: pytest.Item) -> int:
        starts = enumerate(_LONGEST)
        return next((at for at, path in starts if item.nodeid.startswith(path)), len(_LONGEST))

    return sorted(items, key=place)


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
        path = nodeid.split("::", 1)[0]
        return next((name for start, name in _SHARED.items() if path.startswith(start)), path)
