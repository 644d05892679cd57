"""Who and what there is from the start: an organization, its people, one repository."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.github.error import not_found

GITHUB = (
    """CREATE TABLE IF NOT EXISTS github_environments (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        created_at TEXT NOT NULL, updated_at TEXT NOT NULL, wait_timer INTEGER NOT NULL,
        prevent_self_review INTEGER NOT NULL, can_admins_bypass INTEGER NOT NULL,
        reviewers TEXT NOT NULL, branch_policy TEXT)""",
    """CREATE TABLE IF NOT EXISTS github_branch_policies (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        environment_id INTEGER NOT NULL REFERENCES github_environments ON DELETE CASCADE,
        name TEXT NOT NULL, type TEXT NOT NULL, UNIQUE (environment_id, type, name))""",
    # The scope is 0 for the repository, else an environment's id: names are unique in a scope.
    """CREATE TABLE IF NOT EXISTS github_keys (
        scope INTEGER PRIMARY KEY, key_id TEXT NOT NULL, private_key BLOB NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS github_secrets (
        scope INTEGER NOT NULL, name TEXT NOT NULL, sealed BLOB NOT NULL,
        created_at TEXT NOT NULL, updated_at TEXT NOT NULL, PRIMARY KEY (scope, name))""",
    """CREATE TABLE IF NOT EXISTS github_variables (
        scope INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
        created_at TEXT NOT NULL, updated_at TEXT NOT NULL, PRIMARY KEY (scope, name))""",
    """CREATE TABLE IF NOT EXISTS github_comments (
        id INTEGER PRIMARY KEY AUTOINCREMENT, issue INTEGER NOT NULL, body TEXT NOT NULL,
        created_at TEXT NOT NULL, updated_at TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS github_pull_requests (
        number INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, head TEXT NOT NULL,
        base TEXT NOT NULL, state TEXT NOT NULL, created_at TEXT NOT NULL)""",
)
"""Only one repository exists, so no table names it."""

OWNER = "local"
REPOSITORY = "notification-system"
OPERATOR = "local-operator"
REVIEWERS = ("reviewer-one", "reviewer-two", "reviewer-three", "reviewer-four")
REPOSITORY_ID = 4200
_OWNER_ID = 1000
_PEOPLE = {name: _OWNER_ID + 1 + number for number, name in enumerate((OPERATOR, *REVIEWERS))}
_SINCE = "2026-01-01T00:00:00Z"
_ACCOUNT_LINKS = {
    "followers": "followers",
    "following": "following{/other_user}",
    "gists": "gists{/gist_id}",
    "starred": "starred{/owner}{/repo}",
    "subscriptions": "subscriptions",
    "organizations": "orgs",
    "repos": "repos",
    "events": "events{/privacy}",
    "received_events": "received_events",
}
_REPOSITORY_LINKS = (
    *("archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits"),
    *("compare", "contents", "contributors", "deployments", "downloads", "events", "forks"),
    *("git_commits", "git_refs", "git_tags", "issue_comment", "issue_events", "issues", "keys"),
    *("labels", "languages", "merges", "milestones", "notifications", "pulls", "releases"),
    *("stargazers", "statuses", "subscribers", "subscription", "tags", "teams", "trees", "hooks"),
)
_PRIVATE_COUNTS = (
    *("private_gists", "total_private_repos", "owned_private_repos", "disk_usage"),
    "collaborators",
)
_REPOSITORY_COUNTS = (
    *("forks", "forks_count", "stargazers_count", "watchers", "watchers_count", "open_issues"),
    *("open_issues_count", "subscribers_count", "network_count"),
)


def repository_is(owner: str, name: str) -> bool:
    """Whether it is the one repository; GitHub ignores case in names."""
    return (owner.lower(), name.lower()) == (OWNER, REPOSITORY)


def path_by_name(path: str) -> str:
    """The path with the repository's names where a client gives its id.

    GitHub answers both, and pulumi-github writes the secrets of environments by the id.
    """
    by_id, by_name = f"/repositories/{REPOSITORY_ID}", f"/repos/{OWNER}/{REPOSITORY}"
    before, found, after = path.partition(by_id)
    return f"{before}{by_name}{after}" if found and after[:1] in {"", "/"} else path


def person(login_or_id: str | int) -> dict[str, object] | None:
    """A user in the short form that answers embed, or None."""
    for login, number in _PEOPLE.items():
        if login_or_id == number or str(login_or_id).lower() == login:
            return _account(login, number, "User")
    return None


def _account(login: str, number: int, kind: str) -> dict[str, object]:
    """An account as other answers embed it: "simple-user" of GitHub's API description."""
    prefix = "U" if kind == "User" else "O"
    base = f"/users/{login}"
    links = {f"{name}_url": f"{base}/{path}" for name, path in _ACCOUNT_LINKS.items()}
    return {
        "login": login,
        "id": number,
        "node_id": f"{prefix}_{number}",
        "avatar_url": "",
        "gravatar_id": "",
        "url": base,
        "html_url": f"/{login}",
        **links,
        "type": kind,
        "site_admin": False,
    }


def _profile(short: dict[str, object]) -> dict[str, object]:
    empty = dict.fromkeys(("company", "location", "email", "bio", "hireable"))
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    times = {"created_at": _SINCE, "updated_at": _SINCE}
    return {**short, "name": short["login"], "blog": "", **empty, **counts, **times}


def _organization_document() -> dict[str, object]:
    base = f"/orgs/{OWNER}"
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    names = ("repos", "events", "hooks", "issues", "members", "public_members")
    return {
        "login": OWNER,
        "id": _OWNER_ID,
        "node_id": f"O_{_OWNER_ID}",
        "url": base,
        **{f"{name}_url": f"{base}/{name}" for name in names},
        "avatar_url": "",
        "description": None,
        "name": OWNER,
        "blog": "",
        "has_organization_projects": True,
        "has_repository_projects": True,
        **counts,
        "html_url": f"/{OWNER}",
        "type": "Organization",
        "created_at": _SINCE,
        "updated_at": _SINCE,
        "archived_at": None,
    }


def repository_document() -> dict[str, object]:
    """The repository in full: "full-repository" of GitHub's API description."""
    base = f"/repos/{OWNER}/{REPOSITORY}"
    page = f"/{OWNER}/{REPOSITORY}"
    flags = ("fork", "has_pages", "has_discussions", "archived", "disabled")
    return {
        "id": REPOSITORY_ID,
        "node_id": f"R_{REPOSITORY_ID}",
        "name": REPOSITORY,
        "full_name": f"{OWNER}/{REPOSITORY}",
        "owner": _account(OWNER, _OWNER_ID, "Organization"),
        "private": True,
        "visibility": "private",
        "html_url": page,
        "url": base,
        **{f"{name}_url": f"{base}/{name.replace('_', '/')}" for name in _REPOSITORY_LINKS},
        "git_url": f"git:{page}.git",
        "ssh_url": f"git@localhost:{OWNER}/{REPOSITORY}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "default_branch": "main",
        "size": 0,
        **dict.fromkeys(_REPOSITORY_COUNTS, 0),
        **dict.fromkeys(flags, False),
        **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads"), True),
        **dict.fromkeys(("description", "mirror_url", "homepage", "language", "license")),
        "pushed_at": _SINCE,
        "created_at": _SINCE,
        "updated_at": _SINCE,
        "permissions": {
            "admin": True,
            "maintain": True,
            "push": True,
            "triage": True,
            "pull": True,
        },
    }


async def _me(_: Request) -> Response:
    mine = dict.fromkeys(_PRIVATE_COUNTS, 0) | {"two_factor_authentication": True}
    return JSONResponse({**_profile(_account(OPERATOR, _PEOPLE[OPERATOR], "User")), **mine})


async def _user(request: Request) -> Response:
    login = request.path_params["login"]
    if login.lower() == OWNER:
        return JSONResponse(_profile(_account(OWNER, _OWNER_ID, "Organization")))
    found = person(login)
    if found is None or login.isdecimal():
        raise not_found()
    return JSONResponse(_profile(found))


async def _keys(request: Request) -> Response:
    if person(request.path_params["login"]) is None:
        raise not_found()
    return JSONResponse([])


async def _organization(request: Request) -> Response:
    if request.path_params["login"].lower() != OWNER:
        raise not_found()
    return JSONResponse(_organization_document())


async def _the_repository(request: Request) -> Response:
    if not repository_is(request.path_params["owner"], request.path_params["repo"]):
        raise not_found()
    return JSONResponse(repository_document())


def routes() -> Sequence[Route]:
    """/user, /users, /orgs and /repos/{owner}/{repo}."""
    return [
        Route("/user", _me, methods=["GET"]),
        Route("/users/{login}", _user, methods=["GET"]),
        Route("/users/{login}/keys", _keys, methods=["GET"]),
        Route("/users/{login}/gpg_keys", _keys, methods=["GET"]),
        Route("/orgs/{login}", _organization, methods=["GET"]),
        Route("/repos/{owner}/{repo}", _the_repository, methods=["GET"]),
    ]
