"""One stack's Worker on a throw-away local cloud, deployed again whenever its source changes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from infra.settings import SettingsError, read_settings
from infra.settings.derivation import for_another_stack, is_encrypted
from localcloud.daemon import LocalCloud
from localcloud.endpoints import Endpoints, Ports
from localcloud.errors import LocalCloudError
from ops.build.build import build_bundle
from ops.deploy.development.source_watch import SourceWatch
from ops.observe.tail.live_tail import LiveTail
from ops.observe.tail.log_line import LogLine
from ops.stacks.account import StackAccount
from ops.stacks.choice import throwaway_driver
from ops.stacks.context import StackContext
from ops.stacks.driver import StackDriver
from ops.stacks.errors import OperationError, UsageError
from ops.stacks.interruption import Interruption
from ops.stacks.local_stack import NAMESPACE
from ops.stacks.throwaway_stack import ThrowawayStack


@dataclass(frozen=True)
class Address:
    """Where the Worker answers, and the made-up key that signs calls."""

    service_url: str
    sink_url: str
    api_secret_key: str = field(repr=False)


@dataclass(frozen=True)
class DevelopmentRun:
    """Runs one stack's Worker until it is interrupted.

    Attributes:
        context: the stack whose settings are used; the project's ``.local`` is neither read nor
            written.
        port: where the Worker answers; 0 takes any.
        debug: whether the Worker logs everything.
        on_ready: hears the address once the Worker answers.
        on_line: hears each line that the Worker writes.
        interruption: who knows that the run is to end.
    """

    context: StackContext
    port: int
    debug: bool
    on_ready: Callable[[Address], None]
    on_line: Callable[[LogLine], None]
    interruption: Interruption

    def run(self) -> None:
        """Start, deploy, and go on until interrupted; nothing is left behind.

        Raises:
            UsageError: the settings have mistakes.
            OperationError: the local cloud can't be started, or the first deployment failed.
        """
        with tempfile.TemporaryDirectory(prefix="notifyctl-dev-") as name:
            folder = Path(name)
            cloud = LocalCloud(folder, Ports(0, self.port, 0))
            try:
                with self.context.reporter.step("Local cloud") as step:
                    endpoints = cloud.start(on_step=lambda text: setattr(step, "detail", text))
                    step.detail = endpoints.control_url
                self._serve(folder, endpoints)
            except LocalCloudError as error:
                raise OperationError(str(error)) from None
            finally:
                cloud.stop()

    def _serve(self, folder: Path, endpoints: Endpoints) -> None:
        root = self.context.project.root
        watch = SourceWatch([root / "worker" / "src", root / "console"])
        driver = self._driver(folder, endpoints)
        outputs = self._deploy(driver, "Worker")
        self.on_ready(
            Address(endpoints.service_url, endpoints.sink_url, str(outputs["api_secret_key"]))
        )
        account = StackAccount(
            stack=self.context.stack,
            account_id=endpoints.account_id,
            base_url=endpoints.control_url,
            is_local=True,
            token=endpoints.api_token,
        )
        tail = LiveTail(account, str(outputs["worker_name"]), lambda _: None)
        with closing(tail.lines()) as lines:
            for line in lines:
                if line is not None:
                    self.on_line(line)
                if changed := watch.changed():
                    self._again(driver, changed)

    def _again(self, driver: StackDriver, changed: list[Path]) -> None:
        names = ", ".join(path.name for path in changed[:3])
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        try:
            self._deploy(driver, f"Changed: {names}{more}")
        except OperationError as error:
            self.context.reporter.line(f"{error}", style="red")
            self.context.reporter.line("The version before still serves.", style="yellow")

    def _driver(self, folder: Path, endpoints: Endpoints) -> StackDriver:
        context, template = self.context, self.context.file
        config = for_another_stack(template.config)
        # Which secrets there are stays; others of the same form take their place.
        config |= {key: value for key, value in template.config.items() if is_encrypted(value)}
        config.pop(f"{NAMESPACE}:workersDevSubdomain", None)
        config.pop(f"{NAMESPACE}:workersDev", None)
        config[f"{NAMESPACE}:serviceUrl"] = endpoints.service_url
        if self.debug:
            config[f"{NAMESPACE}:logLevel"] = "debug"
        own = replace(template, content={**template.content, "config": config})
        stack = ThrowawayStack.render(
            context.stack, own, folder=folder, account=endpoints, base=context.environment
        )
        try:
            read_settings(stack.local.config_file)
        except SettingsError as error:
            raise UsageError(str(error)) from None
        return throwaway_driver(
            replace(context, project=replace(context.project, home=folder)), stack.local
        )

    def _deploy(self, driver: StackDriver, title: str) -> dict[str, Any]:
        with self.context.reporter.step(title) as step:
            build_bundle(self.context.project, self.context.file)
            try:
                update = driver.up(lambda _: None, message=title)
            except OperationError:
                if self.interruption.seen:
                    raise KeyboardInterrupt from None
                raise
            step.detail = update.summary
        return dict(update.outputs)
