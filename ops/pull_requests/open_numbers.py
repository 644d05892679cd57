"""Which pull requests are open, as GitHub's API tells."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import httpx

from localcloud.home import CloudHome
from ops.errors import OperationError, UsageError
from ops.project import Project
from ops.stacks.local_stack import NAMESPACE, ports_in_use
from ops.stacks.settings_file import BASE_URL_KEYS, StackFile

GITHUB_API = "https://api.github.com"
_LOCAL_REPOSITORY = "local/notification-system"
"""The repository that the local cloud has from the start."""
_PER_PAGE = 100
_MOST_PAGES = 50
_TIMEOUT_SECONDS = 30.0
_INSTEAD = "Or name the open ones: --open 12,15."


def open_pull_requests(project: Project, base: StackFile) -> set[int]:
    """Return the numbers of the repository's open pull requests.

    Owner and repository come from the settings ``githubOwner`` and ``githubRepository``, else from
    ``GITHUB_REPOSITORY``, which GitHub sets in its workflows; the token from ``GITHUB_TOKEN``, on
    a loopback stack from the local cloud. Source: GitHub REST API, "List pull requests".

    Raises:
        UsageError: nothing says which repository, or there is no token.
        OperationError: GitHub refused, or gave no answer.
    """
    is_local = base.is_loopback
    if is_local:
        url = f"http://127.0.0.1:{ports_in_use().control}/"
    else:
        given = base.config.get(BASE_URL_KEYS[1]) or os.environ.get("GITHUB_API_URL")
        url = str(given or GITHUB_API)
    path = f"/repos/{_repository(base)}/pulls"
    found: set[int] = set()
    with httpx.Client(
        base_url=_api(url), timeout=_TIMEOUT_SECONDS, trust_env=not is_local
    ) as client:
        headers = {
            "Authorization": f"Bearer {_token(project, is_local=is_local)}",
            "Accept": "application/vnd.github+json",
        }
        for page in range(1, _MOST_PAGES + 1):
            query = {"state": "open", "per_page": str(_PER_PAGE), "page": str(page)}
            try:
                answer = client.get(path, params=query, headers=headers)
            except httpx.HTTPError as error:
                raise OperationError(
                    f"GitHub's API at {url} gave no answer ({type(error).__name__}), so no stack "
                    f"was removed. Try again. {_INSTEAD}"
                ) from None
            if answer.status_code != 200:
                raise OperationError(
                    f"GitHub answered GET {path} with {answer.status_code}, so no stack was "
                    f"removed. Check GITHUB_TOKEN and the repository's name. {_INSTEAD}"
                )
            listed = answer.json()
            found |= {int(item["number"]) for item in listed}
            if len(listed) < _PER_PAGE:
                break
    return found


def _api(url: str) -> str:
    """Return where the API's paths begin: GitHub Enterprise has them below ``/api/v3``."""
    parts = urlsplit(url)
    if parts.hostname == "api.github.com" or parts.path.rstrip("/").endswith("/api/v3"):
        return url.rstrip("/")
    return f"{url.rstrip('/')}/api/v3"


def _repository(base: StackFile) -> str:
    if base.is_loopback:
        return _LOCAL_REPOSITORY
    owner = base.config.get(f"{NAMESPACE}:githubOwner")
    name = base.config.get(f"{NAMESPACE}:githubRepository")
    found = f"{owner}/{name}" if owner and name else os.environ.get("GITHUB_REPOSITORY", "")
    if found.count("/") != 1:
        raise UsageError(
            f"Nothing says which repository's pull requests are open: set githubOwner and "
            f"githubRepository in {base.path.name}, or GITHUB_REPOSITORY. {_INSTEAD}"
        )
    return found


def _token(project: Project, *, is_local: bool) -> str:
    if is_local:
        file = CloudHome(project.home).token_file
        token = file.read_text(encoding="ascii").strip() if file.is_file() else ""
    else:
        token = os.environ.get("GITHUB_TOKEN", "")
    if not token:
        raise UsageError(f"There is no GITHUB_TOKEN to ask for the open ones. {_INSTEAD}")
    return token
