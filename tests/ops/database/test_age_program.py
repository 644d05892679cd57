"""A backup is read without this project, as docs/runbook.md says: by the program age itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.document import documents
from tests.ops.database.test_backup_file import PASSPHRASE, SQL, backup, dump
from tests.pseudo_terminal import open_terminal, read_terminal


def decryption() -> str:
    """Return the page's command, for the backup of this test."""
    fences = [fence for document in documents() for fence in document.fences]
    [block] = {fence.text for fence in fences if fence.text.startswith("age -d ")}
    return block.replace("NAME", "taken")


@pytest.mark.skipif(shutil.which("age") is None, reason="there is no program 'age' on PATH")
def test_the_runbooks_command_gets_the_sql_out_of_a_sealed_backup(tmp_path: Path) -> None:
    backup(tmp_path / "taken.sql.gz.age").write(dump(tmp_path), PASSPHRASE)
    (tmp_path / "dump.sql").unlink()
    ours, theirs = open_terminal(lines=24, columns=80)
    # A terminal of its own, since age asks the terminal and not the standard input.
    process = subprocess.Popen(
        ["setsid", "--ctty", "bash", "-e", "-o", "pipefail", "-c", decryption()],
        cwd=tmp_path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    asked = b""
    while b"passphrase" not in asked:
        asked += os.read(ours, 1024)
    os.write(ours, f"{PASSPHRASE}\r".encode())
    told = read_terminal(ours)
    assert process.wait(60) == 0, told
    assert (tmp_path / "dump.sql").read_bytes() == SQL
    assert PASSPHRASE not in told
