"""``notifyctl keys``: make, rotate, date and compare a stack's secrets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated

import typer

from ops.access.keys.age import ROTATE_AFTER_DAYS, key_ages
from ops.access.keys.generation import REQUIRED, ROTATED, record_of
from ops.access.keys.generation import generate as new_secrets
from ops.access.keys.key_file import KeyFile
from ops.access.keys.use import DAYS, KeyUse, key_uses
from ops.cli.commands.options import JsonOption, open_project, open_stack
from ops.cli.printing import say, say_json
from ops.deploy.key_rotation import Rotation
from ops.stacks.account import StackAccount
from ops.stacks.choice import choose_driver
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext, read_stack_file
from ops.stacks.errors import GateClosed, OperationError, UsageError
from ops.stacks.moment import counted
from ops.stacks.settings_report import stack_files
from ops.stacks.table import number, whole

app = typer.Typer(
    no_args_is_help=True, help="Make secrets in the required form; say how old they are."
)

OptionalStack = Annotated[
    str | None, typer.Option("--stack", "-s", help="The stack whose secrets these are.")
]
NeededStack = Annotated[
    str, typer.Option("--stack", "-s", envvar="NOTIFYCTL_STACK", help="The stack.")
]
KeysArgument = Annotated[
    list[str] | None, typer.Argument(help="The secrets' settings.  [apiSecretKey encryptKey]")
]


@app.command()
def generate(
    run: typer.Context,
    keys: KeysArgument = None,
    stack: OptionalStack = None,
    set_: Annotated[
        bool,
        typer.Option(
            "--set", help=("Store them on the stack, encrypted, instead of printing them.")
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Make random secrets: 64 hexadecimal digits, or 32 letters and digits for an encryption key.

    --set stores them in the stack's file, encrypted with PULUMI_CONFIG_PASSPHRASE or by the Pulumi
    CLI, with the date and a fingerprint, which reveals stacks that share a secret. It never
    overwrites an existing secret: rotate that instead.
    """
    made = new_secrets(keys or REQUIRED)
    if not set_:
        if stack is not None:
            raise UsageError("--stack goes with --set: without it the secrets are only printed.")
        if json:
            say_json(made)
        else:
            say("\n".join(map("=".join, made.items())))
        return
    if stack is None:
        raise UsageError("--set needs --stack: say whose secrets these are.")
    file = _key_file(run, stack)
    if there := [key for key in made if file.plain(key) is not None]:
        raise UsageError(
            f"{', '.join(there)} of '{stack}' is set already, and data may depend on it. "
            f"Rotate it: notifyctl keys rotate --stack {stack} {' '.join(there)}."
        )
    _set(file, made)
    _tell({"stack": stack, "set": sorted(made)}, f"Set on '{stack}': {', '.join(made)}.", json)


class KeyKind(StrEnum):
    """Keys of which the service takes today's and the one before it."""

    SIGNING = "signing"
    ENCRYPTION = "encryption"


_SETTING_OF = {KeyKind.SIGNING: "apiSecretKey", KeyKind.ENCRYPTION: "encryptKey"}


