"""One stack at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.smoke.checks import health_problems
from ops.database.stack_database import StackDatabase
from ops.observe.metrics.account_metrics import AccountMetrics
from ops.observe.metrics.channel_metrics import ChannelMetrics, channel_metrics
from ops.observe.metrics.service_metrics import ServiceMetrics
from ops.observe.metrics.thresholds import Reading, Thresholds, worst
from ops.stacks.account import StackAccount
from ops.stacks.active_deployment import ActiveDeployment
from ops.stacks.choice import choose_driver
from ops.stacks.context import StackContext
from ops.stacks.errors import OperationError, ServiceError, StackFailed
from ops.stacks.local_cloud import full_disk, require_local_cloud
from ops.stacks.service import ServiceClient

if TYPE_CHECKING:
    from ops.observe.drift.drift import DriftReport


@dataclass(frozen=True)
class StackStatus:
    """What was found out about a stack. What wasn't is empty and named in ``unknown``.

    Attributes:
        stack: its name.
        url: the service's.
        health: the answer of ``GET /health``.
        health_status: its HTTP status; 0 where there was no answer.
        shares: percent of the requests by version.
        metrics: the account's.
        channels: what each channel has to do.
        readings: all metrics beside their thresholds.
        drift: the probe's report, or ``None``.
        unknown: what couldn't be found out, by name, and why.
        disk: that the disk of a local stack is full, or an empty text.
    """

    stack: str
    url: str
    health: Mapping[str, Any]
    health_status: int
    shares: Mapping[str, float]
    metrics: AccountMetrics
    channels: tuple[ChannelMetrics, ...]
    readings: tuple[Reading, ...]
    drift: DriftReport | None
    unknown: Mapping[str, str]
    disk: str = ""

    @property
    def unknown_lines(self) -> list[str]:
        """What couldn't be found out, a line each."""
        return [f"unknown: {name}: {reason}" for name, reason in self.unknown.items()]

    @classmethod
    def of(
        cls, context: StackContext, *, drift: bool, thresholds: Thresholds | None = None
    ) -> StackStatus:
        """Look everywhere; a part that doesn't answer takes nothing from the others.

        Raises:
            StackFailed: the stack isn't deployed.
            ServiceError: it is a local stack whose cloud doesn't run.
            UsageError: there is no token for the stack's account.
        """
        stack = context.stack
        if context.is_local:
            require_local_cloud(context.project, stack)
        outputs = choose_driver(context).outputs(show_secrets=True)
        url, key = outputs.get("service_url"), outputs.get("api_secret_key")
        if not isinstance(url, str) or not isinstance(key, str):
            raise StackFailed(
                f"The stack '{stack}' isn't deployed: it has no service_url. "
                f"Run 'notifyctl up --stack {stack}'."
            )
        account = StackAccount.of(context)
        unknown: dict[str, str] = {}
        # Each part waits for another service; side by side the screen is there within a second.
        with ThreadPoolExecutor(max_workers=4) as pool, ServiceClient(url, key) as service:
            answers = pool.submit(_health, service, unknown)
            own_metrics = pool.submit(ServiceMetrics.read, service)
            _ = account.client  # Made once, before several ask for it.
            of_account = pool.submit(AccountMetrics.read, account, outputs)
            found = pool.submit(_channels, account, outputs, unknown)
            shares = _shares(account, str(outputs["worker_name"]), unknown)
            (health, status), own = answers.result(), own_metrics.result()
            metrics, channels = of_account.result(), found.result()
        report = _drift(context, unknown) if drift else None
        return cls(
            stack=stack,
            url=url,
            health=health,
            health_status=status,
            shares=shares,
            metrics=metrics,
            channels=channels,
            readings=_readings(metrics, own, thresholds or Thresholds()),
            drift=report,
            unknown=unknown,
            disk=full_disk(context.project) if context.is_local else "",
        )

    @property
    def problems(self) -> list[Mapping[str, Any]]:
        """What the service says of itself, apart from failures that the data set tells better."""
        told = {"REQUESTS_FAILED"} if not self.metrics.callers.problem else set()
        return [one for one in health_problems(self.health) if one.get("code") not in told]

    @property
    def is_healthy(self) -> bool:
        """Whether the service says so."""
        well = self.health_status == 200 and self.health.get("status") == "healthy"
        return well and not self.disk

    def document(self) -> dict[str, Any]:
        """Return everything for ``--json``."""
        return {
            "stack": self.stack,
            "url": self.url,
            "health": dict(self.health),
            "disk": self.disk,
            "versions": [
                {
                    "version_id": version,
                    "percentage": share,
                    "requests": self.metrics.versions.get(version, (0, 0))[0],
                    "errors": self.metrics.versions.get(version, (0, 0))[1],
                }
                for version, share in self.shares.items()
            ],
            "callers": self.metrics.callers.document(),
            "channels": [channel.document() for channel in self.channels],
            "drift": self.drift.document() if self.drift else None,
            "figures": [reading.document() for reading in self.readings],
            "level": worst(self.readings).value,
            "unknown": dict(self.unknown),
        }


def _health(service: ServiceClient, unknown: dict[str, str]) -> tuple[Mapping[str, Any], int]:
    try:
        answer = service.call("GET", "/health")
    except ServiceError as error:
        unknown["health"] = str(error)
        return {}, 0
    try:
        found = answer.json()
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}, answer.status_code


def _shares(account: StackAccount, worker: str, unknown: dict[str, str]) -> Mapping[str, float]:
    try:
        return ActiveDeployment.of_worker(account, worker).shares
    except OperationError as error:
        unknown["versions"] = str(error)
        return {}


def _channels(
    account: StackAccount, outputs: Mapping[str, Any], unknown: dict[str, str]
) -> tuple[ChannelMetrics, ...]:
    databases = StackDatabase.in_outputs(account, outputs)
    if not databases:
        unknown["channels"] = "the stack's outputs name no database"
    try:
        return channel_metrics(databases)
    except OperationError as error:
        unknown["channels"] = str(error)
        return ()


def _drift(context: StackContext, unknown: dict[str, str]) -> DriftReport | None:
    # Imported late: it takes a quarter of the time that the screen has without it.
    from ops.observe.drift.drift import Drift

    try:
        return Drift(context).probe()
    except OperationError as error:
        unknown["drift"] = str(error)
        return None


def _readings(
    metrics: AccountMetrics, own: ServiceMetrics, thresholds: Thresholds
) -> tuple[Reading, ...]:
    return (
        thresholds.read(metrics.error_rate, "error_rate"),
        thresholds.read(own.failure_rate, "error_rate"),
        thresholds.read(metrics.response, "response_ms"),
        thresholds.read(own.delivery, "response_ms"),
        *(thresholds.read(backlog, "backlog") for backlog in metrics.backlogs),
        thresholds.read(metrics.memory, "memory_mb"),
        thresholds.read(metrics.cpu, "cpu_ms"),
    )
