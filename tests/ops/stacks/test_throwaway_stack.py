"""A stack that exists for one plan holds nothing of the real account."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from engine.passphrase import PassphraseSecrets
from infra.settings.stack_file import StackFile
from localcloud.endpoints import Endpoints
from ops.stacks.throwaway_stack import ThrowawayStack

P = "notification-system:"
SETTINGS = {
    f"{P}accountId": "f" * 32,
    f"{P}environment": "production",
    f"{P}zoneName": "example.com",
    f"{P}customDomain": "notify.example.com",
    f"{P}adoptDatabaseId": "00000000-0000-4000-8000-000000000000",
    f"{P}keyFingerprints": {"apiSecretKey": "0" * 16},
    f"{P}apiSecretKey": {"secure": "v1:of-another-passphrase"},
    f"{P}larkDeploySecret": {"secure": "v1:of-another-passphrase"},
}


@pytest.fixture
def rendered(tmp_path: Path) -> ThrowawayStack:
    template = tmp_path / "Pulumi.production.yaml"
    template.write_text(yaml.safe_dump({"encryptionsalt": "theirs", "config": SETTINGS}))
    folder = tmp_path / "plan"
    folder.mkdir()
    account = Endpoints(
        control_url="http://127.0.0.1:9/client/v4",
        service_url="http://127.0.0.1:10",
        sink_url="http://127.0.0.1:11",
        account_id="1" * 32,
        api_token="throw-away",
    )
    return ThrowawayStack.render(
        "production",
        StackFile.read(template),
        folder=folder,
        account=account,
        base={"PATH": "/bin", "CLOUDFLARE_API_TOKEN": "real", "AWS_SECRET_ACCESS_KEY": "real"},
    )


def test_its_secrets_are_new_and_open_under_its_own_passphrase(rendered: ThrowawayStack) -> None:
    document = yaml.safe_load(rendered.local.config_file.read_text())
    opener = PassphraseSecrets(document["encryptionsalt"], rendered.local.passphrase)
    secret = {key for key, value in document["config"].items() if isinstance(value, dict)}
    assert secret == {f"{P}apiSecretKey", f"{P}encryptKey", f"{P}larkDeploySecret"}
    assert all(opener.decrypt(document["config"][key]["secure"]) for key in secret)
    assert "of-another-passphrase" not in str(document)


def test_it_talks_to_the_throw_away_account_alone(rendered: ThrowawayStack) -> None:
    config = yaml.safe_load(rendered.local.config_file.read_text())["config"]
    assert config["cloudflare:baseUrl"] == "http://127.0.0.1:9/client/v4"
    assert config["github:baseUrl"] == "http://127.0.0.1:9/"
    assert config[f"{P}accountId"] == "1" * 32
    environment = rendered.local.environment
    assert environment["CLOUDFLARE_API_TOKEN"] == environment["GITHUB_TOKEN"] == "throw-away"
    assert environment["PATH"] == "/bin"
    assert "real" not in str(environment)


def test_what_stands_for_something_of_the_real_account_is_told(rendered: ThrowawayStack) -> None:
    told = {stand.key: stand.text for stand in rendered.stands}
    assert told[f"{P}adoptDatabaseId"] == "left out: an empty account has nothing to adopt"
    assert told[f"{P}zoneId"] == "a zone that is supposed to be there"
    assert told[f"{P}encryptKey"] == "a generated secret of the required form"
    assert f"{P}environment" not in told
    config = yaml.safe_load(rendered.local.config_file.read_text())["config"]
    assert f"{P}adoptDatabaseId" not in config
    assert config[f"{P}customDomain"] == "notify.example.com"
    assert f"{P}workersDevSubdomain" not in config, "a domain alone is the address"
