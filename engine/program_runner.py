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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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
            organization=settings.get("organization") or "organization",
            root_directory=settings["root"],
        )
    )
    return _run(settings["program"], Path(settings["root"]), settings["parallel"])


def _run(program: str, root: Path, parallel: int) -> int:
    import pulumi

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor(max_workers=4 * parallel))
    places = _Places(root)
    loop.set_task_factory(places.task)
    sys.argv = [program]

    def run() -> None:
        with places.noted():
            runpy.run_path(program, run_name="__main__")

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(run))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return _PROGRAM_FAILED
    except (Exception, SystemExit) as error:
        pulumi.log.error(f"{type(error).__name__}: {error}{places.of(error)}")
        return _PROGRAM_FAILED
    return 0


class _Places:
    """Where in the project an error arose, as " (FILE:LINE)" relative to the project's folder.

    It is noted where the error first leaves the program or one of its tasks: asyncio gives an
    error's trace only to the first who awaits it, and the SDK awaits each one many times.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._noted: list[tuple[BaseException, str]] = []

    def of(self, error: BaseException) -> str:
        """The place, or nothing where no file of the project was running."""
        return next((place for noted, place in self._noted if noted is error), "")

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note the place of an error that ends the block."""
        try:
            yield
        except BaseException as error:
            self._note(error)
            raise

    def task(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        """Make a task of a coroutine, whose errors are noted; the loop makes all of its so."""

        async def watched() -> Any:
            with self.noted():
                return await work

        return asyncio.Task(watched(), loop=loop, **options)

    def _note(self, error: BaseException) -> None:
        trace = traceback.walk_tb(error.__traceback__)
        lines = [(Path(frame.f_code.co_filename), line) for frame, line in trace]
        own = [(file, line) for file, line in lines if self._is_own(file)]
        if own and not self.of(error):
            file, line = own[-1]
            self._noted.append((error, f" ({file.relative_to(self._root)}:{line})"))

    def _is_own(self, file: Path) -> bool:
        """Whether the program is mended there. The virtualenv may lie in the project's folder, and
        so does this file where the project is the engine's own.
        """
        return (
            file.is_relative_to(self._root)
            and "site-packages" not in file.parts
            and file != Path(__file__)
        )


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
