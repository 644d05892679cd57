"""TypeScript's compiler as judge: recorded answers are literals of types that others published.

A field that a type doesn't know, a required one that is missing, and a value of another type are
all errors of the compiler.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.localcloud.npm_package import installed

JUDGES = Path(__file__).with_name("judges")
COMPILER = Path(__file__).parents[2] / "node_modules" / "typescript" / "bin" / "tsc"
_SECONDS = 300
_ERROR = re.compile(r"^judged\.ts\((\d+),\d+\): error (TS\d+: .*)")
_OPTIONS = {
    "strict": True,
    "noEmit": True,
    "skipLibCheck": True,
    "module": "nodenext",
    "target": "es2022",
    "lib": ["es2022", "dom", "dom.iterable", "dom.asynciterable", "esnext.disposable"],
    "types": [],
}


def run_script(script: str, document: Any, folder: Path) -> list[str]:
    """Run a script of `judges/` on a JSON document; return the lines that it prints.

    `folder` is an empty one of the test's own.
    """
    copy = folder / script
    copy.write_text((JUDGES / script).read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "node_modules").symlink_to(installed(JUDGES) / "node_modules")
    done = subprocess.run(
        ["node", str(copy)],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def type_errors(folder: Path, head: str, declarations: Sequence[str]) -> dict[int, str]:
    """Compile declarations, each on one line, and return the first error of each that has one.

    Args:
        folder: An empty folder of the test's own.
        head: The source text before the declarations.
        declarations: Their places in this list are the keys of the result.
    """
    (folder / "node_modules").symlink_to(installed(JUDGES) / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    options = {"compilerOptions": _OPTIONS, "files": ["judged.ts"]}
    (folder / "tsconfig.json").write_text(json.dumps(options), encoding="utf-8")
    lines = [*head.strip().splitlines(), *declarations]
    (folder / "judged.ts").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = subprocess.run(
        ["node", str(COMPILER), "-p", str(folder), "--pretty", "false", "--noErrorTruncation"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    before = len(lines) - len(declarations) + 1
    found: dict[int, str] = {}
    for error in filter(None, map(_ERROR.match, done.stdout.splitlines())):
        place = int(error[1]) - before
        assert place >= 0, done.stdout
        found.setdefault(place, error[2])
    assert (done.returncode == 0) == (not found), done.stdout + done.stderr
    return found


def without(value: Any, fields: set[str], inside: str = "") -> Any:
    """Return a JSON value without these fields, each named by itself or as `object.field`."""
    if isinstance(value, list):
        return [without(item, fields, inside) for item in value]
    if isinstance(value, dict):
        return {
            name: without(item, fields, name)
            for name, item in value.items()
            if not {name, f"{inside}.{name}"} & fields
        }
    return value
