"""What only people can say before a deployment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from ops.access.checks.outcome import Outcome
from ops.stacks.errors import UsageError
from ops.stacks.origin import short_hash

CHECK = "confirmations"
FILE = "deployment-checklist.yaml"
CONFIRMATIONS: Mapping[str, str] = {
    "tested": "it was tried in development",
    "compatible": "breaking changes are known, or there are none",
    "migrations": "migrations are ready and were tried, or there are none",
    "security": "secrets, tokens and access were reviewed",
    "informed": "the people affected know",
}
ALL = "all"


class Confirmations:
    """Which of the five are given, on the command line or in a signed-off file.

    Args:
        given: names from the command line; ``all`` stands for every one.
        file: a checklist; ``None`` reads ``deployment-checklist.yaml`` of ``root`` if it is there.
        root: the project's folder.
        commit: the commit that is to be deployed.
    """

    def __init__(self, given: Iterable[str], *, file: Path | None, root: Path, commit: str) -> None:
        self._given = set(CONFIRMATIONS) if ALL in given else set(given)
        if strange := self._given - CONFIRMATIONS.keys():
            raise UsageError(
                f"--confirm doesn't know {', '.join(sorted(strange))}. "
                f"Choose from {ALL}, {', '.join(CONFIRMATIONS)}."
            )
        self._commit = commit
        self._file = file if file is not None else root / FILE
        if file is not None and not file.is_file():
            raise UsageError(f"The checklist {file} doesn't exist.")

    def look(self) -> Outcome:
        """Say which are missing.

        Raises:
            UsageError: the file isn't a checklist.
        """
        source = "on the command line"
        given = set(self._given)
        if given != set(CONFIRMATIONS) and self._file.is_file():
            document = _read(self._file)
            signed_for = str(document.get("commit", ""))
            if not signed_for or signed_for not in {self._commit, short_hash(self._commit)}:
                return Outcome.fail(
                    CHECK,
                    f"{self._file.name} is signed off for commit {document.get('commit')}, and "
                    f"this is {short_hash(self._commit)}",
                    "Go through it again for this commit.",
                )
            given |= {name for name in CONFIRMATIONS if document.get(name) is True}
            source = f"in {self._file.name} by {document.get('signedOffBy', 'nobody named')}"
        missing = [name for name in CONFIRMATIONS if name not in given]
        if missing:
            said = "; ".join(f"{name} ({CONFIRMATIONS[name]})" for name in missing)
            return Outcome.fail(
                CHECK,
                f"not confirmed: {said}",
                f"Pass --confirm NAME for each that is true, or sign off {FILE}.",
            )
        return Outcome.ok(CHECK, f"all five are given {source}")


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, ValueError):
        document = None
    if not isinstance(document, Mapping):
        raise UsageError(f"{path.name} isn't a checklist: a mapping of names to true or false.")
    return document
