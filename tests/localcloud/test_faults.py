"""Faults that the local API has for as long as somebody asks for them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from localcloud.errors import StartFailed
from localcloud.faults import PLACES, Faults, InvalidFault
from localcloud.rate_limit import REQUESTS, limit_from_environment
from tests.localcloud.running_cloud import RunningCloud


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time_ms = 1_000_000

    def now_ms(self) -> int:
        return self.time_ms


def faults() -> tuple[Any, Clock]:
    clock = Clock()
    return Faults(clock), clock  # type: ignore[arg-type]  # the one method that it calls


QUERY = "/client/v4/accounts/a/d1/database/u/query"


@pytest.mark.parametrize(
    ("line", "met", "missed"),
    [
        ("any 500", QUERY, "/local/health"),
        ("any 500", "/api/v3/repos/o/r", "/message"),
        ("d1 500", "/client/v4/accounts/a/d1/database", "/client/v4/accounts/a/queues"),
        ("d1 query 500", QUERY, "/client/v4/accounts/a/d1/database/u"),
        ("d1 import 500", "/client/v4/accounts/a/d1/database/u/import", QUERY),
        ("kv values 500", "/client/v4/accounts/a/storage/kv/namespaces/n/values/k/k",
         "/client/v4/accounts/a/storage/kv/namespaces"),
        ("queues 500", "/client/v4/accounts/a/queues", QUERY),
        ("workers versions 500", "/client/v4/accounts/a/workers/workers/w/versions",
         "/client/v4/accounts/a/workers/scripts/w/deployments"),
        ("workers deployments 500", "/client/v4/accounts/a/workers/scripts/w/deployments/d",
         "/client/v4/accounts/a/workers/scripts"),
        ("zones 500", "/client/v4/zones", QUERY),
        ("github 500", "/api/v3/repos/o/r/issues", QUERY),
    ],
)  # fmt: skip
def test_a_fault_meets_its_place_and_no_other(line: str, met: str, missed: str) -> None:
    some, _ = faults()
    some.add(line)
    assert some.meet(missed) is None
    assert some.meet(met) is not None


def test_every_place_can_be_named() -> None:
    some, _ = faults()
    for place in PLACES:
        assert some.add(f"{place} 503").place.pattern == PLACES[place]


@pytest.mark.parametrize(
    "line",
    ["", "d1", "500", "sea 500", "d1 query", "d1 200", "d1 399", "d1 600", "d1 500/x", "d1 html/3",
     "d1 slow 121s", "d1 slow 0s", "d1 500 for 0s", "d1 500 for 25h", "d1 500 times 0",
     "d1 500 for ever", "d1 500 times 3 for 5m", "d1 500/2s", "d1 " + "5" * 300],
)  # fmt: skip
def test_a_line_that_makes_no_sense_is_refused_with_what_would(line: str) -> None:
    some, _ = faults()
    with pytest.raises(InvalidFault) as refused:
        some.add(line)
    assert len(str(refused.value)) < 500
    assert some.listed() == []


def test_a_fault_ends_by_the_clock_or_after_its_requests() -> None:
    some, clock = faults()
    some.add("d1 500 for 5m")
    clock.time_ms += 299_999
    assert some.meet(QUERY) is not None
    clock.time_ms += 1
    assert some.meet(QUERY) is None
    some.add("d1 500 times 2")
    assert [some.meet(QUERY) is not None for _ in range(3)] == [True, True, False]
    assert some.listed() == []


def test_the_first_fault_that_fits_is_met() -> None:
    some, _ = faults()
    first, second = some.add("d1 500 times 1"), some.add("any 503")
    assert [some.meet(QUERY), some.meet(QUERY)] == [first, second]
    assert (first.met, second.met) == (1, 1)


def test_faults_are_lifted_one_by_one_or_all() -> None:
    some, _ = faults()
    identifiers = [some.add("d1 500").id for _ in range(3)]
    assert some.clear(identifiers[1]) == 1
    assert [fault.id for fault in some.listed()] == [identifiers[0], identifiers[2]]
    assert some.clear(99) == 0
    assert some.clear() == 2


def test_the_answers_are_those_that_were_asked_for(cloud: RunningCloud) -> None:
    def answer(line: str) -> httpx.Response:
        cloud.local("DELETE", "/faults")
        cloud.local("POST", "/faults", json={"fault": line})
        return cloud.account("GET", "/d1/database")

    failed = answer("d1 500/7500")
    assert (failed.status_code, failed.json()["errors"][0]["code"]) == (500, 7500)
    page = answer("any html")
    assert page.status_code == 502
    assert page.headers["content-type"].startswith("text/html")
    busy = answer("any 429/7")
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "7")
    assert answer("any slow 1s").status_code == 200
    assert cloud.local("DELETE", "/faults") == {"cleared": 1}
    assert cloud.account("GET", "/d1/database").status_code == 200


def test_a_fault_is_listed_with_how_many_met_it(cloud: RunningCloud) -> None:
    added = cloud.local("POST", "/faults", json={"fault": "Queues  503 times 5"})
    cloud.account("GET", "/queues")
    (listed,) = cloud.local("GET", "/faults")["faults"]
    assert listed == {**added, "left": 4, "met": 1}
    assert listed["fault"] == "queues 503 times 5"
    gone = cloud.http.request("DELETE", f"{cloud.root_url}/local/faults/99")
    assert gone.status_code == 404
    bad = cloud.http.post(f"{cloud.root_url}/local/faults", json={"fault": "x"})
    assert bad.status_code == 400


def test_only_the_tokens_holder_changes_faults(cloud: RunningCloud) -> None:
    url = f"{cloud.root_url}/local/faults"
    for method in ("POST", "DELETE"):
        assert httpx.request(method, url, json={"fault": "any 500"}).status_code == 400
    assert cloud.local("GET", "/faults") == {"faults": []}


def test_the_limit_of_the_api_is_cloudflares_unless_another_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NOTIFICATION_LOCAL_API_LIMIT", raising=False)
    assert limit_from_environment() == REQUESTS == 1200
    monkeypatch.setenv("NOTIFICATION_LOCAL_API_LIMIT", "7")
    assert limit_from_environment() == 7
    for text in ("0", "-1", "many", "1" * 30):
        monkeypatch.setenv("NOTIFICATION_LOCAL_API_LIMIT", text)
        with pytest.raises(StartFailed, match="NOTIFICATION_LOCAL_API_LIMIT"):
            limit_from_environment()


def test_more_requests_than_the_limit_are_answered_429_until_the_window_ends(
    cloud_with_limit: RunningCloud,
) -> None:
    cloud = cloud_with_limit
    answers = [cloud.account("GET", "/queues") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[0].headers["ratelimit"].startswith('"default";r=2;t=')
    assert answers[0].headers["ratelimit-policy"] == '"default";q=3;w=300'
    assert "retry-after" not in answers[2].headers
    assert 0 < int(answers[3].headers["retry-after"]) <= 300
    assert answers[3].json()["errors"][0]["code"] == 971
    # Another token has a window of its own, and the local cloud's own routes have none.
    other = httpx.get(f"{cloud.endpoints.control_url}/user", headers={"Authorization": "Bearer x"})
    assert other.status_code == 401
    cloud.local("POST", "/clock", json={"advance_ms": 300_000})
    assert cloud.account("GET", "/queues").status_code == 200
