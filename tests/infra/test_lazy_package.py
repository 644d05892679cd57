"""The stand-in of a large SDK finds what the package has, and imports little for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
START = """
import json, sys
from infra.lazy_package import LazyPackage
LazyPackage.install("pulumi_cloudflare")
import pulumi_cloudflare as cloudflare
def imported():
    return len([name for name in sys.modules if name.startswith("pulumi_cloudflare.")])
"""


def answer(code: str) -> Any:
    """What a fresh interpreter writes to its output, as JSON."""
    found = subprocess.run(
        [sys.executable, "-c", START + code],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def test_classes_arguments_and_lookups_come_from_their_own_modules() -> None:
    names = {
        "Queue": "queue",
        "D1Database": "d1_database",
        "WorkersKvNamespace": "workers_kv_namespace",
        "QueueConsumer": "queue_consumer",
        "QueueConsumerArgs": "_inputs",
        "WorkerVersionArgs": "worker_version",
        "WorkerVersionBindingArgs": "_inputs",
        "get_zones": "get_zones",
        "get_zones_output": "get_zones",
        "Provider": "provider",
    }
    homes, count, is_function = answer(
        f"homes = {{n: getattr(cloudflare, n).__module__ for n in {list(names)!r}}}\n"
        "print(json.dumps([homes, imported(), callable(cloudflare.get_zones)]))"
    )
    assert is_function  # though its module has the same name
    assert homes == {name: f"pulumi_cloudflare.{home}" for name, home in names.items()}
    assert count < 20


def test_every_name_is_the_one_that_the_package_itself_gives() -> None:
    code = (
        "cloudflare.outputs; "
        "import infra.program, infra.components.access, infra.zone\n"
        "found = {n: v for n, v in vars(cloudflare).items() if n[0].isupper()}\n"
        "sys.modules.pop('pulumi_cloudflare')\n"
        "import pulumi_cloudflare as whole\n"
        "other = [n for n, v in found.items() if getattr(whole, n) is not v]\n"
        "print(json.dumps([len(found), other]))"
    )
    count, other = answer(code)
    assert count > 100
    assert other == []


def test_a_name_that_is_in_no_module_of_its_own_brings_the_whole_package() -> None:
    code = (
        "before = imported()\n"
        "made = cloudflare.AwaitableGetZonesResult.__name__\n"
        "print(json.dumps([before, made, imported(), hasattr(cloudflare, 'Nothing')]))"
    )
    before, made, after, has_nothing = answer(code)
    assert (made, has_nothing) == ("AwaitableGetZonesResult", False)
    assert before < 20 < 500 < after


def test_the_program_imports_a_small_part_of_the_sdk() -> None:
    assert answer("import infra.program; print(imported())") < 30


def test_a_package_that_is_missing_is_named_and_one_that_is_there_stays() -> None:
    code = (
        "try:\n    LazyPackage.install('pulumi_nothing')\n"
        "except ModuleNotFoundError as error:\n    missing = error.name\n"
        "import json as there\n"
        "LazyPackage.install('json')\n"
        "print(json.dumps([missing, sys.modules['json'] is there]))"
    )
    assert answer(code) == ["pulumi_nothing", True]
