"""What an account could refuse is asked first, and no silence is taken for a consent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import repeat
from typing import Any

import httpx
import pytest

from infra.account_api import PLAN_VARIABLE, AccountApi, CannotAsk
from infra.names import Names
from infra.preconditions import questions, resource
from infra.preconditions.claims import Claims
from infra.preconditions.questions import (
    MAX_CRONS,
    MAX_DOMAINS,
    MAX_NAMESPACES,
    MAX_ROUTES,
    MAX_WORKERS,
    Answers,
    ask,
    routes_in_state,
    taken_names,
)
from infra.preconditions.resource import PreconditionsProvider
from infra.takeover.resource import TakeoverProvider
from tests.infra.stack_inputs import ACCOUNT, checked_config

API = "https://api.example.test/client/v4"
ZONE = "5" * 32
HOST, PATTERN = "notification.example.com", "api.example.com/notify*"
CLAIMS = Claims.of(
    checked_config(customDomain=HOST, routePattern=PATTERN, zoneId=ZONE).settings(),
    Names.of_stack("production"),
    zone_id=ZONE,
    rolls_back=False,
)
OURS = CLAIMS.worker
WORKERS = f"/accounts/{ACCOUNT}/workers"
ROUTES = f"/zones/{ZONE}/workers/routes"
QUEUES = f"/accounts/{ACCOUNT}/queues"
Account = dict[str, Any]


def account() -> Account:
    """The account of a stack that is deployed and owns what it claims."""
    return {
        f"{WORKERS}/domains": [{"id": "d1", "hostname": HOST, "service": OURS}],
        ROUTES: [{"id": "r1", "pattern": PATTERN, "script": OURS}],
        QUEUES: [
            {"queue_id": "q0", "queue_name": "somebody-elses"},
            {"queue_id": "q1", "queue_name": "retry-queue"},
            {"queue_id": "q2", "queue_name": "failed-queue"},
        ],
        f"{QUEUES}/q0/consumers": [{"type": "worker", "script_name": "other"}],
        f"{QUEUES}/q1/consumers": [{"type": "worker", "script_name": OURS}],
        f"{QUEUES}/q2/consumers": [{"type": "worker", "script": OURS}],
        f"{WORKERS}/subdomain": {"subdomain": "my-team"},
        f"{WORKERS}/scripts": [{"id": OURS}, {"id": "other"}],
        f"{WORKERS}/scripts/other/schedules": {"schedules": [{"cron": "* * * * *"}]},
    }


class Cloud:
    """Answers reads of an account, and notes every call."""

    def __init__(self, held: Account) -> None:
        self.held = held
        self.calls: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/client/v4")
        self.calls.append(f"{request.method} {path}")
        found = self.held.get(f"{request.method} {path}", self.held.get(path))
        if request.method == "POST" and not isinstance(found, httpx.Response):
            # A call without a body makes nothing: it is told what is missing.
            return httpx.Response(400, json={"success": False, "errors": [], "result": None})
        if isinstance(found, httpx.Response):
            return httpx.Response(found.status_code, content=found.content)
        if found is None:
            return httpx.Response(404, json={"success": False, "errors": [], "result": None})
        if isinstance(found, list) and (page := int(request.url.params.get("page", 1))):
            size = int(request.url.params.get("per_page", 50))
            found = found[(page - 1) * size : page * size]
        return httpx.Response(200, json={"success": True, "errors": [], "result": found})

    def asked(self, claims: Claims = CLAIMS, *, writes: bool = True) -> Answers:
        with AccountApi(API, ACCOUNT, transport=httpx.MockTransport(self), token="t") as api:
            return ask(api, claims, writes=writes)


def test_an_account_that_has_only_what_is_ours_refuses_nothing() -> None:
    assert Cloud(account()).asked() == Answers()


def test_an_account_without_any_of_it_refuses_nothing_but_a_missing_subdomain() -> None:
    answers = Cloud({}).asked()
    assert answers.unknown == ()
    (only,) = answers.refusals
    assert "no workers.dev subdomain" in only
    assert Cloud({}).asked(replace(CLAIMS, needs_subdomain=False)) == Answers()


TAKEN: dict[str, tuple[str, Any, str]] = {
    "a domain of another Worker": (
        f"{WORKERS}/domains",
        [{"id": "d1", "hostname": HOST, "service": "shop"}],
        (
            f"customDomain: {HOST} leads to the Worker shop. Add it to "
            "notification-system:takeOver to take it from there, or choose another host name."
        ),
    ),
    "a domain of a Worker whose name comes first": (
        f"{WORKERS}/domains",
        [{"id": "d1", "hostname": HOST, "service": "Alpha"}],
        f"customDomain: {HOST} leads to the Worker Alpha.",
    ),
    "a route of a Worker whose name comes first": (
        ROUTES,
        [{"id": "r1", "pattern": PATTERN, "script": "Alpha"}],
        (
            f"routePattern: {PATTERN} leads to the Worker Alpha. Add it to "
            "notification-system:takeOver to take it from there, or choose another pattern."
        ),
    ),
    "a consumer whose name comes first": (
        f"{QUEUES}/q1/consumers",
        [{"type": "worker", "script_name": "Alpha"}],
        (
            "queue retry-queue: the Worker Alpha consumes it, and a queue has one consumer. Remove "
            "that consumer in Cloudflare's dashboard, or by 'notifyctl drift --repair' where the "
            "stack had it before."
        ),
    ),
    "a consumer of a Worker that is called nearly so": (
        f"{QUEUES}/q1/consumers",
        [{"type": "worker", "script_name": f"{OURS}-2"}],
        f"queue retry-queue: the Worker {OURS}-2 consumes it",
    ),
    "a subdomain that comes first": (
        f"{WORKERS}/subdomain",
        {"subdomain": "a-team"},
        (
            "workersDevSubdomain: it is 'my-team', and the account's is 'a-team'. Correct it: the "
            "service's URL follows from it."
        ),
    ),
    "a zone that has more routes than it may": (
        ROUTES,
        [
            {"id": f"r{n}", "pattern": f"{n}.example.com/*", "script": "x"}
            for n in range(MAX_ROUTES + 1)
        ],
        (
            f"routePattern: the zone has {MAX_ROUTES + 1} routes, and Cloudflare allows "
            f"{MAX_ROUTES}. Remove one of them."
        ),
    ),
    "a zone that has more custom domains than it may": (
        f"{WORKERS}/domains",
        [{"id": f"d{n}", "hostname": f"{n}.example.com"} for n in range(MAX_DOMAINS + 1)],
        (
            f"customDomain: the zone has {MAX_DOMAINS + 1} custom domains, and Cloudflare allows "
            f"{MAX_DOMAINS}. Remove one of them, or use a route (routePattern)."
        ),
    ),
    "a route of another Worker": (
        ROUTES,
        [{"id": "r1", "pattern": PATTERN, "script": "shop"}],
        f"routePattern: {PATTERN} leads to the Worker shop.",
    ),
    "a route that no Worker may have": (
        ROUTES,
        [{"id": "r1", "pattern": PATTERN}],
        f"routePattern: {PATTERN} is kept free of Workers.",
    ),
    "a consumer of another Worker": (
        f"{QUEUES}/q1/consumers",
        [{"type": "worker", "script_name": "shop"}],
        "queue retry-queue: the Worker shop consumes it",
    ),
    "a consumer that pulls": (
        f"{QUEUES}/q2/consumers",
        [{"type": "http_pull"}],
        "queue failed-queue: a consumer of type http_pull consumes it",
    ),
    "another subdomain": (
        f"{WORKERS}/subdomain",
        {"subdomain": "their-team"},
        "workersDevSubdomain: it is 'my-team', and the account's is 'their-team'.",
    ),
    "a zone that is full of routes": (
        ROUTES,
        [
            {"id": f"r{n}", "pattern": f"{n}.example.com/*", "script": "x"}
            for n in range(MAX_ROUTES)
        ],
        f"routePattern: the zone has {MAX_ROUTES} routes, and Cloudflare allows {MAX_ROUTES}.",
    ),
    "a zone that is full of custom domains": (
        f"{WORKERS}/domains",
        [{"id": f"d{n}", "hostname": f"{n}.example.com"} for n in range(MAX_DOMAINS)],
        f"customDomain: the zone has {MAX_DOMAINS} custom domains, and Cloudflare allows",
    ),
    "too many crons": (
        f"{WORKERS}/scripts/other/schedules",
        {"schedules": [{"cron": "* * * * *"}] * MAX_CRONS},
        f"crons: the account's other Workers have {MAX_CRONS} cron triggers",
    ),
}


@pytest.mark.parametrize(("path", "found", "told"), TAKEN.values(), ids=TAKEN)
def test_what_somebody_else_has_is_named_with_its_owner(path: str, found: Any, told: str) -> None:
    answers = Cloud({**account(), path: found}).asked()
    assert answers.unknown == ()
    (only,) = answers.refusals
    assert only.startswith(told)
    assert "Traceback" not in only


@pytest.mark.parametrize(("others", "asked"), [(100, 101), (101, 0)])
def test_schedules_are_counted_in_an_account_of_at_most_a_hundred_other_workers(
    others: int, asked: int
) -> None:
    names = [f"{'az'[at % 2]}{at}" for at in range(others)]
    held = {f"{WORKERS}/scripts": [{"id": name} for name in (*names, OURS)]}
    three = {"schedules": [{"cron": "* * * * *"}] * 3}
    schedules = {f"{WORKERS}/scripts/{name}/schedules": three for name in names}
    cloud = Cloud({**account(), **held, **schedules})
    told = [text for text in cloud.asked().refusals if text.startswith("crons: ")]
    calls = [call for call in cloud.calls if call.endswith("/schedules")]
    assert (len(calls), len(told)) == ((others, 1) if asked else (0, 0))
    if told:
        assert told == [
            (
                "crons: the account's other Workers have 300 cron triggers, and with the 1 of this "
                "stack it would have more than 250. Remove some of them."
            )
        ]


@pytest.mark.parametrize("workers_dev", ["true", "false"])
@pytest.mark.parametrize("preview_urls", ["true", "false"])
def test_a_subdomain_is_needed_by_the_worker_or_by_its_versions(
    workers_dev: str, preview_urls: str
) -> None:
    settings = checked_config(
        workersDev=workers_dev, previewUrls=preview_urls, serviceUrl="https://n.example.com"
    ).settings()
    claims = Claims.of(settings, NAMES, zone_id=None, rolls_back=False)
    assert claims.needs_subdomain is ("true" in (workers_dev, preview_urls))
    assert (claims.custom_domain, claims.route_pattern, claims.own_routes) == (None, None, None)


def test_another_hosts_domains_and_other_patterns_are_nobodys_concern() -> None:
    hosts = [f"{name}.example.com" for name in ("a", "z")]
    held = {
        **account(),
        f"{WORKERS}/domains": [{"id": host, "hostname": host, "service": "x"} for host in hosts],
        ROUTES: [{"id": host, "pattern": f"{host}/*", "script": "x"} for host in hosts],
    }
    assert Cloud(held).asked() == Answers()
    without = replace(CLAIMS, custom_domain=None, route_pattern=None, crons=())
    cloud = Cloud(held)
    assert cloud.asked(without, writes=False) == Answers()
    paths = {call.removeprefix("GET ") for call in cloud.calls}
    assert not {f"{WORKERS}/domains", ROUTES, f"{WORKERS}/scripts"} & paths
    no_zone = replace(CLAIMS, zone_id=None)
    cloud = Cloud(held)
    assert cloud.asked(no_zone) == Answers()
    assert ROUTES not in {call.partition(" ")[2] for call in cloud.calls}


def test_the_last_cron_that_fits_is_taken() -> None:
    full = {"schedules": [{"cron": "* * * * *"}] * (MAX_CRONS - len(CLAIMS.crons))}
    assert Cloud({**account(), f"{WORKERS}/scripts/other/schedules": full}).asked() == Answers()


WRITTEN = {
    f"/accounts/{ACCOUNT}/d1/database": "Account → D1 → Edit",
    f"/accounts/{ACCOUNT}/storage/kv/namespaces": "Account → Workers KV Storage → Edit",
    QUEUES: "Account → Queues → Edit",
    f"{WORKERS}/workers": "Account → Workers Scripts → Edit",
    ROUTES: "Zone → Workers Routes → Edit",
}


@pytest.mark.parametrize(("path", "permission"), WRITTEN.items())
def test_a_token_that_only_reads_is_refused_before_a_deployment_and_may_plan(
    path: str, permission: str
) -> None:
    forbidden = httpx.Response(403, json={"success": False, "errors": []})
    cloud = Cloud({**account(), f"POST {path}": forbidden})
    (told,) = cloud.asked().refusals
    assert f"it needs {permission}." in told
    assert cloud.asked(writes=False) == Answers()


@pytest.mark.parametrize("path", WRITTEN)
def test_whether_a_token_may_write_is_unknown_where_no_api_answers(path: str) -> None:
    page = httpx.Response(403, text="<html>blocked</html>")
    busy = httpx.Response(503, json={"success": False})
    answers = Cloud({**account(), f"POST {path}": busy}).asked()
    assert (answers.refusals, len(answers.unknown)) == ((), 1)
    # A proxy that forbids is no answer either way; the deployment stops all the same.
    assert Cloud({**account(), f"POST {path}": page}).asked() != Answers()


def test_the_last_route_and_domain_that_fit_are_taken() -> None:
    held = account()
    others = [
        {"id": f"r{n}", "pattern": f"{n}.example.com/*", "script": "x"}
        for n in range(MAX_ROUTES - 1)
    ]
    assert Cloud({**held, ROUTES: others}).asked() == Answers()
    full = [{"id": "own", "pattern": PATTERN, "script": OURS}, *others]
    assert Cloud({**held, ROUTES: full}).asked() == Answers()


NAMES = Names.of_stack("production")
KINDS = {
    "D1 database": ("d1/database", "uuid", "name", (NAMES.database,)),
    "KV namespace": ("storage/kv/namespaces", "id", "title", (NAMES.config_cache,)),
    "queue": ("queues", "queue_id", "queue_name", (NAMES.retry_queue, NAMES.failed_queue)),
    "Worker": ("workers/workers", "id", "name", (NAMES.worker,)),
}
"""For each kind its list, the properties of id and name, and what a stack has of it."""


def named(held: Account, *, owned: tuple[str, ...] = (), shards: int = 1) -> Answers:
    with AccountApi(API, ACCOUNT, transport=httpx.MockTransport(Cloud(held)), token="t") as api:
        return taken_names(api, NAMES, owned, shards=shards)


def test_every_database_of_a_stack_needs_its_name_and_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, identifier, name, _ = KINDS["D1 database"]
    monkeypatch.setattr(questions, "_DATABASE", replace(questions._DATABASE, limit=7))
    there = f"/accounts/{ACCOUNT}/{path}"
    third = {identifier: "theirs", name: f"{NAMES.database}_shard_2"}
    others = [{identifier: f"o{n}", name: f"other-{n}"} for n in range(4)]

    assert named({there: [third]}, shards=2) == Answers()
    assert named({there: [third]}, shards=3).refusals == (
        f"the D1 database {NAMES.database}_shard_2 (theirs)",
    )
    assert named({there: [third]}, shards=3, owned=("theirs",)) == Answers()
    assert named({there: [{**third, name: "0"}, {**third, name: "z"}]}, shards=3) == Answers()
    assert named({there: others}, shards=3) == Answers()
    [told] = named({there: others}, shards=4).full
    assert "needs 4 more, and Cloudflare allows 7." in told


@pytest.mark.parametrize("kind", KINDS)
def test_an_account_without_room_for_what_a_stack_needs_is_told_before_anything_is_made(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, identifier, name, ours = KINDS[kind]
    # Some lists of the original are longer than a test should page through.
    found = next(one for one in vars(questions).values() if getattr(one, "title", "") == kind)
    monkeypatch.setattr(questions, found_name(found), replace(found, limit=7))
    there = f"/accounts/{ACCOUNT}/{path}"
    others = [{identifier: f"o{n}", name: f"other-{n}"} for n in range(7 - len(ours))]
    stacks = [{identifier: f"own{n}", name: text} for n, text in enumerate(ours)]
    more = {identifier: "one", name: "one-more"}

    assert named({there: others}) == Answers()
    (told,) = named({there: [*others, more]}).full
    assert told.startswith(f"The account has {8 - len(ours)} {kind}s, ")
    assert f"needs {len(ours)} more, and Cloudflare allows 7." in told
    # What is made already, or is going to be imported, needs no room.
    owned = tuple(str(one[identifier]) for one in stacks)
    assert named({there: [*others, more, *stacks]}, owned=owned) == Answers()


def found_name(value: object) -> str:
    return next(name for name, one in vars(questions).items() if one is value)


@pytest.mark.parametrize(
    ("kind", "limit"), [("Worker", MAX_WORKERS), ("KV namespace", MAX_NAMESPACES)]
)
def test_the_last_worker_and_namespace_that_fit_are_made(kind: str, limit: int) -> None:
    path, identifier, name, _ = KINDS[kind]
    others = [{identifier: f"o{n}", name: f"other-{n}"} for n in range(limit)]
    there = f"/accounts/{ACCOUNT}/{path}"

    assert named({there: others[1:]}) == Answers()
    assert [f"Cloudflare allows {limit}." in told for told in named({there: others}).full] == [True]


@pytest.mark.parametrize("path", sorted(account().keys() - {f"{QUEUES}/q0/consumers"}))
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>sign in</html>"),
        httpx.Response(200, json={"success": False, "errors": [], "result": None}),
        httpx.Response(200, json=[]),
        httpx.Response(500, json={"success": False}),
        httpx.Response(404, text="<html>not here</html>"),
    ],
    ids=["a page", "no success", "no document", "a failure", "a page for a 404"],
)
def test_an_answer_from_which_nothing_follows_is_unknown(path: str, answer: httpx.Response) -> None:
    answers = Cloud({**account(), f"GET {path}": answer}).asked()
    assert answers.refusals == ()
    assert len(answers.unknown) == 1


class Pages:
    """A list whose answers don't tell how many pages it has."""

    def __init__(self, sizes: Iterator[int], told: object = None) -> None:
        self._sizes = sizes
        self._told = {"total_pages": told}
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.params["page"])
        items = [{"id": f"{len(self.asked)}-{at}"} for at in range(next(self._sizes))]
        document = {"success": True, "result": items, "result_info": self._told}
        return httpx.Response(200, json=document)

    def read(self) -> list[Any]:
        transport = httpx.MockTransport(self)
        with AccountApi(API, ACCOUNT, transport=transport, token="t") as api:
            return list(api.listed("queues"))


