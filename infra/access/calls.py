"""Which call of a deployment needs which permission: what operators read and errors are told by."""

import re
from dataclasses import dataclass

from infra.access.permission import Permission

_ANY = "GET, POST, PUT, PATCH, DELETE"
_REFUSED = re.compile(
    r"\b(?P<method>GET|POST|PUT|PATCH|DELETE)\s+\"?(?:https?://[^/\s\"]+)?(?:/client/v4)?"
    r"(?P<path>/(?:accounts|zones)\b[^\s\"?:]*)[^\n]{0,40}?\b403\b"
)
"""A refused call in the words of the real provider, of Cloudflare's clients and of the stand-in."""


@dataclass(frozen=True)
class Call:
    """A family of calls: `path` begins below the API's root, `{…}` stands for one part of it."""

    permission: Permission
    methods: str
    path: str
    purpose: str

    def covers(self, method: str, path: str) -> bool:
        """Whether a call belongs to the family; what lies below the path does too."""
        pattern = re.sub(r"\{\w+\}", "[^/]+", self.path)
        below = "" if self.path == "/accounts/{account_id}" else "(/.*)?"
        return method in self.methods and re.fullmatch(pattern + below, path) is not None


_ACCOUNT = "/accounts/{account_id}"
CALLS: tuple[Call, ...] = (
    Call(Permission.D1_WRITE, _ANY, f"{_ACCOUNT}/d1/database", "database and its migrations"),
    Call(
        Permission.WORKERS_KV_STORAGE_WRITE,
        _ANY,
        f"{_ACCOUNT}/storage/kv/namespaces",
        "cache namespace",
    ),
    Call(Permission.QUEUES_WRITE, _ANY, f"{_ACCOUNT}/queues", "queues and their consumers"),
    Call(
        Permission.WORKERS_SCRIPTS_WRITE,
        _ANY,
        f"{_ACCOUNT}/workers",
        "Worker, versions, assets, deployments, schedule, custom domain, logs",
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
    ),
    Call(
        Permission.ZONE_READ,
        "GET",
        "/zones",
        "the zone's id; only with `zoneName` and without `zoneId`",
    ),
)


def permission_of(method: str, path: str) -> Permission | None:
    """The permission that a call needs, or None for a call that no deployment makes."""
    for call in CALLS:
        if call.covers(method, path):
            return call.permission
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
    lines = ["| permission | in the API | calls | what for |", "|---|---|---|---|"]
    lines += [
        f"| {call.permission.shown} | `{call.permission.group}` | {call.methods} `{call.path}` | "
        f"{call.purpose} |"
        for call in CALLS
    ]
    return "\n".join([*lines, ""])
