"""The parts of a stack's settings file that decide how the stack is operated."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from ops.stacks.errors import UsageError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # The same, ten times as fast.
BASE_URL_KEYS = ("cloudflare:baseUrl", "github:baseUrl")


@dataclass(frozen=True)
class StackFile:
    """A ``Pulumi.STACK.yaml``, read but not judged (``infra.settings`` judges the values).

    Attributes:
        path: where it lies.
        content: the parsed document.
    """

    path: Path
    content: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> StackFile:
        """Read the file.

        Raises:
            UsageError: it isn't YAML, or ``config`` isn't a mapping.
        """
        try:
            content = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER) or {}  # noqa: S506
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f" in line {mark.line + 1}" if mark else ""
            raise UsageError(f"{path.name} isn't valid YAML{where}. Correct it.") from None
        if not isinstance(content, dict) or not isinstance(content.get("config", {}), dict):
            raise UsageError(f"{path.name} must hold a mapping 'config' of settings. Correct it.")
        return cls(path=path, content=content)

    @property
    def config(self) -> Mapping[str, Any]:
        """The settings, by their full key (``namespace:name``)."""
        found: Mapping[str, Any] = self.content.get("config") or {}
        return found

    @property
    def base_url(self) -> str | None:
        """Cloudflare API that the stack talks to; ``None`` means Cloudflare's own."""
        value = self.config.get(BASE_URL_KEYS[0])
        return value if isinstance(value, str) else None

    @property
    def is_development(self) -> bool:
        """Whether the stack's environment is development, where data may be made up and lost."""
        return self.config.get("notification-system:environment") == "development"

    @property
    def is_loopback(self) -> bool:
        """Whether every API that the stack names is on this machine."""
        return self.base_url is not None and all(
            is_loopback_url(value)
            for key in BASE_URL_KEYS
            if isinstance(value := self.config.get(key), str)
        )


def is_loopback_url(url: str) -> bool:
    """Say whether ``url`` is an http(s) URL whose host is a loopback address or ``localhost``."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"}:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
