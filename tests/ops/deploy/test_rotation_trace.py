"""What is told of a rotation from every list of releases that it may leave."""

from __future__ import annotations

from typing import Any

import pytest

from ops.deploy.key_rotation_trace import RotationTrace

BOTH = ("apiSecretKey", "encryptKey")
PLAIN = ("api_secret_key", "encrypt_key")
SIGNING = (*PLAIN, "api_secret_key_previous")
OVERLAP = (*SIGNING, "encrypt_key_previous")


def outputs(*releases: tuple[str, ...], declared: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Outputs with releases of these secrets, the oldest first; ``declared`` is the last update's,
    where that wasn't completed."""
    entries = [
        {
            "version_id": f"v{number}",
            "bundle_sha256": "b",
            "schema_level": 1,
            "at": f"2026-01-0{number}T00:00:00.000Z",
            "secret_fingerprints": dict.fromkeys(secrets, "f"),
        }
        for number, secrets in enumerate(releases, start=1)
    ]
    last = entries[-1]["secret_fingerprints"] if declared is None else dict.fromkeys(declared, "f")
    return {"release": {"secret_fingerprints": last}, "releases": entries[::-1]}


def told(found: dict[str, Any], *keys: str) -> tuple[list[str], list[str], str]:
    trace = RotationTrace(found, keys or BOTH)
    return trace.overlapping, trace.retired, trace.retired_at


@pytest.mark.requirement("S0-28")
def test_a_stack_whose_keys_were_never_rotated_has_no_trace_of_it() -> None:
    assert told(outputs(PLAIN, PLAIN)) == ([], [], "")
    assert told({}) == ([], [], "")


@pytest.mark.requirement("S0-28")
def test_deployed_predecessors_overlap() -> None:
    assert told(outputs(PLAIN, OVERLAP)) == ([*BOTH], [], "")
    assert told(outputs(PLAIN, OVERLAP), "encryptKey") == (["encryptKey"], [], "")


@pytest.mark.requirement("S0-28")
def test_predecessors_are_retired_by_the_first_release_without_them() -> None:
    retired = outputs(PLAIN, OVERLAP, OVERLAP, PLAIN, PLAIN)
    assert told(retired) == ([], [*BOTH], "2026-01-04T00:00:00.000Z")


@pytest.mark.requirement("S0-28")
def test_the_last_of_several_rotations_is_told() -> None:
    twice = outputs(PLAIN, OVERLAP, PLAIN, SIGNING, PLAIN)
    assert told(twice, "apiSecretKey")[2] == "2026-01-05T00:00:00.000Z"
    assert told(twice, "encryptKey")[2] == "2026-01-03T00:00:00.000Z"


@pytest.mark.requirement("S0-28")
def test_a_key_that_another_ones_rotation_left_alone_isnt_retired() -> None:
    one = outputs(PLAIN, SIGNING, PLAIN)
    assert told(one)[1] == ["apiSecretKey"]
    assert told(one, "encryptKey") == ([], [], "")


@pytest.mark.requirement("S0-28")
def test_a_retirement_whose_deployment_wasnt_completed_isnt_finished() -> None:
    assert told(outputs(PLAIN, OVERLAP, declared=PLAIN)) == ([*BOTH], [], "")
    assert told(outputs(PLAIN, OVERLAP, PLAIN, declared=OVERLAP)) == ([*BOTH], [], "")
