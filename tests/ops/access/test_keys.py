"""Secrets: their form, where they are set, how old they are, and that none is shown."""

import json
import re
import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from engine.passphrase import PassphraseSecrets
from infra.settings import StackFile
from infra.settings.key_dates import key_fingerprint
from ops.access.keys.age import KeyAge, key_ages
from ops.access.keys.generation import GENERATED, generate
from ops.access.keys.key_file import KeyFile
from ops.cli.main import command_line
from ops.stacks.errors import OperationError, UsageError
from ops.stacks.settings_report import check_files
from tests.infra.test_stack_settings import stack_file
from tests.ops.contexts import context_of

PROJECT = Path(__file__).parents[3]
NOTIFYCTL = PROJECT / ".venv" / "bin" / "notifyctl"
PASSPHRASE = "a passphrase of the test"
ONLY = ("--stack", "production", "--settings-only")


@dataclass(frozen=True)
class Ended:
    """What a command said, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def keys(*arguments: str, file: Path | None = None, passphrase: str | None = PASSPHRASE) -> Ended:
    """Run the command in this process, which is quicker; its exit code is the error's."""
    environment = {
        "PULUMI_CONFIG_PASSPHRASE": passphrase,
        "NOTIFYCTL_CONFIG_FILE": str(file) if file else None,
    }
    result = CliRunner().invoke(command_line(), ["keys", *arguments], env=environment)
    if isinstance(result.exception, OperationError):
        return Ended(result.exception.exit_code, result.stdout, str(result.exception))
    return Ended(result.exit_code, result.stdout, result.stderr)


def template(folder: Path) -> Path:
    path = stack_file(folder, apiSecretKey=None, encryptKey=None)
    path.write_text(f"# Kept as it is.\n{path.read_text()}")
    return path


def config(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())["config"]
    return {key.removeprefix("notification-system:"): value for key, value in found.items()}


def opened(path: Path, key: str) -> str:
    salt = yaml.safe_load(path.read_text())["encryptionsalt"]
    return PassphraseSecrets(salt, PASSPHRASE).decrypt(config(path)[key]["secure"])


@pytest.mark.requirement("S0-24", "S0-25", "S0-26")
def test_generated_secrets_have_their_form_and_are_never_the_same() -> None:
    made = [generate(GENERATED) for _ in range(20)]
    for secrets in made:
        assert re.fullmatch(r"[0-9a-f]{64}", secrets["apiSecretKey"])
        assert re.fullmatch(r"[A-Za-z0-9]{32}", secrets["encryptKey"])
        assert len(secrets["adminApiKey"]) >= 32
    assert len({value for secrets in made for value in secrets.values()}) == 20 * len(GENERATED)


