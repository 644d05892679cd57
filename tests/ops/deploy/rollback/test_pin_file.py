from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from infra.settings.traffic import Pin
from ops.deploy.release.pin_file import KEY, check_pin, read_pin, remove_pin, write_pin
from ops.deploy.release.release import Release
from ops.stacks.errors import UsageError

VERSION = "18f97339-c287-4872-9bdd-e2135c07ec12"
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


def release(bundle: str = "ab", assets: str = "") -> Release:
    digests = {"bundle_sha256": bundle * 32, "assets_sha256": assets * 32}
    return Release.of_entry({"version_id": "v", "schema_level": 1, **digests})


def write(path: Path, bad: Release | None = None, reason: str = 'it was "slow": much') -> None:
    write_pin(path, version=VERSION, bad=bad or release(), reason=reason)


def test_a_pin_is_written_and_read_and_every_comment_stays(file: Path) -> None:
    write(file)

    assert read_pin(file) == Pin(
        version=VERSION, instead_of="ab" * 32, reason='it was "slow": much'
    )
    lines = file.read_text().splitlines()
    assert [line for line in FILE.splitlines() if line not in lines] == []
    document = yaml.safe_load(file.read_text())
    assert document["config"].pop(KEY)["version"] == VERSION
    assert document == yaml.safe_load(FILE)


def test_another_pin_replaces_it_and_removing_it_gives_the_file_back(file: Path) -> None:
    write(file)
    write(file, release("cd"), reason="")
    assert read_pin(file) == Pin(version=VERSION, instead_of="cd" * 32)
    assert file.read_text().count(KEY) == 1

    remove_pin(file)
    assert file.read_text() == FILE
    remove_pin(file)
    assert file.read_text() == FILE


@pytest.mark.parametrize(("assets", "kept"), [("ef", "ef" * 32), ("", None)])
def test_a_pin_keeps_the_assets_of_the_bad_release(
    file: Path, assets: str, kept: str | None
) -> None:
    write(file, release("ab", assets))
    found = read_pin(file)
    assert found is not None
    assert (found.instead_of, found.instead_of_assets) == ("ab" * 32, kept)


def test_a_file_without_config_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text("encryptionsalt: v1:abc")
    write(path)

    assert read_pin(path) is not None
    assert yaml.safe_load(path.read_text())["encryptionsalt"] == "v1:abc"


def test_a_reason_of_several_lines_becomes_one(file: Path) -> None:
    write(file, reason="one\n  two: three")

    found = read_pin(file)
    assert found is not None
    assert found.reason == "one two: three"


def test_a_file_that_cannot_be_changed_in_place_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    text = "{config: {notification-system:environment: production}}\n"
    path.write_text(text)

    with pytest.raises(UsageError, match="can't be changed in place"):
        write(path)
    assert path.read_text() == text


def test_a_pin_in_pulumis_own_form_is_read(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    text = f'{{"version": "{VERSION}", "insteadOf": "{"ab" * 32}"}}'
    path.write_text(yaml.safe_dump({"config": {KEY: text}}))

    assert read_pin(path) == Pin(version=VERSION, instead_of="ab" * 32)


def test_a_file_that_can_take_a_pin_is_left_as_it_is(file: Path) -> None:
    check_pin(file)
    write(file)
    kept = file.read_text()
    check_pin(file)
    assert file.read_text() == kept


def test_a_file_that_no_pin_can_be_put_into_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.production.yaml"
    path.write_text("config: {a:b: &one 1, a:c: *one}\n")
    with pytest.raises(UsageError, match=r"^Pulumi.production.yaml can't be changed in place"):
        check_pin(path)


def test_a_file_whose_pin_can_be_put_in_but_not_taken_out_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.production.yaml"
    path.write_text(f"config:\n  {KEY}: &pin\n    version: x\n  a:b: *pin\n")
    with pytest.raises(UsageError, match="can't be changed in place"):
        check_pin(path)


def test_a_folder_that_takes_no_file_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, int]] = []

    def refused(path: object, mode: int) -> bool:
        asked.append((path, mode))
        return False

    monkeypatch.setattr("ops.stacks.settings_editor.os.access", refused)
    with pytest.raises(UsageError, match=f"nothing may be written into {file.parent}: make that"):
        check_pin(file)
    assert asked == [(file.parent, os.W_OK)]
