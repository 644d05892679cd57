"""Single settings are changed in a stack's file, and nothing else in it is."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.stacks.errors import UsageError
from ops.stacks.settings_editor import edit_settings

TEXT = """\
# The first line.
config:
  # Why this is so.
  notification-system:logLevel: debug  # beside it
  notification-system:crons:
    - "*/5 * * * *"
  notification-system:protectStores: true
encryptionsalt: v1:salt
"""


def edited(folder: Path, changes: dict[str, Any], text: str = TEXT, **options: Any) -> str:
    path = folder / "Pulumi.production.yaml"
    path.write_text(text)
    edit_settings(path, changes, **options)
    return path.read_text()


def test_a_value_is_replaced_in_its_place(tmp_path: Path) -> None:
    found = edited(tmp_path, {"notification-system:crons": ["0 1 * * *"]})
    expected = TEXT.replace('crons:\n    - "*/5 * * * *"\n', 'crons: ["0 1 * * *"]\n')
    assert found == expected


def test_a_new_key_goes_after_the_last_setting_and_a_mapping_becomes_a_block(
    tmp_path: Path,
) -> None:
    found = edited(tmp_path, {"notification-system:pin": {"version": "v", "insteadOf": "b"}})
    block = '  notification-system:pin:\n    version: "v"\n    insteadOf: "b"\n'
    assert found == TEXT.replace("true\nenc", f"true\n{block}enc")


def test_a_key_is_taken_out_with_all_of_its_lines(tmp_path: Path) -> None:
    found = edited(tmp_path, {"notification-system:crons": None})
    assert found == TEXT.replace('  notification-system:crons:\n    - "*/5 * * * *"\n', "")


def test_what_begins_with_a_keys_name_is_another_key(tmp_path: Path) -> None:
    found = edited(tmp_path, {"notification-system:log": "x"})
    assert yaml.safe_load(found)["config"]["notification-system:logLevel"] == "debug"


def test_a_salt_is_added_once(tmp_path: Path) -> None:
    bare = "config:\n  a:b: 1\n"
    assert edited(tmp_path, {"a:c": 2}, bare, salt="s") == f"{bare}  a:c: 2\nencryptionsalt: s\n"


def test_a_file_without_settings_gets_its_first(tmp_path: Path) -> None:
    assert edited(tmp_path, {"a:b": "1"}, "# nothing yet") == '# nothing yet\nconfig:\n  a:b: "1"\n'


def test_a_file_that_cannot_be_changed_in_place_is_left_as_it_is(tmp_path: Path) -> None:
    text = "config: {notification-system:logLevel: debug}\n"
    with pytest.raises(UsageError, match="one key a line"):
        edited(tmp_path, {"notification-system:logLevel": "warn"}, text)
    assert (tmp_path / "Pulumi.production.yaml").read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["Pulumi.production.yaml"]
