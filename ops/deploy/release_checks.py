"""The checks of a release from outside, each as a client or an operator would make it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.build.build import console_path
from ops.deploy.asset_check import AssetCheck
from ops.deploy.integration_set import IntegrationSet
from ops.deploy.verification import PAUSE, CheckResult, Verification
from ops.observe.metrics.caller_metrics import ERROR_RATE, CallerMetrics
from ops.stacks.account import StackAccount
from ops.stacks.context import StackContext
from ops.stacks.errors import UsageError, VerificationFailed
from ops.stacks.moment import counted
from ops.stacks.service import ServiceClient

MIN_FAILURES = 5
"""Failures from which a share of them says something."""


class ReleaseChecks:
    """Checks of one stack's service.

    Args:
        context: the stack, and where each check is shown.
        sink_url: where test notifications go on this machine, if the stack is on it.
    """

    def __init__(self, context: StackContext, *, sink_url: str | None) -> None:
        self._context = context
        self._sink_url = sink_url

    @property
    def in_maintenance(self) -> bool:
        """Whether the stack's settings declare maintenance."""
        return bool(self._context.file.known.maintenance_mode)

    def run(
        self,
        outputs: Mapping[str, Any],
        *,
        version: str | None = None,
        integration: bool | None = False,
        pause: float = PAUSE,
        maintenance: bool | None = None,
        callers: int | None = None,
    ) -> list[CheckResult]:
        """Verify from outside that ``version`` (default: what the outputs say) serves well.

        Args:
            outputs: the stack's outputs, secrets in clear.
            version: the version that must answer.
            integration: also use the service as a client does; ``None``: in production and on
                this machine.
            pause: seconds between two attempts of the health check.
            maintenance: whether that version answers 503 to everything but health; ``None``: as
                the stack's settings declare it.
            callers: also look at what callers of that version were answered in so many seconds;
                ``None``: right after a deployment there is nothing to see.

        Raises:
            VerificationFailed: with the check that failed and what to do next.
        """
        url, key = str(outputs["service_url"]), str(outputs["api_secret_key"])
        serving = outputs.get("serving_version_id") or outputs["version_id"]
        if maintenance is None:
            maintenance = self.in_maintenance
        with ServiceClient(url, key) as service, ServiceClient(url) as anonymous:
            results = Verification(
                service,
                anonymous,
                version_id=version or str(serving),
                reporter=self._context.reporter,
                pause=pause,
                maintenance=maintenance,
            ).run()
            results.append(
                CheckResult("assets", None, "the console is closed during maintenance")
                if maintenance
                else AssetCheck(
                    anonymous,
                    base_path=console_path(self._context.file),
                    reporter=self._context.reporter,
                ).run(_assets_of(outputs, version or str(serving)))
            )
            if integration is None:
                integration = self._context.is_local or self._context.is_production
            if integration and not maintenance:
                results += IntegrationSet(
                    service,
                    sink_url=self._sink_url,
                    reporter=self._context.reporter,
                    environment=self._context.environment,
                ).run()
            if callers is not None:
                found = self._callers(outputs, version or str(serving), callers)
                if found.passed is None:
                    self._context.reporter.line(
                        f"- What callers were answered: skipped, {found.detail}", style="yellow"
                    )
                results.append(found)
        return results

    def _callers(self, outputs: Mapping[str, Any], version: str, seconds: int) -> CheckResult:
        """Judge a version by what its callers were answered, where the account tells it.

        Raises:
            VerificationFailed: more of them failed than a release may.
        """
        worker = str(outputs.get("worker_name", ""))
        try:
            account = StackAccount.of(self._context)
        except UsageError as error:
            return CheckResult("callers", None, str(error))
        found = CallerMetrics.read(account, worker, seconds=seconds)
        if found.problem:
            return CheckResult("callers", None, found.problem)
        requests, failed = found.of_version(version)
        said = f"{failed} of {counted(requests, 'request')} failed in {seconds} s"
        if failed >= MIN_FAILURES and failed > ERROR_RATE * requests:
            worst = found.failures()[0]
            raise VerificationFailed(
                f"The check 'callers' failed: {said}: {worst.said}. Look for the reason: notifyctl "
                f"diagnose --stack {self._context.stack}",
                check="callers",
            )
        return CheckResult("callers", True, said)


def _assets_of(outputs: Mapping[str, Any], version: str) -> str:
    """Return the digest of a version's console, as the stack's list of releases has it."""
    entries = outputs.get("releases") or []
    digests = (entry.get("assets_sha256") for entry in entries if entry["version_id"] == version)
    return str(next(digests, None) or "")
