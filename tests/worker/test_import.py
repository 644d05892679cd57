"""Importing the service freezes nothing into a memory snapshot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from notification.channels.registry import CHANNELS

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
import notification.app.service
import notification.delivery.dead_letter_consumer
import notification.delivery.retry_consumer
import notification.tasks.cron
print("imported")
"""

START = """
import json, sys, types

# What the runtime provides; nothing of it is touched by an import.
for name in ("js", "pyodide", "pyodide.ffi", "workers"):
    module = types.ModuleType(name)
    module.__getattr__ = lambda name: object
    sys.modules[name] = module
sys.modules["pyodide.ffi"].JsException = Exception
import entry
print(json.dumps(sorted(sys.modules)))
"""

# Imported when first needed: a starting isolate compiles what it imports, and has a limit for it.
LATER = (
    "notification.bridge",
    *(f"notification.channels.{name}" for name in CHANNELS if name != "webhook"),
    "notification.delivery.dead_letter_consumer",
    "notification.delivery.queue_depths",
    "notification.delivery.retry_consumer",
    "notification.delivery.retry_message",
    "notification.delivery.schedule",
    "notification.delivery.shard_messages",
    "notification.grafana",
    "notification.markup.commonmark",
    "notification.markup.content",
    "notification.markup.document",
    "notification.markup.escaping",
    "notification.markup.graphemes",
    "notification.markup.html",
    "notification.markup.markdown",
    "notification.markup.slack",
    "notification.markup.telegram",
    "notification.metrics.prometheus",
    "notification.openapi",
    "notification.placement",
    "notification.schema",
    "notification.sending.replay",
    "notification.storage.shards",
    "notification.tasks",
    "notification.templates.contents",
    "notification.templates.formatting",
    "notification.templates.program",
    "notification.templates.rendering",
    "notification.templates.syntax",
    "notification.time_zones",
    "uuid",
)
ROUTES_AT_START = {"notification.routes.send", "notification.routes.table"}
MAX_OWN_MODULES = 74


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


def test_a_starting_isolate_imports_what_a_send_needs_and_no_more() -> None:
    done = subprocess.run(
        [sys.executable, "-c", START],
        env={"PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    imported = json.loads(done.stdout)
    too_early = [name for name in imported if name.startswith(LATER)]
    assert too_early == []
    routes = {name for name in imported if name.startswith("notification.routes.")}
    assert routes == ROUTES_AT_START
    own = [name for name in imported if name.startswith("notification")]
    assert len(own) <= MAX_OWN_MODULES


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
    outside = {file for file, _ in foreign if "cloudflare/" not in file}
    assert outside == {"notification/app/worker.py"}
    assert {top for _, top in foreign} <= {"workers", "js", "pyodide"}
