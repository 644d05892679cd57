"""``Pulumi.yaml`` and a stack's config file.

Numbers and booleans become texts as the CLI writes them (an unquoted ``0012`` is a number), dates
stay texts; objects and lists are passed to the program as JSON text. ``secure`` values are
decrypted; one inside an object makes the whole key secret.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from engine.errors import StateUnreadable
from engine.passphrase import PassphraseSecrets


@dataclass(frozen=True)
class Project:
    """What the engine needs of ``Pulumi.yaml``: name, the program's folder, config defaults."""

    name: str
    root: Path
    program: Path
    defaults: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, root: Path) -> Project:
        """Read ``root/Pulumi.yaml``; raises ``StateUnreadable`` unless it runs Python."""
        file = root / "Pulumi.yaml"
        document = _load(file)
        runtime = document.get("runtime")
        language = runtime.get("name") if isinstance(runtime, dict) else runtime
        if not document.get("name") or language != "python":
            raise StateUnreadable(
                f"{file} must name a project and the runtime python; the embedded engine runs no "
                "other language."
            )
        defaults = {
            _qualify(key, document["name"]): _default(value)
            for key, value in _config(document, file).items()
        }
        main = document.get("main") or "."
        if not isinstance(main, str) or "\0" in main:
            raise StateUnreadable(f"{file}: main must be the path of the program.")
        program = (root / main).resolve()
        if not program.exists():
            raise StateUnreadable(f"The program {program}, which {file} names, is not there.")
        known = {key: value for key, value in defaults.items() if value is not None}
        return cls(str(document["name"]), root, program, known)


@dataclass(frozen=True)
class StackConfig:
    """A stack's config: ``raw`` as in the file (ciphertexts and all), keys fully qualified."""

    encryption_salt: str
    raw: dict[str, Any]
    file: Path

    @classmethod
    def load(cls, file: Path, project: Project) -> StackConfig:
        """Read the stack's config file; raises ``StateUnreadable`` where it is no such file."""
        document = _load(file)
        salt = document.get("encryptionsalt")
        if not isinstance(salt, str):
            raise StateUnreadable(
                f"{file} has no encryptionsalt: the embedded engine keeps secrets by passphrase "
                "and needs the salt there."
            )
        if document.get("environment"):
            raise StateUnreadable(
                f"{file} imports an environment, which only Pulumi Cloud serves: "
                "write its values into the file."
            )
        given = {**project.defaults}
        for key, value in _config(document, file).items():
            given[_qualify(key, project.name)] = value
        raw = {
            key: value if isinstance(value, dict | list) else _text(value)
            for key, value in given.items()
        }
        return cls(salt, raw, file)

    def decrypted(self, secrets: PassphraseSecrets) -> tuple[dict[str, str], frozenset[str]]:
        """The values as the program gets them, and the keys among them that are secret."""
        values = {key: _text(_open(value, secrets)) for key, value in self.raw.items()}
        return values, frozenset(key for key, value in self.raw.items() if _is_secure(value))


def _config(document: dict[str, Any], file: Path) -> dict[str, Any]:
    config = document.get("config") or {}
    if not isinstance(config, dict) or not all(isinstance(key, str) for key in config):
        raise StateUnreadable(f"{file}: config must be a mapping whose keys are texts.")
    return config


def _qualify(key: str, project: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _default(declared: Any) -> Any:
    if isinstance(declared, dict):
        return declared.get("value", declared.get("default"))
    return declared


def _is_secure(value: Any) -> bool:
    if isinstance(value, dict):
        return set(value) == {"secure"} or any(_is_secure(item) for item in value.values())
    return isinstance(value, list) and any(_is_secure(item) for item in value)


def _open(value: Any, secrets: PassphraseSecrets) -> Any:
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            return secrets.decrypt(str(value["secure"]))
        return {key: _open(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_open(item, secrets) for item in value]
    return value


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    return "" if value is None else str(value)


def _number(value: float) -> str:
    """As Go's YAML writes it, through which the CLI reads the file: strconv's shortest `g`."""
    if not math.isfinite(value):
        return f"{value:+}".replace("+nan", ".nan").replace("+inf", ".inf").replace("-inf", "-.inf")
    _, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    exponent = len(digits) + int(exponent) - 1
    if -4 <= exponent < 6:
        return f"{value:.{max(len(digits) - 1 - exponent, 0)}f}"
    return f"{value:.{len(digits) - 1}e}"


class _Loader(yaml.SafeLoader):
    """YAML whose dates stay texts."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _load(file: Path) -> dict[str, Any]:
    try:
        document = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
        json.dumps(document, default=str, skipkeys=True)  # Finds an anchor that holds itself.
    except FileNotFoundError:
        raise StateUnreadable(f"{file} is not there: run from the project's folder.") from None
    except RecursionError:
        raise StateUnreadable(f"{file} is nested too deep: correct it and try again.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        raise StateUnreadable(
            f"{file} is not valid YAML{line}: correct it and run the same command again."
        ) from None
    except (OSError, ValueError) as error:
        raise StateUnreadable(f"{file} can't be read: {error}. Correct it and try again.") from None
    if not isinstance(document, dict):
        raise StateUnreadable(f"{file} holds no mapping: it must be a Pulumi file.")
    return document
