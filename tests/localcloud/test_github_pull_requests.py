"""Pull requests of the local repository, as far as a sweep of their stacks needs them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.localcloud.running_cloud import RunningCloud

PULLS = "/repos/local/notification-system/pulls"


def call(cloud: RunningCloud, method: str, path: str, body: Any = None) -> httpx.Response:
    return cloud.http.request(method, f"{cloud.root_url}/api/v3{path}", json=body)


def test_open_ones_are_listed_newest_first_until_they_are_closed(cloud: RunningCloud) -> None:
    for title in ("first", "second", "third"):
        opened = call(cloud, "POST", PULLS, {"title": title, "head": "feature/x", "base": "main"})
        assert opened.status_code == 201, opened.text
    closed = call(cloud, "PATCH", f"{PULLS}/2", {"state": "closed"})
    assert (closed.status_code, closed.json()["state"]) == (200, "closed")

    def numbers(query: str) -> list[int]:
        return [item["number"] for item in call(cloud, "GET", f"{PULLS}{query}").json()]

    assert numbers("") == [3, 1]
    assert numbers("?state=closed") == [2]
    assert numbers("?state=all&per_page=2&page=2") == [1]
    assert call(cloud, "GET", f"{PULLS}/2").json()["head"]["ref"] == "feature/x"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", PULLS, {"title": "no branch"}, 422),
        ("GET", f"{PULLS}?state=merged", None, 422),
        ("PATCH", f"{PULLS}/99", {"state": "closed"}, 404),
        ("GET", "/repos/local/other/pulls", None, 404),
    ],
)
def test_what_github_refuses_is_refused(
    cloud: RunningCloud, method: str, path: str, body: Any, status: int
) -> None:
    assert call(cloud, method, path, body).status_code == status
