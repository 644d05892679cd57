"""Importing the service freezes nothing into a memory snapshot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "worker" / "src"
PROBE = """
import json, os, random, sys, time, uuid
import hashlib, hmac, asyncio, base64, datetime, ipaddress, unicodedata, urllib.parse, email.utils
import dataclasses, enum, collections, traceback, re, typing, html, html.parser, binascii

def refuse(*args, **kwargs):
    raise AssertionError("read at import")

for module, names in {
    time: ["time", "time_ns", "monotonic"],
    os: ["urandom", "getenv"],
    random: ["random", "randbytes"],
    uuid: ["uuid4"],
}.items():
    for name in names:
        setattr(module, name, refuse)
os.environ = None
import notification.http.application
import notification.delivery.dispatch
import notification.tasks.cron
print("imported")
"""


@pytest.mark.requirement("C-0.25")
def test_importing_reads_neither_clock_nor_randomness_nor_environment() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        env={"PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "imported\n", done.stderr


def test_the_service_imports_nothing_but_the_standard_library_and_itself() -> None:
    import ast

    foreign = set()
    for path in SOURCES.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                top = name.split(".")[0]
                if top not in sys.stdlib_module_names and top != "notification":
                    foreign.add((path.relative_to(SOURCES).as_posix(), top))
    outside = {(file, top) for file, top in foreign if "cloudflare/" not in file}
    assert outside == {("entry.py", "workers")}
    assert {top for _, top in foreign} <= {"workers", "js", "pyodide"}
