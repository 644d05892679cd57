"""Which tests run in one process: those of a file, and those that share a deployed installation."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_OWN = "tests/integration/test_"
_SHARED = {
    "tests/integration/conformance/": "the conformance suite's installation",
    "tests/readiness/": "the installation on the real clock",
    "tests/promise/test_on_workerd.py": "the installation whose clock moves",
    f"{_OWN}send.py": "the installation whose clock moves",
    f"{_OWN}beyond_sending.py": "the installation whose clock moves",
    f"{_OWN}api_document.py": "the installation",
    f"{_OWN}command_scopes.py": "the installation",
    f"{_OWN}deployments.py": "the installation",
    f"{_OWN}perf.py": "the installation",
    f"{_OWN}refusals.py": "the installation",
    f"{_OWN}reports.py": "the installation",
    f"{_OWN}sink_page.py": "the installation",
    f"{_OWN}status.py": "the installation",
    f"{_OWN}tail.py": "the installation",
}
"""By the beginning of a test's path. A file that is missing here costs a deployment, no more."""


class ByInstallation(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out files to the processes that are free; files that share an installation together.

    An installation is deployed once per process that needs it, which takes most of a short file's
    time.
    """

    def _split_scope(self, nodeid: str) -> str:
        """The name under which a test is handed out together with others."""
        path = nodeid.split("::", 1)[0]
        return next((name for start, name in _SHARED.items() if path.startswith(start)), path)
