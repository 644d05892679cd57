"""Which command needs which permission, beside those by which a deployment changes the account."""

from dataclasses import dataclass

from infra.access.permission import Permission

_SCRIPTS = Permission.WORKERS_SCRIPTS_READ
_QUEUES = Permission.QUEUES_READ
_FIGURES = (_SCRIPTS, _QUEUES, Permission.ACCOUNT_ANALYTICS_READ)
_DRIFT_BUT_DATABASE = (
    _SCRIPTS,
    _QUEUES,
    Permission.WORKERS_KV_STORAGE_READ,
    Permission.WORKERS_ROUTES_READ,
)
_DRIFT = (*_DRIFT_BUT_DATABASE, Permission.D1_READ)


@dataclass(frozen=True)
class CommandNeeds:
    """The least that a command asks of the account's API; `Edit` stands for `Read` as well."""

    command: str
    permissions: tuple[Permission, ...]
    remark: str = ""


COMMANDS: tuple[CommandNeeds, ...] = (
    CommandNeeds("drift", _DRIFT, "Workers Routes with a route alone; runs every night"),
    CommandNeeds("db check", (Permission.D1_WRITE,), "runs every night"),
    CommandNeeds(
        "db backup",
        (Permission.D1_WRITE, Permission.WORKERS_R2_STORAGE_WRITE),
        "R2 with `--r2` alone; runs every night",
    ),
    CommandNeeds("status", (*_FIGURES, Permission.D1_WRITE)),
    CommandNeeds(
        "status --drift",
        (*_DRIFT_BUT_DATABASE, Permission.D1_WRITE, Permission.ACCOUNT_ANALYTICS_READ),
    ),
    CommandNeeds("report daily", (*_FIGURES, Permission.D1_WRITE)),
    CommandNeeds("report weekly", (*_FIGURES, Permission.D1_WRITE)),
    CommandNeeds(
        "report monthly",
        (*_DRIFT_BUT_DATABASE, Permission.D1_WRITE, Permission.ACCOUNT_ANALYTICS_READ),
    ),
    CommandNeeds("diagnose", (*_FIGURES, Permission.D1_WRITE)),
    CommandNeeds("deployments list", (_SCRIPTS,)),
    CommandNeeds("releases", (_SCRIPTS, Permission.D1_WRITE)),
    CommandNeeds(
        "check",
        (
            Permission.WORKERS_SCRIPTS_WRITE,
            Permission.WORKERS_KV_STORAGE_WRITE,
            Permission.D1_WRITE,
            Permission.QUEUES_WRITE,
            Permission.WORKERS_ROUTES_WRITE,
            Permission.ZONE_READ,
        ),
        "tries what a deployment writes, and writes nothing; Workers Routes with an address in a "
        "zone alone, Zone with `zoneName` and without `zoneId`",
    ),
    CommandNeeds(
        "tail", (Permission.WORKERS_TAIL_READ,), "Account → Workers Scripts → Edit does as well"
    ),
    CommandNeeds("outputs", (), "asks the state alone"),
    CommandNeeds(
        "verify",
        (Permission.ACCOUNT_ANALYTICS_READ,),
        "for the check `callers` alone, which is skipped without it",
    ),
)
DEPLOYING = (
    *("up", "deploy", "rollback", "preview", "refresh", "destroy", "import"),
    *("pr up", "pr destroy", "pr sweep"),
)
"""Commands that need what CI's token has: the lines of the table of calls that say so."""
JUDGING = ("doctor", "token check")
"""Commands that hold a token against what CI's has, by trying it where it can't be read."""
_JUDGING_REMARK = (
    "change nothing, and name each permission that the token lacks; `doctor` tells of refused "
    f"writes too where it has {Permission.ACCOUNT_ANALYTICS_READ.shown}"
)
PLANNING = CommandNeeds(
    "preview --baseline",
    (
        Permission.WORKERS_SCRIPTS_READ,
        Permission.WORKERS_KV_STORAGE_READ,
        Permission.QUEUES_READ,
        Permission.D1_READ,
        Permission.WORKERS_ROUTES_READ,
        Permission.ZONE_READ,
    ),
    "what the plan token has; the last two as for `check`",
)
"""The plan of production in a pull request, which is given no more."""
WITHOUT_ACCOUNT = ("db lint", "preview --offline", "pr comment", "pr baseline")
"""Commands of the workflows that ask nothing of the account."""


def commands_table() -> str:
    """Markdown: each command with the permissions that it needs."""
    lines = ["| command | needs | remark |", "|---|---|---|"]
    for names, remark in (
        (DEPLOYING, ""),
        (JUDGING, _JUDGING_REMARK),
    ):
        shown = ", ".join(f"`{name}`" for name in names)
        lines.append(f"| {shown} | what the table above gives to CI | {remark} |")
    lines += [
        f"| `{needs.command}` | "
        f"{', '.join(item.shown for item in needs.permissions) or 'nothing'} | {needs.remark} |"
        for needs in (*COMMANDS, PLANNING)
    ]
    return "\n".join([*lines, ""])
