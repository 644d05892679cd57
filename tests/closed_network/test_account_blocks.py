"""Every block of the documents for a real account is run in a network of its own."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.closed_network.account_blocks import COMMON, LIVES, OUTSIDE, Life, Step
from tests.closed_network.network import IN_A_CLOSED_NETWORK, ROOT
from tests.closed_network.operator import Operator
from tests.closed_network.session import Reply, Session
from tests.docs.document import Fence, fences

ACCOUNT = "console account"


def fence_of(step: Step) -> Fence:
    """Return the one block that a step is about."""
    page = [fence for fence in fences(ACCOUNT) if fence.document == step.page]
    whole = [fence for fence in page if fence.text == f"{step.line}\n"]
    found = whole or [fence for fence in page if fence.text.startswith(step.line)]
    assert len({fence.text for fence in found}) == 1, f"{step.page}: {step.line}"
    return found[0]


def is_outside(line: str) -> bool:
    """Whether no test runs a line."""
    return any(line.startswith(start) for start in OUTSIDE)


def pasted(step: Step, operator: Operator) -> str:
    """Return a block as the person pastes it: placeholders filled in, without what can't be run."""
    text = "\n".join(line for line in fence_of(step).text.splitlines() if not is_outside(line))
    for written, value in {**COMMON, **step.values(operator)}.items():
        text = text.replace(written, value)
    return text


def test_every_block_for_an_account_is_a_step_of_a_life() -> None:
    steps = [step for life in LIVES.values() for step in life.steps]
    run = {(fence.document, fence.text) for step in steps for fence in [fence_of(step)]}
    lines = {
        (fence.document, fence.text)
        for fence in fences(ACCOUNT)
        if all(is_outside(line) for line in fence.text.splitlines())
    }
    known = run | lines
    left = [str(fence) for fence in fences(ACCOUNT) if (fence.document, fence.text) not in known]
    assert left == []
    assert not run & lines


def outside() -> list[str]:
    """Return the lines that no test runs."""
    texts = "".join(fence.text for fence in fences(ACCOUNT))
    return [line for line in texts.splitlines() if is_outside(line)]


def test_the_list_of_what_is_not_run_has_nothing_more_than_the_documents() -> None:
    assert all(any(line.startswith(start) for line in outside()) for start in OUTSIDE)
    assert all(OUTSIDE.values())


@pytest.mark.parametrize("line", [line for line in outside() if line.startswith("gh workflow")])
def test_a_workflow_that_is_started_by_hand_takes_these_inputs(line: str) -> None:
    _, _, _, workflow, *options = shlex.split(line)
    file = yaml.safe_load((ROOT / ".github" / "workflows" / workflow).read_text())
    # YAML 1.1 reads the key `on` as a truth value.
    inputs = file[True]["workflow_dispatch"]["inputs"]
    given = dict(pair.split("=", 1) for flag, pair in pairwise(options) if flag == "-f")
    assert given
    assert given.keys() <= inputs.keys()
    for name, value in given.items():
        choices = inputs[name].get("options")
        assert choices is None or value in choices
        assert inputs[name].get("type") != "boolean" or value in {"true", "false"}
    required = {name for name, one in inputs.items() if one.get("required")}
    assert required - {name for name in inputs if "default" in inputs[name]} <= given.keys()


@pytest.mark.parametrize("line", outside())
def test_the_program_itself_knows_the_options_of_what_is_not_run(line: str) -> None:
    command = shlex.split(line, comments=True)
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]} on PATH")
    # Both print a command's help only where they know every option before it.
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wrong = subprocess.run(
        [*command, "--no-such-option", "--help"], capture_output=True, text=True, check=False
    )
    assert wrong.returncode != 0


def replies_of(step: Step, operator: Operator) -> Sequence[Reply]:
    """Return what is typed at a step's prompts."""
    return step.replies(operator) if callable(step.replies) else step.replies


SHORT = ("getting started", "README", "without notifyctl", "this machine's state")


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", [pytest.param(name, marks=IN_A_CLOSED_NETWORK) for name in SHORT])
def test_a_newcomer_gets_through_the_documents_blocks(name: str, tmp_path: Path) -> None:
    live(LIVES[name], tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=IN_A_CLOSED_NETWORK) for name in LIVES if name not in SHORT],
)
def test_an_operator_gets_through_the_documents_blocks(name: str, tmp_path: Path) -> None:
    live(LIVES[name], tmp_path)


def live(life: Life, tmp_path: Path) -> None:
    """Run a life to its end."""
    with Operator.at_work(tmp_path, life.stack) as operator:
        life.begin(operator)
        session = Session(operator)
        for step in life.steps:
            step.before(operator)
            session.paste(pasted(step, operator), replies_of(step, operator))