@app.command()
def rotate(
    run: typer.Context,
    stack: NeededStack,
    keys: KeysArgument = None,
    kind: Annotated[
        KeyKind | None,
        typer.Option("--kind", help=("Only this key; use it instead of naming settings.")),
    ] = None,
    finish: Annotated[
        bool, typer.Option("--finish", help="Retire the old keys: only the new ones stay valid.")
    ] = False,
    settings_only: Annotated[
        bool, typer.Option("--settings-only", help="Change the stack's file and deploy nothing.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Rotate keys without a failed call: old and new keys are valid until --finish.

    The first run generates new keys, deploys them together with the old ones, and encrypts stored
    data with the new encryption key. Give the new signing key to your clients, then run the command
    again with --finish. After an interruption, run the same command again; a finished rotation is
    verified. Exit codes: 2 wrong use, 4 the deployment failed, 5 the verification failed, 6 the
    service doesn't answer, 8 the new keys aren't deployed yet, or stored data needs an old key.
    """
    if kind is not None and keys:
        raise UsageError("Give --kind or the settings' names, not both.")
    chosen = (_SETTING_OF[kind],) if kind is not None else tuple(keys or REQUIRED)
    if settings_only:
        if finish:
            raise UsageError("--finish deploys: it doesn't go with --settings-only.")
        _rotate_settings(run, stack, chosen, json=json)
        return
    context = open_stack(run, stack, Reporter(json=json))
    rotation = Rotation(context)
    if finish:
        _warn_of_old_key(context)
    report = rotation.finish(chosen) if finish else rotation.begin(chosen)
    held = ", ".join(report.keys)
    again = f"notifyctl keys rotate --stack {stack} {' '.join(chosen)}"
    if not finish:
        text = (
            f"Old and new hold on '{stack}': {held}. Give clients the new signing key, then: "
            f"{again} --finish"
        )
    elif report.retired_at:
        text = (
            f"Nothing left to finish on '{stack}': only the new {held} hold since "
            f"{report.retired_at}. What is deployed was verified."
        )
    else:
        text = f"Retired on '{stack}': only the new {held} hold."
    _tell(report.document(), text, json)


def _rotate_settings(
    run: typer.Context, stack: str, chosen: tuple[str, ...], *, json: bool
) -> None:

    file = _key_file(run, stack)
    for key in chosen:
        if file.plain(key) is None:
            raise UsageError(f"{key} of '{stack}' isn't set. Use 'notifyctl keys generate --set'.")
        if key in ROTATED and file.plain(f"{key}Previous") is not None:
            raise UsageError(
                f"{key}Previous of '{stack}' is still set: a rotation is under way. Finish it: "
                f"notifyctl keys rotate --stack {stack} {key} --finish"
            )
    made = new_secrets(chosen)
    for key in chosen:
        if key in ROTATED:
            file.copy(key, f"{key}Previous")
    _set(file, made)
    text = f"Rotated on '{stack}': {', '.join(made)}. Next: notifyctl up --stack {stack}"
    _tell({"stack": stack, "rotated": sorted(made)}, text, json)


@app.command()
def record(
    run: typer.Context,
    stack: NeededStack,
    keys: KeysArgument = None,
    set_on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day on which they were set.  [today]"),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Record the date and fingerprint of secrets that were set in another way.

    It doesn't show values.
    """
    file = _key_file(run, stack)
    secrets = {key: file.read(key) for key in keys or REQUIRED}
    day = set_on.date() if set_on else _today()
    file.write({}, record_of(secrets, today=day, recorded=file.fingerprints))
    _tell({"stack": stack, "recorded": sorted(secrets)}, f"Recorded: {', '.join(secrets)}.", json)


@app.command()
def age(
    run: typer.Context,
    stack: OptionalStack = None,
    fail: Annotated[bool, typer.Option("--fail", help="Exit with 8 if a secret is due.")] = False,
    json: JsonOption = False,
) -> None:
    """Say how old each stack's secrets are, and warn of those older than 90 days.

    With --stack, it also shows the ids of the signing keys that callers have used, and when last.
    """
    uses: Sequence[KeyUse] = ()
    unknown = ""
    if stack:
        context = open_stack(run, stack)
        files = [context.file]
        uses, unknown = _uses(context)
    else:
        files = [read_stack_file(path) for path in stack_files(open_project(run).root)]
    ages = [entry for file in files for entry in key_ages(file, today=_today())]
    due = [entry for entry in ages if entry.is_due]
    if json:
        documents: list[dict[str, object]] = [entry.document() for entry in ages]
        documents += [{"stack": stack, **use.document()} for use in uses]
        say_json(documents)
    else:
        reporter = Reporter()
        reporter.table(
            "stack",
            "secret",
            number("age"),
            rows=[
                (e.stack, e.key, "unknown" if e.days is None else counted(e.days, "day"))
                for e in ages
            ],
        )
        if uses:
            reporter.line("")
            reporter.table(
                whole("signing key"),
                "is",
                number(f"calls, {DAYS} days"),
                whole("last used"),
                rows=[
                    (
                        use.key_id,
                        "the newest" if use.is_current else "an older one",
                        str(use.calls),
                        use.last,
                    )
                    for use in uses
                ],
            )
        if unknown:
            reporter.line(f"Which signing keys are used isn't known: {unknown}", style="yellow")
        for entry in due:
            days = (
                f"{counted(entry.days, 'day')} old" if entry.days is not None else "of unknown age"
            )
            reporter.line(
                f"warning: {entry.key} of '{entry.stack}' is {days}; rotate it every "
                f"{ROTATE_AFTER_DAYS}: notifyctl keys rotate --stack {entry.stack} {entry.key}",
                style="yellow",
            )
    if fail and due:
        raise GateClosed(
            f"{counted(len(due), 'secret')} due for rotation: rotate, and run the same command "
            "again."
        )


def _uses(context: StackContext, *, days: int = DAYS) -> tuple[Sequence[KeyUse], str]:
    """Return the signing keys that callers used, and why they aren't known where they aren't."""
    try:
        outputs = choose_driver(context).outputs(show_secrets=True)
        key, worker = outputs.get("api_secret_key"), outputs.get("worker_name")
        if not isinstance(key, str) or not isinstance(worker, str):
            return (), "the stack isn't deployed"
        account = StackAccount.of(context)
        return key_uses(account, worker=worker, current_key=key, days=days), ""
    except OperationError as error:
        return (), str(error)


def _warn_of_old_key(context: StackContext) -> None:
    """Say who would be locked out: calls of the last day that an older signing key has signed."""
    uses, unknown = _uses(context, days=1)
    if unknown:
        context.reporter.line(
            f"warning: whether the older signing key is still in use isn't known: {unknown}",
            style="yellow",
        )
    for use in uses:
        if not use.is_current:
            context.reporter.line(
                f"warning: the older signing key {use.key_id} signed {counted(use.calls, 'call')} "
                f"in the last day, the last at {use.last}. Whoever still uses it is refused from "
                "now on; their log lines have its id as keyId.",
                style="yellow",
            )


def _key_file(run: typer.Context, stack: str) -> KeyFile:
    context = open_stack(run, stack)
    if context.is_local:
        raise UsageError(
            f"'{stack}' is a stack on this machine: its secrets are made with it and kept under "
            ".local. Choose a stack of an account."
        )
    return KeyFile.of(context)


def _set(file: KeyFile, secrets: dict[str, str]) -> None:
    file.write(secrets, record_of(secrets, today=_today(), recorded=file.fingerprints))


def _today() -> date:
    return datetime.now(UTC).date()


def _tell(document: dict[str, object], text: str, json: bool) -> None:
    if json:
        say_json(document)
    else:
        say(text)
