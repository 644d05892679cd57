"""What an operation leaves in the stack's history, as the real CLI reads it."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.deployment_codec import ENGINE_VERSION
from engine.history_entry import history_entry
from engine.operation import Operation, RunContext
from engine.stack_config import StackConfig

URN = "urn:pulumi:dev::p::a:b:C::n"


def entry(*, fails: bool = False, **config: Any) -> dict[str, Any]:
    """The entry of an update that created one resource."""
    operation = Operation(RunContext("update", "p", "dev", Path(), Path()), lambda _: None)
    with operation.step("create", URN):
        pass
    if fails:
        operation.fail("It broke.")
    read = StackConfig("salt", config, Path("Pulumi.dev.yaml"))
    return history_entry(operation, read, message="why", began=10.9, ended=12.9)


@pytest.mark.parametrize("fails", [False, True])
def test_an_entry_is_whole(fails: bool) -> None:
    assert entry(fails=fails, b="2", a="1") == {
        "kind": "update",
        "startTime": 10,
        "message": "why",
        "environment": {
            "exec.kind": "embedded",
            "pulumi.arch": platform.machine(),
            "pulumi.os": sys.platform,
            "pulumi.version": ENGINE_VERSION,
            "runtime.name": "python",
            "runtime.version": platform.python_version(),
        },
        "config": {"a": "1", "b": "2"},
        "version": 0,
        "result": "failed" if fails else "succeeded",
        "endTime": 12,
        "resourceChanges": {"create": 1},
    }
    assert list(entry(b="2", a="1")["config"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("text", "text"),
        ('{"secure":"no"}', '{"secure":"no"}'),
        ({"secure": "v1:x"}, {"secure": "v1:x"}),
        ({}, {"object": "{}", "secure": False}),
        ([], {"object": "[]", "secure": False}),
        ({"ü": [1, True]}, {"object": '{"ü":[1,true]}', "secure": False}),
        ({"a": {"secure": "x"}}, {"object": '{"a":{"secure":"x"}}', "secure": True}),
        ([{"secure": "x"}], {"object": '[{"secure":"x"}]', "secure": True}),
        ({"secure": "x", "b": 1}, {"object": '{"secure":"x","b":1}', "secure": True}),
        ({"a": '"secure":'}, {"object": r'{"a":"\"secure\":"}', "secure": False}),
    ],
)
def test_a_value_is_a_text_a_secret_or_an_object(value: Any, told: Any) -> None:
    assert entry(key=value)["config"] == {"key": told}
