"""The deployments of a Worker, as Cloudflare keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.stacks.account import StackAccount
from ops.stacks.active_deployment import message_of, shares_of, short_version, worker_deployments
from ops.stacks.choice import choose_driver
from ops.stacks.context import StackContext
from ops.stacks.errors import OperationError, StackFailed

_LEAST_CHARACTERS = 4


@dataclass(frozen=True)
class WorkerDeployment:
    """One deployment.

    Attributes:
        id: its UUID.
        created: ISO-8601.
        author: who made it, or an empty text.
        source: what made it (``api``, ``dash``, …), or an empty text.
        message: what was said of it, or an empty text.
        shares: percent of the requests by version.
        is_active: whether it is in force.
    """

    id: str
    created: str
    author: str
    source: str
    message: str
    shares: Mapping[str, float]
    is_active: bool

    def document(self) -> dict[str, Any]:
        """Return the deployment for ``--json``."""
        return {
            "id": self.id,
            "created": self.created,
            "author": self.author,
            "source": self.source,
            "message": self.message,
            "active": self.is_active,
            "versions": [
                {"version_id": version, "percentage": share}
                for version, share in self.shares.items()
            ],
        }


@dataclass(frozen=True)
class DeploymentList:
    """A stack's deployments, the newest first; that one is in force."""

    account: StackAccount
    worker: str
    deployments: tuple[WorkerDeployment, ...]

    @classmethod
    def of_stack(cls, context: StackContext) -> DeploymentList:
        """Ask Cloudflare.

        Raises:
            StackFailed: the stack has no Worker, or the Worker no deployment.
            OperationError: the API refused, or gave no answer.
        """
        stack = context.stack
        worker = choose_driver(context).outputs(show_secrets=False).get("worker_name")
        if not isinstance(worker, str):
            raise StackFailed(
                f"The stack '{stack}' has no Worker yet. Run 'notifyctl up --stack {stack}'."
            )
        account = StackAccount.of(context)
        found = worker_deployments(account, worker)
        with account.understood(f"list the deployments of {worker}"):
            listed = tuple(map(_deployment, found, range(len(found))))
        if not listed:
            raise StackFailed(f"{worker} has no deployment. Run 'notifyctl up --stack {stack}'.")
        return cls(account, worker, listed)

    def find(self, identifier: str) -> WorkerDeployment:
        """Return the deployment whose id begins so.

        Raises:
            OperationError: there is none, or there are several.
        """
        matching = [found for found in self.deployments if found.id.startswith(identifier)]
        if len(identifier) < _LEAST_CHARACTERS or len(matching) != 1:
            raise OperationError(
                f"'{identifier}' names {len(matching)} deployments of {self.worker}. Give more of "
                "the id: 'notifyctl deployments list' shows them."
            )
        return matching[0]

    def version(self, version_id: str) -> dict[str, Any]:
        """Return what Cloudflare keeps of a version: number, annotations, bindings by name."""
        path = f"/accounts/{self.account.account_id}/workers/workers/{self.worker}/versions"
        what = f"show version {short_version(version_id)}"
        found = self.account.result(what, f"{path}/{version_id}") or {}
        with self.account.understood(what):
            return {
                "version_id": version_id,
                "number": found.get("number"),
                "created": found.get("created_on"),
                "annotations": found.get("annotations") or {},
                "bindings": {
                    str(binding.get("name")): str(binding.get("type"))
                    for binding in found.get("bindings") or []
                },
            }


def _deployment(found: Mapping[str, Any], place: int) -> WorkerDeployment:
    return WorkerDeployment(
        id=str(found["id"]),
        created=str(found["created_on"]),
        author=str(found.get("author_email") or ""),
        source=str(found.get("source") or ""),
        message=message_of(found),
        shares=shares_of(found),
        is_active=place == 0,
    )
