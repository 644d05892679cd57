"""Everything that a stack's operation needs, looked at in one go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ops.access.checks.checklist import Checklist
from ops.access.checks.outcome import Outcome
from ops.access.checks.stack_secrets import StackSecrets
from ops.observe.doctor.bindings import Bindings
from ops.observe.doctor.logins import Logins
from ops.observe.doctor.network import look_at_network
from ops.observe.doctor.service_health import service_health
from ops.observe.doctor.signature import Signature
from ops.observe.doctor.tools import look_at_tools
from ops.stacks.account import StackAccount
from ops.stacks.choice import choose_driver
from ops.stacks.context import StackContext
from ops.stacks.errors import OperationError, ToolMissing
from ops.stacks.listing import stack_names
from ops.stacks.service import ServiceClient


class Doctor:
    """Looks at one stack and changes nothing.

    Args:
        context: the stack, and where the checks are shown.
    """

    def __init__(self, context: StackContext) -> None:
        self._context = context
        self._stack = context.stack
        self.checks = Checklist(context.reporter)
        self._tools_missing: list[Outcome] = []
        self._outputs: Mapping[str, Any] | None = None

    def run(self, *, signature: bool) -> None:
        """Look at tools, plugins, logins, secrets and bindings, or at signed calls alone."""
        if signature:
            self.checks.run("signature", self._signature)
            return
        tools = self.checks.run("tools", self._tools)
        self._tools_missing = [outcome for outcome in tools if outcome.result == "fail"]
        logins = Logins(self._context)
        self.checks.run("plugins", logins.plugins)
        self.checks.run("network", lambda: look_at_network(self._context))
        self.checks.run("state", logins.backend)
        self.checks.run("token", logins.token)
        self.checks.run("secrets", StackSecrets(self._context).outcomes)
        self.checks.run("bindings", self._bindings)
        self.checks.run("service", self._service)

    def verdict(self) -> OperationError | None:
        """Return what the command ends with: a missing tool weighs more than a failed check."""
        failed = self.checks.named("fail")
        if self._tools_missing:
            return ToolMissing(" ".join(f"{o.check}: {o.found}. {o.advice}" for o in failed[:1]))
        if failed:
            names = ", ".join(outcome.check for outcome in failed)
            return OperationError(
                f"{len(failed)} of {len(self.checks.outcomes)} checks failed: {names}. "
                "Each line above says what to do."
            )
        return None

    def _tools(self) -> Iterator[Outcome]:
        return look_at_tools(self._context)

    def _bindings(self) -> Iterator[Outcome]:
        outputs = self._deployed()
        if outputs is None or "worker_id" not in outputs:
            yield self._undeployed("bindings")
            return
        account = StackAccount.of(self._context)
        yield from Bindings(self._context, account, outputs).outcomes()

    def _service(self) -> Iterator[Outcome]:
        outputs = self._deployed()
        if outputs is None or "service_url" not in outputs:
            yield self._undeployed("service")
            return
        yield from service_health(self._context, outputs)

    def _signature(self) -> Iterator[Outcome]:
        outputs = self._deployed()
        if outputs is None or "service_url" not in outputs:
            yield self._undeployed("signature")
            return
        url, key = str(outputs["service_url"]), str(outputs["api_secret_key"])
        with ServiceClient(url, key) as service, ServiceClient(url) as anonymous:
            yield from Signature(service, anonymous, key=key).outcomes()

    def _deployed(self) -> Mapping[str, Any] | None:
        """Return the stack's outputs; ``None`` before the first deployment, which isn't begun."""
        if self._outputs is None:
            if self._stack not in stack_names(self._context):
                return None
            driver = choose_driver(self._context)
            self._outputs = driver.outputs(show_secrets=True)
        return self._outputs

    def _undeployed(self, check: str) -> Outcome:
        return Outcome.skipped(
            check,
            f"the stack '{self._stack}' isn't deployed",
            f"Deploy it: notifyctl up --stack {self._stack}",
        )
