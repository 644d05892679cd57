"""Calls that put right what an update of the stack would not see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.providers.property_naming import to_wire
from ops.observe.drift.cloudflare_probe import CloudflareProbe
from ops.observe.drift.comparison import GONE
from ops.observe.drift.finding import Finding
from ops.observe.drift.github_probe import GithubProbe
from ops.observe.drift.managed import Managed
from ops.observe.drift.placement_probe import PlacementProbe
from ops.stacks.errors import OperationError


def repair(
    probe: CloudflareProbe | GithubProbe | PlacementProbe, finding: Finding, resource: Managed
) -> None:
    """Make the call for one finding: what the state says becomes what is there.

    Args:
        probe: what asked the API that has the resource.
        finding: what differs.
        resource: the resource.

    Raises:
        OperationError: the API refused, or no call is known for such a finding.
    """
    if isinstance(probe, PlacementProbe):
        probe.put_back(resource)
        return
    calls = _GITHUB_CALLS if isinstance(probe, GithubProbe) else _CALLS
    call = calls.get(finding.kind)
    if call is None:
        raise OperationError(
            f"No call is known that restores the {finding.kind} of {resource.name}, so it stays "
            "as it is. Please report this: drift suggested a repair that doesn't exist."
        )
    call(probe, finding, resource)


def _put_gate(probe: GithubProbe, _finding: Finding, resource: Managed) -> None:
    probe.put_gate(resource)


def _put_schedules(probe: CloudflareProbe, _finding: Finding, resource: Managed) -> None:
    crons = [{"cron": item["cron"]} for item in resource.outputs.get("schedules") or []]
    probe.send("PUT", f"workers/scripts/{resource.text('scriptName')}/schedules", crons)


def _bring_consumer_back(probe: CloudflareProbe, finding: Finding, resource: Managed) -> None:
    _remove_others(probe, resource)
    if finding.found != GONE and _is_there(probe, resource):
        _put_consumer(probe, finding, resource)


def _put_queue(probe: CloudflareProbe, _finding: Finding, resource: Managed) -> None:
    probe.send("PATCH", f"queues/{resource.id}", {"settings": _queue(resource)})


def _queue(resource: Managed) -> dict[str, Any]:
    """Return what the program sets of a queue, which delivers where it says nothing."""
    declared = {"deliveryPaused": False, **(resource.inputs.get("settings") or {})}
    found: dict[str, Any] = to_wire(declared)
    return found


def _put_consumer(probe: CloudflareProbe, _finding: Finding, resource: Managed) -> None:
    queue, identifier = resource.text("queueId"), resource.text("consumerId")
    probe.send("PUT", f"queues/{queue}/consumers/{identifier}", _consumer(resource))


def _is_there(probe: CloudflareProbe, resource: Managed) -> bool:
    """Whether the queue's consumer is the one of the state, whoever it calls now."""
    there = probe.listed(f"queues/{resource.text('queueId')}/consumers")
    return any(one["consumer_id"] == resource.text("consumerId") for one in there)


def _redeploy(probe: CloudflareProbe, _finding: Finding, resource: Managed) -> None:
    versions = [
        {"version_id": item["versionId"], "percentage": item["percentage"]}
        for item in resource.outputs["versions"]
    ]
    probe.send(
        "POST",
        f"workers/scripts/{resource.text('scriptName')}/deployments",
        {"strategy": "percentage", "versions": versions},
    )


def _remove_others(probe: CloudflareProbe, resource: Managed) -> None:
    queue = resource.text("queueId")
    for consumer in probe.listed(f"queues/{queue}/consumers"):
        if consumer["consumer_id"] != resource.text("consumerId"):
            probe.send("DELETE", f"queues/{queue}/consumers/{consumer['consumer_id']}", None)


def _consumer(resource: Managed) -> dict[str, Any]:
    settings = resource.outputs.get("settings") or {}
    body: dict[str, Any] = {
        "type": "worker",
        "script_name": resource.text("scriptName"),
        "settings": {
            "batch_size": settings.get("batchSize"),
            "max_retries": settings.get("maxRetries"),
            "max_wait_time_ms": settings.get("maxWaitTimeMs"),
            "retry_delay": settings.get("retryDelay"),
        },
    }
    if letters := resource.text("deadLetterQueue"):
        body["dead_letter_queue"] = letters
    return body


_CALLS: Mapping[str, Callable[[Any, Finding, Managed], None]] = {
    "deployment": _redeploy,
    # A version carries its secrets: the state's version has the release's.
    "secrets": _redeploy,
    "cron": _put_schedules,
    "consumer": _bring_consumer_back,
    "consumer settings": _put_consumer,
    "dead-letter queue": _put_consumer,
    "queue settings": _put_queue,
}
"""What puts each kind of difference back whose repair is a call."""

_GITHUB_CALLS: Mapping[str, Callable[[Any, Finding, Managed], None]] = {
    "reviewers": _put_gate,
    "self-review": _put_gate,
}
"""The same for a GitHub environment, whose gate is put back as a whole."""

BY_HAND: Mapping[str, str] = {
    "database": (
        "No repair restores a deleted database: ask Cloudflare's support, or restore a "
        "backup as docs/runbook.md says."
    ),
    "version": (
        "A version that is gone can't be uploaded again as it was: deploy the checkout by "
        "'notifyctl deploy'."
    ),
    "token": (
        "Make the token active again in Cloudflare's dashboard under API Tokens, or rotate it as "
        "docs/bootstrap.md says."
    ),
    "branch policy": (
        "Remove the branches that the program doesn't name in the repository's settings under "
        "Environments."
    ),
}
"""What a person does about each kind of difference that no command repairs."""
