"""What a destroy has to see to, because the provider doesn't."""

from __future__ import annotations

from collections.abc import Iterable

from ops.observe.drift.cloudflare_probe import CloudflareProbe
from ops.observe.drift.managed import Managed
from ops.stacks.errors import StackFailed
from ops.stacks.resource_kinds import is_alone, read_path

_CRON = "cloudflare:WorkersCronTrigger"


def stop_schedules(probe: CloudflareProbe, resources: Iterable[Managed]) -> None:
    """Empty every schedule and check that it is empty.

    The provider deletes none, and one that stays would go on firing.

    Raises:
        StackFailed: a schedule is still there.
        OperationError: the API refused, or gave no answer.
    """
    for resource in resources:
        path = f"workers/scripts/{resource.text('scriptName')}/schedules"
        if resource.type != _CRON or probe.get(path) is None:
            continue
        probe.send("PUT", path, [])
        if (probe.get(path) or {}).get("schedules"):
            raise StackFailed(
                f"The schedules of {resource.text('scriptName')} are still there after they were "
                "emptied. Nothing was destroyed; run the same command again."
            )


def require_gone(probe: CloudflareProbe, resources: Iterable[Managed]) -> None:
    """See that the account holds none of these resources any more.

    Raises:
        StackFailed: something is left, with its name and id.
        OperationError: the API refused, or gave no answer.
    """
    left = [
        f"{resource.name} ({resource.id})"
        for resource in resources
        if is_alone(resource.type)
        and probe.get(read_path(resource.type).format(id=resource.id)) is not None
    ]
    if left:
        raise StackFailed(
            f"The account still has {', '.join(left)}, though the state says it is destroyed. "
            "Remove it in Cloudflare's dashboard."
        )
