"""The documents' blocks for a real account: in whose life each is run, and what can't be run.

A life is a row of blocks that one person pastes into one terminal, on a checkout and an account of
their own. Every ``console account`` block of the documents is a step of one, which a test checks.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.altered_project import copy_code
from tests.closed_network.network import ROOT
from tests.closed_network.operator import ACCOUNT, Operator
from tests.closed_network.session import CTRL_C, Reply
from tests.closed_network.world import SUBDOMAIN

Values = Callable[[Operator], Mapping[str, str]]
KEY, ENCRYPT_KEY, PASSPHRASE = "a" * 64, "b" * 32, "c" * 32
HOOK = "http://127.0.0.1:8789/hook"


@dataclass(frozen=True)
class Step:
    """One block, and how it is pasted.

    Attributes:
        page: the document.
        line: how the block's first line begins.
        replies: what is typed at the block's prompts, in their order; a function of the operator
            where it is known only then.
        values: what the placeholders stand for, and the examples' ids.
        before: what happened meanwhile, which the page tells of or assumes.
    """

    page: str
    line: str
    replies: Sequence[Reply] | Callable[[Operator], Sequence[Reply]] = ()
    values: Values = lambda _: {}
    before: Callable[[Operator], None] = lambda _: None


@dataclass(frozen=True)
class Life:
    """A person's steps on one stack.

    Attributes:
        stack: its name.
        begin: what the person has done before the first block.
        steps: the blocks, in the order in which they are pasted.
    """

    stack: str
    begin: Callable[[Operator], None]
    steps: Sequence[Step]


OUTSIDE = {
    "pulumi login                                   # Pulumi Cloud": (
        "Pulumi Cloud is somebody else's service, and asks for an account there"
    ),
    "gh workflow run": "the run is GitHub's: its Actions exist on GitHub's machines alone",
    "gh run watch": "it watches a run of GitHub's Actions",
}
"""How the lines begin that no test runs, each with its reason. `test_account_blocks.py` holds them
against the program's own parser, and the workflows' inputs against the workflows."""

COMMON = {
    "--seconds 60": "--seconds 3",
    "--seconds 400": "--seconds 3",
    "ADA --approved-by GRACE": "ada --approved-by grace",
}
"""What is the same and takes less time, and the names of two people."""


def bare(operator: Operator) -> None:
    """Have an account with a token, and the settings files as they are tracked; no login."""
    operator.enter_account()
    home = operator.project.root.parent / "person"
    (home / "pulumi-state").mkdir(parents=True)
    del operator.environment["PULUMI_BACKEND_URL"]
    operator.environment["HOME"] = str(home)
    if operator.stack == "development":
        # The endpoints are on this machine.
        operator.configure(allowLoopbackEndpoints=True)


def settings_only(operator: Operator) -> None:
    """Have the two settings as well."""
    bare(operator)
    operator.configure(accountId=ACCOUNT, workersDevSubdomain=SUBDOMAIN)


def settings_of_production(operator: Operator) -> None:
    """Have a checkout with everything that production checks, and its two settings."""
    whole_project(operator)
    operator.enter_account()
    operator.configure(accountId=ACCOUNT, workersDevSubdomain=SUBDOMAIN)
    operator.project.commit("Settings of production")


def deployed(operator: Operator, **settings: Any) -> None:
    """Have production deployed, with two users and a remote repository."""
    whole_project(operator)
    operator.set_up(approvers=["ada", "grace"], **settings)
    operator.environment["NOTIFYCTL_BACKUP_PASSPHRASE"] = "a passphrase of the backups"
    # Whoever reverts a commit saves the message that git proposes.
    operator.environment["GIT_EDITOR"] = "true"
    operator.environment["CURL_CA_BUNDLE"] = operator.environment["SSL_CERT_FILE"]
    operator.ctl("up", "--stack", "production")
    for user in ("ada", "grafana-ops"):
        url = f"https://hooks.example.com/{user}"
        call = ("users", "set", user, "--channel", "webhook", "--url", url)
        operator.ctl(*call, "--stack", "production")


def deployed_with_console(operator: Operator) -> None:
    """Have production deployed with its console, which is off otherwise."""
    deployed(operator, console=True)


def with_a_user(operator: Operator) -> None:
    """Have a stack whose endpoints may be on this machine, and a user who is reached there."""
    operator.set_up(allowLoopbackEndpoints=True)
    operator.ctl("up", "--stack", operator.stack)
    call = ("users", "set", "ada", "--channel", "webhook", "--url", f"{sink(operator)}/ada")
    operator.ctl(*call, "--stack", operator.stack)
    send(operator)


def whole_project(operator: Operator) -> None:
    """Have what a deployment to production checks: locks, tests, a window, a remote branch."""
    root = operator.project.root
    for name in (
        *("tests", "sdk", "scripts", "bench", "docs"),
        *("requirements.lock", "package-lock.json", "package.json", "pyproject.toml"),
    ):
        copy_code(ROOT / name, root / name)
    days = "[monday, tuesday, wednesday, thursday, friday, saturday, sunday]"
    always = f'{{days: {days}, from: "00:00", to: "23:59"}}'
    kinds = "".join(f"  {kind}:\n    - {always}\n" for kind in ("routine", "major", "migration"))
    (root / "deployment-windows.yaml").write_text(f"timezone: UTC\nwindows:\n{kinds}")
    # The shared folders are links here, which a pattern for a folder doesn't match.
    ignored = f"{(ROOT / '.gitignore').read_text()}/build\n/node_modules\n/.venv\n"
    (root / ".gitignore").write_text(ignored)
    operator.project.commit("The whole project")
    remote = root.parent / "origin.git"
    operator.project.git("clone", "--quiet", "--bare", str(root), str(remote))
    operator.project.git("remote", "add", "origin", str(remote))
    operator.project.git("push", "--quiet", "--set-upstream", "origin", "main")


def sink(operator: Operator) -> str:
    """Return the URL of the sink's hooks."""
    return operator.ctl("local", "status", "sink_url").strip() + "/hook"