@pytest.mark.requirement("S0-26")
@pytest.mark.parametrize(
    ("command", "form"),
    [("openssl rand -hex 32", r"[0-9a-f]{64}"), ("openssl rand -hex 16", r"[A-Za-z0-9]{32}")],
)
def test_the_documented_openssl_lines_give_the_same_forms(command: str, form: str) -> None:
    made = subprocess.run(command.split(), capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(form, made.strip())


@pytest.mark.requirement("S0-26")
def test_the_command_prints_secrets_that_the_settings_take() -> None:
    command = [str(NOTIFYCTL), "keys", "generate", "--json"]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0
    made = json.loads(result.stdout)
    assert re.fullmatch(r"[0-9a-f]{64}", made["apiSecretKey"])
    assert re.fullmatch(r"[A-Za-z0-9]{32}", made["encryptKey"])


@pytest.mark.requirement("S0-24", "S0-25", "S0-28")
def test_set_secrets_are_encrypted_dated_and_checked_and_the_file_keeps_its_comments(
    tmp_path: Path,
) -> None:
    path = template(tmp_path)
    result = keys("generate", "--stack", "production", "--set", file=path)
    assert result.returncode == 0, result.stderr
    api, encrypt = opened(path, "apiSecretKey"), opened(path, "encryptKey")
    assert re.fullmatch(r"[0-9a-f]{64}", api)
    assert re.fullmatch(r"[A-Za-z0-9]{32}", encrypt)
    found = config(path)
    assert date.fromisoformat(found["apiSecretKeySetOn"]) <= date.today()
    assert found["keyFingerprints"] == {
        "apiSecretKey": key_fingerprint("apiSecretKey", api),
        "encryptKey": key_fingerprint("encryptKey", encrypt),
    }
    assert path.read_text().startswith("# Kept as it is.\n")
    shown = result.stdout + result.stderr + path.read_text()
    assert api not in shown
    assert encrypt not in shown
    assert check_files([path], template=False)[0].problems == []


def test_a_secret_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    path = template(tmp_path)
    assert keys("generate", "--stack", "production", "--set", file=path).returncode == 0
    before = path.read_text()
    again = keys("generate", "--stack", "production", "--set", file=path)
    assert again.returncode == 2
    assert "keys rotate --stack production" in again.stderr
    assert path.read_text() == before


@pytest.mark.requirement("S0-28")
def test_a_rotation_keeps_the_predecessor_and_is_finished_before_the_next(tmp_path: Path) -> None:
    path = template(tmp_path)
    keys("generate", "--stack", "production", "--set", file=path)
    old = opened(path, "apiSecretKey")
    rotated = keys("rotate", *ONLY, "apiSecretKey", file=path)
    assert rotated.returncode == 0, rotated.stderr
    assert opened(path, "apiSecretKeyPrevious") == old
    assert opened(path, "apiSecretKey") != old
    assert "encryptKeyPrevious" not in config(path)
    again = keys("rotate", *ONLY, "apiSecretKey", file=path)
    assert again.returncode == 2
    assert "a rotation is under way" in again.stderr


@pytest.mark.requirement("S0-28")
def test_recording_dates_a_secret_that_was_set_by_other_means(tmp_path: Path) -> None:
    path = template(tmp_path)
    keys("generate", "--stack", "production", "--set", file=path)
    result = keys("record", "-s", "production", "--set-on", "2026-01-31", "encryptKey", file=path)
    assert result.returncode == 0, result.stderr
    assert config(path)["encryptKeySetOn"] == "2026-01-31"
    assert opened(path, "encryptKey") not in result.stdout


@pytest.mark.requirement("S0-28")
def test_ages_are_counted_in_days_and_due_after_ninety(tmp_path: Path) -> None:
    secure = {"secure": "v1:a:b"}
    path = stack_file(
        tmp_path,
        apiSecretKeySetOn="2026-07-01",
        encryptKeySetOn=date(2026, 7, 2),
        metricsToken=secure,
    )
    ages = {entry.key: entry for entry in key_ages(StackFile.read(path), today=date(2026, 9, 30))}
    assert {key: entry.days for key, entry in ages.items()} == {
        "apiSecretKey": 91,
        "encryptKey": 90,
        "metricsToken": None,
    }
    assert [key for key, entry in ages.items() if entry.is_due] == ["apiSecretKey", "metricsToken"]


@pytest.mark.requirement("S0-28")
def test_the_command_warns_of_old_secrets_and_fails_where_asked(tmp_path: Path) -> None:
    path = stack_file(tmp_path, apiSecretKeySetOn="2020-01-01")
    result = keys("age", "--stack", "production", file=path)
    assert result.returncode == 0
    assert "warning: apiSecretKey of 'production'" in result.stdout
    assert "notifyctl keys rotate" in result.stdout
    assert keys("age", "--stack", "production", "--fail", file=path).returncode == 8


def test_another_passphrase_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path = template(tmp_path)
    own = KeyFile(path, "production", root=path.parent, passphrase=PASSPHRASE)
    own.write({"apiSecretKey": "a1" * 32}, {})
    before = path.read_text()
    other = KeyFile(path, "production", root=path.parent, passphrase="another")
    with pytest.raises(UsageError, match="passphrase"):
        other.write({"encryptKey": "b" * 32}, {})
    with pytest.raises(UsageError, match="passphrase"):
        other.read("apiSecretKey")
    assert path.read_text() == before


def test_a_stack_on_this_machine_makes_its_own_secrets() -> None:
    result = keys("generate", "--stack", "local", "--set")
    assert result.returncode == 2
    assert "kept under .local" in result.stderr


def test_what_has_no_date_of_its_own_is_not_recorded(tmp_path: Path) -> None:
    path = template(tmp_path)
    keys("generate", "--stack", "production", "--set", file=path)
    keys("rotate", *ONLY, "apiSecretKey", file=path)
    before = path.read_text()
    result = keys("record", "-s", "production", "apiSecretKeyPrevious", file=path)
    assert (result.returncode, path.read_text()) == (2, before)
    assert "apiSecretKeyPrevious has no date of its own. Choose from apiSecretKey" in result.stderr


def test_a_passphrase_may_come_from_a_file(tmp_path: Path) -> None:
    path = template(tmp_path)
    KeyFile(path, "production", root=tmp_path, passphrase=PASSPHRASE).write(
        {"apiSecretKey": "a1" * 32}, {}
    )
    file = tmp_path / "passphrase"

    def read(**environment: str) -> str:
        context = context_of(PROJECT, "production", file=path, environment=environment)
        return KeyFile.of(context).read("apiSecretKey")

    file.write_text(f"{PASSPHRASE}\n")
    assert read(PULUMI_CONFIG_PASSPHRASE_FILE=str(file)) == "a1" * 32
    # The passphrase itself goes before its file, as with Pulumi.
    wrong = {"PULUMI_CONFIG_PASSPHRASE": "another", "PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}
    with pytest.raises(UsageError, match="passphrase"):
        read(**wrong)
    file.write_bytes(b"\xff\xfe")
    for unreadable in (file, tmp_path / "gone", tmp_path):
        with pytest.raises(UsageError, match=r"PASSPHRASE_FILE names .*, which can't be read"):
            read(PULUMI_CONFIG_PASSPHRASE_FILE=str(unreadable))


@pytest.mark.parametrize("value", [None, "in clear", {"secure": 5}, ["x"]])
def test_what_is_no_secret_is_refused_by_its_name(tmp_path: Path, value: Any) -> None:
    path = stack_file(tmp_path, apiSecretKey=value)
    file = KeyFile(path, "production", root=tmp_path, passphrase=PASSPHRASE)
    with pytest.raises(UsageError, match=rf"apiSecretKey isn't set as a secret in {path.name}"):
        file.read("apiSecretKey")


@pytest.mark.parametrize(
    ("days", "is_due"), [(0, False), (89, False), (90, False), (91, True), (None, True)]
)
def test_a_key_is_due_after_ninety_days_or_where_nobody_knows(
    days: int | None, is_due: bool
) -> None:
    age = KeyAge("dev", "apiSecretKey", days)
    assert age.is_due is is_due
    assert age.document() == {
        "stack": "dev",
        "key": "apiSecretKey",
        "days": days,
        "due": is_due,
    }
