"""Runs one Pulumi program inside its own process; the engine starts this file as a script.

It takes the place of the CLI's language host: settings come as one line of JSON on standard
input, the program is run inside a stack resource, and the process ends without Python's tear-down,
which would take most of a second for the provider's module. Exit codes are the language host's:
0, and 32 for a program that failed and has said why.
"""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

_PROGRAM_FAILED = 32


def main() -> int:
    """Run the program that the settings name; returns the exit code."""
    # Imported before the settings are read: this is where the engine's own start overlaps.
    import pulumi.runtime

    line = _first_line()
    if not line:
        return _PROGRAM_FAILED
    _guard()
    settings = json.loads(line)
    os.environ["PULUMI_CONFIG"] = json.dumps(settings["config"])
    os.environ["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(settings["secret_keys"])
    pulumi.runtime.set_all_config(settings["config"], settings["secret_keys"])
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=settings["project"],
            stack=settings["stack"],
            monitor=settings["monitor"],
            engine=settings["engine"],
            parallel=settings["parallel"],
            dry_run=settings["dry_run"],
            organization="organization",
            root_directory=settings["root"],
        )
    )
    return _run(settings["program"], settings["parallel"])


def _run(program: str, parallel: int) -> int:
    import pulumi

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor(max_workers=4 * parallel))
    sys.argv = [program]
    try:
        loop.run_until_complete(
            pulumi.runtime.run_in_stack(lambda: _void(runpy.run_path(program, run_name="__main__")))
        )
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return _PROGRAM_FAILED
    except (Exception, SystemExit) as error:
        pulumi.log.error(_told(error, program))
        return _PROGRAM_FAILED
    return 0


def _void(_: dict[str, Any]) -> None:
    """run_in_stack awaits what the program returns; a module's globals are nothing to await."""


def _told(error: BaseException, program: str) -> str:
    """One line: what happened, and the last place of it in the program's own files."""
    folder = Path(program).resolve()
    root = folder if folder.is_dir() else folder.parent
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(root)]
    place = ""
    if own:
        place = f" ({Path(own[-1].filename).relative_to(root.parent)}:{own[-1].lineno})"
    return f"{type(error).__name__}: {error}{place}"


def _first_line() -> str:
    """Read byte by byte: buffered input would take the guard's end of file with it."""
    line = b""
    while not line.endswith(b"\n"):
        chunk = os.read(sys.stdin.fileno(), 65536)
        if not chunk:
            return ""
        line += chunk
    return line.decode()


def _guard() -> None:
    spec = spec_from_file_location("child_guard", Path(__file__).with_name("child_guard.py"))
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        module.guard()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
