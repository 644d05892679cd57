"""The rules for names of secrets and variables."""

from __future__ import annotations

import re

from localcloud.github.error import GithubError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def lawful_name(name: str, *, kind: str) -> str:
    """The name in capitals, as GitHub keeps it; `kind` is Secret or Variable.

    Raises GithubError(422) for a name that breaks "Naming your secrets" in GitHub's docs.
    """
    if not _NAME.fullmatch(name):
        raise GithubError(
            422,
            f"{kind} names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or "
            "underscores (_). Spaces are not allowed. Must start with a letter ([a-z], [A-Z]) or "
            "underscores (_).",
        )
    name = name.upper()
    if name.startswith("GITHUB_"):
        raise GithubError(422, f"{kind} names must not start with GITHUB_.")
    return name
