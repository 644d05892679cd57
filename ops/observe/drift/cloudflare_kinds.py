"""What is compared of each kind of resource in a Cloudflare account."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ops.observe.drift.comparison import GONE, Compared, Kind
from ops.observe.drift.finding import Repair
from ops.stacks.active_deployment import short_version

_ADDRESS = "it identifies the resource: another value would be another resource"
_FIXED = "it is fixed at creation, and nothing can change it"
_IMMUTABLE = "a version never changes; another one that serves is a difference of the deployment"


def _shares(versions: Any) -> tuple[tuple[str, float], ...]:
    found = ((str(one["versionId"]), float(one["percentage"])) for one in versions or ())
    return tuple(sorted(found))


def _said(shares: tuple[tuple[str, float], ...]) -> str:
    return ", ".join(f"{short_version(version)} {share:g} %" for version, share in shares) or GONE


def _crons(schedules: Any) -> tuple[str, ...]:
    return tuple(sorted(str(one["cron"]) for one in schedules or ()))


def _listed(items: Iterable[str]) -> str:
    return ", ".join(items) or "none"


def _policies(policies: Any) -> frozenset[tuple[str, str, str]]:
    """Effect, permission group and resources of each permission; their order means nothing."""
    found = set()
    for policy in policies or ():
        resources = policy.get("resources")
        if isinstance(resources, str):
            resources = json.loads(resources)
        where = json.dumps(resources, sort_keys=True)
        for group in policy.get("permissionGroups") or ():
            found.add((str(policy.get("effect")), str(group["id"]), where))
    return frozenset(found)


def _permissions(policies: frozenset[tuple[str, str, str]]) -> str:
    groups = ", ".join(sorted(f"{effect} {group}" for effect, group, _ in policies))
    places = "; ".join(sorted({where for _, _, where in policies}))
    return f"{len(policies)} permissions ({groups}) on {places}"


def _addresses(items: Any) -> tuple[str, ...]:
    return tuple(sorted(str(item) for item in items or ()))


def _moment(text: Any) -> float | None:
    return datetime.fromisoformat(str(text)).timestamp() if text else None


def _day(moment: float | None) -> str:
    return "no end" if moment is None else f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"


_CONSUMER = Compared("consumer", Repair.CALL, tell=str)
KINDS: Mapping[str, Kind] = {
    "cloudflare:D1Database": Kind(
        "database",
        {"name": Compared("database"), "readReplication": Compared("read replication")},
        {
            "accountId": _ADDRESS,
            "primaryLocationHint": _FIXED,
            "jurisdiction": _FIXED,
        },
        gone=Repair.NONE,
    ),
    "cloudflare:WorkersKvNamespace": Kind(
        "namespace", {"title": Compared("namespace")}, {"accountId": _ADDRESS}
    ),
    "cloudflare:Queue": Kind(
        "queue",
        {
            "queueName": Compared("queue"),
            "settings": Compared("queue settings", Repair.CALL),
        },
        {"accountId": _ADDRESS},
        # A queue that delivers nothing stops the retries, whoever set it.
        assumed={"settings.deliveryPaused": False},
        # Defaults: Cloudflare docs, "Queues: configuration" and "limits".
        watched={"settings.deliveryDelay": 0, "settings.messageRetentionPeriod": 345_600},
    ),
    "cloudflare:Worker": Kind(
        "worker",
        {
            "name": Compared("worker"),
            "subdomain.enabled": Compared("workers.dev"),
            "subdomain.previewsEnabled": Compared("preview URLs"),
            "observability": Compared("observability"),
        },
        {"accountId": _ADDRESS},
        watched={
            "logpush": False,
            "tailConsumers": [],
            "tags": [],
            "observability.traces.enabled": False,
        },
    ),
    "cloudflare:WorkerVersion": Kind(
        "version",
        {},
        {
            "accountId": _ADDRESS,
            "workerId": _ADDRESS,
            **dict.fromkeys(
                (
                    *("mainModule", "modules", "assets", "bindings", "annotations"),
                    *("compatibilityDate", "compatibilityFlags"),
                ),
                _IMMUTABLE,
            ),
        },
        watched={"placement.mode": None, "limits.cpuMs": None},
        gone=Repair.NONE,
    ),
    "cloudflare:WorkersDeployment": Kind(
        "deployment",
        {"versions": Compared("deployment", Repair.CALL, _shares, _said)},
        {"accountId": _ADDRESS, "scriptName": _ADDRESS, "strategy": "there is only one"},
        gone=Repair.CALL,
    ),
    "cloudflare:WorkersCronTrigger": Kind(
        "cron",
        {"schedules": Compared("cron", Repair.CALL, _crons, _listed)},
        {"accountId": _ADDRESS, "scriptName": _ADDRESS},
        gone=Repair.CALL,
    ),
    "cloudflare:QueueConsumer": Kind(
        "consumer",
        {
            "scriptName": _CONSUMER,
            "type": _CONSUMER,
            "settings": Compared("consumer settings", Repair.CALL),
            "deadLetterQueue": Compared("dead-letter queue", Repair.CALL),
        },
        {"accountId": _ADDRESS, "queueId": _ADDRESS},
        watched={"settings.maxConcurrency": None, "deadLetterQueue": None},
    ),
    "cloudflare:WorkersCustomDomain": Kind(
        "custom domain",
        {
            "hostname": Compared("custom domain"),
            "service": Compared("custom domain"),
            "zoneId": Compared("custom domain"),
        },
        {"accountId": _ADDRESS},
    ),
    "cloudflare:WorkersRoute": Kind(
        "route",
        {"pattern": Compared("route"), "script": Compared("route")},
        {"zoneId": _ADDRESS},
    ),
    "cloudflare:AccountToken": Kind(
        "token",
        {
            "name": Compared("token"),
            "policies": Compared("token scopes", form=_policies, tell=_permissions),
            "condition.requestIp.ins": Compared("token addresses", form=_addresses, tell=_listed),
            "expiresOn": Compared("token expiry", form=_moment, tell=_day),
        },
        {"accountId": _ADDRESS},
        watched={"condition.requestIp.ins": None, "condition.requestIp.notIns": None,
                 "expiresOn": None},
    ),
}  # fmt: skip
"""What is compared of each kind of resource."""
