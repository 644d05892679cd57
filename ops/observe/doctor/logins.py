"""Whether this machine may do what a deployment does: at the state's backend and in the account."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

from ops.access.checks.outcome import Outcome
from ops.access.token.stack_token import check_stack_token
from ops.stacks.choice import runs_cli
from ops.stacks.context import StackContext
from ops.stacks.errors import OperationError, UsageError
from ops.stacks.local_cloud import local_cloud_status
from ops.stacks.plugins import Plugins, version_problem
from ops.stacks.pulumi_cli import PulumiCli

_PATIENCE_S = 60
_PLUGIN = "cloudflare"
_OPERATORS = "Account → Account API Tokens → Read"


class Logins:
    """Looks at the plugins, the backend and the token of one stack.

    Args:
        context: the stack.
    """

    def __init__(self, context: StackContext) -> None:
        self._context = context
        self._project = context.project
        self._is_local = context.is_local

    def plugins(self) -> Iterator[Outcome]:
        """Yield what runs beside Python: the edge runtime, the Worker's SDK, Pulumi's provider."""
        root = self._project.root
        for name, path in (
            ("edge runtime", root / "node_modules" / "workerd"),
            ("worker SDK", root / "build" / "python_modules"),
        ):
            if path.is_dir():
                yield Outcome.ok(name, "installed")
            else:
                found = f"{path.relative_to(root)} isn't there"
                yield Outcome.fail(name, found, "Install it: make install")
        if not self._is_local:
            yield self._provider()
        elif runs_cli(self._context):
            own = Plugins.chosen(self._context.environment).notice
            which = "this project's stand-ins for plugins" if own else "the official plugins"
            yield Outcome.ok("engine", f"the Pulumi CLI, with {which}")
        else:
            yield Outcome.ok("engine", "the embedded one, with stand-ins for Pulumi's plugins")

    def backend(self) -> Iterator[Outcome]:
        """Where the stack's state is kept."""
        if self._is_local:
            state = str(local_cloud_status(self._project)["state"])
            if state == "ready":
                yield Outcome.ok("local cloud", "it runs and is healthy")
            else:
                yield Outcome.fail(
                    "local cloud", f"it is {state}", "Start it: notifyctl local start"
                )
            yield Outcome.ok("state", f"kept in {self._project.backend_dir}")
            return
        code, out, err = self._pulumi("whoami", "--json")
        if code != 0:
            said = (err.strip().splitlines() or ["no reason given"])[-1].removeprefix("error: ")
            advice = "Log in to the state's backend: pulumi login (docs/bootstrap.md)."
            yield Outcome.fail("state", f"the backend can't be used: {said}", advice)
            return
        document = _parsed(out)
        who = document if isinstance(document, dict) else {}
        yield Outcome.ok("state", f"{who.get('user', '?')} at {who.get('url', 'the backend')}")

    def token(self) -> Iterator[Outcome]:
        """Yield the state of the API token, what it lacks and what it has too much."""
        try:
            report = check_stack_token(self._context)
        except UsageError as error:
            text, _, advice = str(error).partition(". ")
            yield Outcome.fail("token", text, advice)
            return
        if verdict := report.verdict(allow_more=True, is_pipeline=self._context.origin.is_pipeline):
            text, _, advice = verdict.partition(". ")
            yield Outcome.fail("token", text, advice)
        else:
            yield Outcome.ok("token", f"active, with {len(report.granted)} permissions")
        if self._is_local and report.surplus == (_OPERATORS,):
            return  # The local cloud's own token, which never leaves this machine.
        if report.surplus:
            found = f"more than a deployment needs: {'; '.join(report.surplus)}"
            advice = "Take them away, unless it is an operator's own token."
            yield Outcome.warn("token scopes", found, advice)

    def _provider(self) -> Outcome:
        if problem := version_problem(_PLUGIN, self._context.environment):
            text, _, advice = problem.partition(", so nothing was run. ")
            return Outcome.fail("provider plugin", text, advice)
        code, out, _ = self._pulumi("plugin", "ls", "--json")
        listed = _parsed(out) if code == 0 else []
        for plugin in listed if isinstance(listed, list) else []:
            if isinstance(plugin, dict) and plugin.get("name") == _PLUGIN:
                return Outcome.ok("provider plugin", f"{_PLUGIN} {plugin.get('version')}")
        return Outcome.warn(
            "provider plugin",
            f"Pulumi's plugin '{_PLUGIN}' isn't installed",
            "The next preview downloads it; without a way out: pulumi plugin install --file FILE.",
        )

    def _pulumi(self, *arguments: str) -> tuple[int, str, str]:
        cli = PulumiCli.found(self._project.root, self._context.environment)
        if cli is None:
            return 127, "", "there is no 'pulumi' on PATH"
        try:
            done = subprocess.run(
                [cli.command, *arguments, "--non-interactive"],
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=_PATIENCE_S,
                env={**self._context.environment, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise OperationError(
                f"'pulumi {arguments[0]}' gave no answer ({type(error).__name__}). Try it by hand."
            ) from None
        return done.returncode, done.stdout, done.stderr


def _parsed(text: str) -> object:
    try:
        return json.loads(text or "null")
    except json.JSONDecodeError:
        return None
