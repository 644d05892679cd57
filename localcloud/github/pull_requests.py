"""Pull requests of the local repository: opened, listed and closed, without code behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.database import Row
from localcloud.github.body import body_of, text_in
from localcloud.github.directory import OPERATOR, OWNER, REPOSITORY, person, repository_document
from localcloud.github.error import GithubError, missing_field, not_found
from localcloud.github.paging import page_of
from localcloud.github.site import Site, check_repository

_LIST = "/repos/{owner}/{repo}/pulls"
_ONE = "/repos/{owner}/{repo}/pulls/{number:int}"
_STATES = ("open", "closed")
_HERE = f"/repos/{OWNER}/{REPOSITORY}"
_NO_COMMIT = "0" * 40  # there is no code behind a branch


class PullRequests:
    """The family's routes. Source: GitHub REST API, "Pulls"."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> Sequence[Route]:
        """…/pulls and …/pulls/{number}."""
        return [
            Route(_LIST, self._listing, methods=["GET"]),
            Route(_LIST, self._create, methods=["POST"]),
            Route(_ONE, self._read, methods=["GET"]),
            Route(_ONE, self._update, methods=["PATCH"]),
        ]

    async def _listing(self, request: Request) -> Response:
        check_repository(request)
        state = request.query_params.get("state", "open")
        if state not in (*_STATES, "all"):
            raise GithubError(422, "Validation Failed", [{"field": "state", "code": "invalid"}])
        rows = self._site.database.rows(
            "SELECT * FROM github_pull_requests WHERE ? IN ('all', state) ORDER BY number DESC",
            state,
        )
        shown, headers = page_of(request, rows)
        return JSONResponse([_shown(row) for row in shown], headers=headers)

    async def _create(self, request: Request) -> Response:
        check_repository(request)
        document = await body_of(request)
        values = [_required(document, field) for field in ("title", "head", "base")]
        database = self._site.database
        with database.transaction():
            database.execute(
                """INSERT INTO github_pull_requests (title, head, base, state, created_at)
                   VALUES (?, ?, ?, 'open', ?)""",
                *(*values, self._site.now()),
            )
            row = database.row(
                "SELECT * FROM github_pull_requests WHERE number = last_insert_rowid()"
            )
        assert row is not None  # noqa: S101  it was inserted just now, in the same transaction
        return JSONResponse(_in_full(row), status_code=201)

    async def _read(self, request: Request) -> Response:
        return JSONResponse(_in_full(self._row(request)))

    async def _update(self, request: Request) -> Response:
        row = self._row(request)
        state = text_in(await body_of(request), "state") or row["state"]
        if state not in _STATES:
            raise GithubError(422, "Validation Failed", [{"field": "state", "code": "invalid"}])
        self._site.database.execute(
            "UPDATE github_pull_requests SET state = ? WHERE number = ?", state, row["number"]
        )
        return JSONResponse(_in_full(self._row(request)))

    def _row(self, request: Request) -> Row:
        check_repository(request)
        row = self._site.database.row(
            "SELECT * FROM github_pull_requests WHERE number = ?", request.path_params["number"]
        )
        if row is None:
            raise not_found()
        return row


def _required(document: dict[str, Any], field: str) -> str:
    value = text_in(document, field)
    if not value or not value.strip():
        raise missing_field("PullRequest", field)
    return value


def _shown(row: Row) -> dict[str, Any]:
    """A pull request as a list has it: "pull-request-simple" of GitHub's API description."""
    number = int(row["number"])
    page = f"/{OWNER}/{REPOSITORY}/pull/{number}"
    url, issue = f"{_HERE}/pulls/{number}", f"{_HERE}/issues/{number}"
    links = {
        "commits": f"{url}/commits",
        "review_comments": f"{url}/comments",
        "review_comment": f"{_HERE}/pulls/comments{{/number}}",
        "comments": f"{issue}/comments",
        "statuses": f"{_HERE}/statuses/{_NO_COMMIT}",
        "issue": issue,
    }
    own = {"self": url, "html": page}
    names = ("issue", "comments", "review_comments", "review_comment", "commits", "statuses")
    return {
        "id": number,
        "node_id": f"PR_{number}",
        "number": number,
        "url": url,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        **{f"{name}_url": link for name, link in links.items()},
        "_links": {name: {"href": {**links, **own}[name]} for name in (*own, *names)},
        "state": row["state"],
        "locked": False,
        "title": row["title"],
        "user": person(OPERATOR),
        "body": None,
        "labels": [],
        "head": _branch(row["head"]),
        "base": _branch(row["base"]),
        "author_association": "MEMBER",
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
        **dict.fromkeys(("milestone", "closed_at", "merged_at", "merge_commit_sha", "assignee")),
        "auto_merge": None,
    }


def _in_full(row: Row) -> dict[str, Any]:
    """A pull request by itself: "pull-request" of GitHub's API description."""
    counts = ("comments", "review_comments", "commits", "additions", "deletions", "changed_files")
    return {
        **_shown(row),
        "merged": False,
        "mergeable": None,
        "mergeable_state": "unknown",
        "merged_by": None,
        "maintainer_can_modify": False,
        **dict.fromkeys(counts, 0),
    }


def _branch(name: str) -> dict[str, Any]:
    repository = repository_document()
    for only_by_itself in ("subscribers_count", "network_count"):
        del repository[only_by_itself]
    return {
        "ref": name,
        "label": f"{OWNER}:{name}",
        "sha": _NO_COMMIT,
        "user": repository["owner"],
        "repo": repository,
    }