def send(operator: Operator, user: str = "ada") -> dict[str, Any]:
    """Send a message as a caller does, and return the answer."""
    answer: dict[str, Any] = operator.json(
        "send", "--user", user, "--channel", "webhook", "--message", "hello"
    )
    return answer


def another_release(operator: Operator) -> None:
    """Deploy a change, so that there is something to go back to."""
    operator.release("A change")
    operator.ctl("up", "--stack", operator.stack)


GO_BACK = Reply(r"Go back\?", "y")
UPDATE = Reply("perform this update", "yes")
NAME = Reply("Type the stack's name", "production")
WATCHES = r"Watching [^\r\n]*Ctrl-C ends it\.\r?\n"
FOLLOWED = [Reply(WATCHES, CTRL_C), *[Reply(rf"(?s)lines?\r?\n.*{WATCHES}", CTRL_C)] * 4]
"""A command that follows the log is ended once it watches, and has told how much it saw.

Rich writes the line again that a Ctrl-C has cut off: the next command's comes after
a count.
"""


GETTING_STARTED, BOOTSTRAP = "docs/getting-started.md", "docs/bootstrap.md"
STACKS, GRAFANA, OPERATIONS = "docs/stacks.md", "docs/grafana.md", "docs/operations.md"
PIPELINES, RUNBOOK, ROLLBACK = "docs/pipelines.md", "docs/runbook.md", "docs/rollback.md"
PRODUCTION = "--stack production"


def account(_: Operator) -> Mapping[str, str]:
    """What the dashboard shows."""
    return {
        "accountId ACCOUNT": f"accountId {ACCOUNT}",
        "SUBDOMAIN": SUBDOMAIN,
        "workersDevSubdomain my-team": f"workersDevSubdomain {SUBDOMAIN}",
        "githubOwner my-team": "githubOwner local",
        "'[\"ada\"]'": "'[\"reviewer-one\"]'",
        "'[\"grace\"]'": "'[\"reviewer-two\"]'",
        "STACK": "without",
    }


def token_of(operator: Operator) -> str:
    """Return the account's token."""
    return operator.environment["CLOUDFLARE_API_TOKEN"]


def token(operator: Operator) -> Mapping[str, str]:
    """The token that the dashboard has shown."""
    return {"=TOKEN": f"={operator.environment['CLOUDFLARE_API_TOKEN']}"}


