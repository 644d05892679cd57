"""A loopback stack's state is made once, and a damaged one is named and left as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine import new_encryption_salt
from ops.stacks.errors import StackFailed
from ops.stacks.local_stack import LocalStack
from ops.stacks.new_state import create_stack_file

PASSPHRASE = "one of this stack's own"


@pytest.fixture
def local(tmp_path: Path) -> LocalStack:
    (tmp_path / "Pulumi.yaml").write_text("name: notification-system\nruntime: python\n")
    settings = tmp_path / "Pulumi.local.yaml"
    settings.write_text(json.dumps({"encryptionsalt": new_encryption_salt(PASSPHRASE)}))
    return LocalStack("local", tmp_path / "pulumi", settings, PASSPHRASE, {})


def test_a_stack_is_made_empty_and_what_is_there_stays(tmp_path: Path, local: LocalStack) -> None:
    create_stack_file(tmp_path, local)
    made = json.loads(local.state_file.read_text())
    assert made["version"] == 3
    assert not made["checkpoint"]["latest"].get("resources")

    made["checkpoint"]["latest"]["resources"] = []
    local.state_file.write_text(json.dumps(made))
    create_stack_file(tmp_path, local)
    assert json.loads(local.state_file.read_text()) == made


@pytest.mark.parametrize("content", [b"", b'{"version": 3, "check', b"\xff{}"])
def test_a_damaged_state_is_named_with_its_copy_and_nothing_is_made_over_it(
    tmp_path: Path, local: LocalStack, content: bytes
) -> None:
    create_stack_file(tmp_path, local)
    backup = local.state_file.with_name("local.json.bak")
    backup.write_bytes(local.state_file.read_bytes())
    local.state_file.write_bytes(content)
    with pytest.raises(StackFailed, match=r"local\.json is damaged") as refused:
        create_stack_file(tmp_path, local)
    assert f"The newest whole copy is {backup}." in str(refused.value)
    assert "'notifyctl recover --stack local' puts it back" in str(refused.value)
    assert local.state_file.read_bytes() == content
