"""A gradual deployment: several updates, each judged before the next, and stopped by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ops.deploy.deployment import Deployment
from ops.deploy.rollback.gate import stack_placement
from ops.deploy.rollout.version_metrics import MetricsSince, VersionMetrics
from ops.observe.metrics.caller_metrics import ERROR_RATE
from ops.stacks.account import StackAccount
from ops.stacks.active_deployment import short_version
from ops.stacks.context import StackContext
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import (
    GateClosed,
    OperationError,
    StackFailed,
    UsageError,
    VerificationFailed,
)
from ops.stacks.moment import counted, read_span

POLL_SECONDS = 2.0

_HOPELESS = 5
"""Failures after which a small sample is judged as well, if they are too many for a full one."""


@dataclass(frozen=True)
class CanaryPlan:
    """How a canary goes.

    Attributes:
        steps: percent of the requests, growing, 100 at last.
        watch: seconds that one step may take to be judged.
        least: requests that the new version must have had before it is judged.
    """

    steps: tuple[int, ...]
    watch: float
    least: int

    @classmethod
    def parse(cls, steps: str, watch: str, least: int) -> CanaryPlan:
        """Read the command line's words.

        Raises:
            UsageError: steps that don't grow to 100, or a time that is none.
        """
        try:
            shares = tuple(int(part) for part in steps.split(","))
        except ValueError:
            shares = ()
        grows = all(a < b for a, b in pairwise(shares))
        if not shares or not grows or shares[-1] != 100 or shares[0] < 1:
            raise UsageError(
                f"--steps is '{steps}': give percentages that grow to 100, such as 10,50,100."
            )
        return cls(shares, read_span(watch, "--watch").total_seconds(), least)


@dataclass(frozen=True)
class StepResult:
    """One step, as it was judged.

    Attributes:
        percentage: the new version's share.
        new: its metrics.
        base: those of the version beside it.
        seconds: how long it was watched.
    """

    percentage: int
    new: VersionMetrics
    base: VersionMetrics
    seconds: float

    def document(self) -> dict[str, Any]:
        """Return the step for ``--json``."""
        return {
            "percentage": self.percentage,
            "new": self.new.document(),
            "base": self.base.document(),
            "seconds": round(self.seconds, 1),
        }


class Canary:
    """Takes a new version through the steps.

    Args:
        context: the stack, and where the metrics are shown.
        deployment: runs the updates.
        base: id of the version that serves now.
        plan: steps and limits.
        now: monotonic seconds.
        sleep: waits the given seconds.
    """

    def __init__(
        self,
        context: StackContext,
        *,
        deployment: Deployment,
        base: str,
        plan: CanaryPlan,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._context = context
        self._deployment = deployment
        self._base = base
        self._plan = plan
        self._reporter = context.reporter
        self._now = now
        self._sleep = sleep
        self.results: list[StepResult] = []

    def check(self, outputs: Mapping[str, Any]) -> None:
        """See that it could be judged and aborted, before anything moves.

        Args:
            outputs: the stack's.

        Raises:
            GateClosed: it would move recipients between databases.
            OperationError: the account doesn't tell what callers are answered.
        """
        account = StackAccount.of(self._context)
        placement = stack_placement(account, outputs)
        if refusal := placement.refusal_of_canary(self._context.settings.shards):
            raise GateClosed(refusal)
        MetricsSince(account, str(outputs.get("worker_name"))).of(self._base)

    def run(self, message: str) -> StackUpdate:
        """Run all steps and return the last update.

        Raises:
            VerificationFailed: a step was judged too bad, or nothing could be judged in time; the
                caller gives all requests back to the version before.
        """
        update: StackUpdate | None = None
        for percentage in self._plan.steps:
            settings: Mapping[str, Any] = {}
            if percentage < 100:
                settings = {"traffic": percentage, "trafficBase": self._base}
            try:
                with self._context.with_settings(settings) as context:
                    update = self._deployment.update(
                        f"{message} ({percentage} %)".strip(),
                        context,
                        # The first step is the rollout's own plan; settings may change after it.
                        is_planned=update is None,
                    )
            except (StackFailed, GateClosed) as error:
                if update is None:
                    raise
                raise VerificationFailed(
                    f"The canary was stopped before {percentage} %: {error}", check="canary"
                ) from None
            new = str(update.outputs["version_id"])
            if new == self._base:
                return update  # Nothing is new: there is nothing to watch.
            if percentage < 100:
                self._judge(percentage, new, update.outputs)
        if update is None:
            raise UsageError("A canary needs at least one step.")
        return update

    def _judge(self, percentage: int, new: str, outputs: Mapping[str, Any]) -> None:
        account = StackAccount.of(self._context)
        metrics = MetricsSince(account, str(outputs["worker_name"]), self._now)
        started = self._now()
        result: StepResult | None = None
        with self._reporter.step(f"Version {short_version(new)} at {percentage} %") as step:
            try:
                while True:
                    blind = ""
                    seen = base = VersionMetrics()
                    try:
                        seen, base = metrics.of(new, self._base)
                    except OperationError as error:
                        blind = str(error)
                    result = StepResult(percentage, seen, base, self._now() - started)
                    step.detail = (
                        f"{counted(seen.requests, 'request')}, {seen.failures} failed, "
                        f"p99 {seen.p99_ms:.0f} ms"
                    )
                    problem = self._problem(result, blind)
                    if problem is not None or seen.requests >= self._plan.least:
                        break
                    self._sleep(POLL_SECONDS)
            finally:
                # An interruption's report has what was seen up to then.
                if result is not None:
                    self.results.append(result)
            if problem is not None:
                raise VerificationFailed(
                    f"The canary was stopped at {percentage} %: {problem}.", check="canary"
                )

    def _problem(self, result: StepResult, blind: str) -> str | None:
        """Judge a full sample, or one that can't become good any more.

        Args:
            result: what is known.
            blind: why nothing is known now, or an empty text.
        """
        new, least = result.new, max(self._plan.least, 1)
        hopeless = new.failures >= max(_HOPELESS, 2 * ERROR_RATE * least)
        if new.requests >= self._plan.least or hopeless:
            problem = new.worse_than(result.base)
            if problem is not None:
                return problem
        if new.requests < self._plan.least and result.seconds >= self._plan.watch:
            if blind:
                return blind.rstrip(".")
            return (
                f"it has had {counted(new.requests, 'request')} in {result.seconds:.0f} s, too few "
                f"to judge (--least {self._plan.least}): give it longer by --watch, or ask for less"
            )
        return None
