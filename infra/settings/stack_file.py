"""Reading Pulumi.STACK.yaml without Pulumi."""

from pathlib import Path
from typing import Any

import yaml

from infra.settings.check import CheckedConfig, Encrypted, RawConfig
from infra.settings.model import Settings
from infra.settings.problems import PROJECT, Problem, SettingsError


def read_stack_file(path: Path) -> CheckedConfig:
    """Read one stack file, named Pulumi.STACK.yaml; raise SettingsError where it is no such file.

    >>> read_stack_file(Path("Pulumi.production.yaml")).mistakes(template=True)
    ()
    """
    stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise _no_stack_file(path, "there is no such file.") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise _no_stack_file(path, "it is not YAML.") from None
    config: Any = content.get("config", {}) if isinstance(content, dict) else None
    if not isinstance(config, dict):
        raise _no_stack_file(path, "it has no mapping `config`.")
    values: dict[str, object] = {}
    encrypted: set[str] = set()
    for full_key, value in config.items():
        key = str(full_key).removeprefix(f"{PROJECT}:")
        if isinstance(value, dict) and "secure" in value:
            encrypted.add(key)
            value = Encrypted()
        values[key] = value
    return CheckedConfig(RawConfig(path.name, stack, values, frozenset(encrypted)))


def read_settings(path: Path) -> Settings:
    """Read the settings of one stack file.

    Secrets are encrypted there: that each is present and encrypted is checked, and no more.

    Raises:
        SettingsError: with every mistake of the file.
    """
    return read_stack_file(path).settings()


def _no_stack_file(path: Path, reason: str) -> SettingsError:
    problem = Problem("(file)", str(path.name), reason, "the tracked Pulumi.local.yaml")
    return SettingsError(path.name, [problem])
