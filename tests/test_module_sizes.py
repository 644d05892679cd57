"""A module is a concept: neither a fragment of its only user, nor several concepts in one file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("cron", "d1", "engine", "infra", "localcloud", "ops", "sdk", "worker/src")
MIN_LINES = 45
MAX_LINES = 300

SMALL = {
    "engine/child_guard.py": "runs inside a plugin's process, which imports nothing else of ours",
    "engine/dynamic_runner.py": "a program of its own: python -m",
    "infra/settings/queues.py": "one group of settings, as its siblings are",
    "infra/shards/placement.py": "the Worker's placement, of which it is the other half",
    "localcloud/sink/chat/__init__.py": "finds the package's modules",
    "ops/cli/commands/db/__init__.py": "the commands below `db`",
    "ops/cli/commands/db/test_data.py": "one command",
    "ops/database/scratch_d1.py": "a resource with its clean-up, tested by itself",
    "ops/observe/diagnosis/data_branch.py": "one question of a diagnosis, as its siblings are",
    "worker/src/notification/cloudflare/fetch.py": "one port of the runtime, as its siblings are",
    "worker/src/notification/routes/console.py": "imported when its route is first called",
    "worker/src/notification/routes/openapi.py": "imported when its route is first called",
}
"""Modules of fewer lines with one user, each with the reason why it stands by itself."""

LONG = {
    "infra/migrations/lint.py": "one noun: what a migration file may do",
    "localcloud/api/d1_transfer.py": "one noun: a database's files and its travel through time",
    "ops/cli/commands/keys.py": "the commands below `keys`, with their help",
    "ops/database/dump.py": "one noun: a database written as statements that D1 takes",
    "ops/database/schema_difference.py": "one noun: what differs between two schemas",
    "ops/deploy/baseline.py": "one noun: a state without its secrets",
    "ops/deploy/rollback/rollback.py": "one noun: a return to an earlier release",
    "sdk/notification_sdk/_async/client.py": "one noun: what a client does",
    "sdk/notification_sdk/_async/resources.py": "one noun: what a client does with stored things",
    "sdk/notification_sdk/_calls.py": "one noun: the calls of the API",
    "sdk/notification_sdk/_fake_stores.py": "one noun: what the fake service keeps",
    "sdk/notification_sdk/_sync/client.py": "made of _async by scripts/make_sync.py",
    "sdk/notification_sdk/_sync/resources.py": "made of _async by scripts/make_sync.py",
    "sdk/notification_sdk/testing.py": "one noun: the fake service of users' tests",
    "worker/src/notification/sending/send.py": "one noun: one send, from its check to its record",
}
"""Modules of more lines, each with the reason."""


def modules() -> Iterator[tuple[str, str]]:
    """Path and text of every module of the product."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def dotted(path: str) -> str:
    name = path.removesuffix(".py").removesuffix("/__init__")
    return name.removeprefix("worker/src/").removeprefix("sdk/").replace("/", ".")


@pytest.fixture(scope="module")
def users() -> dict[str, set[str]]:
    """Who imports each module, by dotted names; tests don't count."""
    found: dict[str, set[str]] = {dotted(path): set() for path, _ in modules()}
    for path, text in modules():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                inside = [f"{node.module}.{alias.name}" for alias in node.names]
                names = [name if name in found else node.module for name in inside]
            else:
                continue
            for name in names:
                found.get(name, set()).add(path)
    return found


def test_a_small_module_with_one_user_lies_in_it(users: dict[str, set[str]]) -> None:
    fragments = {
        path
        for path, text in modules()
        if 4 < len(text.splitlines()) <= MIN_LINES and len(users[dotted(path)]) == 1
    }
    assert fragments - set(SMALL) == set(), "fold it into its user, or say why it stands alone"


def test_no_module_holds_several_concepts() -> None:
    long = {path for path, text in modules() if len(text.splitlines()) > MAX_LINES}
    assert long - set(LONG) == set(), "split it by meaning, or say why it is one concept"


def test_every_exception_is_a_module() -> None:
    assert {path for path in (*SMALL, *LONG) if not (ROOT / path).is_file()} == set()