@pytest.mark.parametrize("told", [None, "many", 1.5])
def test_a_list_that_doesnt_tell_its_pages_ends_with_one_that_isnt_full(told: object) -> None:
    pages = Pages(iter([50, 50, 49]), told)
    assert len(pages.read()) == 149
    assert pages.asked == ["1", "2", "3"]


def test_a_list_ends_with_the_page_that_it_tells_as_its_last() -> None:
    assert len(Pages(iter([50, 50]), told=2).read()) == 100
    assert len(Pages(iter([20, 20, 20]), told=3).read()) == 60
    assert Pages(iter([0]), told=0).read() == []


@pytest.mark.parametrize("size", [50, 51, 120])
def test_a_list_that_isnt_paged_is_read_once(size: int) -> None:
    everything = [{"id": str(at)} for at in range(size)]
    document = {"success": True, "result": everything, "result_info": None}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=document))
    with AccountApi(API, ACCOUNT, transport=transport, token="t") as api:
        assert list(api.listed("workers/scripts")) == everything


def test_a_list_without_an_end_is_no_answer() -> None:
    with pytest.raises(CannotAsk, match="more than 200 pages"):
        Pages(repeat(50)).read()


@pytest.mark.parametrize(
    ("path", "permission"),
    [
        (f"{WORKERS}/domains", "Account → Workers Scripts → Read"),
        (ROUTES, "Zone → Workers Routes → Read"),
        (QUEUES, "Account → Queues → Read"),
    ],
)
def test_a_token_that_may_not_ask_is_refused_with_the_permission_it_lacks(
    path: str, permission: str
) -> None:
    forbidden = httpx.Response(403, json={"success": False, "errors": []})
    answers = Cloud({**account(), f"GET {path}": forbidden}).asked()
    assert answers.unknown == ()
    assert all(f"it needs {permission}" in told for told in answers.refusals)
    assert answers.refusals


