"""What a deployment did, and whoever can make one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ops.stacks.driver import StackUpdate
from ops.stacks.moment import counted


@dataclass(frozen=True)
class DeploymentReport:
    """What a deployment did.

    Attributes:
        stack: the stack's name.
        update: the engine's result.
        sink_url: the local cloud's webhook sink; ``None`` on stacks of a real account.
        seconds: how long the whole took.
        console_path: the path under which the stack serves its console, if it serves one.
    """

    stack: str
    update: StackUpdate
    sink_url: str | None
    seconds: float
    console_path: str = ""

    def document(self) -> dict[str, Any]:
        """Return the report without secrets, for ``--json``."""
        return {
            "stack": self.stack,
            "changes": dict(self.update.changes),
            "changed": self.update.changed,
            "update": self.update.version,
            "service_url": self.update.outputs.get("service_url"),
            "version_id": self.update.outputs.get("version_id"),
            "sink_url": self.sink_url,
            "engine_seconds": round(self.update.seconds, 3),
            "seconds": round(self.seconds, 3),
        }

    def summary(self) -> list[str]:
        """Return the lines that end the command: where everything is, and what to do next."""
        url = self.update.outputs.get("service_url")
        changed = self.update.changed
        lines = [
            "",
            f"{counted(changed, 'change')} in {self.seconds:.1f} s.",
            "",
        ]
        if url is None:  # a stack of access alone
            return [*lines, f"Look      notifyctl outputs --stack {self.stack}"]
        if self.sink_url is None:
            look = f"Look      notifyctl status --stack {self.stack}"
            return [*lines, f"Service   {url}", look]
        tool = ".venv/bin/notifyctl"
        release = self.update.outputs.get("release")
        if isinstance(release, dict) and release.get("assets_sha256"):
            console = f"{url}{self.console_path.rstrip('/')}/"
            lines += [
                f"Console   {console}   (templates, users, what was sent; asks for the key)",
                f"Key       {tool} outputs api_secret_key --stack {self.stack} --show-secrets",
            ]
        return [
            *lines,
            f"Sink      {self.sink_url}   (open it: it shows what arrived)",
            # The sink plays Lark's part too: what a person sees first is a chat's own call.
            (
                f"Send      {tool} send --user ada --channel lark "
                f"--url {self.sink_url}/open-apis/bot/v2/hook/ada --message 'It works'"
            ),
            f"Logs      {tool} logs",
            self._next_release(tool),
            f"Service   {url}   (for programs: docs/api.md)",
            "Stop      make down   (keeps the data; make destroy removes everything)",
        ]

    def _next_release(self, tool: str) -> str:
        """Return the line about a change, or about going back from one."""
        releases = self.update.outputs.get("releases")
        if not isinstance(releases, list) or len(releases) < 2:
            again = f"{tool} up --stack {self.stack}"
            return f"Change    edit a file in worker/src, then: {again}   (it tells the way back)"
        back = f"{tool} rollback --stack {self.stack}"
        return f"Undo      {back}   (names the release to go back to, and asks)"


class StackDeployer(Protocol):
    """Deploys one stack: what the wings below ``ops.deploy`` are given by the command."""

    def preview(self) -> StackUpdate:
        """Plan the update."""

    def refresh(self) -> StackUpdate:
        """Correct the state by what is really there."""

    def run(self, *, message: str, verify: bool) -> DeploymentReport:
        """Deploy, and verify where that is asked for."""