def hook(operator: Operator) -> Mapping[str, str]:
    """An endpoint on this machine in place of the provider's."""
    url = sink(operator).removesuffix("/hook")
    return {
        "https://open.larksuite.com/open-apis/bot/v2/hook/HOOK": f"{url}/open-apis/bot/v2/hook/abc"
    }


def newest(operator: Operator, command: str, key: str) -> str:
    """Return a field of the newest entry that a listing command shows."""
    return str(operator.json(*command.split())[0][key])


def examples(operator: Operator) -> Mapping[str, str]:
    """The id of this very stack in place of the example's."""
    return {"af68700a": newest(operator, "deployments list", "id")[:8]}


def of_this_stack(operator: Operator) -> Mapping[str, str]:
    """The affected stack, as the runbook asks, and its user's message and endpoint."""
    return {
        "--stack production": f"--stack {operator.stack}",
        "ntf_1795918200000": str(send(operator)["results"][0]["messageId"]),
        "https://hooks.example.com/ada": f"{sink(operator)}/ada",
        "https://example.com/webhook": f"{sink(operator)}/load",
    }


def secrets_asked(*values: str) -> list[Reply]:
    """Type a value at each of Pulumi's prompts: each begins with a question to the terminal.

    A prompt that is drawn again while somebody types doesn't.
    """
    return [Reply(r"\]11;\?.*value", value) for value in values]


def bucket_of_the_account(operator: Operator) -> Mapping[str, str]:
    """The state's bucket, at R2's own host."""
    operator.environment.update(AWS_ACCESS_KEY_ID="key", AWS_SECRET_ACCESS_KEY="secret")
    return {"ACCOUNT.r2": f"{ACCOUNT}.r2"}


def company(operator: Operator) -> Mapping[str, str]:
    """The company's certificates; its proxy's name is known in this network."""
    return {"/etc/ssl/company-and-public.pem": str(operator.network.certificate_file)}


def begin_production(operator: Operator) -> None:
    """Have production's settings and token, and no login."""
    settings_only(operator)
    del operator.environment["PULUMI_CONFIG_PASSPHRASE"]


def deploy_production(operator: Operator) -> None:
    """Deploy it to the folder, where it is when it moves."""
    login = operator.run("pulumi", "login", f"file://{operator.environment['HOME']}/pulumi-state")
    assert login.returncode == 0, login.stderr
    operator.ctl("keys", "generate", "--stack", "production", "--set")
    operator.ctl("up", "--stack", "production")


def settings_of_access(operator: Operator) -> None:
    """Have production's settings and secrets, and the two tokens."""
    operator.enter_account()
    operator.environment["GITHUB_TOKEN"] = operator.environment["CLOUDFLARE_API_TOKEN"]
    operator.stack = "production"
    operator.configure(accountId=ACCOUNT, workersDevSubdomain=SUBDOMAIN)
    operator.ctl("keys", "generate", "--stack", "production", "--set")


def backed_up(operator: Operator) -> None:
    """Have a backup in a bucket of the account."""
    operator.api("POST", "r2/buckets", {"name": "backups"})
    operator.ctl("db", "backup", "--stack", "production", "--r2", "backups")


def here(operator: Operator) -> None:
    """Have the stack `local` in the checkout, deployed by the CLI."""
    operator.environment["NOTIFICATION_LOCAL_HOME"] = str(operator.project.root / ".local")
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"):
        del operator.environment[name]
    operator.ctl("up", "--stack", "local")


def given_token(operator: Operator) -> list[Reply]:
    """The token that the dashboard shows, typed where nothing is shown."""
    return [Reply("", (operator.home / "cloud" / "api-token").read_text().strip())]


def serving(operator: Operator) -> Mapping[str, str]:
    """The version that serves now."""
    return {"VERSION_ID": next(iter(operator.serving()))}


def pin(operator: Operator) -> Mapping[str, str]:
    """The release to go back to, and the bad one."""
    bad, good = operator.json("releases")[:2]
    return {
        "VERSION_ID": good["version_id"],
        "BUNDLE_SHA256": bad["bundle_sha256"],
        "ASSETS_SHA256": bad["assets_sha256"],
    }