def test_what_is_to_be_taken_over_is_not_in_the_way() -> None:
    theirs = {
        **account(),
        f"{WORKERS}/domains": [{"id": "d1", "hostname": HOST, "service": "shop"}],
        ROUTES: [{"id": "r1", "pattern": PATTERN, "script": "shop"}],
    }
    assert len(Cloud(theirs).asked().refusals) == 2
    assert len(Cloud(theirs).asked(replace(CLAIMS, take_over=(HOST,))).refusals) == 1
    assert Cloud(theirs).asked(replace(CLAIMS, take_over=(HOST, PATTERN))) == Answers()


@pytest.fixture
def through(monkeypatch: pytest.MonkeyPatch) -> Callable[[Account], Cloud]:
    """Let the providers talk to an account of the test."""
    monkeypatch.setattr(sys, "tracebacklimit", 1000, raising=False)
    whole = AccountApi.__init__

    def connect(held: Account) -> Cloud:
        cloud = Cloud(held)

        def connected(self: AccountApi, base_url: str, account_id: str) -> None:
            whole(self, base_url, account_id, transport=httpx.MockTransport(cloud), token="t")

        monkeypatch.setattr(AccountApi, "__init__", connected)
        return cloud

    return connect


def test_the_resources_check_refuses_a_plan_only_reads_and_a_rollback_asks_nothing(
    through: Callable[[Account], Cloud], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, found, told = TAKEN["a domain of another Worker"]
    cloud = through({**account(), path: found, f"GET {QUEUES}": httpx.Response(500)})
    given = replace(CLAIMS, base_url=API).properties()
    failures = PreconditionsProvider().check({}, given).failures
    assert [failure.reason.startswith(told) for failure in failures] == [True, False]
    assert "HTTP 500" in failures[1].reason

    cloud.calls.clear()
    monkeypatch.setenv(PLAN_VARIABLE, "1")
    cloud.held = account()
    assert PreconditionsProvider().check({}, given).failures == []
    assert [call for call in cloud.calls if not call.startswith("GET ")] == []

    cloud.calls.clear()
    back = {**given, "rolls_back": True}
    assert PreconditionsProvider().check({}, back).failures == []
    assert cloud.calls == []


def test_a_route_of_this_worker_that_isnt_the_stacks_is_told_and_taken_over_by_name(
    through: Callable[[Account], Cloud],
) -> None:
    made_by_hand = replace(CLAIMS, own_routes=())
    (told,) = Cloud(account()).asked(made_by_hand).refusals
    assert told.startswith(f"routePattern: {PATTERN} leads to this Worker already, by a route that")
    assert told.endswith("Add it to notification-system:takeOver to take it over.")
    assert Cloud(account()).asked(replace(CLAIMS, own_routes=(PATTERN,))) == Answers()
    named = replace(made_by_hand, base_url=API, take_over=(PATTERN,))
    assert Cloud(account()).asked(named) == Answers()

    cloud = through({**account(), f"{ROUTES}/r1": {}})
    TakeoverProvider().create(named.properties())
    assert [c for c in cloud.calls if c.startswith("DELETE")] == [f"DELETE {ROUTES}/r1"]
    cloud.calls.clear()
    own = replace(named, own_routes=(PATTERN,))
    TakeoverProvider().update("id", {}, own.properties())
    assert [c for c in cloud.calls if c.startswith("DELETE")] == []


def test_the_routes_of_a_state_are_found_by_their_type() -> None:
    route = {"type": "cloudflare:index/workersRoute:WorkersRoute", "outputs": {"pattern": PATTERN}}
    domain = {"type": "cloudflare:index/workersCustomDomain:WorkersCustomDomain", "outputs": {}}
    zone = {"type": "cloudflare:index/zone:Zone", "outputs": {"pattern": "z.example.com/*"}}
    other = {**route, "outputs": {"pattern": "a.example.com/*"}}
    assert routes_in_state([route, domain, zone, other, {}]) == ("a.example.com/*", PATTERN)


def test_only_other_claims_are_a_change() -> None:
    given = {**CLAIMS.properties(), "__provider": "x"}
    provider = resource.PreconditionsProvider()
    kept = provider.create(given).outs or {}
    assert provider.diff("id", kept, given).changes is False
    assert provider.diff("id", kept, {**given, "custom_domain": None}).changes is True
    assert Claims.of_properties(kept) == CLAIMS
    # What the state has by now is no other claim: else each first route would be a change more.
    assert provider.diff("id", kept, {**given, "own_routes": [PATTERN]}).changes is False
    assert Claims.of_properties({**kept, "own_routes": [PATTERN]}).own_routes == (PATTERN,)


def test_a_takeover_frees_what_is_listed_and_leaves_this_workers_own(
    through: Callable[[Account], Cloud],
) -> None:
    held = {
        f"{WORKERS}/domains": [
            {"id": "d0", "hostname": "a.example.com", "service": "shop"},
            {"id": "d1", "hostname": HOST, "service": "shop"},
            {"id": "d2", "hostname": "other.example.com", "service": "shop"},
        ],
        ROUTES: [
            {"id": "r0", "pattern": "a.example.com/*", "script": "shop"},
            {"id": "r1", "pattern": PATTERN, "script": OURS},
            {"id": "r2", "pattern": "other.example.com/*", "script": "shop"},
        ],
    }
    cloud = through({**held, f"{WORKERS}/domains/d1": {}})
    given = replace(CLAIMS, base_url=API, take_over=(HOST, PATTERN)).properties()
    TakeoverProvider().create(given)
    assert [c for c in cloud.calls if c.startswith("DELETE")] == [f"DELETE {WORKERS}/domains/d1"]

    for owner, freed in ((OURS, []), ("Alpha", [f"DELETE {WORKERS}/domains/d1"])):
        domains = [{"id": "d1", "hostname": HOST, "service": owner}]
        cloud = through({f"{WORKERS}/domains": domains, f"{WORKERS}/domains/d1": {}})
        TakeoverProvider().create({**given, "take_over": [HOST]})
        assert [c for c in cloud.calls if c.startswith("DELETE")] == freed
        assert not [c for c in cloud.calls if ROUTES in c]

    cloud = through({**held, ROUTES: [{"id": "r1", "pattern": PATTERN}], f"{ROUTES}/r1": {}})
    TakeoverProvider().update("id", {}, {**given, "take_over": [PATTERN]})
    assert [c for c in cloud.calls if c.startswith("DELETE")] == [f"DELETE {ROUTES}/r1"]
