"""Reading Pulumi.STACK.yaml without Pulumi."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from infra.settings.account import BASE_URL_KEYS
from infra.settings.check import CheckedConfig, Encrypted, RawConfig
from infra.settings.model import KnownSettings, Settings
from infra.settings.problems import PROJECT, Problem, SettingsError
from infra.settings.values import is_loopback
from infra.settings.yaml_text import YamlMistake, parse_yaml


@dataclass(frozen=True)
class StackFile:
    """A `Pulumi.STACK.yaml`: its document, the typed settings in it, and its mistakes.

    Attributes:
        path: where it lies.
        content: the parsed document.
    """

    path: Path
    content: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> "StackFile":
        """Read one stack file. Its settings may have mistakes.

        Raises:
            SettingsError: it isn't YAML with a mapping `config`.
        """
        try:
            content = parse_yaml(path.read_text(encoding="utf-8")) or {}
        except FileNotFoundError:
            raise _no_stack_file(path, "there is no such file.") from None
        except UnicodeDecodeError:
            raise _no_stack_file(path, "it is not text in UTF-8.") from None
        except YamlMistake as mistake:
            raise _no_stack_file(path, f"{mistake}.") from None
        except OSError as error:
            raise _no_stack_file(path, f"it can't be read: {error.strerror}.") from None
        if not isinstance(content, dict) or not isinstance(content.get("config") or {}, dict):
            raise _no_stack_file(path, "it has no mapping 'config'.")
        return cls(path, content)

    @property
    def stack(self) -> str:
        """The stack that the file's name tells."""
        return self.path.name.removeprefix("Pulumi.").removesuffix(".yaml")

    @property
    def config(self) -> Mapping[str, Any]:
        """The settings as they are written, by full key: for whoever writes another file."""
        found: Mapping[str, Any] = self.content.get("config") or {}
        return found

    @cached_property
    def checked(self) -> CheckedConfig:
        """The settings and their mistakes. Of an encrypted value only that it is there."""
        values: dict[str, object] = {}
        encrypted: set[str] = set()
        for full_key, value in self.config.items():
            key = str(full_key).removeprefix(f"{PROJECT}:")
            if isinstance(value, dict) and "secure" in value:
                encrypted.add(key)
                value = Encrypted()
            values[key] = value
        return CheckedConfig(RawConfig(self.path.name, self.stack, values, frozenset(encrypted)))

    @property
    def known(self) -> KnownSettings:
        """The settings as far as this file tells them: a wrong one reads as one that isn't set.

        For whatever has to work on a file with mistakes. Whatever decides about a change asks
        `settings`.
        """
        return self.checked.known()

    def known_with(self, *keys: str) -> KnownSettings:
        """`known`, where the settings of these keys are right or not set at all.

        Raises:
            SettingsError: one of them is wrong.
        """
        wrong = self.checked.mistakes(template=True)
        if found := [problem for problem in wrong if problem.key in keys]:
            raise SettingsError(self.path.name, found)
        return self.known

    @property
    def settings(self) -> KnownSettings:
        """The settings of this file, none of them wrong; Pulumi may know those that are missing.

        Raises:
            SettingsError: with every mistake but what is missing.
        """
        if found := self.checked.mistakes(template=True):
            raise SettingsError(self.path.name, found)
        return self.known

    @property
    def is_whole(self) -> bool:
        """Whether all settings are here: none comes from a Pulumi ESC environment.

        Only Pulumi can read those (https://www.pulumi.com/docs/esc/).
        """
        return "environment" not in self.content

    @property
    def is_loopback(self) -> bool:
        """Whether every API that the file names is on this machine, Cloudflare's among them."""
        named = [self.config.get(key) for key in BASE_URL_KEYS]
        texts = [value for value in named if isinstance(value, str)]
        return isinstance(named[0], str) and all(map(is_loopback, texts))


def read_settings(path: Path) -> Settings:
    """Read the settings of one stack file that has to be whole.

    Secrets are encrypted there: that each is present and encrypted is checked, and no more.

    Raises:
        SettingsError: with every mistake of the file.
    """
    return StackFile.read(path).checked.settings()


def _no_stack_file(path: Path, reason: str) -> SettingsError:
    problem = Problem("(file)", str(path.name), reason, "the tracked Pulumi.local.yaml")
    return SettingsError(path.name, [problem])
