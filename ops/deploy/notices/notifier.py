"""Sends notices; a target that doesn't take one is warned of and never stops anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx

from infra.settings.values import is_loopback
from ops.deploy.notices.notice import Notice
from ops.deploy.notices.targets import Target, targets_of_environment
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext

TIMEOUT = 5.0
"""Seconds for one target."""


class Notifier:
    """Tells all targets.

    Args:
        targets: the receivers.
        reporter: where a warning is shown.
        local: a stack on this machine: then only receivers on this machine are called.
        transport: stands for the network in tests.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        reporter: Reporter,
        *,
        local: bool,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._reporter = reporter
        self._local = local
        self._transport = transport
        self._targets = [t for t in targets if not local or is_loopback(t.url)]
        for target in targets:
            if target not in self._targets:
                self._warn(
                    f"{target.name} isn't notified: the stack is on this machine, and the target "
                    "isn't."
                )

    @classmethod
    def of(cls, context: StackContext) -> Notifier:
        """Return what tells the targets that the process's environment names."""
        targets = targets_of_environment(context.environment)
        return cls(targets, context.reporter, local=context.is_local)

    def tell(self, notice: Notice) -> None:
        """Send to every target, one after the other."""
        for problem in self._problems(notice):
            self._warn(problem)

    def begin(self, notice: Notice) -> Callable[[], None]:
        """Send beside what is more urgent; call the result to wait and to see the warnings."""
        executor = ThreadPoolExecutor(max_workers=1)
        problems = executor.submit(self._problems, notice)
        executor.shutdown(wait=False)

        def end() -> None:
            for problem in problems.result():
                self._warn(problem)

        return end

    def _problems(self, notice: Notice) -> list[str]:
        """Send to every target; return a sentence for each that didn't take it."""
        found = [(target.name, self._post(target, notice)) for target in self._targets]
        return [
            f"{name} didn't accept the notice '{notice.event}': {problem}."
            for name, problem in found
            if problem is not None
        ]

    def _post(self, target: Target, notice: Notice) -> str | None:
        try:
            with httpx.Client(
                timeout=TIMEOUT, trust_env=not self._local, transport=self._transport
            ) as client:
                answer = client.post(target.url, json=dict(target.body(notice)))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return type(error).__name__
        if answer.status_code >= 300:
            return f"HTTP {answer.status_code}"
        try:
            content = answer.json()
        except ValueError:
            content = {}
        return target.refusal(content) if isinstance(content, dict) else None

    def _warn(self, text: str) -> None:
        self._reporter.line(f"warning: {text}", style="yellow")
