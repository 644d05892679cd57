"""Who asks for secrets in clear, how long random ones are, and who may read what is written."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

IN_CLEAR = {
    # What signs requests with the key.
    "cli/commands/keys.py": [True],
    "deploy/deployment.py": [True],
    "deploy/rollback/rollback.py": [True],
    "deploy/rollout/rollout.py": [False, False, True, False],
    "observe/doctor/doctor.py": [True],
    "observe/drift/drift.py": [True, False],
    "observe/metrics/stack_status.py": [True],
    "stacks/endpoint.py": [True],
    # What is compared without a secret's value in the answer.
    "deploy/baseline.py": [True],
    # The rest needs ids and names.
    "cli/commands/tail.py": [False],
    "database/stack_database.py": [False, False],
    "deploy/release/deployment_list.py": [False],
    "deploy/release/listing.py": [False],
    "stacks/active_deployment.py": [False],
    "stacks/cli.py": [False] * 5,
    "stacks/embedded.py": [False],
}
RANDOM_BYTES = {
    # Passphrases and keys: 256 bits.
    "database/studio.py": [32, 32],
    "deploy/baseline_preview.py": [32],
    "stacks/cli_workspace.py": [32],
    "stacks/local_stack.py": [32, 32],
    "stacks/throwaway_stack.py": [32],
    # Names that no other run has.
    "database/migration_lint.py": [8],
    "database/scratch_d1.py": [4],
    "deploy/first_notification.py": [8],
    "deploy/integration_set.py": [6],
}
MODES = {
    # What holds a secret or a person's data is its owner's alone.
    "database/backup_file.py": [0o600],
    "database/bucket.py": [0o600, 0o600],
    "database/studio.py": [0o600],
    "stacks/cli.py": [0o600],
    "stacks/context.py": [0o600],
    "stacks/kept_state.py": [0o700, 0o600],
    # What is built is for everybody.
    "build/built_folder.py": [0o755],
    "build/console_sources.py": [0o755],
}


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Give every call of `ops/` with its file and the last word of what is called."""
    for path in sorted((ROOT / "ops").rglob("*.py")):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        found = [node for node in nodes if isinstance(node, ast.Call)]
        for call in sorted(found, key=lambda one: (one.lineno, one.col_offset)):
            name = ast.unparse(call.func).rpartition(".")[2]
            yield str(path.relative_to(ROOT / "ops")), call, name


def constants(which: str) -> dict[str, list[object]]:
    """Return the constants that are passed for one purpose, by file and in their order."""
    found: defaultdict[str, list[object]] = defaultdict(list)
    for file, call, name in calls():
        values = {word.arg: word.value for word in call.keywords}
        value: ast.expr | None = None
        if which == "show_secrets":
            value = values.get("show_secrets")
        elif which == "random" and name in {"token_hex", "token_urlsafe", "token_bytes"}:
            value = call.args[0]
        elif which == "mode":
            is_open = ast.unparse(call.func) == "os.open"
            value = values.get("mode") or (call.args[2] if is_open and len(call.args) > 2 else None)
            value = call.args[0] if name == "chmod" and call.args else value
        if isinstance(value, ast.Constant) and not isinstance(value.value, str):
            found[file].append(value.value)
    return dict(found)


@pytest.mark.parametrize(
    ("which", "wanted"),
    [("show_secrets", IN_CLEAR), ("random", RANDOM_BYTES), ("mode", MODES)],
    ids=["who reads secrets in clear", "how long random values are", "who may read a file"],
)
def test_what_keeps_a_secret_is_as_it_was_decided(
    which: str, wanted: dict[str, list[object]]
) -> None:
    assert constants(which) == wanted
