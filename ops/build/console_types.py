"""Generates the console's types from the service's OpenAPI document."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ops.build.bundle import api_document
from ops.stacks.errors import OperationError
from ops.stacks.project import Project

TYPES = Path("console", "src", "api", "openapi.d.ts")
_GENERATOR = Path("node_modules", "openapi-typescript", "bin", "cli.js")
_LIMIT_S = 120


def generate_types(root: Path, document: dict[str, Any]) -> str:
    """Return TypeScript types of the document's operations and of what they answer.

    Refusals are left out, since they share one form, which the console reads itself; and so are
    descriptions, so that rewording one changes no types.

    Raises:
        OperationError: the generator isn't installed, or refuses the document.
    """
    if not (root / _GENERATOR).is_file():
        raise OperationError("The type generator isn't installed. Run 'make install'.")
    done = subprocess.run(
        ["node", str(root / _GENERATOR), "--alphabetize"],
        input=json.dumps(_types_alone(document)),
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT_S,
    )
    if done.returncode != 0:
        raise OperationError(f"openapi-typescript refused the document: {done.stderr[-1_000:]}")
    return done.stdout


def _types_alone(document: dict[str, Any]) -> dict[str, Any]:
    paths = {
        path: {verb: _accepted(operation) for verb, operation in verbs.items()}
        for path, verbs in document["paths"].items()
    }
    return {**document, "paths": paths}


def _accepted(operation: dict[str, Any]) -> dict[str, Any]:
    responses = {
        status: {name: part for name, part in response.items() if name != "headers"}
        for status, response in operation["responses"].items()
        if status.startswith(("2", "3"))
    }
    texts = ("summary", "description", "tags", "security")
    described = {name: part for name, part in operation.items() if name not in texts}
    return {**described, "responses": responses}


def main() -> None:
    """Write the types, or with ``--check`` say whether they are current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where stale")
    root = Project.find().root
    text = generate_types(root, json.loads(api_document(root / "worker" / "src")))
    written = root / TYPES
    if parser.parse_args().check:
        if not written.is_file() or written.read_text(encoding="utf-8") != text:
            sys.exit(f"error: {TYPES} is stale. Run 'make types'.")
        return
    written.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
