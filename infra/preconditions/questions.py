"""The one list of what an account could refuse: `check`, `preview` and the program ask it.

Cloudflare answers these refusals only when the address, consumer or schedule is made, which is
after the new version serves. What it refuses earlier by itself (names of stores, a version that
doesn't start) isn't here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.account_api import AccountApi, CannotAsk, Forbidden
from infra.names import Names
from infra.preconditions.claims import Claims

MAX_CRONS = 250
"""Cron triggers of an account on a paid plan (Cloudflare docs, "Workers limits")."""
MAX_ROUTES = 1000
"""Routes of a zone (Cloudflare docs, "Workers limits", routes and domains)."""
MAX_DOMAINS = 100
"""Custom domains of a zone (the same)."""
MAX_WORKERS = 500
"""Workers of an account on a paid plan (Cloudflare docs, "Workers limits", number of Workers)."""
MAX_NAMESPACES = 1000
"""KV namespaces of an account (Cloudflare docs, "KV limits", namespaces per account)."""
MAX_QUEUES = 10_000
"""Queues of an account (Cloudflare docs, "Queues limits", queues)."""
MAX_DATABASES = 1_000_000
"""D1 databases of an account on a paid plan (Cloudflare docs, "D1 limits", databases per account).
"""
_MAX_WORKERS = 100
"""Workers whose schedules are counted; in an account with more the limit isn't asked."""

_TAKE_OVER = "Add it to notification-system:takeOver to take it from there"
_ROUTE_TYPE = "cloudflare:index/workersRoute:WorkersRoute"
_Question = Callable[[AccountApi, Claims], Iterator[str]]


@dataclass(frozen=True)
class Answers:
    """What the account said.

    Attributes:
        refusals: sentences, each with what is in the way and what to do.
        unknown: what couldn't be asked.
        full: sentences about kinds of which the account has all that it may have.
    """

    refusals: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    full: tuple[str, ...] = ()


def ask(api: AccountApi, claims: Claims, *, writes: bool = True) -> Answers:
    """Ask everything that these claims need; a question without an answer doesn't stop the rest.

    Args:
        api: the account.
        claims: what the stack claims there.
        writes: whether the token is going to deploy, so that it must be allowed to.
    """
    refusals: list[str] = []
    unknown: list[str] = []
    questions = (*(_WRITES if writes else ()), *_QUESTIONS)
    for question in questions:
        try:
            refusals += question(api, claims)
        except Forbidden as error:
            refusals.append(f"{error} 'notifyctl token check' lists every permission it lacks.")
        except CannotAsk as error:
            unknown.append(f"{error}. Try again.")
    return Answers(tuple(dict.fromkeys(refusals)), tuple(dict.fromkeys(unknown)))


