"""What an operator reads where something around an update is wrong: a sentence, and the way on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.closed_network.faults import Fault
from tests.closed_network.network import IN_A_CLOSED_NETWORK
from tests.closed_network.operator import Operator
from tests.closed_network.world import ZONE

pytestmark = [*IN_A_CLOSED_NETWORK, pytest.mark.soak]
STACK = ("--stack", "development")
HOST = f"notify.{ZONE}"
EARLIER = 120
"""Updates before the newest one: more than the CLI's pages of 10 and notifyctl's of 100."""


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Somebody whose stack `development` is deployed, with a domain of its own."""
    with Operator.at_work(tmp_path_factory.mktemp("sentences")) as made:
        made.set_up(zoneName=ZONE, customDomain=HOST)
        # By plugins of its own, which alone are told the commit.
        made.ctl("up", *STACK, "--skip-verify")
        with made.attached():
            yield made


def said(told: str) -> str:
    """Return the one sentence of a failure."""
    [line] = [line for line in told.splitlines() if line.startswith("error: ")]
    return line


def test_a_stack_set_up_by_the_documents_is_planned_offline(operator: Operator) -> None:
    settings = (operator.project.root / "Pulumi.development.yaml").read_text()
    assert "keyFingerprints" in settings
    plan = operator.ctl("preview", *STACK, "--offline")
    assert "Planned against an empty account" in plan


def test_updates_keep_their_numbers_past_the_clis_page(operator: Operator) -> None:
    folder = Path(operator.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    first = min(folder.glob(".pulumi/history/*/development/*.history.json"))
    stamp = int(first.name.split("-")[1].split(".")[0])
    for number in range(1, EARLIER + 1):
        earlier = first.with_name(f"development-{stamp - number}.history.json")
        earlier.write_bytes(first.read_bytes())
    newest = [entry["version"] for entry in operator.json("history", "--limit", "50")]
    assert newest == list(range(EARLIER + 1, EARLIER - 49, -1))
    assert [one["version"] for one in operator.json("history", "--limit", "3")] == newest[:3]


def test_all_settings_that_are_wrong_are_named_at_once(operator: Operator) -> None:
    operator.configure(logRetentionDays=-1, rateLimitMaxRequests="many")
    told = operator.fails("preview", *STACK, code=2)
    operator.configure(logRetentionDays=None, rateLimitMaxRequests=None)
    assert "logRetentionDays" in told
    assert "rateLimitMaxRequests" in told
    assert "unhandled" not in told


@pytest.mark.parametrize("version", ["3.100", ""])
def test_a_cli_that_does_not_do_ends_everything_at_once(
    operator: Operator, tmp_path: Path, version: str
) -> None:
    cli = tmp_path / "pulumi"
    cli.write_text(f"#!/bin/sh\necho {version}\n")
    cli.chmod(0o755)
    usual = operator.environment["PATH"]
    operator.environment["PATH"] = f"{tmp_path}{os.pathsep}{usual}"
    told = operator.fails("up", *STACK, code=3)
    operator.environment["PATH"] = usual
    assert "3.238 or newer, below 4 is needed" in said(told)
    assert "docs/install" in said(told)


def test_an_operator_with_an_expired_token_is_told_to_make_a_new_one(operator: Operator) -> None:
    groups = operator.api("GET", "tokens/permission_groups")
    policy = {
        "effect": "allow",
        "permission_groups": [{"id": groups[0]["id"]}],
        "resources": {"com.cloudflare.api.account.00000000000000000000000000000001": "*"},
    }
    made = operator.api(
        "POST",
        "tokens",
        {"name": "ended", "policies": [policy], "expires_on": "2026-01-01T00:00:00Z"},
    )
    usual = operator.environment["CLOUDFLARE_API_TOKEN"]
    operator.environment["CLOUDFLARE_API_TOKEN"] = made["value"]
    told = operator.fails("up", *STACK, code=2)
    operator.environment["CLOUDFLARE_API_TOKEN"] = usual
    assert "The token is expired. Make a new one in the dashboard" in said(told)
    assert "ciTokenGenerations" not in told


@pytest.mark.parametrize(("status", "kind"), [(429, "busy"), (502, "failed")])
def test_every_reading_command_waits_and_then_tells_busy_from_broken(
    operator: Operator, status: int, kind: str
) -> None:
    page = Fault("GET .*/deployments", status, 2, body="<html>", content_type="text/html")
    for command in (("drift",), ("releases",), ("rollback", "--plan-only")):
        operator.faults.order(page)
        done = operator.run("notifyctl", *command, *STACK)
        assert operator.faults.came
        assert "HTTP" not in done.stdout + done.stderr, command
    operator.faults.order(replace(page, times=100))
    done = operator.run("notifyctl", "releases", *STACK)
    operator.faults.clear()
    assert done.returncode != 0
    assert kind in said(done.stderr)
    assert "no reason given" not in done.stderr


def test_a_repair_deploys_nothing_that_the_checkout_has_ahead(operator: Operator) -> None:
    serving = operator.serving()
    operator.release("Ahead of what serves")
    [domain] = operator.api("GET", "workers/domains")
    operator.api("DELETE", f"workers/domains/{domain['id']}")
    told = operator.fails("drift", "--repair", *STACK, code=8)
    assert "the bundle of this checkout differs from what is deployed" in said(told)
    assert "check out its commit" in said(told)
    assert operator.serving() == serving


def test_the_list_and_a_rollback_decide_alike_after_a_failed_update(operator: Operator) -> None:
    operator.release("Fails")
    operator.faults.order(Fault("POST .*/versions", 400))
    told = operator.fails("up", *STACK, "--skip-verify", code=4)
    assert "Refused on purpose" in said(told)
    assert "run" in said(told) or "repeat" in said(told)
    listed = operator.run("notifyctl", "releases", *STACK)
    refused = operator.run("notifyctl", "rollback", "--plan-only", *STACK)
    assert "A rollback would be refused. The last update failed" in listed.stdout
    assert refused.returncode == 8
    assert said(refused.stderr).removeprefix("error: ") in " ".join(listed.stdout.split())
