"""What every family of GitHub's routes works with."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request

from localcloud.clock import VirtualClock
from localcloud.database import Database, Row
from localcloud.github.directory import repository_is
from localcloud.github.error import not_found

REPOSITORY_SCOPE = 0
"""The scope of what belongs to the repository and to no environment."""


class Site:
    """The tables and the clock."""

    def __init__(self, database: Database, clock: VirtualClock) -> None:
        self.database = database
        self._clock = clock

    def now(self) -> str:
        """The virtual time as GitHub writes it: RFC 3339, UTC, whole seconds."""
        moment = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    def environment(self, request: Request) -> Row:
        """The environment in the path. Raises GithubError(404)."""
        check_repository(request)
        row = self.database.row(
            "SELECT * FROM github_environments WHERE name = ?", request.path_params["environment"]
        )
        if row is None:
            raise not_found()
        return row

    def scope(self, request: Request) -> int:
        """Whose secrets and variables the path is about. Raises GithubError(404)."""
        if "environment" in request.path_params:
            return int(self.environment(request)["id"])
        check_repository(request)
        return REPOSITORY_SCOPE


def check_repository(request: Request) -> None:
    """Raise GithubError(404) unless the path names the repository; case means nothing."""
    if not repository_is(request.path_params["owner"], request.path_params["repo"]):
        raise not_found()
