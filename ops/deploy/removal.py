"""Removal of a stack's resources and, on the local stack, of its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.access.identity import introduce
from ops.observe.drift.cloudflare_probe import CloudflareProbe
from ops.observe.drift.managed import managed_resources
from ops.observe.drift.remains import require_gone, stop_schedules
from ops.stacks.account import StackAccount
from ops.stacks.choice import choose_driver
from ops.stacks.context import StackContext
from ops.stacks.errors import GateClosed, OperationError, UsageError
from ops.stacks.local_cloud import erase_local_state, start_local_cloud


class Removal:
    """Removes one stack.

    Args:
        context: the stack, and where its steps are shown.
    """

    def __init__(self, context: StackContext) -> None:
        self._context = context
        self._project = context.project
        self._stack = context.stack
        self._reporter = context.reporter
        self._is_local = context.is_local

    def run(self, *, erase: bool, unprotect: bool = False) -> None:
        """Remove every resource in one run; with ``erase`` the local cloud's data as well.

        ``unprotect`` removes protected resources, too.

        Raises:
            UsageError: ``erase`` on a stack of a real account.
            GateClosed: a resource is protected, and nothing was removed.
            OperationError: a resource can't be removed; what is left is in the state.
        """
        if erase and not self._is_local:
            raise UsageError(
                f"--erase removes the local cloud's data, and '{self._stack}' is a stack of a "
                "real account. Leave --erase out."
            )
        if self._is_local and not (self._project.home / "cloud").exists():
            self._reporter.line("There is no local cloud and so nothing to destroy.")
        else:
            self._destroy(tolerate=erase, unprotect=unprotect or erase)
        if erase:
            erase_local_state(self._project, self._reporter)

    def _destroy(self, *, tolerate: bool, unprotect: bool) -> None:
        """Destroy the resources; ``tolerate`` goes on after a failure, since all data goes next."""
        try:
            if self._is_local:
                start_local_cloud(self._project, self._reporter)
            introduce(self._context, needs_everything=False)
            driver = choose_driver(self._context)
            state = driver.resources()
            if protected := sorted(_name(entry) for entry in state if entry.get("protect")):
                if not unprotect:
                    raise GateClosed(
                        f"{', '.join(protected)} of '{self._stack}' are protected, and nothing was "
                        "removed. Their data would be lost. Keep a copy of it, then run "
                        f"'notifyctl destroy --stack {self._stack} --unprotect {self._stack}'."
                    )
                driver.unprotect()
            resources = managed_resources(state)
            probe = CloudflareProbe(StackAccount.of(self._context))
            with self._reporter.step(f"Stack {self._stack} destroyed") as step:
                stop_schedules(probe, resources)
                result = driver.destroy(self._reporter.progress)
                require_gone(probe, resources)
                step.detail = result.summary
        except OperationError as error:
            if not tolerate:
                raise
            self._reporter.line(f"The resources couldn't be destroyed one by one: {error}")
            self._reporter.line("All local data is removed instead, including them.")


def _name(resource: Mapping[str, Any]) -> str:
    return str(resource["urn"]).rpartition("::")[2]
