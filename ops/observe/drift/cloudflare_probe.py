"""Compares the Cloudflare resources of a state with the account."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ops.observe.drift.finding import Finding, Repair
from ops.observe.drift.managed import Managed
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError

if TYPE_CHECKING:
    from cloudflare import Cloudflare

GONE = "nothing"
_STORES = {
    "cloudflare:D1Database": ("d1/database/{}", "database", Repair.NONE),
    "cloudflare:WorkersKvNamespace": ("storage/kv/namespaces/{}", "namespace", Repair.UPDATE),
    "cloudflare:Queue": ("queues/{}", "queue", Repair.UPDATE),
}
_CONSUMER_SETTINGS = {
    "batchSize": "batch_size",
    "maxRetries": "max_retries",
    "maxWaitTimeMs": "max_wait_time_ms",
    "retryDelay": "retry_delay",
}


_QUEUE_SETTINGS = {
    "deliveryDelay": "delivery_delay",
    "deliveryPaused": "delivery_paused",
    "messageRetentionPeriod": "message_retention_period",
}
_UNSET = {"queue": {"deliveryPaused": False}}
"""What the account has where the program says nothing, and what stops the service if changed."""

_OBSERVABILITY = {"enabled": "enabled", "headSamplingRate": "head_sampling_rate"}


class CloudflareProbe:
    """Reads each resource as it is.

    Deployments are compared by what is active now: the provider reads only the deployment that it
    made itself.

    Args:
        account: the stack's account.
    """

    def __init__(self, account: StackAccount) -> None:
        self._account = account
        self._checks: Mapping[str, Callable[[Managed], Iterable[Finding]]] = {
            **dict.fromkeys(_STORES, self._store),
            "cloudflare:Worker": self._worker,
            "cloudflare:WorkersDeployment": self._deployment,
            "cloudflare:WorkersCronTrigger": self._schedule,
            "cloudflare:QueueConsumer": self._consumer,
            "cloudflare:WorkersCustomDomain": self._domain,
            "cloudflare:WorkersRoute": self._route,
            "cloudflare:AccountToken": self._token,
        }

    def findings(self, resource: Managed) -> Iterator[Finding]:
        """Yield what differs.

        Raises:
            OperationError: the API refused, or gave no answer.
        """
        check = self._checks.get(resource.type)
        if check is not None:
            yield from check(resource)

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

    def _store(self, resource: Managed) -> Iterator[Finding]:
        path, kind, repair = _STORES[resource.type]
        found = self.get(path.format(resource.id))
        if found is None:
            yield Finding(kind, resource.name, resource.id, GONE, repair)
            return
        wanted = {**_UNSET.get(kind, {}), **(resource.outputs.get("settings") or {})}
        actual = found.get("settings") or {}
        for ours, theirs in _QUEUE_SETTINGS.items() if kind == "queue" else ():
            if ours in wanted and theirs in actual and not _same(wanted[ours], actual[theirs]):
                said = f"{ours} {_told(wanted[ours])}", f"{ours} {_told(actual[theirs])}"
                yield Finding("queue settings", resource.name, *said, Repair.UPDATE)

    def _worker(self, resource: Managed) -> Iterator[Finding]:
        found = self.get(f"workers/workers/{resource.id}")
        if found is None:
            yield Finding("worker", resource.name, resource.text("name"), GONE, Repair.UPDATE)
            return
        wanted = resource.outputs.get("subdomain") or {}
        actual = found.get("subdomain") or {}
        for ours, theirs, kind in (
            ("enabled", "enabled", "workers.dev"),
            ("previewsEnabled", "previews_enabled", "preview URLs"),
        ):
            if ours in wanted and wanted[ours] != actual.get(theirs):
                switch = _switch(wanted[ours]), _switch(actual.get(theirs))
                yield Finding(kind, resource.name, *switch, Repair.UPDATE)
        observed = resource.outputs.get("observability") or {}
        actually = found.get("observability") or {}
        for ours, theirs in _OBSERVABILITY.items():
            if observed.get(ours) is not None and not _same(observed[ours], actually.get(theirs)):
                said = f"{ours} {_told(observed[ours])}", f"{ours} {_told(actually.get(theirs))}"
                yield Finding("observability", resource.name, *said, Repair.UPDATE)

    def _deployment(self, resource: Managed) -> Iterator[Finding]:
        script = resource.text("scriptName")
        found = self.get(f"workers/scripts/{script}/deployments")
        active = (found or {}).get("deployments") or []
        wanted = _shares(resource.outputs.get("versions") or [], "versionId")
        actual = _shares(active[0]["versions"], "version_id") if active else ()
        if wanted != actual:
            yield Finding("deployment", resource.name, _said(wanted), _said(actual), Repair.CALL)

    def _schedule(self, resource: Managed) -> Iterator[Finding]:
        found = self.get(f"workers/scripts/{resource.text('scriptName')}/schedules")
        wanted = sorted(item["cron"] for item in resource.outputs.get("schedules") or [])
        actual = sorted(item["cron"] for item in (found or {}).get("schedules") or [])
        if wanted != actual:
            said = _listed(wanted), _listed(actual)
            yield Finding("cron", resource.name, *said, Repair.CALL)

    def _consumer(self, resource: Managed) -> Iterator[Finding]:
        queue = resource.text("queueId")
        there = self.listed(f"queues/{queue}/consumers")
        identifier = resource.text("consumerId")
        for other in there:
            if other["consumer_id"] != identifier:
                script = str(other.get("script_name") or other.get("script") or "another consumer")
                yield Finding(
                    "consumer", resource.name, resource.text("scriptName"), script, Repair.CALL
                )
        mine = next((item for item in there if item["consumer_id"] == identifier), None)
        if mine is None:
            if not there:
                yield Finding(
                    "consumer", resource.name, resource.text("scriptName"), GONE, Repair.UPDATE
                )
            return
        owner = str(mine.get("script_name") or mine.get("script") or "")
        declared = resource.text("scriptName")
        if owner and declared and owner != declared:
            yield Finding("consumer", resource.name, declared, owner, Repair.CALL)
        wanted = resource.outputs.get("settings") or {}
        settings = mine.get("settings") or {}
        for ours, theirs in _CONSUMER_SETTINGS.items():
            if ours in wanted and _number(wanted[ours]) != _number(settings.get(theirs)):
                said = f"{ours} {wanted[ours]}", f"{ours} {settings.get(theirs)}"
                yield Finding("consumer settings", resource.name, *said, Repair.CALL)
        letters = resource.text("deadLetterQueue")
        if letters != (mine.get("dead_letter_queue") or ""):
            said = letters or "none", mine.get("dead_letter_queue") or "none"
            yield Finding("dead-letter queue", resource.name, *said, Repair.CALL)

    def _domain(self, resource: Managed) -> Iterator[Finding]:
        found = self.get(f"workers/domains/{resource.id}") or {}
        wanted = f"{resource.text('hostname')} → {resource.text('service')}"
        actual = f"{found.get('hostname')} → {found.get('service')}" if found else GONE
        if wanted != actual:
            yield Finding("custom domain", resource.name, wanted, actual, Repair.UPDATE)

    def _route(self, resource: Managed) -> Iterator[Finding]:
        zone = resource.text("zoneId")
        found = self.get(f"/zones/{zone}/workers/routes/{resource.id}") or {}
        wanted = f"{resource.text('pattern')} → {resource.text('script')}"
        actual = f"{found.get('pattern')} → {found.get('script')}" if found else GONE
        if wanted != actual:
            yield Finding("route", resource.name, wanted, actual, Repair.UPDATE)

    def _token(self, resource: Managed) -> Iterator[Finding]:
        found = self.get(f"tokens/{resource.id}")
        if found is None:
            yield Finding("token", resource.name, resource.text("name"), GONE, Repair.UPDATE)
            return
        if found.get("status") != "active":
            said = "active", str(found.get("status"))
            yield Finding("token", resource.name, *said, Repair.NONE)
        wanted = _scopes(resource.outputs.get("policies") or [], "permissionGroups")
        actual = _scopes(found.get("policies") or [], "permission_groups")
        if wanted != actual:
            more, less = len(actual - wanted), len(wanted - actual)
            said = f"{len(wanted)} permissions", f"{more} more and {less} fewer"
            yield Finding("token scopes", resource.name, *said, Repair.UPDATE)


def _get(url: str, client: Cloudflare) -> Any:
    return (_document(url, client) or {}).get("result")


def _document(url: str, client: Cloudflare) -> dict[str, Any] | None:
    import cloudflare

    try:
        answer: Any = client.get(url, cast_to=object)
    except cloudflare.NotFoundError:
        return None
    if not isinstance(answer, dict) or answer.get("success") is False or "result" not in answer:
        # A proxy's page, say. It tells nothing: least of all that there is no such thing.
        raise OperationError(
            f"GET {url} was answered with no document of Cloudflare's API. Try again."
        )
    return answer


def _send(method: str, url: str, body: Any, client: Cloudflare) -> Any:
    return getattr(client, method.lower())(url, cast_to=object, body=body)


def _shares(versions: Iterable[Mapping[str, Any]], key: str) -> tuple[tuple[str, float], ...]:
    return tuple(sorted((str(item[key]), float(item["percentage"])) for item in versions))


def _said(shares: tuple[tuple[str, float], ...]) -> str:
    return ", ".join(f"{version[:8]} {share:g} %" for version, share in shares) or GONE


def _listed(items: list[str]) -> str:
    return ", ".join(items) or "none"


def _switch(value: object) -> str:
    return "on" if value else "off"


def _same(one: object, other: object) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return bool(one) == bool(other)
    return _number(one) == _number(other)


def _told(value: object) -> str:
    return _switch(value) if isinstance(value, bool) else str(value)


def _number(value: object) -> float | None:
    return float(str(value)) if value is not None else None


def _scopes(policies: Iterable[Mapping[str, Any]], key: str) -> set[tuple[str, str]]:
    return {
        (str(policy.get("effect")), str(group["id"]))
        for policy in policies
        for group in policy.get(key) or []
    }
