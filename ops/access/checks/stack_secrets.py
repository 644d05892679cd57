"""A stack's secrets, decrypted where this machine can, and held to the settings' rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from engine.errors import EngineError
from engine.passphrase import PassphraseSecrets
from infra.settings import Secrets
from infra.settings.check import CheckedConfig, Encrypted, RawConfig
from infra.settings.problems import PROJECT, Problem
from infra.settings.reference import own_fields
from ops.access.checks.outcome import Outcome
from ops.access.keys.key_file import PASSPHRASE_FILE_VARIABLE, PASSPHRASE_VARIABLE, KeyFile
from ops.stacks.context import StackContext, read_stack_file
from ops.stacks.errors import OperationError
from ops.stacks.local_stack import LocalStack, kept_key_file, rendered_file
from ops.stacks.project import Project
from ops.stacks.pulumi_cli import PulumiCli
from ops.stacks.settings_report import check_files, stack_files

WATCHED = (
    "CLOUDFLARE_API_TOKEN",
    "CLOUDFLARE_ACCOUNT_ID",
    "PULUMI_ACCESS_TOKEN",
    PASSPHRASE_VARIABLE,
    "GITHUB_TOKEN",
    "LARK_WEBHOOK_URL",
    "LARK_WEBHOOK_SECRET",
    "LARK_DEPLOY_WEBHOOK",
    "LARK_DEPLOY_SECRET",
    "SLACK_DEPLOY_WEBHOOK",
    "DEPLOY_WEBHOOK",
)
"""Environment variables that are pasted by hand, and often end with a line break."""


class StackSecrets:
    """The settings of one stack with its secrets' values.

    Args:
        context: the stack.
    """

    def __init__(self, context: StackContext) -> None:
        self._context = context
        self._project = context.project
        self._stack = context.stack
        self._file = context.file
        self._is_local = context.is_local

    def outcomes(self) -> Iterator[Outcome]:
        """Yield the checks ``settings``, ``secrets`` and ``environment``."""
        path = self._path()
        if path is None:
            yield Outcome.skipped(
                "secrets",
                f"'{self._stack}' has made none yet",
                f"They are made with the stack: notifyctl up --stack {self._stack}",
            )
        else:
            yield from self._judged(path)
        yield _environment(self._context.environment)

    def _judged(self, path: Path) -> Iterator[Outcome]:
        config, unread = self._decrypted(path)
        problems = list(config.mistakes())
        if not self._is_local:
            problems += _of_one_file_among_all(self._project, path, problems)
        secret_keys = _secret_keys(path)
        mine = [p for p in problems if p.key in secret_keys]
        others = [p for p in problems if p not in mine]
        where = f"in {self._file.path.name}, or by `pulumi config set`"
        if others:
            yield Outcome.fail("settings", _listed(others), f"Correct them {where}.")
        else:
            yield Outcome.ok("settings", "no mistakes")
        if mine:
            advice = f"Make a new one by 'notifyctl keys generate', or set it again {where}."
            if all(problem.key == "keyFingerprints" for problem in mine):
                record = f"notifyctl keys record --stack {self._stack}"
                advice = f"If the new value is right, record it: {record}"
            yield Outcome.fail("secrets", _listed(mine), advice)
        elif unread:
            yield Outcome.warn(
                "secrets",
                f"all are there, and their values can't be read here: {unread}",
                f"Set {PASSPHRASE_VARIABLE} or {PASSPHRASE_FILE_VARIABLE}, or log in to Pulumi.",
            )
        else:
            yield Outcome.ok("secrets", "each has its form, without spaces or line breaks")

    def _path(self) -> Path | None:
        if not self._is_local:
            return self._file.path
        path = rendered_file(self._project, self._stack)
        if not path.is_file() or not self._project.passphrase_file.is_file():
            return None
        # Rendered anew: what is judged is the tracked file as it is now.
        return LocalStack.prepare(self._context).config_file

    def _decrypted(self, path: Path) -> tuple[CheckedConfig, str]:
        """Return the settings with every secret in clear, and why one couldn't be read."""
        values: dict[str, object] = {}
        encrypted = set()
        unread = ""
        for full_key, value in read_stack_file(path).config.items():
            key = str(full_key).removeprefix(f"{PROJECT}:")
            if isinstance(value, Mapping) and "secure" in value:
                encrypted.add(key)
                try:
                    # A key with a namespace left is another provider's, which judges it itself.
                    is_read = not unread and ":" not in key
                    value = self._read(path, key) if is_read else Encrypted()
                except (OperationError, EngineError) as error:
                    value, unread = Encrypted(), str(error).partition(". ")[0]
            values[key] = value
        raw = RawConfig(path.name, self._stack, values, frozenset(encrypted))
        return CheckedConfig(raw), unread

    def _read(self, path: Path, key: str) -> str:
        if not self._is_local:
            if not self._can_decrypt():
                raise OperationError(f"neither {PASSPHRASE_VARIABLE} nor a 'pulumi' is there")
            return KeyFile.of(self._context).read(key)
        content = read_stack_file(path).content
        passphrase = self._project.passphrase_file.read_text(encoding="utf-8").strip()
        secure = content["config"][f"{PROJECT}:{key}"]["secure"]
        secrets = PassphraseSecrets(
            str(content["encryptionsalt"]), passphrase, key_file=kept_key_file(path)
        )
        return secrets.decrypt(secure)

    def _can_decrypt(self) -> bool:
        environment = self._context.environment
        if any(environment.get(name) for name in (PASSPHRASE_VARIABLE, PASSPHRASE_FILE_VARIABLE)):
            return True
        return PulumiCli.found(self._project.root, environment) is not None


def _secret_keys(path: Path) -> set[str]:
    """Return what is encrypted in the file, under whatever name, and what has to be."""
    found = {
        key.removeprefix(f"{PROJECT}:")
        for key, value in read_stack_file(path).config.items()
        if isinstance(value, Mapping) and "secure" in value
    }
    return found | {*own_fields(Secrets), "keyFingerprints"}


def _of_one_file_among_all(project: Project, path: Path, known: list[Problem]) -> list[Problem]:
    """Return what only a look at all stack files shows: placeholders, secrets that are shared."""
    paths = sorted({path, *stack_files(project.root)})
    report = next(
        r for r, p in zip(check_files(paths, template=False), paths, strict=True) if p == path
    )
    seen = {(problem.key, problem.rule) for problem in known}
    return [problem for problem in report.problems if (problem.key, problem.rule) not in seen]


def _environment(environment: Mapping[str, str]) -> Outcome:
    bad = [name for name in WATCHED if _is_untidy(environment.get(name, ""))]
    if bad:
        return Outcome.fail(
            "environment",
            f"a space or a line break at an end of {', '.join(bad)}",
            "Set each again without it: in a shell by NAME=$(tr -d ' \\n' < FILE).",
        )
    return Outcome.ok("environment", "no stray space or line break in a variable")


def _is_untidy(text: str) -> bool:
    return text != text.strip()


def _listed(problems: list[Problem]) -> str:
    return "; ".join(f"{problem.key}: {problem.rule}" for problem in problems)
