from __future__ import annotations

import re
import shutil
import stat
from pathlib import Path

import pytest
import yaml

from engine import encrypt_config_value
from engine.passphrase import PassphraseSecrets
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext
from ops.stacks.errors import UsageError
from ops.stacks.local_stack import OPTIONAL_SECRET_KEYS, LocalStack
from ops.stacks.project import Project

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    shutil.copy(ROOT / "Pulumi.local.yaml", root)
    return Project(root=root, home=tmp_path / "home")


def prepared(project: Project) -> LocalStack:
    return LocalStack.prepare(StackContext.read(project, "local", Reporter(quiet=True)))


def secrets_of(local: LocalStack) -> dict[str, str]:
    document = yaml.safe_load(local.config_file.read_text())
    opener = PassphraseSecrets(document["encryptionsalt"], local.passphrase)
    return {
        key.partition(":")[2]: opener.decrypt(value["secure"])
        for key, value in document["config"].items()
        if isinstance(value, dict)
    }


@pytest.mark.requirement("S0-24", "S0-25")
def test_secrets_are_made_in_the_required_forms(project: Project) -> None:
    found = secrets_of(prepared(project))

    assert re.fullmatch(r"[0-9a-f]{64}", found["apiSecretKey"])
    assert re.fullmatch(r"[A-Za-z0-9]{32}", found["encryptKey"])
    for name in OPTIONAL_SECRET_KEYS:
        assert re.fullmatch(r"[0-9a-f]{64}", found[name])
    assert len(set(found.values())) == len(found) == 7


def test_a_secret_of_the_settings_file_stays_as_it_is(project: Project) -> None:
    local = prepared(project)
    salt = yaml.safe_load(local.config_file.read_text())["encryptionsalt"]
    sealed = encrypt_config_value("one-of-my-own", passphrase=local.passphrase, salt=salt)
    document = yaml.safe_load(project.stack_file("local").read_text())
    document["config"]["notification-system:bridgeToken"] = {"secure": sealed}
    project.stack_file("local").write_text(yaml.safe_dump(document))

    assert secrets_of(prepared(project))["bridgeToken"] == "one-of-my-own"


def test_a_second_preparation_changes_nothing(project: Project) -> None:
    first = prepared(project)
    text = first.config_file.read_text()
    second = prepared(project)

    assert second.config_file.read_text() == text
    assert second.passphrase == first.passphrase


def test_no_secret_is_written_in_clear_or_readable_by_others(project: Project) -> None:
    local = prepared(project)

    text = local.config_file.read_text()
    assert not any(secret in text for secret in secrets_of(local).values())
    for path in (local.config_file, project.passphrase_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert local.passphrase not in repr(local)


def found_by(project: Project, environment: dict[str, str]) -> Project:
    (project.root / "Pulumi.yaml").touch()
    (project.root / "infra").mkdir()
    return Project.find(project.root, environment)


def test_ports_of_the_environment_reach_every_url(project: Project) -> None:
    project = found_by(
        project,
        {"NOTIFICATION_LOCAL_CONTROL_PORT": "1801", "NOTIFICATION_LOCAL_EDGE_PORT": "1802"},
    )
    config = yaml.safe_load(prepared(project).config_file.read_text())["config"]

    assert config["cloudflare:baseUrl"] == "http://127.0.0.1:1801/client/v4"
    assert config["github:baseUrl"] == "http://127.0.0.1:1801/"
    assert config["notification-system:serviceUrl"] == "http://127.0.0.1:1802"


def test_a_port_that_is_none_is_refused_by_its_variable(project: Project) -> None:
    with pytest.raises(UsageError, match="NOTIFICATION_LOCAL_EDGE_PORT"):
        found_by(project, {"NOTIFICATION_LOCAL_EDGE_PORT": "eight"})


@pytest.mark.parametrize("key", ["cloudflare:baseUrl", "github:baseUrl"])
def test_an_endpoint_off_this_machine_is_refused(project: Project, key: str) -> None:
    path = project.root / "Pulumi.local.yaml"
    document = yaml.safe_load(path.read_text())
    document["config"][key] = "https://api.cloudflare.com/client/v4"
    path.write_text(yaml.safe_dump(document))

    with pytest.raises(UsageError, match="isn't on this machine"):
        prepared(project)


def test_no_credential_of_a_real_account_reaches_a_local_command(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = "real-credential"
    for name in (
        "CLOUDFLARE_API_TOKEN",
        "CLOUDFLARE_API_KEY",
        "CF_API_TOKEN",
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "PULUMI_ACCESS_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
    ):
        monkeypatch.setenv(name, real)
    project.home.joinpath("cloud").mkdir(parents=True)
    project.home.joinpath("cloud", "api-token").write_text("local\n")

    environment = prepared(project).environment

    assert real not in environment.values()
    assert environment["CLOUDFLARE_API_TOKEN"] == "local"


def edited(file: Path, **settings: object) -> None:
    """Change settings in a rendered file, as ``pulumi config set`` does; None takes one out."""
    document = yaml.safe_load(file.read_text())
    for name, value in settings.items():
        document["config"][f"notification-system:{name}"] = value
        if value is None:
            del document["config"][f"notification-system:{name}"]
    file.write_text(yaml.safe_dump(document))


def setting(project: Project, name: str) -> object:
    document = yaml.safe_load(prepared(project).config_file.read_text())
    found: object = document["config"].get(f"notification-system:{name}")
    return found


def test_a_setting_that_was_edited_in_the_rendered_file_survives_every_rendering(
    project: Project,
) -> None:
    file = prepared(project).config_file
    pin = {"version": "18f97339-c287-4872-9bdd-e2135c07ec12", "insteadOf": "a" * 64}
    edited(file, pin=pin, logLevel="error")
    for _ in range(3):
        assert setting(project, "pin") == pin
        assert setting(project, "logLevel") == "error"

    edited(file, pin=None)
    assert setting(project, "pin") is None
    assert setting(project, "logLevel") == "error"

    # What the tracked file says since is newer.
    edited(project.stack_file("local"), logLevel="warn")
    assert setting(project, "logLevel") == "warn"
    edited(project.stack_file("local"), logLevel=None)
    assert setting(project, "logLevel") is None


def test_the_addresses_of_this_machine_are_never_anybodys_edit(project: Project) -> None:
    before = setting(project, "serviceUrl")
    edited(prepared(project).config_file, serviceUrl="http://127.0.0.1:1")
    assert setting(project, "serviceUrl") == before


@pytest.mark.parametrize("damage", ["", "config: {}\n", "config: [", "\x00"])
def test_a_damaged_rendering_is_named_with_its_good_copy_and_nothing_is_made_anew(
    project: Project, damage: str
) -> None:
    first = prepared(project)
    secrets = secrets_of(first)
    first.config_file.write_text(damage)
    with pytest.raises(UsageError, match="are damaged") as refused:
        prepared(project)
    assert "There is no copy of it" in str(refused.value)
    assert first.config_file.read_text() == damage

    shutil.rmtree(project.home)
    first = prepared(project)
    edited(project.stack_file("local"), logLevel="warn")
    secrets = secrets_of(prepared(project))
    first.config_file.write_bytes(b"\xff" + damage.encode())
    with pytest.raises(UsageError, match="are damaged") as refused:
        prepared(project)
    copy = first.config_file.with_suffix(".yaml.bak")
    assert f"cp '{copy}' '{first.config_file}'" in str(refused.value)
    shutil.copy(copy, first.config_file)
    assert secrets_of(prepared(project)) == secrets
