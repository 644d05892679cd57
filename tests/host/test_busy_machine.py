"""How a start is judged where the machine is busy: by what an empty Worker's start takes there."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from tests.host.conftest import Starter
from tests.host.probe_worker import SOURCE, write_bundle

pytestmark = pytest.mark.workerd
MODULES = Path(__file__).parents[2] / "node_modules"
BURNT_S = 1.6
"""More than a start of its own may take, and less than what ends it at once."""


def slow_runtime(folder: Path) -> Path:
    """A copy of the packages whose runtime takes `BURNT_S` of CPU time more at each start."""
    folder.mkdir(parents=True)
    for package in MODULES.iterdir():
        if package.name != "@cloudflare":
            (folder / package.name).symlink_to(package)
    for package in (MODULES / "@cloudflare").iterdir():
        copy = folder / "@cloudflare" / package.name
        (copy / "bin").mkdir(parents=True)
        (copy / "package.json").write_bytes((package / "package.json").read_bytes())
        program = (
            "import os, sys, time\n"
            f"while time.thread_time() < {BURNT_S}: pass\n"
            f"os.execv({str(package / 'bin' / 'workerd')!r}, sys.argv)\n"
        )
        runtime = copy / "bin" / "workerd"
        runtime.write_text(f'#!/bin/sh\nexec {sys.executable} -c {shlex.quote(program)} "$@"\n')
        runtime.chmod(0o755)
    return folder


def test_a_start_that_only_a_busy_machine_makes_long_is_taken(
    start: Starter, tmp_path: Path
) -> None:
    host = start(nodeModules=str(slow_runtime(tmp_path / "slow" / "node_modules")))
    bundle = write_bundle(tmp_path / "bundle", f"# on a busy machine\n{SOURCE}")
    taken = host.put("v-busy", bundle, validate=True)
    assert taken.status == 200, taken
    assert taken.body["startupMs"] < 1000
    assert taken.body["fromSnapshot"] is False
    assert "v-busy" in host.versions()