def of_the_incident(operator: Operator) -> Mapping[str, str]:
    """What the person on duty knows by then."""
    bookmark = operator.json("db", "bookmark")["bookmark"]
    level = operator.json("db", "status")["code_level"]
    moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=2)
    return {
        "DOMAIN": f"notification-system.{SUBDOMAIN}.workers.dev",
        "REQUEST": "69156790",
        "backups/NAME.json": '"$(ls -t backups/*.json | head -n 1)"',
        "LEVEL": str(level),
        "BOOKMARK": str(bookmark),
        "2026-11-22T01:55:00Z": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "BUCKET": "backups",
        "COMMIT": "HEAD~1",
    }


LIVES: Mapping[str, Life] = {
    "getting started": Life(
        "development",
        bare,
        [
            Step(GETTING_STARTED, "export CLOUDFLARE_API_TOKEN", values=token),
            Step(GETTING_STARTED, "pulumi login"),
            Step(GETTING_STARTED, "pulumi config set", values=account),
            Step(GETTING_STARTED, "notifyctl keys generate"),
            Step(GETTING_STARTED, "notifyctl doctor"),
            Step(GETTING_STARTED, "notifyctl users set", values=hook),
        ],
    ),
    "README": Life("development", settings_only, [Step("README.md", "pulumi login")]),
    "without notifyctl": Life(
        "without",
        Operator.enter_account,
        [
            Step(
                "docs/infrastructure.md",
                "pulumi stack init",
                replies=[*secrets_asked(KEY, ENCRYPT_KEY), UPDATE],
                values=account,
            )
        ],
    ),
    "the state's places": Life(
        "production",
        begin_production,
        [
            Step(BOOTSTRAP, "pulumi login          ", values=bucket_of_the_account),
            Step(BOOTSTRAP, "export PULUMI_CONFIG_PASSPHRASE"),
            Step(
                *(BOOTSTRAP, "pulumi login file://"),
                values=bucket_of_the_account,
                before=deploy_production,
            ),
            Step(BOOTSTRAP, "read -rs CLOUDFLARE_API_TOKEN", replies=given_token),
            Step(BOOTSTRAP, "read -rs GITHUB_TOKEN", replies=given_token),
            Step(BOOTSTRAP, "export HTTPS_PROXY", values=company),
        ],
    ),
    "CI's access": Life(
        "access-production",
        settings_of_access,
        [
            Step(
                *(BOOTSTRAP, "pulumi stack init access-production"),
                replies=secrets_asked(KEY, ENCRYPT_KEY, PASSPHRASE),
                values=account,
            ),
            Step(BOOTSTRAP, "notifyctl token check --stack production"),
        ],
    ),
    "production's first deployment": Life(
        "production", settings_of_production, [Step(STACKS, "notifyctl keys generate")]
    ),
    "production by day": Life(
        "production",
        deployed,
        [
            Step(GRAFANA, "notifyctl outputs"),
            Step(GRAFANA, "pulumi config set", replies=secrets_asked("grafana", "p" * 32)),
            Step(OPERATIONS, "notifyctl status"),
            Step(OPERATIONS, "notifyctl tail", replies=FOLLOWED),
            Step("docs/troubleshooting.md", "notifyctl tail", replies=FOLLOWED[:3]),
            Step(OPERATIONS, "notifyctl deployments", values=examples),
            Step(OPERATIONS, "notifyctl report"),
            Step(OPERATIONS, "notifyctl dev", replies=[Reply("Ctrl-C", CTRL_C)]),
        ],
    ),
    "while GitHub is down": Life(
        "production",
        deployed,
        [
            Step(PIPELINES, "notifyctl pr baseline", values=lambda o: {"=…": f"={token_of(o)}"}),
            Step(PIPELINES, "notifyctl check"),
        ],
    ),
    "an incident": Life(
        "production",
        deployed,
        [
            Step(RUNBOOK, "notifyctl status --stack production\nnotifyctl diagnose"),
            Step(RUNBOOK, "notifyctl status --stack production"),
            Step(RUNBOOK, "notifyctl diagnose --stack production"),
            Step(RUNBOOK, "dig +short DOMAIN", values=of_the_incident),
            Step(RUNBOOK, "notifyctl tail --stack production --level error"),
            Step(RUNBOOK, "notifyctl tail --stack production --request-id", values=of_the_incident),
            Step(
                *(RUNBOOK, "notifyctl tail --stack production --seconds 60 --json"),
                replies=[NAME],
            ),
            Step(RUNBOOK, "notifyctl db check --stack production"),
            Step(
                *(RUNBOOK, "notifyctl rollback --stack production --plan-only\nnotifyctl db"),
                values=of_the_incident,
                replies=[Reply("Ctrl-C", CTRL_C)],
                before=another_release,
            ),
            Step(RUNBOOK, "notifyctl rollback --stack production --plan-only"),
            Step(
                *(RUNBOOK, "notifyctl rollback --stack production --reason 'sends fail since"),
                replies=[GO_BACK],
            ),
            Step(RUNBOOK, "notifyctl recover"),
            Step(RUNBOOK, "notifyctl db status --stack production"),
            Step(RUNBOOK, "notifyctl doctor --stack production"),
            Step(RUNBOOK, "notifyctl doctor --stack production --signature"),
            Step(
                *(RUNBOOK, "notifyctl drift --stack production\nnotifyctl drift"),
                replies=[GO_BACK],
                before=another_release,
            ),
            Step(RUNBOOK, "notifyctl drift --stack production"),
            Step(RUNBOOK, "notifyctl drift --stack production --repair\nnotifyctl preview"),
            Step(RUNBOOK, "notifyctl drift --stack production --repair\nnotifyctl logs"),
            Step(RUNBOOK, "notifyctl drift --stack production --repair\nnotifyctl tail"),
            Step(RUNBOOK, "notifyctl db status --stack production\nnotifyctl cleanup"),
            Step(RUNBOOK, "notifyctl keys age"),
            Step(RUNBOOK, "notifyctl logs --channel slack"),
            Step(RUNBOOK, "notifyctl channels hold"),
            Step(RUNBOOK, "notifyctl notifications retry --channel slack"),
        ],
    ),
    "one user": Life(
        "development",
        with_a_user,
        [
            Step(RUNBOOK, "notifyctl explain ada", values=of_this_stack),
            Step(RUNBOOK, "notifyctl notifications show", values=of_this_stack),
            Step(OPERATIONS, "notifyctl perf", values=of_this_stack),
        ],
    ),
    "a bad release": Life(
        "production",
        deployed,
        [
            Step(
                *(RUNBOOK, "notifyctl rollback --stack production --reason 'sends fail'"),
                replies=[GO_BACK],
                before=another_release,
            ),
            Step(RUNBOOK, "git reset --hard COMMIT", values=of_the_incident),
        ],
    ),
    "keys": Life(
        "production",
        deployed,
        [
            Step(
                *(RUNBOOK, "pulumi config set --stack production --secret apiSecretKey"),
                replies=secrets_asked(KEY),
            ),
            Step(RUNBOOK, "notifyctl keys rotate"),
        ],
    ),
    "data": Life(
        "production",
        deployed,
        [
            Step(RUNBOOK, "notifyctl db backup --stack production --encrypt"),
            Step(
                *(RUNBOOK, "notifyctl db bookmark --stack production --at"),
                values=of_the_incident,
                replies=[NAME, NAME],
                before=backed_up,
            ),
            Step(
                *(RUNBOOK, "notifyctl db backup --stack production --encrypt\nnotifyctl db down"),
                values=of_the_incident,
                replies=[NAME, NAME],
            ),
        ],
    ),
    "this machine's state": Life(
        "local",
        here,
        [Step("docs/local-cloud.md", "export PULUMI_BACKEND_URL")],
    ),
    "production goes back": Life(
        "production",
        deployed_with_console,
        [
            Step(
                *(ROLLBACK, "notifyctl releases"),
                replies=[GO_BACK],
                before=another_release,
            ),
            Step(ROLLBACK, "git revert COMMIT", values=lambda _: {"COMMIT": "HEAD"}),
            Step(ROLLBACK, "notifyctl db backup"),
            Step(
                *(ROLLBACK, "pulumi stack history"),
                values=pin,
                replies=[UPDATE],
                before=another_release,
            ),
        ],
    ),
    "a canary by plain Pulumi": Life(
        "production",
        deployed,
        [
            Step(
                *(STACKS, "pulumi config set notification-system:traffic 10"),
                values=serving,
                replies=[UPDATE],
                before=lambda operator: operator.release("A change"),
            ),
        ],
    ),
}
