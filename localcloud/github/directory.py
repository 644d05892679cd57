"""Who and what there is from the start: an organization, its people, one repository."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.github.error import not_found

OWNER = "local"
REPOSITORY = "notification-system"
OPERATOR = "local-operator"
REVIEWERS = ("reviewer-one", "reviewer-two", "reviewer-three", "reviewer-four")
REPOSITORY_ID = 4200
_OWNER_ID = 1000
_PEOPLE = {name: _OWNER_ID + 1 + number for number, name in enumerate((OPERATOR, *REVIEWERS))}
_SINCE = "2026-01-01T00:00:00Z"


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
    prefix = "U" if kind == "User" else "O"
    return {
        "login": login,
        "id": number,
        "node_id": f"{prefix}_{number}",
        "avatar_url": "",
        "gravatar_id": "",
        "type": kind,
        "site_admin": False,
    }


def _profile(short: dict[str, object]) -> dict[str, object]:
    empty = dict.fromkeys(("company", "location", "email", "bio"))
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    times = {"created_at": _SINCE, "updated_at": _SINCE}
    return {**short, "name": short["login"], "blog": "", **empty, **counts, **times}


def _repository() -> dict[str, object]:
    return {
        "id": REPOSITORY_ID,
        "node_id": f"R_{REPOSITORY_ID}",
        "name": REPOSITORY,
        "full_name": f"{OWNER}/{REPOSITORY}",
        "owner": _account(OWNER, _OWNER_ID, "Organization"),
        "private": True,
        "visibility": "private",
        "default_branch": "main",
        "archived": False,
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
    return JSONResponse(_profile(_account(OPERATOR, _PEOPLE[OPERATOR], "User")))


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
    return JSONResponse(_profile(_account(OWNER, _OWNER_ID, "Organization")))


async def _the_repository(request: Request) -> Response:
    if not repository_is(request.path_params["owner"], request.path_params["repo"]):
        raise not_found()
    return JSONResponse(_repository())


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
