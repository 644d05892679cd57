"""The project's repository on GitHub, or on the local cloud for a loopback stack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from infra.settings import KnownSettings
from infra.settings.account import GITHUB_URL_KEY
from localcloud.home import CloudHome
from ops.stacks.context import StackContext
from ops.stacks.errors import OperationError, UsageError
from ops.stacks.proxy import require_usable_proxies

_LOCAL_REPOSITORY = "local/notification-system"
"""The repository that the local cloud has from the start."""
_PER_PAGE = 100
_MAX_PAGES = 50
_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Repository:
    """A repository, as GitHub's REST API reaches it.

    Attributes:
        url: where the API's paths begin.
        name: ``owner/repository``.
        token: what the calls are made with.
        is_local: whether the API is on this machine.
    """

    url: str
    name: str
    token: str = field(repr=False)
    is_local: bool

    @classmethod
    def of(cls, context: StackContext) -> Repository:
        """Return the repository that a stack's settings or the environment name.

        The settings ``githubOwner`` and ``githubRepository`` come first, then
        ``GITHUB_REPOSITORY``, which GitHub sets in its workflows. The token comes from
        ``GITHUB_TOKEN``; a loopback stack has the local cloud's.

        Raises:
            UsageError: nothing says which repository, or there is no token.
        """
        if context.is_local:
            file = CloudHome(context.project.home).token_file
            token = file.read_text(encoding="ascii").strip() if file.is_file() else ""
            url, name = f"http://127.0.0.1:{context.project.ports.control}/", _LOCAL_REPOSITORY
        else:
            token = context.environment.get("GITHUB_TOKEN", "")
            settings = context.known_settings(GITHUB_URL_KEY, "githubOwner", "githubRepository")
            url = settings.github_base_url
            if not context.file.checked.is_set(GITHUB_URL_KEY):
                url = context.environment.get("GITHUB_API_URL") or url
            name = _name(context, settings)
            require_usable_proxies()
        if not token:
            raise UsageError("There is no GITHUB_TOKEN to ask GitHub with. Set it.")
        return cls(url=_api(url), name=name, token=token, is_local=context.is_local)

    def call(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None
    ) -> Any:
        """Make one call below ``/repos/OWNER/REPOSITORY`` and return its JSON.

        Raises:
            OperationError: GitHub refused, or gave no answer.
        """
        full = f"/repos/{self.name}{path}"
        answer = self._request(method, full, query, body)
        if answer.status_code >= 300:
            raise _refusal(method, full, answer.status_code)
        return _json(answer, method, full) if answer.content else None

    def read(self, path: str) -> Any:
        """As ``call`` with GET, but ``None`` where there is no such thing."""
        full = f"/repos/{self.name}{path}"
        answer = self._request("GET", full, None, None)
        if answer.status_code == 404:
            said = _json(answer, "GET", full)
            if not isinstance(said, dict) or "message" not in said:
                # A proxy's page doesn't say that there is no such thing.
                raise _no_answer("GET", full, 404)
            return None
        if answer.status_code >= 300:
            raise _refusal("GET", full, answer.status_code)
        return _json(answer, "GET", full)

    def _request(
        self, method: str, full: str, query: Mapping[str, str] | None, body: Any
    ) -> httpx.Response:
        try:
            return httpx.request(
                method,
                f"{self.url}{full}",
                params=query,
                json=body,
                headers={
                    "Authorization": f"Bearer {self.token}",
                    "Accept": "application/vnd.github+json",
                },
                timeout=_TIMEOUT_SECONDS,
                trust_env=not self.is_local,
            )
        except httpx.HTTPError as error:
            raise OperationError(
                f"GitHub's API at {self.url} gave no answer ({type(error).__name__}). Try again."
            ) from None

    def pages(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield all items of a list, page after page; raises as ``call``, or where none is last."""
        for page in range(1, _MAX_PAGES + 1):
            asked = {**(query or {}), "per_page": str(_PER_PAGE), "page": str(page)}
            listed = self.call("GET", path, query=asked)
            if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
                raise _no_answer("GET", f"/repos/{self.name}{path}", 200)
            yield from listed
            if len(listed) < _PER_PAGE:
                return
        raise OperationError(
            f"GitHub's list {path} has more than {_MAX_PAGES * _PER_PAGE:,} items, which is more "
            "than is read here."
        )


def _json(answer: httpx.Response, method: str, full: str) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise _no_answer(method, full, answer.status_code) from None


def _no_answer(method: str, full: str, status: int) -> OperationError:
    return OperationError(
        f"{method} {full} was answered with {status} and no JSON of GitHub's: perhaps by a proxy. "
        "Check what is between this machine and GitHub, and try again."
    )


def _refusal(method: str, full: str, status: int) -> OperationError:
    return OperationError(
        f"GitHub answered {method} {full} with {status}. Check GITHUB_TOKEN and the repository's "
        "name."
    )


def _api(url: str) -> str:
    """Return where the API's paths begin: GitHub Enterprise has them below ``/api/v3``."""
    parts = urlsplit(url)
    if parts.hostname == "api.github.com" or parts.path.rstrip("/").endswith("/api/v3"):
        return url.rstrip("/")
    return f"{url.rstrip('/')}/api/v3"


def _name(context: StackContext, settings: KnownSettings) -> str:
    owner, name = settings.github_owner, settings.github_repository
    found = context.environment.get("GITHUB_REPOSITORY", "")
    if owner and name:
        found = f"{owner}/{name}"
    if found.count("/") != 1:
        raise UsageError(
            "Nothing says which repository is meant: set githubOwner and githubRepository in "
            f"{context.file.path.name}, or GITHUB_REPOSITORY."
        )
    return found
