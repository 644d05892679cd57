"""A deployment of one stack: bundle, engine, first notification."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from infra.settings import SettingsError, read_settings
from ops.access.identity import introduce
from ops.build.build import build_bundle, console_path
from ops.deploy.account_state import AccountState
from ops.deploy.first_notification import FirstNotification
from ops.deploy.release_checks import ReleaseChecks
from ops.stacks.active_deployment import short_version
from ops.stacks.choice import choose_driver
from ops.stacks.context import StackContext
from ops.stacks.data_loss import lost_stores
from ops.stacks.deployment_report import DeploymentReport
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import GateClosed, StackFailed, UsageError
from ops.stacks.kept_state import keep_state
from ops.stacks.local_cloud import require_local_cloud, start_local_cloud
from ops.stacks.local_stack import LocalStack
from ops.stacks.moment import Stopwatch, counted
from ops.stacks.origin import short_hash
from ops.stacks.service import ServiceClient


def refuse_loss(what: str) -> None:
    """Confirm no loss of data: for whoever can't be asked.

    Raises:
        GateClosed: always.
    """
    raise GateClosed(
        f"{what}, so nothing was changed. If that is wanted, run 'notifyctl up' or 'deploy' with "
        "--confirm-loss STACK; else correct the settings."
    )


class Deployment:
    """Deploys one stack.

    Args:
        context: the stack, and where its steps are shown.
    """

    def __init__(self, context: StackContext) -> None:
        self._context = context
        self._project = context.project
        self._stack = context.stack
        self._reporter = context.reporter
        self._is_local = context.is_local
        self._sink_url: str | None = None

    def preview(self, *, start: bool = True) -> StackUpdate:
        """Plan the update.

        Args:
            start: start the local cloud where the stack is on it and it doesn't run; a command
                that only looks refuses instead.

        Raises:
            ServiceError: the local cloud doesn't run, and isn't to be started.
        """
        if self._is_local and not start:
            require_local_cloud(self._project, self._stack)
        self._check_settings()
        introduce(self._context)
        self._bundle()
        self.prepare()
        AccountState(self._context).require_free_names()
        with self._reporter.step(f"Preview of the stack {self._stack}") as step:
            result = choose_driver(self._context).preview(self._reporter.progress)
            step.detail = result.summary
        return result

    def refresh(self) -> StackUpdate:
        """Correct the state by what is really there; how it was before is kept in a file.

        To a credential that sees nothing everything seems gone, and the state would forget it.
        """
        if self._is_local:
            start_local_cloud(self._project, self._reporter)
        introduce(self._context)
        driver = choose_driver(self._context)
        with self._reporter.step("State kept") as step:
            kept = keep_state(self._project.home, self._stack, driver.export())
            step.detail = str(kept)
        with self._reporter.step(f"Refresh of the stack {self._stack}") as step:
            result = driver.refresh(self._reporter.progress)
            step.detail = result.summary
        if forgotten := result.changes.get("delete", 0):
            self._reporter.line(
                f"The account seems to have lost {forgotten} of the stack's resources. Where that "
                f"isn't so, the credential was wrong: pulumi stack import --stack {self._stack} "
                f"--file {kept}",
                style="yellow",
            )
        return result

    @property
    def environment(self) -> str:
        """What the Worker reports itself to be; the stack's name where the file doesn't say."""
        return self._context.environment_name

    @property
    def is_local(self) -> bool:
        """Whether every API that the stack talks to is on this machine."""
        return self._is_local

    def prepare(self) -> str | None:
        """Check the settings, start the local cloud where the stack is on it, return its sink.

        Raises:
            UsageError: with all mistakes of the settings at once.
        """
        self._check_settings()
        if not self._is_local:
            return None
        self._sink_url = start_local_cloud(self._project, self._reporter).sink_url
        return self._sink_url

    def run(
        self, *, message: str, verify: bool, confirm_loss: Callable[[str], None] = refuse_loss
    ) -> DeploymentReport:
        """Deploy and verify.

        Args:
            message: the update's message in the history.
            verify: whether the service is verified afterwards.
            confirm_loss: asked where the plan deletes or replaces stores of data.

        Raises:
            OperationError: a step failed; the version that served before still serves.
        """
        watch = Stopwatch()
        if self._is_local:
            self._check_settings()
            self._bundle()
        else:
            # A person's data may be in there: what the update would do is asked first.
            self.ask_about_loss(self.preview(), confirm_loss)
        sink_url = self.prepare()
        account = AccountState(self._context)
        account.require_free_names()
        try:
            update = self.update(message, is_planned=True)
        except StackFailed as error:
            if account.made:
                raise
            raise StackFailed(f"{error} {self._made_so_far()}") from None
        # A stack of access alone has no service to verify.
        if verify and "service_url" in update.outputs:
            self.checks().run(update.outputs)
            self._first_notification(update.outputs)
        return DeploymentReport(
            stack=self._stack,
            update=update,
            sink_url=sink_url,
            seconds=watch.seconds,
            console_path=console_path(self._context.file),
        )

    def ask_about_loss(self, planned: StackUpdate, confirm: Callable[[str], None]) -> None:
        """Let a plan that deletes or replaces stores of data be confirmed by itself."""
        if lost := lost_stores(planned):
            confirm(
                f"This deletes or replaces {' and '.join(lost)} of '{self._stack}', with all that "
                "is in there"
            )

    def _made_so_far(self) -> str:
        """Name what a first deployment made before it failed, and both ways on."""
        made = AccountState(self._context).made
        names = ", ".join(f"{str(one['urn']).rpartition('::')[2]} ({one['id']})" for one in made)
        stack = self._stack
        return (
            f"Created so far: {names or 'nothing'}. 'notifyctl up --stack {stack}' goes on from "
            f"there; 'notifyctl destroy --stack {stack}' removes it."
        )

    def _first_notification(self, outputs: Mapping[str, Any]) -> None:
        if self._sink_url is None or self.checks().in_maintenance:
            return
        with ServiceClient(str(outputs["service_url"]), str(outputs["api_secret_key"])) as service:
            FirstNotification(service, sink_url=self._sink_url, reporter=self._reporter).run()

    def warn_of_pin(self, outputs: Mapping[str, Any]) -> None:
        """Say so where a pin keeps what was deployed from serving."""
        serving, new = str(outputs.get("serving_version_id")), str(outputs.get("version_id"))
        if serving == new or len(outputs.get("serving") or []) != 1:
            return
        self._reporter.line(
            f"warning: version {short_version(serving)} is pinned in place of this bundle, so your "
            "bundle doesn't serve. The next bundle will, or remove notification-system:pin from "
            "the stack's file.",
            style="yellow",
        )

    def update(
        self, message: str, context: StackContext | None = None, *, is_planned: bool = False
    ) -> StackUpdate:
        """Run one update with the bundle that is built.

        Args:
            message: the update's message in the history.
            context: other settings, another checkout or another commit; ``None`` takes the
                deployment's own.
            is_planned: whether its plan was made before, and what it loses confirmed.

        Raises:
            GateClosed: it would delete or replace stores of data, and nobody confirmed that.
            StackFailed: it failed; what was done up to then is in the state.
        """
        driver = choose_driver(context or self._context)
        if not (is_planned or self._is_local):
            with self._reporter.step(f"Preview of the stack {self._stack}") as step:
                planned = driver.preview(self._reporter.progress)
                step.detail = planned.summary
            self.ask_about_loss(planned, refuse_loss)
        with self._reporter.step(f"Stack {self._stack}") as step:
            update = driver.up(self._reporter.progress, message=message)
            step.detail = update.summary
        return update

    def checks(self) -> ReleaseChecks:
        """Return what verifies from outside that a release serves well."""
        return ReleaseChecks(self._context, sink_url=self._sink_url)

    def outputs(self, *, start: bool = True) -> Mapping[str, Any]:
        """Return the stack's outputs, secrets in clear.

        Args:
            start: as of `preview`.

        Raises:
            StackFailed: the stack isn't deployed.
            ServiceError: as of `preview`.
        """
        if self._is_local and not start:
            require_local_cloud(self._project, self._stack)
        self.prepare()
        found = choose_driver(self._context).outputs(show_secrets=True)
        if "service_url" not in found or "api_secret_key" not in found:
            raise StackFailed(
                f"The stack '{self._stack}' isn't deployed: it has no service_url. "
                f"Run 'notifyctl up --stack {self._stack}'."
            )
        return found

    def _check_settings(self) -> None:
        """Refuse a settings file with mistakes before anything is started or built.

        Raises:
            UsageError: with all mistakes at once.
        """
        path = self._context.file.path
        if self._is_local:
            path = LocalStack.prepare(self._context).config_file
        elif not self._context.file.is_whole:
            return
        try:
            read_settings(path)
        except SettingsError as error:
            raise UsageError(str(error)) from None

    def _bundle(self) -> None:
        with self._reporter.step("Bundle") as step:
            built = build_bundle(self._project, self._context.file)
            step.detail = f"{counted(built.modules, 'module')}, sha256 {short_hash(built.sha256)}"
