"""A plan of any stack against an empty, throw-away account on this machine."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from infra.settings import SettingsError, StackFile, read_settings
from localcloud.empty_account import EmptyAccount
from localcloud.errors import LocalCloudError
from ops.build.build import build_bundle
from ops.stacks.choice import throwaway_driver
from ops.stacks.context import StackContext
from ops.stacks.driver import Progress, StackUpdate
from ops.stacks.errors import OperationError, UsageError
from ops.stacks.moment import Stopwatch
from ops.stacks.origin import short_hash
from ops.stacks.throwaway_stack import Stand, ThrowawayStack

EMPTY_ACCOUNT = (
    "Planned against an empty account on this machine: everything appears as new, whatever the "
    "real account holds. No credential and no network was used."
)


_STEP = re.compile(r"\s*\+ +(?P<package>[a-z][a-z-]*):(?:[\w/-]+:)?(?P<kind>\w+) (?P<name>[\w.-]+)")
"""A line about a resource to create, from either engine."""


@dataclass(frozen=True)
class PlannedResource:
    """One resource that would be created: ``package:Type`` and its name in the program."""

    type: str
    name: str


@dataclass(frozen=True)
class OfflinePlan:
    """What a stack would be made of.

    Attributes:
        stack: its name.
        update: the engine's result.
        resources: what would be made, one entry each.
        stands: settings that stand for something of the real account.
        seconds: how long the whole took.
    """

    stack: str
    update: StackUpdate
    resources: tuple[PlannedResource, ...]
    stands: tuple[Stand, ...]
    seconds: float

    def document(self) -> dict[str, Any]:
        """Return the plan for ``--json``; there is no secret in it."""
        return {
            "stack": self.stack,
            "offline": True,
            "against": "an empty account",
            "changes": dict(self.update.changes),
            "changed": self.update.changed,
            "resources": [asdict(resource) for resource in self.resources],
            "stands_for": {stand.key: stand.text for stand in self.stands},
            "seconds": round(self.seconds, 3),
        }


class OfflinePreview:
    """Plans one stack. Nothing of it is left on this machine afterwards.

    Args:
        context: the stack; the project's ``.local`` is neither read nor written.
    """

    def __init__(self, context: StackContext) -> None:
        self._context = context
        self._project = context.project
        self._stack = context.stack
        self._reporter = context.reporter

    def run(self) -> OfflinePlan:
        """Plan it.

        Raises:
            UsageError: the settings have mistakes that no account would forgive.
            StackFailed: the program can't be planned.
            OperationError: the throw-away account can't be started.
        """
        watch = Stopwatch()
        template = self._context.file
        if not template.is_whole:
            self._reporter.line(
                "The settings that come from a Pulumi environment can't be read offline; their "
                "defaults are planned.",
                style="yellow",
            )
        with self._reporter.step("Bundle") as step:
            step.detail = f"sha256 {short_hash(build_bundle(self._project, template).sha256)}"
        try:
            with tempfile.TemporaryDirectory(prefix="notifyctl-plan-") as name:
                return self._plan(Path(name), template, watch)
        except LocalCloudError as error:
            raise OperationError(str(error)) from None

    def _plan(self, folder: Path, template: StackFile, watch: Stopwatch) -> OfflinePlan:
        with EmptyAccount(folder / "account") as account:
            stack = ThrowawayStack.render(
                self._stack,
                template,
                folder=folder,
                account=account,
                base=self._context.environment,
            )
            try:
                read_settings(stack.local.config_file)
            except SettingsError as error:
                raise UsageError(str(error)) from None
            driver = throwaway_driver(
                replace(self._context, project=replace(self._project, home=folder)), stack.local
            )
            planned: dict[tuple[str, str], PlannedResource] = {}
            with self._reporter.step(f"Offline plan of the stack {self._stack}") as step:
                update = driver.preview(_collecting(self._reporter.progress, planned))
                step.detail = update.summary
        return OfflinePlan(
            stack=self._stack,
            update=update,
            resources=tuple(planned.values()),
            stands=stack.stands,
            seconds=watch.seconds,
        )


def _collecting(
    show: Callable[[Progress], None], planned: dict[tuple[str, str], PlannedResource]
) -> Callable[[Progress], None]:
    """Return what shows a line and, where it names a step, keeps the resource."""

    def both(progress: Progress) -> None:
        if step := _STEP.match(progress.text):
            resource = PlannedResource(f"{step['package']}:{step['kind']}", step["name"])
            planned[(resource.type, resource.name)] = resource
        show(progress)

    return both
