"""Calls a function of one of the host's modules in a Node process of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

HOST = Path(__file__).parents[2] / "localcloud" / "host"


def run_in_node(module: str, script: str, argument: Any) -> Any:
    """Run `script`, the body of an async function of the module `m` and `input`.

    Returns what it returns, by way of JSON. Raises AssertionError with what Node wrote.
    """
    program = (
        f"import * as m from {json.dumps((HOST / module).as_uri())};"
        "const input = JSON.parse(await new Response(process.stdin).text());"
        f"const run = async () => {{ {script} }};"
        "process.stdout.write(JSON.stringify(await run()));"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", program],
        input=json.dumps(argument),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
