"""Numbers that other programs rely on are the ones of their sources."""

from __future__ import annotations

import importlib

import pytest

NUMBERS: dict[str, dict[str, object]] = {
    # A program that has failed and told why: `pythonProcessExitedAfterLoggingUserActionableMessage`
    # of pulumi/pulumi sdk/python/cmd/pulumi-language-python.
    "engine.plugins.language_host": {"_HAS_TOLD": 32},
    "engine.program_runner": {"_PROGRAM_FAILED": 32},
    # BSD's sysexits.h: an internal software error; no program of Pulumi's ends so by itself.
    "engine.child_guard": {"_ORPHANED": 70},
    # `NewSymmetricCrypterFromPassphrase` of pulumi/pulumi sdk/go/common/resource/config.
    "engine.passphrase": {"_ROUNDS": 1_000_000},
    # `MaxRPCMessageSize` of pulumi/pulumi sdk/go/common/util/rpcutil.
    "engine.wire": {"_MAX_MESSAGE_BYTES": 400 * 1024 * 1024},
    "engine.monitor": {"PARALLEL": 16, "_THREADS": 72},
    "engine.providers.cloudflare_client": {"_PER_PAGE": 50, "_MAX_PAGES": 200},
    "engine.providers.github_client": {"_PER_PAGE": 30, "_MAX_PAGES": 200},
}


@pytest.mark.parametrize(("module", "numbers"), NUMBERS.items())
def test_a_number_is_its_sources(module: str, numbers: dict[str, object]) -> None:
    found = vars(importlib.import_module(module))
    assert {name: found[name] for name in numbers} == numbers
