"""A pull request's stack comes from a stack that was set up by the docs, and by a key service."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.closed_network.network import IN_A_CLOSED_NETWORK, ROOT
from tests.closed_network.operator import Operator
from tests.closed_network.vault import PORT

pytestmark = [*IN_A_CLOSED_NETWORK, pytest.mark.soak]
FROM = ("--from", "development")


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    with Operator.at_work(tmp_path) as made:
        vault = made.network.start(
            sys.executable, "-m", "tests.closed_network.vault", environment={}, folder=ROOT
        )
        assert vault.stdout is not None
        assert vault.stdout.readline() == "ready\n"
        del made.environment["PULUMI_CONFIG_PASSPHRASE"]
        made.environment["VAULT_SERVER_URL"] = f"http://127.0.0.1:{PORT}"
        made.environment["VAULT_SERVER_TOKEN"] = "token"
        try:
            yield made
        finally:
            vault.kill()
            vault.communicate()


def test_it_has_the_bases_backend_and_key_service_and_secrets_of_its_own(
    operator: Operator,
) -> None:
    provider = ("--secrets-provider", "hashivault://state")
    done = operator.run("pulumi", "stack", "init", "development", *provider)
    assert done.returncode == 0, done.stderr
    operator.set_up()
    operator.ctl("pr", "up", "7", *FROM, "--skip-verify")

    root = operator.project.root
    own = yaml.safe_load((root / "Pulumi.pr-7.yaml").read_text())
    base = yaml.safe_load((root / "Pulumi.development.yaml").read_text())
    assert own["secretsprovider"] == base["secretsprovider"] == "hashivault://state"
    assert own["encryptedkey"] != base["encryptedkey"]
    key = "notification-system:apiSecretKey"
    assert own["config"][key] != base["config"][key]
    assert "notification-system:keyFingerprints" in base["config"]
    assert "notification-system:keyFingerprints" not in own["config"]

    again = operator.run("notifyctl", "pr", "up", "7", *FROM, "--skip-verify", "--json")
    assert again.returncode == 0, again.stderr
    assert '"create"' not in again.stdout
    operator.ctl("pr", "destroy", "7", *FROM)
    assert set(map(len, operator.ids().values())) == {0}
    assert not (root / "Pulumi.pr-7.yaml").exists()


@pytest.mark.parametrize("shards", [1, 3])
def test_it_needs_no_base_that_is_deployed(tmp_path: Path, shards: int) -> None:
    with Operator.at_work(tmp_path) as operator:
        operator.set_up(shards=shards)
        operator.ctl("pr", "up", "8", *FROM, "--skip-verify")
        file = operator.project.root / "Pulumi.pr-8.yaml"
        kept = yaml.safe_load(file.read_text())["config"]
        assert "secure" in kept["notification-system:apiSecretKey"]
        told = operator.fails("outputs", "--stack", "development", code=4)
        assert "There is no stack 'development'" in told
        found = json.loads(operator.ctl("outputs", "--stack", "pr-8", "--json"))
        assert len(found["d1_databases"]) == shards
        operator.ctl("pr", "destroy", "8", *FROM)
        assert set(map(len, operator.ids().values())) == {0}
        assert not file.exists()
