"""Compares the Cloudflare resources of a state with the account."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.providers.property_naming import from_wire
from ops.observe.drift.comparison import GONE, Compared, Kind
from ops.observe.drift.finding import Finding, Repair, Unmanaged
from ops.observe.drift.managed import Managed
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError
from ops.stacks.resource_kinds import read_path

if TYPE_CHECKING:
    from cloudflare import Cloudflare

_ADDRESS = "it says where the resource is, and another one would be another resource"
_FIXED = "it holds from the creation on, and nothing can change it"
_IMMUTABLE = "a version never changes; another one that serves is a difference of the deployment"


def _shares(versions: Any) -> tuple[tuple[str, float], ...]:
    found = ((str(one["versionId"]), float(one["percentage"])) for one in versions or ())
    return tuple(sorted(found))


def _said(shares: tuple[tuple[str, float], ...]) -> str:
    return ", ".join(f"{version[:8]} {share:g} %" for version, share in shares) or GONE


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
    return "no end" if moment is None else f"{datetime.fromtimestamp(moment).astimezone():%Y-%m-%d}"


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


class CloudflareProbe:
    """Reads each resource as it is.

    Deployments are compared by what is active now: the provider reads only the deployment that it
    made itself.

    Args:
        account: the stack's account.
    """

    def __init__(self, account: StackAccount) -> None:
        self._account = account
        self._read: Mapping[str, Callable[[Managed], Mapping[str, Any] | None]] = {
            "cloudflare:WorkersDeployment": self._deployment,
            "cloudflare:AccountToken": self._token,
        }

    def findings(self, resource: Managed) -> Iterator[Finding | Unmanaged]:
        """Yield what differs, and what was set past the program.

        Raises:
            OperationError: the API refused, gave no answer, or one from which nothing follows.
        """
        kind = KINDS.get(resource.type)
        if kind is None:
            return
        if resource.type == "cloudflare:QueueConsumer":
            yield from self._consumer(kind, resource)
            return
        read = self._read.get(resource.type) or partial(self._one, read_path(resource.type))
        live = read(resource)
        if live is None:
            yield Finding(kind.title, resource.name, _called(resource), GONE, kind.gone)
            return
        yield from kind.differences(resource, live)
        if resource.type == "cloudflare:AccountToken" and live.get("status") != "active":
            said = "active", str(live.get("status"))
            yield Finding("token", resource.name, *said, Repair.NONE)

    def get(self, path: str) -> Any:
        """Return the result of a GET below the account (or from ``/`` on); ``None`` for a 404."""
        return self._account.ask(f"read {path}", partial(_get, self._url(path)))

    def listed(self, path: str) -> list[dict[str, Any]]:
        """Return all pages of a list below the account; an empty one for a 404."""
        return list(self._account.listed(path, _document))

    def send(self, method: str, path: str, body: Any) -> None:
        """Make a call that changes something."""
        self._account.ask(f"{method} {path}", partial(_send, method, self._url(path), body))

    def _url(self, path: str) -> str:
        return path if path.startswith("/") else f"/accounts/{self._account.account_id}/{path}"

    def _one(self, path: str, resource: Managed) -> Mapping[str, Any] | None:
        texts = {key: resource.text(key) for key in ("workerId", "scriptName", "zoneId")}
        found = self.get(path.format(id=resource.id, **texts))
        if found is not None and not isinstance(found, dict):
            raise OperationError(f"GET {path} was answered with no object. Try again.")
        live: Mapping[str, Any] | None = from_wire(found)
        return live

    def _deployment(self, resource: Managed) -> Mapping[str, Any] | None:
        found = self._one("workers/scripts/{scriptName}/deployments", resource)
        if found is None:
            return None
        active = found["deployments"]
        return active[0] if active else None

    def _token(self, resource: Managed) -> Mapping[str, Any] | None:
        found = self._one("tokens/{id}", resource)
        if found is None:
            return None
        # The provider calls the lists of addresses by the plural.
        filters = (found.get("condition") or {}).get("requestIp") or {}
        plural = {f"{name}s": value for name, value in filters.items()}
        return {**found, "condition": {"requestIp": plural}}

    def _consumer(self, kind: Kind, resource: Managed) -> Iterator[Finding | Unmanaged]:
        """Compare a queue's only consumer: whose it is belongs to what it is."""
        there = self.listed(f"queues/{resource.text('queueId')}/consumers")
        ours = None
        for consumer in there:
            live = from_wire(consumer)
            live["scriptName"] = live.get("scriptName") or live.get("script")
            if consumer["consumer_id"] == resource.text("consumerId"):
                ours = live
                continue
            found = str(live["scriptName"] or f"a consumer of type {live.get('type')}")
            yield Finding("consumer", resource.name, _called(resource), found, Repair.CALL)
        if ours is None:
            yield Finding("consumer", resource.name, _called(resource), GONE, Repair.UPDATE)
        else:
            yield from kind.differences(resource, ours)


def _called(resource: Managed) -> str:
    names = ("name", "title", "queueName", "hostname", "pattern", "scriptName")
    found = (resource.text(name) for name in names)
    return next((name for name in found if name), resource.id)


def _get(url: str, client: Cloudflare) -> Any:
    return (_document(url, client) or {}).get("result")


def _document(url: str, client: Cloudflare) -> dict[str, Any] | None:
    import cloudflare

    try:
        answer: Any = client.get(url, cast_to=object)
    except cloudflare.NotFoundError as error:
        if not isinstance(error.body, dict):
            raise OperationError(
                f"GET {url} was answered with HTTP 404 and no document of Cloudflare's API. "
                "Try again."
            ) from None
        return None
    if not isinstance(answer, dict) or answer.get("success") is False or "result" not in answer:
        # A proxy's page, say. It tells nothing: least of all that there is no such thing.
        raise OperationError(
            f"GET {url} was answered with no document of Cloudflare's API. Try again."
        )
    return answer


def _send(method: str, url: str, body: Any, client: Cloudflare) -> Any:
    return getattr(client, method.lower())(url, cast_to=object, body=body)
