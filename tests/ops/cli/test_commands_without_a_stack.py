"""Commands that need no deployment, each as a process: text, JSON and exit code."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from tests import forked_commands


def notifyctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return forked_commands.run(arguments)


def test_no_stack_whose_secrets_are_not_set_has_a_key_that_is_due() -> None:
    told = notifyctl("keys", "age", "--fail", "--json")
    assert (told.returncode, json.loads(told.stdout)) == (0, []), told.stderr


def test_the_bundle_is_built_and_named_by_its_hash_the_same_each_time() -> None:
    first, second = (json.loads(notifyctl("bundle", "--json").stdout) for _ in range(2))
    assert first == second
    assert re.fullmatch("[0-9a-f]{64}", first["sha256"])
    assert (Path(first["folder"]) / "entry.py").is_file()
    assert list(Path(first["assets"]["folder"]).rglob("console.*.css"))
