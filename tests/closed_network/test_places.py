"""Who acts, and where, is asked before anything moves; a command that reads makes no stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.closed_network.faults import Fault
from tests.closed_network.network import IN_A_CLOSED_NETWORK
from tests.closed_network.operator import ACCOUNT, Operator

pytestmark = [*IN_A_CLOSED_NETWORK, pytest.mark.soak]
STACK = ("--stack", "development")


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    with Operator.at_work(tmp_path_factory.mktemp("places")) as made:
        made.set_up()
        yield made


def states(operator: Operator) -> list[str]:
    backend = Path(operator.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    return sorted(str(path.relative_to(backend)) for path in backend.rglob("*.json*"))


def test_a_reading_command_names_the_place_and_makes_no_stack(operator: Operator) -> None:
    place = operator.environment["PULUMI_BACKEND_URL"]
    for command in ("status", "drift", "outputs", "history", "releases"):
        told = operator.fails(command, *STACK, code=4)
        assert f"There is no stack 'development' in {place}" in told, command
    assert operator.fails("unlock", *STACK, "--confirm", "development", code=4)

    # The first deployment is planned, since the workflow shows its plan, and yet nothing is made.
    plan = operator.run("notifyctl", "preview", *STACK, "--json")
    assert plan.returncode == 0, plan.stderr
    assert set(json.loads(plan.stdout)["changes"]) == {"create"}
    assert "plans its first deployment" in plan.stderr
    assert states(operator) == []
    assert set(map(len, operator.ids().values())) == {0}


def test_a_token_or_an_account_that_is_wrong_ends_everything_at_once(operator: Operator) -> None:
    operator.faults.calls()
    good = dict(operator.environment)
    operator.environment["CLOUDFLARE_API_TOKEN"] = "x" * 40
    told = operator.fails("up", *STACK, code=2)
    assert told.count("CLOUDFLARE_API_TOKEN: The token is invalid.") == 1
    operator.environment["CLOUDFLARE_API_TOKEN"] = "cut-off"
    assert "The token is malformed." in operator.fails("refresh", *STACK, code=2)

    operator.environment = good
    file = operator.project.root / "Pulumi.development.yaml"
    text = file.read_text()
    settings = yaml.safe_load(text)
    settings["config"]["notification-system:accountId"] = "f" * 32
    file.write_text(yaml.safe_dump(settings))
    told = operator.fails("up", *STACK, code=2)
    file.write_text(text)
    assert f"doesn't reach the account {'f' * 32}" in told
    assert ACCOUNT in told
    assert operator.faults.calls() == []
    assert states(operator) == []


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (429, "", "Cloudflare's API is busy (HTTP 429)"),
        (502, "<html>Bad gateway</html>", "answered GET"),
    ],
)
def test_a_busy_or_broken_service_is_waited_for_and_then_told_apart(
    operator: Operator, status: int, body: str, words: str
) -> None:
    fault = Fault("GET .*/tokens/verify", status=status, times=2)
    if body:
        fault = Fault(fault.call, status=status, times=2, body=body, content_type="text/html")
    operator.faults.order(fault)
    plan = operator.run("notifyctl", "preview", *STACK)
    assert plan.returncode == 0, plan.stderr
    operator.faults.order(Fault(fault.call, status, 100, 0, fault.body, fault.content_type))
    told = operator.fails("preview", *STACK, code=6)
    operator.faults.clear()
    assert words in told


def test_every_screen_names_backend_and_account_and_a_loss_is_confirmed(
    operator: Operator,
) -> None:
    up = operator.run("notifyctl", "up", *STACK, "--skip-verify", "--json")
    assert up.returncode == 0, up.stderr
    assert f"({ACCOUNT}), token valid" in up.stderr
    place = operator.environment["PULUMI_BACKEND_URL"]
    for command in ("outputs", "history", "releases"):
        done = operator.run("notifyctl", command, *STACK)
        assert done.returncode == 0, done.stderr
        assert f"development: state in {place} as " in done.stderr, command
        assert f"account {ACCOUNT}" in done.stderr, command

    stores = operator.ids()
    file = operator.project.root / "Pulumi.development.yaml"
    settings = yaml.safe_load(file.read_text())
    settings["config"]["notification-system:d1Location"] = "weur"
    file.write_text(yaml.safe_dump(settings))
    told = operator.fails("up", *STACK, "--skip-verify", code=2)
    assert "deletes or replaces the D1 database 'database'" in told
    assert "--confirm-loss development" in told
    assert operator.ids() == stores
    # Confirmed, the update begins; its new database can't have the name that the old one holds.
    told = operator.fails("up", *STACK, "--confirm-loss", "development", code=4)
    assert "already exists" in told
    assert operator.ids() == stores
