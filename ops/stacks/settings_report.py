"""A check of stack files without Pulumi: all of their mistakes, and what one file can't show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.settings.problems import Problem, SettingsError
from infra.settings.stack_file import StackFile

PLACEHOLDERS = ("PLACEHOLDER", "YOUR_", "your-", "<", "CHANGEME", "xxxxxxxx")
EXAMPLE = ".example"


@dataclass(frozen=True)
class FileReport:
    """One stack file's mistakes, in the order of its settings; empty where it is right."""

    file: str
    problems: Sequence[Problem]
    warnings: Sequence[str] = ()

    def document(self) -> dict[str, Any]:
        """Return the report as plain values, for ``--json``."""
        return {
            "file": self.file,
            "mistakes": [vars(problem) for problem in self.problems],
            "warnings": list(self.warnings),
        }


def stack_files(root: Path) -> list[Path]:
    """Return the project's stack files, sorted; examples count, the project's own file doesn't."""
    return sorted(root.glob("Pulumi.*.yaml"))


def check_files(paths: Sequence[Path], *, template: bool) -> list[FileReport]:
    """Check each file by itself and all against each other.

    In a ``template`` what lacks is no mistake; an example file is one always.
    """
    reports = []
    shared = _shared_secrets(paths)
    for path in paths:
        warnings: Sequence[str] = ()
        try:
            file = StackFile.read(path)
            warnings = file.checked.warnings()
            found = list(file.checked.mistakes(template=template or _is_example(path)))
        except SettingsError as error:
            found = list(error.problems)
        else:
            found += [p for p in _placeholders(file) if p.key not in {f.key for f in found}]
            found += shared.get(path, [])
        if _is_example(path):
            found = [problem for problem in found if not problem.value.startswith(("'<", '"<'))]
        reports.append(FileReport(path.name, found, warnings))
    return reports


def _is_example(path: Path) -> bool:
    return EXAMPLE in path.name


def _placeholders(file: StackFile) -> Iterator[Problem]:
    if _is_example(file.path):
        return
    for key, value in file.config.items():
        if isinstance(value, str) and value.startswith(PLACEHOLDERS):
            yield Problem(
                key.removeprefix("notification-system:"),
                repr(value),
                "a placeholder that wasn't replaced.",
                "(the value that it stands for)",
            )


def _shared_secrets(paths: Sequence[Path]) -> Mapping[Path, list[Problem]]:
    """Return the mistakes of files whose secrets another file has as well, by fingerprint."""
    owners: dict[tuple[str, str], list[Path]] = {}
    for path in paths:
        try:
            recorded = StackFile.read(path).known.key_fingerprints
        except SettingsError:
            continue  # A file that can't be read is reported by its own check.
        for key, value in recorded.items():
            owners.setdefault((key, value), []).append(path)
    found: dict[Path, list[Problem]] = {}
    for (key, _), sharing in owners.items():
        for path in sharing if len(sharing) > 1 else []:
            others = ", ".join(other.name for other in sharing if other != path)
            found.setdefault(path, []).append(
                Problem(
                    key,
                    "(hidden)",
                    f"the same secret as in {others}; each stack needs its own.",
                    "`notifyctl keys generate --set`",
                )
            )
    return found
