"""A workflow of the project, read from its file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.pipelines.expression import Contexts, condition

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "workflows"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.yml")))
_READ = re.compile(r"\b(secrets|vars)\.(\w+)")


@dataclass(frozen=True)
class Workflow:
    """One workflow.

    Attributes:
        name: its file's name without the ending.
        content: the parsed file; the key ``on`` is a text here, which YAML 1.1 reads as true.
        text: the file's text.
    """

    name: str
    content: dict[str, Any]
    text: str

    @classmethod
    def read(cls, name: str) -> Workflow:
        """Read ``.github/workflows/NAME.yml``."""
        text = (FOLDER / f"{name}.yml").read_text(encoding="utf-8")
        content = {"on" if key is True else key: v for key, v in yaml.safe_load(text).items()}
        return cls(name, content, text)

    @property
    def triggers(self) -> dict[str, Any]:
        """What starts it."""
        found: dict[str, Any] = self.content["on"]
        return found

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        """The jobs by their ids, in the file's order."""
        found: dict[str, dict[str, Any]] = self.content["jobs"]
        return found

    def steps(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every step with its job's id."""
        for job, content in self.jobs.items():
            for step in content["steps"]:
                yield job, step

    def step(self, job: str, name: str) -> dict[str, Any]:
        """Return a job's step by its name."""
        [found] = [step for step in self.jobs[job]["steps"] if step.get("name") == name]
        return dict(found)

    def runs(self, job: str, contexts: Contexts, *, status: str = "success") -> bool:
        """Say whether a job runs where these are the values, and this became of its needs."""
        return condition(self.jobs[job].get("if", ""), contexts, status=status)

    def reads(self) -> set[tuple[str, str]]:
        """The secrets and variables that it reads: (``secrets`` or ``vars``, name)."""
        return set(_READ.findall(self.text))

    def environment_of(self, job: str) -> str | None:
        """Return the environment of GitHub that a job waits for, as it is written."""
        found = self.jobs[job].get("environment")
        return found["name"] if isinstance(found, dict) else found
