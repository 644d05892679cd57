"""Which versions really serve, as Cloudflare says and whatever the state believes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.stacks.account import StackAccount
from ops.stacks.choice import first_outputs
from ops.stacks.context import StackContext
from ops.stacks.errors import OperationError, StackFailed


@dataclass(frozen=True)
class ActiveDeployment:
    """A Worker's deployment in force.

    Attributes:
        shares: percent of the requests by version id.
        message: what whoever made it said, or an empty text.
    """

    shares: Mapping[str, float]
    message: str

    @property
    def main_version(self) -> str:
        """The version with the largest share."""
        return max(self.shares, key=lambda version: self.shares[version])

    def left_canary(self, stack: str) -> str:
        """Say what serves beside the main version; see the function of that name."""
        return left_canary(self.shares, stack)

    @classmethod
    def of_worker(cls, account: StackAccount, worker: str) -> ActiveDeployment:
        """Ask for the newest deployment, which is the one in force.

        The provider reads its own deployment back and never another, so that one made by hand
        can't be seen in the state.

        Raises:
            StackFailed: the Worker has no deployment.
            OperationError: the API refused, or gave no answer.
        """
        found = worker_deployments(account, worker)
        if not found:
            raise StackFailed(f"{worker} has no deployment. Run 'notifyctl up'.")
        with account.understood(f"list the deployments of {worker}"):
            return cls(shares_of(found[0]), message_of(found[0]))


def short_version(version_id: str) -> str:
    """Return as much of a version's id as people are shown: what its preview URL begins with."""
    return version_id[:8]


def worker_deployments(account: StackAccount, worker: str) -> list[Mapping[str, Any]]:
    """Return a Worker's deployments as the API tells them, the newest first.

    Raises:
        OperationError: the API refused, gave no answer, or one of an unknown form.
    """
    what = f"list the deployments of {worker}"
    path = f"/accounts/{account.account_id}/workers/scripts/{worker}/deployments"
    # The client's own method expects pages, and this list has none.
    answer = account.result(what, path)
    with account.understood(what):
        # By the moment and not by its text, whose fraction of a second may have any length.
        return sorted(
            answer["deployments"] or [],
            key=lambda one: datetime.fromisoformat(one["created_on"]),
            reverse=True,
        )


def shares_of(deployment: Mapping[str, Any]) -> dict[str, float]:
    """Return the percent of the requests by version id, of a deployment as the API tells it."""
    return {str(one["version_id"]): float(one["percentage"]) for one in deployment["versions"]}


def message_of(deployment: Mapping[str, Any]) -> str:
    """Return what was said of a deployment, or an empty text."""
    return str((deployment.get("annotations") or {}).get("workers/message", ""))


def serving_shares(context: StackContext) -> Mapping[str, float]:
    """Return which versions serve; none where the stack isn't deployed, or nobody tells."""
    worker = first_outputs(context, show_secrets=False).get("worker_name")
    if not isinstance(worker, str):
        return {}
    try:
        return ActiveDeployment.of_worker(StackAccount.of(context), worker).shares
    except OperationError:
        return {}


def left_canary(shares: Mapping[str, float], stack: str) -> str:
    """Say what serves while a canary is under way or was left, and how to go on or back.

    Args:
        shares: percent of the requests by version id.
        stack: the stack's name.

    Returns:
        An empty text where no more than one version serves.
    """
    if len(shares) < 2:
        return ""
    served = " and ".join(
        f"{short_version(version)} answers {share:g} %"
        for version, share in sorted(shares.items(), key=lambda item: item[1])
    )
    return (
        f"Several versions serve: {served} of the requests. That lasts until somebody decides: "
        f"'notifyctl deploy --stack {stack} --canary' continues from the same code, 'notifyctl up "
        f"--stack {stack}' sends it all requests at once, and 'notifyctl rollback --stack {stack}' "
        "goes back to the version beside it."
    )


def deploy_version(account: StackAccount, worker: str, version_id: str, *, message: str) -> None:
    """Give one version all requests, by the API alone: what the state says becomes true again.

    Raises:
        OperationError: the API refused, or gave no answer.
    """
    account.ask(
        f"deploy version {short_version(version_id)} of {worker}",
        lambda client: client.workers.scripts.deployments.create(
            worker,
            account_id=account.account_id,
            strategy="percentage",
            versions=[{"version_id": version_id, "percentage": 100}],
            annotations={"workers_message": message[:100]},
        ),
    )