def routes_in_state(resources: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the patterns of the routes among a state's resources."""
    found = (r.get("outputs") or {} for r in resources if r.get("type") == _ROUTE_TYPE)
    return tuple(sorted(str(outputs.get("pattern")) for outputs in found))


@dataclass(frozen=True)
class _Named:
    """A kind of resource whose name is unique in the account, and of which it may have so many.

    The limits are the paid plan's: which plan an account has, a token that deploys may not ask.
    """

    title: str
    path: str
    id: str
    name: str
    limit: int


_DATABASE = _Named("D1 database", "d1/database", "uuid", "name", MAX_DATABASES)
_NAMESPACE = _Named("KV namespace", "storage/kv/namespaces", "id", "title", MAX_NAMESPACES)
_QUEUE = _Named("queue", "queues", "queue_id", "queue_name", MAX_QUEUES)
_WORKER = _Named("Worker", "workers/workers", "id", "name", MAX_WORKERS)


def taken_names(
    api: AccountApi, names: Names, owned: Collection[str], *, shards: int = 1
) -> Answers:
    """Ask which of a stack's names another resource has, and whether there is room for the rest.

    All of it before one name is used: a stack that stops half-way leaves stores behind.

    Args:
        api: the account.
        names: the stack's names.
        owned: ids of what the stack has, or is going to import.
        shards: how many databases the settings want.
    """
    wanted = (
        *((_DATABASE, name) for name in names.shards(shards)),
        (_NAMESPACE, names.config_cache),
        (_QUEUE, names.retry_queue),
        (_QUEUE, names.failed_queue),
        (_WORKER, names.worker),
    )
    refusals: list[str] = []
    unknown: list[str] = []
    full: list[str] = []
    lists: dict[str, list[dict[str, Any]]] = {}
    for kind, name in wanted:
        try:
            if kind.path not in lists:
                lists[kind.path] = list(api.listed(kind.path))
                count = sum(1 for other, _ in wanted if other == kind)
                full += _without_room(kind, lists[kind.path], owned, count)
        except Forbidden as error:
            refusals.append(str(error))
        except CannotAsk as error:
            unknown.append(f"{error}. Try again.")
        else:
            refusals += [
                f"the {kind.title} {name} ({item.get(kind.id)})"
                for item in lists[kind.path]
                if item.get(kind.name) == name and str(item.get(kind.id)) not in owned
            ]
    return Answers(
        tuple(dict.fromkeys(refusals)), tuple(dict.fromkeys(unknown)), tuple(dict.fromkeys(full))
    )


def _without_room(
    kind: _Named, items: Sequence[Mapping[str, Any]], owned: Collection[str], count: int
) -> Iterator[str]:
    """Say so where the account has no room for those of a kind that are still to be made."""
    wanting = count - sum(1 for item in items if str(item.get(kind.id)) in owned)
    if wanting > 0 and len(items) + wanting > kind.limit:
        yield (
            f"The account has {len(items)} {kind.title}s, this stack needs {wanting} more, and "
            f"Cloudflare allows {kind.limit}. Remove some, or ask Cloudflare for more."
        )


def _may_write(path: str) -> _Question:
    """Return the question whether the token may make what lies below `path`."""

    def question(api: AccountApi, _claims: Claims) -> Iterator[str]:
        api.require_writing(path)
        yield from ()

    return question


def _may_write_routes(api: AccountApi, claims: Claims) -> Iterator[str]:
    if claims.zone_id is not None:
        api.require_writing(f"/zones/{claims.zone_id}/workers/routes")
    yield from ()


def is_own_route(route: Mapping[str, Any], claims: Claims) -> bool:
    """Whether a route is this Worker's, and the stack's as far as its state tells."""
    known = claims.own_routes is None or route.get("pattern") in claims.own_routes
    return route.get("script") == claims.worker and known


def _custom_domain(api: AccountApi, claims: Claims) -> Iterator[str]:
    host = claims.custom_domain
    if host is None or host in claims.take_over:
        return
    owners = [
        domain.get("service")
        for domain in api.listed("workers/domains", hostname=host)
        if domain.get("hostname") == host
    ]
    for owner in owners:
        if owner != claims.worker:
            yield (
                f"customDomain: {host} leads to the Worker {owner}. {_TAKE_OVER}, or choose "
                "another host name."
            )
    if owners or claims.zone_id is None:
        return
    taken = sum(1 for _ in api.listed("workers/domains", zone_id=claims.zone_id))
    if taken >= MAX_DOMAINS:
        yield (
            f"customDomain: the zone has {taken} custom domains, and Cloudflare allows "
            f"{MAX_DOMAINS}. Remove one of them, or use a route (routePattern)."
        )


def _route(api: AccountApi, claims: Claims) -> Iterator[str]:
    pattern = claims.route_pattern
    if pattern is None or claims.zone_id is None or pattern in claims.take_over:
        return
    routes = list(api.listed(f"/zones/{claims.zone_id}/workers/routes"))
    there = [route for route in routes if route.get("pattern") == pattern]
    for route in there:
        owner = route.get("script")
        if owner == claims.worker and not is_own_route(route, claims):
            yield (
                f"routePattern: {pattern} leads to this Worker already, by a route that isn't the "
                f"stack's, and there can't be two. {_TAKE_OVER.replace('from there', 'over')}."
            )
        elif owner != claims.worker:
            held = f"leads to the Worker {owner}" if owner else "is kept free of Workers"
            yield f"routePattern: {pattern} {held}. {_TAKE_OVER}, or choose another pattern."
    if not there and len(routes) >= MAX_ROUTES:
        yield (
            f"routePattern: the zone has {len(routes)} routes, and Cloudflare allows "
            f"{MAX_ROUTES}. Remove one of them."
        )


def _consumers(api: AccountApi, claims: Claims) -> Iterator[str]:
    for queue in api.listed("queues"):
        name = queue.get("queue_name")
        if name not in claims.queues:
            continue
        for consumer in api.listed(f"queues/{queue.get('queue_id')}/consumers"):
            owner = _consumer_of(consumer)
            if owner != f"the Worker {claims.worker}":
                yield (
                    f"queue {name}: {owner} consumes it, and a queue has one consumer. Remove "
                    "that consumer in Cloudflare's dashboard, or by "
                    "'notifyctl drift --repair' where the stack had it before."
                )


def _subdomain(api: AccountApi, claims: Claims) -> Iterator[str]:
    if not claims.needs_subdomain:
        return
    found = api.get("workers/subdomain")
    actual = found.get("subdomain") if isinstance(found, dict) else None
    if not actual:
        yield (
            "workersDev: the account has no workers.dev subdomain yet. Choose one in Cloudflare's "
            "dashboard under Workers & Pages, or set workersDev and previewUrls to false."
        )
    elif claims.subdomain is not None and actual != claims.subdomain:
        yield (
            f"workersDevSubdomain: it is {claims.subdomain!r}, and the account's is {actual!r}. "
            "Correct it: the service's URL follows from it."
        )


def _cron_limit(api: AccountApi, claims: Claims) -> Iterator[str]:
    if not claims.crons:
        return
    others = [
        name
        for script in api.listed("workers/scripts")
        if (name := script.get("id")) != claims.worker
    ]
    if len(others) > _MAX_WORKERS:
        return
    taken = 0
    for name in others:
        found = api.get(f"workers/scripts/{name}/schedules")
        taken += len(found.get("schedules") or []) if isinstance(found, dict) else 0
    if taken + len(claims.crons) > MAX_CRONS:
        yield (
            f"crons: the account's other Workers have {taken} cron triggers, and with the "
            f"{len(claims.crons)} of this stack it would have more than {MAX_CRONS}. Remove some "
            "of them."
        )


def _consumer_of(consumer: dict[str, Any]) -> str:
    script = consumer.get("script_name") or consumer.get("script")
    return f"the Worker {script}" if script else f"a consumer of type {consumer.get('type')}"


_WRITES: Sequence[_Question] = (
    *map(_may_write, ("d1/database", "storage/kv/namespaces", "queues", "workers/workers")),
    _may_write_routes,
)
_QUESTIONS: Sequence[_Question] = (_custom_domain, _route, _consumers, _subdomain, _cron_limit)
