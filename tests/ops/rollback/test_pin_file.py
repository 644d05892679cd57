from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ops.deploy.release.release import Release
from ops.deploy.rollback.pin_file import KEY, Pin, remove_pin
from ops.stacks.errors import UsageError

VERSION = "18f97339-c287-4872-9bdd-e2135c07ec12"
PIN = Pin(VERSION, "ab" * 32, 'it was "slow": much')
FILE = """\
# Who may change this file: everybody.
encryptionsalt: v1:abc
config:
  notification-system:environment: production   # never another
  notification-system:crons:
    - "*/5 * * * *"

  # The key is a secret.
  notification-system:apiSecretKey:
    secure: v1:xyz
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Pulumi.production.yaml"
    path.write_text(FILE)
    return path


def test_a_pin_is_written_and_read_and_every_comment_stays(file: Path) -> None:
    PIN.write(file)

    assert Pin.of_file(file) == PIN
    lines = file.read_text().splitlines()
    assert [line for line in FILE.splitlines() if line not in lines] == []
    document = yaml.safe_load(file.read_text())
    assert document["config"].pop(KEY)["version"] == VERSION
    assert document == yaml.safe_load(FILE)


def test_another_pin_replaces_it_and_removing_it_gives_the_file_back(file: Path) -> None:
    PIN.write(file)
    other = Pin(VERSION, "cd" * 32)
    other.write(file)
    assert Pin.of_file(file) == other
    assert file.read_text().count(KEY) == 1

    remove_pin(file)
    assert file.read_text() == FILE
    remove_pin(file)
    assert file.read_text() == FILE


@pytest.mark.parametrize(
    ("pinned", "deployed", "holds"),
    [("ef" * 32, "ef" * 32, True), ("ef" * 32, "01" * 32, False), ("", "01" * 32, True)],
)
def test_a_pin_with_assets_is_kept_and_holds_against_those_alone(
    file: Path, pinned: str, deployed: str, holds: bool
) -> None:
    Pin(VERSION, "ab" * 32, "slow", pinned).write(file)
    found = Pin.of_file(file)
    assert found == Pin(VERSION, "ab" * 32, "slow", pinned)
    release = {"version_id": "v", "bundle_sha256": "ab" * 32, "schema_level": 1}
    assert found.holds_against(Release.of_entry({**release, "assets_sha256": deployed})) is holds
    assert not found.holds_against(Release.of_entry({**release, "bundle_sha256": "cd" * 32}))


def test_a_file_without_config_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text("encryptionsalt: v1:abc")
    PIN.write(path)

    assert Pin.of_file(path) == PIN
    assert yaml.safe_load(path.read_text())["encryptionsalt"] == "v1:abc"


def test_a_reason_of_several_lines_becomes_one(file: Path) -> None:
    Pin(VERSION, "ab" * 32, "one\n  two: three").write(file)

    found = Pin.of_file(file)
    assert found is not None
    assert found.reason == "one two: three"


def test_a_file_that_cannot_be_changed_in_place_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    text = "{config: {notification-system:environment: production}}\n"
    path.write_text(text)

    with pytest.raises(UsageError, match="can't be changed in place"):
        PIN.write(path)
    assert path.read_text() == text


def test_a_pin_in_pulumis_own_form_is_read(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    text = f'{{"version": "{VERSION}", "insteadOf": "x"}}'
    path.write_text(yaml.safe_dump({"config": {KEY: text}}))

    assert Pin.of_file(path) == Pin(VERSION, "x")
