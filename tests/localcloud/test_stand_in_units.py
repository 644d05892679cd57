"""Parts of the local cloud that answer by themselves: pages, filters, refusals, names."""

from __future__ import annotations

import json

import pytest
from starlette.requests import Request

from localcloud.analytics.query_document import Field, QueryError
from localcloud.api.envelope import ApiError
from localcloud.api.listing import ListQuery
from localcloud.github import error


def asked(query: str) -> ListQuery:
    scope = {"type": "http", "query_string": query.encode(), "headers": [], "path": "/"}
    return ListQuery(Request(scope))


@pytest.mark.parametrize(
    ("query", "shown", "pages"),
    [
        ("", [1, 2, 3, 4, 5], 1),
        ("per_page=2", [1, 2], 3),
        ("per_page=2&page=3", [5], 3),
        ("per_page=5", [1, 2, 3, 4, 5], 1),
        ("per_page=4&page=3", [], 2),
    ],
)
def test_a_page_tells_how_many_there_are(query: str, shown: list[int], pages: int) -> None:
    found, info = asked(query).slice([1, 2, 3, 4, 5])
    assert found == shown
    assert info is not None
    assert (info["total_pages"], info["total_count"], info["count"]) == (pages, 5, len(shown))


def test_a_list_that_cloudflare_does_not_page_has_no_info_unless_it_is_asked_for() -> None:
    assert asked("").slice([1, 2], per_page=None) == ([1, 2], None)
    found, info = asked("per_page=1").slice([1, 2], per_page=None)
    assert (found, info and info["total_pages"]) == ([1], 2)


@pytest.mark.parametrize("query", ["page=0", "per_page=0", "page=x", "page=1&page=2", "colour=red"])
def test_a_parameter_that_is_none_is_refused(query: str) -> None:
    with pytest.raises(ApiError):
        asked(query).slice([1])


def test_filters_of_an_and_count_like_others_and_a_strange_one_is_refused() -> None:
    given = {"databaseId": "d", "AND": [{"datetimeHour_geq": "a"}, {"datetimeHour_leq": "b"}]}
    found = {"databaseId": "d", "datetimeHour_geq": "a", "datetimeHour_leq": "b"}
    assert Field("set", {"filter": given}, ()).filters(found) == found
    for strange in ({"colour": "red"}, {"AND": [{"Zebra": 1}]}):
        with pytest.raises(QueryError, match="unknown filter"):
            Field("set", {"filter": strange}, ()).filters(found)


@pytest.mark.parametrize(
    "refusal",
    [
        error.missing_field("Issue", "title"),
        error.wrong_type("title"),
        error.not_supplied("title"),
    ],
)
def test_github_answers_a_body_that_it_cannot_use_with_422(refusal: error.GithubError) -> None:
    assert refusal.status == 422
    assert "title" in f"{refusal} {json.dumps(refusal.__dict__, default=str)}"
