"""Every input that the program can set is compared, or says why it isn't."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from ops.observe.drift import cloudflare_kinds, github_probe
from ops.observe.drift.comparison import Kind, leaves
from ops.observe.drift.finding import Finding, Unmanaged
from ops.observe.drift.managed import Managed
from ops.stacks.errors import OperationError
from tests.infra.registrations import Declared, Registration
from tests.infra.resource_picture import full_stack
from tests.infra.test_access import access, groups

assert groups  # the fixture of the access stack's permission groups
KINDS: Mapping[str, Kind] = {**cloudflare_kinds.KINDS, **github_probe.KINDS}
WITHOUT_PROBE = ("pulumi:", "notification-system:", "pulumi-python:")
"""Providers and components are nothing outside of Pulumi, and dynamic resources own nothing."""


def kind_of(registration: Registration) -> Kind:
    package, _, rest = registration.type.partition(":")
    return KINDS[f"{package}:{rest.rpartition(':')[2]}"]


def probed(declared: Declared) -> Iterator[Registration]:
    for registration in declared.registrations:
        if not registration.type.startswith(WITHOUT_PROBE):
            yield registration


@pytest.fixture
def service(tmp_path: Path) -> list[Registration]:
    return list(probed(full_stack(tmp_path)))


@pytest.fixture
def gates(groups: Any) -> list[Registration]:
    return list(probed(access(ciTokenExpiresOn="2027-01-01", ciTokenAllowedIps='["192.0.2.0/24"]')))


def uncovered(registration: Registration) -> list[str]:
    kind = kind_of(registration)
    return [
        path
        for path, value in leaves(registration.inputs, kind)
        if value is not None and kind.rule(path) is None and not kind.is_elsewhere(path)
    ]


def test_every_input_of_every_resource_is_compared_or_says_why_not(
    service: list[Registration], gates: list[Registration]
) -> None:
    found = {r.name: paths for r in (*service, *gates) if (paths := uncovered(r))}
    assert found == {}
    assert {r.type.rpartition(":")[2] for r in (*service, *gates)} == {
        kind.partition(":")[2]
        for kind in KINDS
        if kind not in ("github:ActionsSecret", "github:ActionsVariable")
    }


def test_an_input_that_the_program_sets_anew_would_be_missed_and_is_told(
    service: list[Registration],
) -> None:
    for registration in service:
        more = {**registration.inputs, "somethingNew": 1}
        assert "somethingNew" in uncovered(
            Registration(**{**registration.__dict__, "inputs": more})
        )


def other(value: Any) -> Any:
    """Another value of the same form."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str) and value.startswith("{"):
        return value.replace("com.cloudflare", "org.cloudflare", 1)
    if isinstance(value, str):
        return "2031-02-03T00:00:00Z" if value.endswith("T00:00:00Z") else f"x{value}"
    if isinstance(value, Mapping):
        name, first = next(iter(value.items()))
        return {**value, name: other(first)}
    return [other(value[0]), *value[1:]] if value else value


def with_other(document: Mapping[str, Any], path: str) -> dict[str, Any]:
    name, _, rest = path.partition(".")
    below = with_other(document[name], rest) if rest else other(document[name])
    return {**document, name: below}


def differences(registration: Registration, live: Mapping[str, Any]) -> list[Any]:
    managed = Managed(registration.type, registration.name, "id", {}, registration.inputs)
    return list(kind_of(registration).differences(managed, live))


def test_an_edit_of_any_compared_input_is_one_difference_of_its_kind(
    service: list[Registration], gates: list[Registration]
) -> None:
    edited = 0
    for registration in (*service, *gates):
        kind = kind_of(registration)
        assert differences(registration, registration.inputs) == []
        for path, value in leaves(registration.inputs, kind):
            rule = kind.rule(path)
            if rule is None or value is None or value == []:
                continue
            edited += 1
            found = differences(registration, with_other(registration.inputs, path))
            assert [type(one) for one in found] == [Finding], (registration.name, path)
            assert (found[0].kind, found[0].resource) == (rule.kind, registration.name)
            assert found[0].expected != found[0].found
    assert edited > 40


@pytest.mark.parametrize(
    ("resource", "live", "told"),
    [
        ("retry-queue", {"settings": {"deliveryDelay": 9}}, "settings.deliveryDelay 9"),
        (
            "retry-queue",
            {"settings": {"messageRetentionPeriod": 60}},
            "settings.messageRetentionPeriod 60",
        ),
        ("worker", {"logpush": True}, "logpush on"),
        ("worker", {"tailConsumers": [{"service": "t"}]}, "tailConsumers [{'service': 't'}]"),
        ("worker", {"tags": ["x"]}, "tags ['x']"),
        ("version", {"placement": {"mode": "smart"}}, "placement.mode smart"),
        ("version", {"limits": {"cpuMs": 50}}, "limits.cpuMs 50"),
        ("retry-consumer", {"settings": {"maxConcurrency": 1}}, "settings.maxConcurrency 1"),
        ("failed-consumer", {"deadLetterQueue": "q"}, "deadLetterQueue q"),
    ],
)
def test_what_somebody_set_and_the_program_does_not_is_unmanaged(
    service: list[Registration], resource: str, live: Mapping[str, Any], told: str
) -> None:
    registration = next(r for r in service if r.name == resource)
    there = {**registration.inputs, **live}
    if "settings" in live:
        there["settings"] = {**(registration.inputs.get("settings") or {}), **live["settings"]}
    (found,) = differences(registration, there)
    assert isinstance(found, Unmanaged)
    assert (found.resource, found.found) == (resource, told)


def test_a_paused_queue_is_a_difference_though_the_program_never_pauses(
    service: list[Registration],
) -> None:
    queue = next(r for r in service if r.name == "retry-queue")
    (found,) = differences(queue, {**queue.inputs, "settings": {"deliveryPaused": True}})
    assert isinstance(found, Finding)
    assert (found.kind, found.found) == ("queue settings", "deliveryPaused on")


GATE = {
    "can_admins_bypass": False,
    "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
    "protection_rules": [
        {"type": "branch_policy"},
        {
            "type": "required_reviewers",
            "prevent_self_review": True,
            "reviewers": [
                {"type": "User", "reviewer": {"id": 12}},
                {"type": "User", "reviewer": {"id": 11}},
            ],
        },
    ],
}


def _without_reviewers(gate: dict[str, Any]) -> None:
    gate["protection_rules"] = [{"type": "branch_policy"}]


def _team(gate: dict[str, Any]) -> None:
    rule = gate["protection_rules"][1]
    rule["reviewers"] = [*rule["reviewers"], {"type": "Team", "reviewer": {"id": 5}}]


def _waits(gate: dict[str, Any]) -> None:
    gate["protection_rules"] = [*gate["protection_rules"], {"type": "wait_timer", "wait_timer": 5}]


@pytest.mark.parametrize(
    ("edit", "kinds"),
    [
        (lambda gate: None, []),
        (_without_reviewers, ["self-review", "reviewers"]),
        (_team, ["reviewers"]),
        (lambda gate: gate.update(can_admins_bypass=True), ["admin bypass"]),
        (lambda gate: gate.update(deployment_branch_policy=None), ["branch policy"]),
        (_waits, ["environment"]),
    ],
)
def test_a_gate_that_was_opened_at_github_is_found(
    gates: list[Registration], edit: Callable[[dict[str, Any]], None], kinds: list[str]
) -> None:
    gate = deepcopy(GATE)
    edit(gate)
    registration = next(r for r in gates if r.name == "production-approval")
    found = differences(registration, github_probe._gates(gate))
    assert sorted(one.kind for one in found) == sorted(kinds)


def test_one_more_branch_that_may_deploy_is_found(gates: list[Registration]) -> None:
    class Answers:
        def __init__(self, *names: str) -> None:
            self._names = names

        def read(self, path: str) -> Any:
            assert path == "/environments/production-approval/deployment-branch-policies"
            return {"branch_policies": [{"name": name} for name in self._names]}

    registration = next(r for r in gates if r.name == "production-approval-branch")
    inputs = {**registration.inputs, "environment": "production-approval"}
    managed = Managed("github:RepositoryEnvironmentDeploymentPolicy", "branch", "1", inputs, inputs)

    def found(*names: str) -> list[tuple[str, str]]:
        probe = github_probe.GithubProbe(Answers(*names))  # type: ignore[arg-type]  # its one method
        return [(one.kind, one.found) for one in probe.findings(managed)]

    assert found("main") == []
    assert found("main", "*") == [("branch policy", "*, main")]
    assert found() == [("branch policy", "nothing")]


@pytest.mark.parametrize("answer", [{}, {"x": 1}, [], 5, "page"])
def test_an_answer_of_github_about_something_else_is_unknown(
    gates: list[Registration], answer: object
) -> None:
    class Answers:
        def read(self, path: str) -> Any:
            return answer

    probe = github_probe.GithubProbe(Answers())  # type: ignore[arg-type]  # its one method
    asked = 0
    for registration in gates:
        if not registration.type.startswith("github:"):
            continue
        package, _, rest = registration.type.partition(":")
        type_ = f"{package}:{rest.rpartition(':')[2]}"
        inputs = registration.inputs
        managed = Managed(type_, registration.name, "1", inputs, inputs)
        # Drift reads each of these as unknown.
        with pytest.raises((OperationError, KeyError, TypeError, AttributeError)):
            list(probe.findings(managed))
        asked += 1
    assert asked > 10


@pytest.mark.parametrize(
    "kept_time", ["2026-01-01T00:00:00Z", "2026-01-01 00:00:00 +0000 UTC"], ids=["ISO", "Go"]
)
def test_a_secret_that_was_set_again_since_is_found(kept_time: str) -> None:
    names = {"environment": "production", "secretName": "PROD_API_SECRET"}
    kept = {**names, "updatedAt": kept_time}
    managed = Managed("github:ActionsEnvironmentSecret", "secret", "x", kept, names)

    class Answers:
        time = "2026-01-01T00:00:00Z"

        def read(self, path: str) -> Any:
            return {"name": "PROD_API_SECRET", "updated_at": self.time}

    answers = Answers()
    probe = github_probe.GithubProbe(answers)  # type: ignore[arg-type]  # its one method
    assert list(probe.findings(managed)) == []
    answers.time = "2026-02-01T00:00:00Z"
    (found,) = probe.findings(managed)
    assert "set again at 2026-02-01" in found.found


@pytest.mark.parametrize(
    ("kind", "watched"),
    [
        # Cloudflare docs, "Queues: configuration": a queue delivers at once, and keeps four days.
        ("Queue", {"settings.deliveryDelay": 0, "settings.messageRetentionPeriod": 345_600}),
        (
            "Worker",
            {
                "logpush": False,
                "tailConsumers": [],
                "tags": [],
                "observability.traces.enabled": False,
            },
        ),
        ("WorkerVersion", {"placement.mode": None, "limits.cpuMs": None}),
        ("QueueConsumer", {"settings.maxConcurrency": None, "deadLetterQueue": None}),
        (
            "AccountToken",
            {
                "condition.requestIp.ins": None,
                "condition.requestIp.notIns": None,
                "expiresOn": None,
            },
        ),
    ],
)
def test_what_the_program_leaves_out_is_as_cloudflare_makes_it(
    kind: str, watched: dict[str, Any]
) -> None:
    found = KINDS[f"cloudflare:{kind}"].watched
    assert found == watched
    assert [type(value) for value in found.values()] == [type(v) for v in watched.values()]
    assert dict(KINDS["cloudflare:Queue"].assumed) == {"settings.deliveryPaused": False}
