"""A stack's settings file as the place of its secrets."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine import encrypt_config_value, new_encryption_salt
from engine.errors import EngineError
from engine.passphrase import PassphraseSecrets
from infra.settings.problems import PROJECT
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext, read_stack_file
from ops.stacks.errors import StackFailed, UsageError
from ops.stacks.pulumi_cli import PulumiCli
from ops.stacks.settings_editor import SALT_KEY, edit_settings

PASSPHRASE_VARIABLE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 - the variable's name
PASSPHRASE_FILE_VARIABLE = "PULUMI_CONFIG_PASSPHRASE_FILE"  # noqa: S105 - the variable's name
LIMIT_S = 120


class KeyFile:
    """Reads and writes the secrets of one stack, encrypted as Pulumi does.

    With a passphrase in the environment this needs no Pulumi. Otherwise (Pulumi Cloud, or a key of
    a cloud's key service) the CLI encrypts, in the project's folder wherever the settings file is;
    secrets reach it on standard input, never as arguments.

    Args:
        path: the stack's settings file.
        stack: the stack's name.
        root: the project's folder, by whose Pulumi.yaml the CLI knows the stack.
        passphrase: what encrypts the file; ``None`` lets the CLI decrypt.
    """

    def __init__(self, path: Path, stack: str, *, root: Path, passphrase: str | None) -> None:
        self._path = path
        self._stack = stack
        self._root = root
        self._passphrase = passphrase

    @classmethod
    def of(cls, context: StackContext) -> KeyFile:
        """Return that of a stack of an account, with the environment's passphrase.

        Raises:
            UsageError: the environment names a file that can't be read.
        """
        return cls(
            context.file.path,
            context.stack,
            root=context.project.root,
            passphrase=_passphrase(context.environment),
        )

    def plain(self, key: str) -> Any:
        """Return an ordinary setting, or the encrypted form of a secret; ``None`` where unset."""
        return read_stack_file(self._path).config.get(f"{PROJECT}:{key}")

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """The recorded fingerprints of the stack's secrets, by their settings."""
        return read_stack_file(self._path).known.key_fingerprints

    def read(self, key: str) -> str:
        """Return one secret in clear.

        Raises:
            UsageError: it isn't set, or the passphrase is wrong.
            StackFailed: the CLI refuses.
        """
        value = self.plain(key)
        if not (isinstance(value, Mapping) and isinstance(value.get("secure"), str)):
            raise UsageError(f"{key} isn't set as a secret in {self._path.name}.")
        salt = self._salt()
        if self._uses_passphrase() and self._passphrase and salt:
            try:
                return PassphraseSecrets(salt, self._passphrase).decrypt(value["secure"])
            except EngineError as error:
                raise UsageError(str(error)) from None
        return self._pulumi("get", key).rstrip("\n")

    def write(self, secrets: Mapping[str, str], settings: Mapping[str, Any]) -> None:
        """Set secrets and ordinary settings.

        Raises:
            UsageError: the passphrase isn't the file's, or the file can't be changed in place.
            ToolMissing: only the CLI can encrypt for this stack, and there is none.
            StackFailed: the CLI refuses.
        """
        named = {f"{PROJECT}:{key}": value for key, value in settings.items()}
        if self._uses_passphrase() and self._passphrase:
            salt = self._salt() or new_encryption_salt(self._passphrase)
            try:
                named |= {
                    f"{PROJECT}:{key}": {
                        "secure": encrypt_config_value(
                            value, passphrase=self._passphrase, salt=salt
                        )
                    }
                    for key, value in secrets.items()
                }
            except EngineError as error:
                raise UsageError(str(error)) from None
            edit_settings(self._path, named, salt=salt)
            return
        for key, value in secrets.items():
            self._pulumi("set", "--secret", key, given=value)
        edit_settings(self._path, named)

    def copy(self, key: str, to: str) -> None:
        """Set ``to`` to the encrypted secret that ``key`` has; what was there is replaced."""
        edit_settings(self._path, {f"{PROJECT}:{to}": self.plain(key)})

    def remove(self, *keys: str) -> None:
        """Take settings out; those that aren't there are no mistake."""
        edit_settings(self._path, {f"{PROJECT}:{key}": None for key in keys})

    def _salt(self) -> str | None:
        salt = read_stack_file(self._path).content.get(SALT_KEY)
        return salt if isinstance(salt, str) else None

    def _uses_passphrase(self) -> bool:
        provider = read_stack_file(self._path).content.get("secretsprovider")
        return provider in (None, "passphrase")

    def _pulumi(self, action: str, *arguments: str, given: str | None = None) -> str:
        cli = PulumiCli.found(self._root, os.environ) or PulumiCli.needed(
            self._root,
            os.environ,
            why=(
                f"{self._path.name} is encrypted by Pulumi (where the stack has a passphrase, "
                f"{PASSPHRASE_VARIABLE} does without it)"
            ),
            reporter=Reporter(json=True),
        )
        command = [cli.command, "config", action, *arguments, "--stack", self._stack]
        try:
            done = subprocess.run(
                [*command, "--config-file", str(self._path), "--non-interactive"],
                cwd=self._root,
                input=given,
                capture_output=True,
                encoding="utf-8",
                timeout=LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _failed(action, f"it gave no answer within {LIMIT_S:g} s") from None
        except UnicodeDecodeError:
            raise _failed(action, "it didn't print text in UTF-8") from None
        except OSError as error:
            raise _failed(action, f"{cli.command}: {error.strerror}") from None
        if done.returncode != 0:
            said = done.stderr.strip().splitlines() or ["no reason given"]
            raise _failed(action, said[-1].removeprefix("error: "))
        return done.stdout


def _failed(action: str, reason: str) -> StackFailed:
    return StackFailed(
        f"'pulumi config {action}' failed: {reason}. Correct it, and run the same command again."
    )


def _passphrase(environment: Mapping[str, str]) -> str | None:
    text = environment.get(PASSPHRASE_VARIABLE)
    file = environment.get(PASSPHRASE_FILE_VARIABLE)
    if text is None and file:
        try:
            text = Path(file).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            raise UsageError(
                f"{PASSPHRASE_FILE_VARIABLE} names {file}, which can't be read. Correct it."
            ) from None
    return text or None
