"""Every command in the documents can be run as it stands there.

``console local`` blocks are run here, on a local cloud of their own, some of them each day and all
of them with the long tests; ``console local long`` ones with the long tests alone. All of them, and
``console account`` ones, which tests/closed_network runs, are held against notifyctl's commands and
options; ``console make`` ones against the Makefile.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.altered_project import AlteredProject
from tests.docs.command_line import commands_of, mistake_in
from tests.docs.document import ROOT, Fence, documents, fences
from tests.installation import Installation

LOCAL, LONG, ACCOUNT, MAKE = (
    *("console local", "console local long", "console account", "console make"),
)
COMMAND = re.compile(
    r"^ *(\S+=\S+ )*(\.venv/bin/notifyctl|notifyctl|pulumi|make|gh)\b", re.MULTILINE
)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A copy of the project with the stack that the documents work on."""
    folder: Path = tmp_path_factory.mktemp("documents")
    built = Installation(folder, project=AlteredProject(folder / "project").root)
    built.environment["PATH"] = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    built.environment["NOTIFYCTL_BACKUPS"] = str(folder / "backups")
    built.environment["NOTIFYCTL_ENGINE"] = "embedded"
    del built.environment["NOTIFYCTL_CONFIG_FILE"]  # the copy's own files are read, as by a person
    built.up()
    yield built
    built.close()


def run(installation: Installation, fence: Fence) -> None:
    """Run one block as a person would paste it, and expect it to end well.

    Documents name the sink's usual port; the installation's is another.
    """
    text = fence.text.replace("http://127.0.0.1:8789", installation.sink_url)
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", text],
        cwd=installation.project,
        env=installation.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, f"{fence}\n{done.stdout}"


@pytest.mark.workerd
@pytest.mark.requirement("S0-07")
@pytest.mark.sample(4)
@pytest.mark.parametrize("fence", fences(LOCAL), ids=str)
def test_a_local_block_runs(installation: Installation, fence: Fence) -> None:
    run(installation, fence)


@pytest.mark.soak
@pytest.mark.workerd
@pytest.mark.parametrize("fence", fences(LONG), ids=str)
def test_a_long_local_block_runs(installation: Installation, fence: Fence) -> None:
    run(installation, fence)


@pytest.mark.parametrize("fence", fences(LOCAL, LONG, ACCOUNT), ids=str)
def test_every_command_and_option_is_there(fence: Fence) -> None:
    text = re.sub(r"<<'?(\w+)'?\n.*?\n\1\n", "\n", fence.text, flags=re.DOTALL)
    commands = commands_of(text)
    assert commands
    assert [mistake for command in commands if (mistake := mistake_in(command))] == []


@pytest.mark.parametrize("fence", fences(MAKE), ids=str)
def test_every_target_of_make_is_there(fence: Fence) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    asked = [command for command in commands_of(fence.text) if command[0] == "make"]
    assert asked
    assert {target for command in asked for target in command[1:]} <= targets


def test_every_block_with_a_command_says_where_it_runs() -> None:
    kinds = {LOCAL, LONG, ACCOUNT, MAKE}
    unmarked = [
        str(fence)
        for document in documents()
        for fence in document.fences
        if COMMAND.search(fence.text) and fence.info not in kinds
    ]
    assert unmarked == []
    assert len(fences(LOCAL)) > 2
    assert len(fences(ACCOUNT)) > 20


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("notifyctl rollback --stack x --plan-only", None),
        ("A=1 .venv/bin/notifyctl db backup --r2 kept > list && git push", None),
        ("notifyctl undo", "no command undo"),
        ("notifyctl db backup --tape x", "--tape"),
        ("git push && notifyctl deploy --yes --stack x", "--yes"),
        ("( export A=1; notifyctl deploy --tape x --stack y )", "--tape"),
        ("notifyctl deploy", "stack"),
        ('echo_id "$(notifyctl outputs --stack)"', "--stack"),
        ("notifyctl pr up 7 8", "too many"),
        ("wrangler deploy", "unknown program"),
    ],
)
def test_a_mistake_in_a_command_is_found(line: str, told: str | None) -> None:
    mistakes = [mistake for each in commands_of(line) if (mistake := mistake_in(each))]
    assert bool(mistakes) is (told is not None)
    assert told is None or any(told in mistake for mistake in mistakes)
