"""``notifyctl preview --offline`` as a process: any stack, no account, no network, no trace."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.ops.guarded_command import ROOT, GuardedCommand
from tests.real_cli import providers

SECRET = "7" * 64


@pytest.fixture
def command(tmp_path: Path) -> GuardedCommand:
    home = tmp_path / "home"
    return GuardedCommand(tmp_path, {"NOTIFICATION_LOCAL_HOME": str(home)})


def tracked_files() -> dict[str, str]:
    return {path.name: path.read_text() for path in ROOT.glob("Pulumi*.yaml")}


@pytest.mark.requirement("S0-08", "S0-67")
def test_production_is_planned_with_nothing_but_the_checkout(
    command: GuardedCommand, tmp_path: Path
) -> None:
    before = tracked_files()
    command.environment["CLOUDFLARE_API_TOKEN"] = "a-real-token-that-nobody-may-use"
    result = command.run("preview", "--stack", "production", "--offline")

    assert result.returncode == 0, result.stderr
    assert "Planned against an empty account" in result.stdout
    assert "+ cloudflare:D1Database database" in result.stdout
    assert "notification-system:encryptKey: a generated secret" in result.stdout
    assert command.outgoing == []
    assert command.leftovers == []
    assert not (tmp_path / "home").exists()
    assert tracked_files() == before


def test_a_stack_whose_keys_were_made_as_documented_is_planned(
    command: GuardedCommand, tmp_path: Path
) -> None:
    settings = tmp_path / "Pulumi.production.yaml"
    settings.write_text((ROOT / "Pulumi.production.yaml").read_text())
    command.environment["PULUMI_CONFIG_PASSPHRASE"] = "correct horse"
    own = ("--config-file", str(settings))
    made = command.run(*own, "keys", "generate", "--stack", "production", "--set")
    assert made.returncode == 0, made.stderr
    assert "keyFingerprints" in settings.read_text()

    plan = command.run(*own, "preview", "--stack", "production", "--offline")
    assert plan.returncode == 0, plan.stderr


def test_the_guard_notes_a_connection_that_leaves_this_machine(command: GuardedCommand) -> None:
    code = "import socket; socket.create_connection(('192.0.2.1', 443), timeout=1)"
    python = str(ROOT / ".venv" / "bin" / "python")
    result = subprocess.run(
        [python, "-c", code], env=command.environment, capture_output=True, text=True, check=False
    )

    assert result.returncode != 0
    assert any("192.0.2.1" in attempt for attempt in command.outgoing)


def test_a_plan_in_json_names_every_resource_and_no_secret(
    command: GuardedCommand, tmp_path: Path
) -> None:
    settings = tmp_path / "Pulumi.staging.yaml"
    settings.write_text(
        "encryptionsalt: v1:AAAAAAAAAAA=:v1:AAAAAAAAAAAAAAAA:unreadable\n"
        "config:\n"
        "  notification-system:environment: staging\n"
        "  notification-system:customDomain: notify.example.com\n"
        "  notification-system:zoneName: example.com\n"
        f"  notification-system:apiSecretKey: {SECRET}\n"
        "  notification-system:encryptKey:\n    secure: v1:AAAA:BBBB\n"
        "  notification-system:bridgeToken:\n    secure: v1:AAAA:CCCC\n"
        "  notification-system:adoptNamespaceId: 023e105f4ecef8ad9ca31a8372d0c353\n"
    )
    plan = command.json(
        *("--config-file", str(settings), "preview", "--stack", "staging", "--offline")
    )

    names = {(resource["type"], resource["name"]) for resource in plan["resources"]}
    assert ("cloudflare:WorkersKvNamespace", "config-cache") in names
    assert plan["offline"] is True
    assert plan["changes"] == {"create": plan["changed"]}
    assert len(names) == plan["changed"]
    assert SECRET not in str(plan)
    replaced = plan["stands_for"]
    assert "notification-system:bridgeToken" in replaced
    assert "nothing to adopt" in replaced["notification-system:adoptNamespaceId"]
    assert command.outgoing == []


def test_a_mistake_in_the_settings_is_one_sentence_and_exit_code_2(
    command: GuardedCommand, tmp_path: Path
) -> None:
    settings = tmp_path / "Pulumi.staging.yaml"
    settings.write_text("config:\n  notification-system:environment: nowhere\n")
    result = command.run(
        *("--config-file", str(settings), "preview", "--stack", "staging", "--offline")
    )

    assert result.returncode == 2
    assert "one of production, staging, development" in result.stderr
    assert "Traceback" not in result.stderr
    assert command.leftovers == []


def test_no_change_can_be_expected_of_an_empty_account(command: GuardedCommand) -> None:
    result = command.run(*("preview", "--stack", "production", "--offline", "--expect-no-changes"))

    assert result.returncode == 2
    assert "against an empty account everything is new" in result.stderr


@pytest.mark.real_pulumi
def test_the_real_cli_plans_the_same_resources(command: GuardedCommand) -> None:
    before = tracked_files()
    ours = command.json("preview", "--stack", "production", "--offline")
    command.environment |= {"NOTIFYCTL_ENGINE": "cli", **providers()}
    theirs = command.json("preview", "--stack", "production", "--offline")

    def names(plan: dict[str, list[dict[str, str]]]) -> set[tuple[str, str]]:
        return {(resource["type"], resource["name"]) for resource in plan["resources"]}

    assert names(theirs) == names(ours)
    assert tracked_files() == before
