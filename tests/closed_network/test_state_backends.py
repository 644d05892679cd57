"""A stack's state moves between a folder and a bucket, and a backend that is away is named."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.closed_network.network import IN_A_CLOSED_NETWORK, ROOT
from tests.closed_network.operator import Operator
from tests.eventually import eventually
from tests.python_environment import environment

pytestmark = [*IN_A_CLOSED_NETWORK, pytest.mark.soak]
STACK = ("--stack", "development")
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
SERVER = "http://127.0.0.1:5000"
BUCKET = f"s3://pulumi-state?region=auto&endpoint={SERVER}&use_path_style=true"
AWAY = "https://pulumi.company.example:8443"
"""A service with Pulumi Cloud's API: the name is known, and nobody listens there."""
_MAKE_BUCKET = f"""\
import boto3
boto3.client("s3", endpoint_url="{SERVER}", region_name="us-east-1").create_bucket(
    Bucket="pulumi-state"
)
"""
_LIST = f"""\
import boto3
client = boto3.client("s3", endpoint_url="{SERVER}", region_name="us-east-1")
for item in client.list_objects_v2(Bucket="pulumi-state").get("Contents") or []:
    print(item["Key"])
"""


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    with Operator.at_work(tmp_path) as made:
        made.set_up()
        yield made


@contextmanager
def bucket(operator: Operator) -> Iterator[str]:
    """Serve S3 in the closed network, with an empty bucket; give the Python that lists it."""
    python = str(environment(Path(__file__).with_name("moto.txt")))
    server = operator.network.start(
        *("sh", "-c", 'exec "$0" -m moto.server -p 5000 -H 127.0.0.1 >/dev/null 2>&1', python),
        environment=KEYS,
        folder=ROOT,
    )
    operator.environment |= KEYS
    try:
        eventually(lambda: operator.run(python, "-c", _MAKE_BUCKET).returncode == 0, what="moto")
        yield python
    finally:
        server.kill()
        server.communicate()


def objects(operator: Operator, python: str) -> list[str]:
    listed = operator.run(python, "-c", _LIST)
    assert listed.returncode == 0, listed.stderr
    return listed.stdout.split()


def section() -> str:
    """Return what docs/bootstrap.md says about moving a state."""
    text = (ROOT / "docs" / "bootstrap.md").read_text(encoding="utf-8")
    return text.partition("### From one backend to another")[2].partition("\n## ")[0]


def documented() -> list[list[str]]:
    """Return the document's commands that move a state, for this stack, without the logins."""
    block = section().partition("```console account\n")[2].partition("```")[0]
    commands = [shlex.split(line) for line in block.splitlines()]
    assert [command[:2] for command in commands].count(["pulumi", "login"]) == 2
    return [
        [word.replace("production", "development") for word in command]
        for command in commands
        if command[0] != "rm" and command[1] != "login"
    ]


def test_a_state_moves_into_a_bucket_and_back_as_documented(operator: Operator) -> None:
    operator.ctl("up", *STACK, "--skip-verify")
    stores, folder = operator.ids(), operator.environment["PULUMI_BACKEND_URL"]
    with bucket(operator) as python:
        move(operator, BUCKET)
        assert ".pulumi/stacks/notification-system/development.json" in objects(operator, python)
        operator.release("From a bucket")
        told = operator.run("notifyctl", "up", *STACK, "--skip-verify")
        assert told.returncode == 0, told.stderr
        assert f"state in {BUCKET}" in told.stderr
        assert [entry["result"] for entry in operator.json("history")] == ["succeeded"]
        operator.ctl("recover", *STACK)
        assert [key for key in objects(operator, python) if "/locks/" in key] == []
        assert operator.ids() == stores

        # The folder's own state is the older one, which nobody may deploy from.
        operator.environment["PULUMI_BACKEND_URL"] = folder
        [remove] = re.findall(r"`(pulumi stack rm [^`]+)`", section())
        removed = operator.run(*remove.replace("production", "development").split(), "--yes")
        assert removed.returncode == 0, removed.stderr
        operator.environment["PULUMI_BACKEND_URL"] = BUCKET
        move(operator, folder)
    assert operator.ids() == stores
    operator.ctl("destroy", *STACK, "--yes")
    assert set(map(len, operator.ids().values())) == {0}


def move(operator: Operator, target: str) -> None:
    """Move the stack's state as the document says; ``PULUMI_BACKEND_URL`` stands for a login."""
    for command in documented():
        if command[:3] == ["pulumi", "stack", "init"]:
            operator.environment["PULUMI_BACKEND_URL"] = target
        done = operator.run(*command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    (operator.project.root / "development.json").unlink()


def test_a_state_service_that_isnt_there_is_named_in_one_sentence(operator: Operator) -> None:
    operator.environment["PULUMI_BACKEND_URL"] = AWAY
    operator.environment["PULUMI_ACCESS_TOKEN"] = "pul-0000"
    for command in ("up", "preview", "status", "outputs", "destroy"):
        agreed = ("--yes",) if command == "destroy" else ()
        told = operator.fails(command, *STACK, *agreed, code=4)
        assert f"error: The state backend {AWAY} doesn't answer (dial tcp" in told, command
        assert told.count("PULUMI_BACKEND_URL") == 1, command
        assert "pul-0000" not in told
    assert set(map(len, operator.ids().values())) == {0}
