"""A damaged state is never taken for none, and its newest whole copy is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.errors import StateUnreadable
from engine.file_backend import FileBackend

WHOLE = json.dumps({"version": 3, "checkpoint": {"latest": {"resources": []}}})


@pytest.fixture
def backend(tmp_path: Path) -> FileBackend:
    """A stack that was deployed twice."""
    backend = FileBackend(tmp_path, project="p", stack="dev")
    backend.write(WHOLE)
    return backend


@pytest.mark.parametrize("content", [b"", WHOLE[:20].encode(), b"\xff" + WHOLE.encode()])
def test_an_empty_cut_or_garbled_state_is_named_with_its_copy(
    backend: FileBackend, content: bytes
) -> None:
    backend.keep_backup()
    backend.stack_file.write_bytes(content)
    with pytest.raises(StateUnreadable, match=r"dev\.json is damaged") as refused:
        backend.read()
    backup = backend.stack_file.with_name("dev.json.bak")
    assert f"cp '{backup}' '{backend.stack_file}'" in str(refused.value)
    assert backend.stack_file.read_bytes() == content


def test_the_newest_whole_checkpoint_is_preferred_and_a_damaged_one_passed_over(
    backend: FileBackend,
) -> None:
    backend.keep_backup()
    backend.add_history({"kind": "update"}, WHOLE)
    backend.add_history({"kind": "update"}, WHOLE)
    *_, older, newer = sorted(backend.history_dir.glob("*.checkpoint.json"))
    newer.write_text("")
    backend.stack_file.write_text("")
    with pytest.raises(StateUnreadable) as refused:
        backend.read()
    assert f"The newest whole copy is {older}." in str(refused.value)


def test_a_copy_that_is_not_there_is_never_named(backend: FileBackend) -> None:
    backend.stack_file.write_text("")
    with pytest.raises(StateUnreadable, match="There is no whole copy of it"):
        backend.read()


def test_a_stack_without_a_state_has_none(tmp_path: Path) -> None:
    assert FileBackend(tmp_path, project="p", stack="new").read() is None
