"""Single settings are changed in a stack's file, and nothing else in it is."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_a_mapping_on_one_line_keeps_its_form_when_a_value_changes(tmp_path: Path) -> None:
    text = "config: {a:b: 'x', a:c: 2}  # short\n"
    assert edited(tmp_path, {"a:b": "y"}, text) == text.replace("'x'", '"y"')


def test_an_empty_mapping_becomes_a_block(tmp_path: Path) -> None:
    text = "config: {}  # none yet\nencryptionsalt: s\n"
    expected = "config:  # none yet\n  a:b: 1\nencryptionsalt: s\n"
    assert edited(tmp_path, {"a:b": 1}, text) == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "# c\r\nconfig:\r\n  a:x: 'v'  # why\r\n  a:y: 2\r\n",
            '# c\r\nconfig:\r\n  a:x: "new"  # why\r\n  a:y: 2\r\n',
            id="line-ends-of-windows",
        ),
        pytest.param(
            "\ufeffconfig:\n  a:x: v\n", '\ufeffconfig:\n  a:x: "new"\n', id="byte-order-mark"
        ),
        pytest.param(
            "config:\n      a:x: v\n      a:s:\n         secure: v1:x\n",
            'config:\n      a:x: "new"\n      a:s:\n         secure: v1:x\n',
            id="unusual-indentation",
        ),
        pytest.param(
            "x: &d {k: v}\nconfig:\n  a:x: *d\n  a:y: &e v\n  a:z: *e\n",
            'x: &d {k: v}\nconfig:\n  a:x: "new"\n  a:y: &e v\n  a:z: *e\n',
            id="anchors",
        ),
        pytest.param(
            "config:\n  a:x: |\n    text\n\n    more\n\n  # why y\n  a:y: yes\n",
            'config:\n  a:x: "new"\n\n  # why y\n  a:y: yes\n',
            id="text-of-several-lines",
        ),
        pytest.param(
            "config:\n  a:x:  # why x\n    - 1\n    # why y\n  a:y: 2\n",
            'config:\n  a:x: "new"  # why x\n    # why y\n  a:y: 2\n',
            id="comments-around-a-list",
        ),
        pytest.param(
            "config:\n  a:x: v\n  a:y: 010  # octal\n  'a:z':   1_000",
            "config:\n  a:x: \"new\"\n  a:y: 010  # octal\n  'a:z':   1_000",
            id="no-line-end-at-the-end",
        ),
    ],
)
def test_everything_beside_the_value_stays_byte_for_byte(
    tmp_path: Path, before: str, after: str
) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_bytes(before.encode())
    edit_settings(path, {"a:x": "new"})
    assert path.read_bytes().decode() == after


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_new_setting_goes_before_the_comments_of_what_follows_and_leaves_no_trace(
    tmp_path: Path, newline: str
) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    text = "config:\n    a:x: 1\n\n# The salt.\nencryptionsalt: s\n".replace("\n", newline)
    path.write_bytes(text.encode())
    edit_settings(path, {"a:new": {"k": "v"}})
    added = '    a:new:\n      k: "v"\n'.replace("\n", newline)
    assert path.read_bytes().decode() == text.replace(f"1{newline}", f"1{newline}{added}")

    edit_settings(path, {"a:new": None})
    assert path.read_bytes().decode() == text


@settings(max_examples=60, deadline=None)
@given(value=st.text(max_size=40) | st.lists(st.text(max_size=8) | st.integers(), max_size=3))
def test_every_value_is_read_as_it_was_set(value: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Pulumi.x.yaml"
        path.write_text(TEXT)
        edit_settings(path, {"a:b": value, "notification-system:logLevel": {"k": value}})
        config = yaml.safe_load(path.read_text(encoding="utf-8"))["config"]
    assert (config["a:b"], config["notification-system:logLevel"]) == (value, {"k": value})


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("config: {a:x: debug}\n", {"a:new": "warn"}),
        ("config: {a:x: debug, a:y: 1}\n", {"a:x": None}),
        ("config:\n  a:x: &d v\n  a:y: *d\n", {"a:x": None}),
        ("config:\n  a:x: 1\n  a:x: 2\n", {"a:x": None}),
        ("config: &c\n  a:x: 1\nother: *c\n", {"a:x": 2}),
    ],
)
def test_a_file_that_cannot_be_changed_in_place_is_left_as_it_is(
    tmp_path: Path, text: str, change: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="one key a line"):
        edited(tmp_path, change, text)
    assert (tmp_path / "Pulumi.production.yaml").read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["Pulumi.production.yaml"]


def test_a_long_value_stays_on_one_line(tmp_path: Path) -> None:
    long = " ".join(["word"] * 50)
    changes: dict[str, Any] = {"a:text": long, "a:list": [long, {"b": long}]}
    found = edited(tmp_path, changes, "config:\n  a:b: 1\n")
    assert len(found.splitlines()) == 4
    assert yaml.safe_load(found)["config"] == {"a:b": 1, **changes}
