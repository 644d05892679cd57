"""A machine of GitHub's, as far as a job's shell steps see it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.pipelines.expression import Contexts, inserted
from tests.pipelines.workflow import ROOT, Workflow

LIMIT = 300
"""Seconds after which a step is taken for hung."""


@dataclass(frozen=True)
class Ran:
    """What a step did.

    Attributes:
        code: its exit code.
        text: what it wrote, both streams.
        outputs: what it gave to later jobs.
        summary: what it wrote into the run's summary.
    """

    code: int
    text: str
    outputs: Mapping[str, str]
    summary: str


class Runner:
    """Runs shell steps in a checkout, one after the other, by ``bash -e`` as GitHub does.

    Args:
        checkout: the working directory.
        surroundings: the environment of the whole machine.
        scratch: a folder for what GitHub keeps outside the checkout.
        first_on_path: a folder whose programs stand before all others.
    """

    def __init__(
        self,
        checkout: Path,
        surroundings: Mapping[str, str],
        scratch: Path,
        *,
        first_on_path: Path = ROOT / ".venv" / "bin",
    ) -> None:
        self.checkout = checkout
        self._scratch = scratch
        self._surroundings = {
            **surroundings,
            "PATH": f"{first_on_path}{os.pathsep}{os.environ['PATH']}",
            "GITHUB_ACTIONS": "true",
            "CI": "true",
            "GITHUB_ACTOR": "ada",
            "GITHUB_REPOSITORY": "local/notification-system",
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_RUN_ID": "4711",
            "GITHUB_REF_NAME": "main",
        }

    def run(self, workflow: Workflow, job: str, name: str, contexts: Contexts) -> Ran:
        """Run one step with the values that its workflow, its job and itself give it.

        Nothing of this process's own environment reaches the step but PATH.
        """
        step = workflow.step(job, name)
        environment = dict(self._surroundings)
        for given in (workflow.content, workflow.jobs[job], step):
            for key, value in (given.get("env") or {}).items():
                # As GitHub does: an empty text where there is no such secret.
                environment[key] = inserted(str(value), contexts)
        output, summary, script = (self._scratch / part for part in ("output", "summary", "step"))
        for file in (output, summary):
            file.write_text("")
        script.write_text(step["run"])
        environment |= {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
        done = subprocess.run(
            ["bash", "-e", str(script)],
            cwd=self.checkout,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
            timeout=LIMIT,
        )
        lines = (line.partition("=") for line in output.read_text().splitlines())
        outputs = {key: value for key, _, value in lines}
        return Ran(done.returncode, done.stdout, outputs, summary.read_text())
