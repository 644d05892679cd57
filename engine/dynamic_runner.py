"""Runs the SDK's dynamic resource provider under the engine's guard; started as a script.

The provider prints its port on the first line of standard output and serves Pulumi's provider
protocol there. Classes of importable modules are pickled by reference, so the program's folder
is on the path, as it is for ``python -m pulumi.dynamic``.
"""

from __future__ import annotations

import os
import runpy
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path


def main() -> None:
    """Serve until the engine ends this process or dies."""
    spec = spec_from_file_location("child_guard", Path(__file__).with_name("child_guard.py"))
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        module.guard()
    sys.path.insert(0, os.getcwd())
    sys.argv = [sys.argv[0]]
    runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
