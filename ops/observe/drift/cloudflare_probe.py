"""Compares the Cloudflare resources of a state with the account."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.providers.property_naming import from_wire
from ops.observe.drift.comparison import GONE, Kind
from ops.observe.drift.finding import Finding, Repair, Unmanaged
from ops.observe.drift.managed import Managed
from ops.stacks.account import StackAccount, says_absent
from ops.stacks.errors import OperationError
from ops.stacks.resource_kinds import read_path

if TYPE_CHECKING:
    from cloudflare import Cloudflare
from ops.observe.drift.cloudflare_kinds import KINDS


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
        return self._account.found(f"read {path}", self._url(path))

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
        path = path.format(id=resource.id, **texts)
        found = self.get(path)
        if found is not None and not _is_document(found, resource):
            # Every property would seem to be gone.
            raise OperationError(f"GET {path} was answered without {resource.id}. Try again.")
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


def _is_document(found: object, resource: Managed) -> bool:
    """Whether an answer is about the resource; lists of one Worker don't name it."""
    if not isinstance(found, dict):
        return False
    lists = (found.get("schedules"), found.get("deployments"))
    return resource.id in found.values() or any(isinstance(one, list) for one in lists)


def _called(resource: Managed) -> str:
    names = ("name", "title", "queueName", "hostname", "pattern", "scriptName")
    found = (resource.text(name) for name in names)
    return next((name for name in found if name), resource.id)


def _document(url: str, client: Cloudflare) -> Any:
    """Return a page of a list; nothing where Cloudflare's own 404 says that there is no list."""
    import cloudflare

    try:
        return client.get(url, cast_to=object)
    except cloudflare.NotFoundError as error:
        # A proxy's page, say, tells nothing: least of all that there is no such thing.
        return None if says_absent(error.body) else ""


def _send(method: str, url: str, body: Any, client: Cloudflare) -> Any:
    return getattr(client, method.lower())(url, cast_to=object, body=body)
