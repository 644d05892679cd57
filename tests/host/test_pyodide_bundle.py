from __future__ import annotations

import subprocess

from tests.host.running_host import MAIN

SCRIPT = """
import { readFileSync } from "node:fs";
import { adaptForWorkerd } from "./pyodide-bundle.mjs";
const source = readFileSync("../../node_modules/pyodide/pyodide.asm.mjs", "utf8");
const changed = process.argv[1] ? source.replaceAll(process.argv[1], "renamed") : source;
const adapted = adaptForWorkerd(changed);
console.log(/\\beval\\(|new WebAssembly\\.Module\\(|export default/.exec(adapted)?.[0]);
"""


def adapt(missing: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", "--input-type=module", "-e", SCRIPT, missing],
        cwd=MAIN.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_adapted_script_generates_no_code_at_run_time() -> None:
    run = adapt()
    assert (run.returncode, run.stdout.strip()) == (0, "export default")


def test_a_pyodide_without_a_place_to_adapt_is_refused_by_its_text() -> None:
    run = adapt("crypto.getRandomValues(")
    assert run.returncode != 0
    assert 'pyodide.asm.mjs has no "crypto.getRandomValues("' in run.stderr
