"""Which call of a deployment needs which permission: what operators read and errors are told by."""

import re
from dataclasses import dataclass
from enum import Enum

from infra.access.permission import Permission

_ANY = "GET, POST, PUT, PATCH, DELETE"
_REFUSED = re.compile(
    r"\b(?P<method>GET|POST|PUT|PATCH|DELETE)\s+\"?(?:https?://[^/\s\"]+)?(?:/client/v4)?"
    r"(?P<path>/(?:accounts|zones|graphql)\b[^\s\"?:]*)[^\n]{0,40}?\b403\b"
)
"""A refused call in the words of the real provider, of Cloudflare's clients and of the stand-in."""


class Token(Enum):
    """Whose token makes a call."""

    DEPLOYING = "CI"
    BACKUP = "CI and the nightly watch, with `backupBucket`"
    OPERATOR = "operators"


@dataclass(frozen=True)
class Call:
    """A family of calls: `path` begins below the API's root, `{…}` stands for one part of it.

    `reading` is what reads alone need, where that is less than `permission`.
    """

    permission: Permission
    methods: str
    path: str
    purpose: str
    reading: Permission | None = None
    token: Token = Token.DEPLOYING

    def covers(self, method: str, path: str) -> bool:
        """Whether a call belongs to the family; what lies below the path does too."""
        pattern = re.sub(r"\{\w+\}", "[^/]+", self.path)
        below = "" if self.path == "/accounts/{account_id}" else "(/.*)?"
        return method in self.methods and re.fullmatch(pattern + below, path) is not None


_ACCOUNT = "/accounts/{account_id}"
CALLS: tuple[Call, ...] = (
    Call(
        Permission.D1_WRITE,
        _ANY,
        f"{_ACCOUNT}/d1/database",
        "database and its migrations; a query is a write, whatever its SQL says",
        Permission.D1_READ,
    ),
    Call(
        Permission.WORKERS_KV_STORAGE_WRITE,
        _ANY,
        f"{_ACCOUNT}/storage/kv/namespaces",
        "cache namespace",
        Permission.WORKERS_KV_STORAGE_READ,
    ),
    Call(
        Permission.QUEUES_WRITE,
        _ANY,
        f"{_ACCOUNT}/queues",
        "queues and their consumers",
        Permission.QUEUES_READ,
    ),
    # Before the Workers, of whose paths it is one: the first that covers a call counts.
    Call(
        Permission.WORKERS_TAIL_READ,
        "POST, DELETE",
        f"{_ACCOUNT}/workers/scripts/{{script_name}}/tails",
        "live log lines of `tail`; Workers Scripts → Edit does as well",
        token=Token.OPERATOR,
    ),
    Call(
        Permission.WORKERS_SCRIPTS_WRITE,
        _ANY,
        f"{_ACCOUNT}/workers",
        "Worker, versions, assets, deployments, schedule, custom domain, logs",
        Permission.WORKERS_SCRIPTS_READ,
    ),
    Call(
        Permission.ACCOUNT_SETTINGS_READ,
        "GET",
        _ACCOUNT,
        "the account itself, which `notifyctl token check` reads before a deployment",
    ),
    Call(
        Permission.WORKERS_ROUTES_WRITE,
        _ANY,
        "/zones/{zone_id}/workers/routes",
        "route; only with a custom domain or a route",
        Permission.WORKERS_ROUTES_READ,
    ),
    Call(
        Permission.ZONE_READ,
        "GET",
        "/zones",
        "the zone's id; only with `zoneName` and without `zoneId`",
    ),
    Call(
        Permission.WORKERS_R2_STORAGE_WRITE,
        "GET, PUT",
        f"{_ACCOUNT}/r2/buckets",
        "backups in a bucket",
        token=Token.BACKUP,
    ),
    Call(
        Permission.ACCOUNT_ANALYTICS_READ,
        "POST",
        "/graphql",
        "figures of `status`, `report` and `diagnose`; without it they are told as unknown",
        token=Token.OPERATOR,
    ),
    Call(
        Permission.ACCOUNT_ANALYTICS_READ,
        "POST",
        f"{_ACCOUNT}/analytics_engine",
        "what callers were answered: the same figures, and the judgement of `deploy --canary`, "
        "which is refused without it",
        token=Token.OPERATOR,
    ),
    Call(
        Permission.ACCOUNT_API_TOKENS_WRITE,
        _ANY,
        f"{_ACCOUNT}/tokens",
        "CI's tokens, in the access stack alone",
        token=Token.OPERATOR,
    ),
)


def permission_of(method: str, path: str, *, least: bool = False) -> Permission | None:
    """Return the permission that a call needs, or None for a call that is in no line of the table.

    It is the one that deployments have for the whole family; with `least`, what this call alone
    needs.
    """
    for call in CALLS:
        if call.covers(method, path):
            return call.reading if least and method == "GET" and call.reading else call.permission
    return None


def refusal_advice(message: str) -> str | None:
    """Which permission the token lacks, where a message tells of a refused call; else None."""
    for found in _REFUSED.finditer(message):
        permission = permission_of(found["method"], found["path"].rstrip("/"))
        if permission is not None:
            return (
                f"The API token lacks the permission {permission.shown} ('{permission.group}' in "
                "the API). Add it in the dashboard under API Tokens, or let an operator run `up` "
                "with manageAccess; 'notifyctl token check' lists every one that is missing."
            )
    return None


def calls_table() -> str:
    """Markdown: each permission with the calls that need it."""
    lines = [
        "| permission | in the API | calls | what for | whose token |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {call.permission.shown} | `{call.permission.group}` | {call.methods} `{call.path}` | "
        f"{call.purpose} | {call.token.value} |"
        for call in CALLS
    ]
    return "\n".join([*lines, ""])
