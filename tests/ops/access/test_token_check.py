"""A token is checked: its state, each permission that lacks, each that is too many."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import EmbeddedEngine
from engine.errors import ProviderError
from engine.provider import Target
from engine.providers.cloudflare_client import CloudflareClient
from engine.providers.cloudflare_provider import CloudflareProvider
from infra.access.calls import CALLS, Token, refusal_advice
from infra.access.permission import Permission, Scope
from localcloud.api.permission_groups import PERMISSION_GROUPS
from localcloud.api.permissions import permission_for
from localcloud.endpoints import ACCOUNT_ID
from ops.access.token.token_api import TokenApi
from ops.access.token.token_check import TokenCheck, is_token
from ops.access.token.token_report import TokenReport
from ops.build.build import build_bundle
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext
from ops.stacks.local_stack import LocalStack
from ops.stacks.project import Project
from tests import forked_commands
from tests.installation import ROOT
from tests.localcloud.running_cloud import RunningCloud

IDS = {(group.name, group.scope): group.id for group in PERMISSION_GROUPS}
DEPLOYING = tuple(call.permission for call in CALLS if call.token is Token.DEPLOYING)
NEEDED = tuple(item for item in DEPLOYING if item.scope is Scope.ACCOUNT)
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """An account without resources."""
    with RunningCloud(tmp_path_factory.mktemp("tokens") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def zone(cloud: RunningCloud) -> str:
    """The id of the zone example.test, which is there from the start."""
    (found,) = cloud.http.get("/zones").json()["result"]
    return str(found["id"])


def mint(
    cloud: RunningCloud, *permissions: Permission, zone: str = "", more: str = "", **changes: Any
) -> dict[str, Any]:
    """A new token with these permissions, and `more` named group of the account."""
    groups: dict[Scope, list[dict[str, str]]] = {Scope.ACCOUNT: [], Scope.ZONE: []}
    for item in permissions:
        groups[item.scope].append({"id": IDS[item.group, item.scope.value]})
    if more:
        groups[Scope.ACCOUNT].append({"id": IDS[more, Scope.ACCOUNT.value]})
    owner = {Scope.ACCOUNT: ACCOUNT_ID, Scope.ZONE: zone}
    policies = [
        {
            "effect": "allow",
            "permission_groups": found,
            "resources": {f"{scope.value}.{owner[scope]}": "*"},
        }
        for scope, found in groups.items()
        if found
    ]
    body = {"name": "ci", "policies": policies, **changes}
    made: dict[str, Any] = cloud.result("POST", "/tokens", json=body)
    return made


def checked(
    cloud: RunningCloud,
    token: str,
    needed: tuple[Permission, ...] = NEEDED,
    zone: str | None = None,
) -> TokenReport:
    """The report about a token."""
    with TokenApi(cloud.endpoints.control_url, token, is_local=True) as api:
        return TokenCheck(api, ACCOUNT_ID, zone_id=zone, zone_name="example.test").run(needed)


@pytest.mark.requirement("S0-05", "S0-53")
def test_cis_token_passes_with_exactly_its_permissions(cloud: RunningCloud) -> None:
    report = checked(cloud, mint(cloud, *NEEDED)["value"])
    assert (report.status, report.source, report.missing) == ("active", "calls", ())
    assert len(report.granted) == 5
    assert report.verdict(allow_more=False) is None
    # Nothing was made by trying.
    counts = cloud.local("GET", "/state")
    names = ("d1_databases", "kv_namespaces", "queues", "workers")
    assert [counts[name] for name in names] == [0, 0, 0, 0]


@pytest.mark.requirement("S0-05", "S0-54")
@pytest.mark.parametrize("lacking", DEPLOYING)
def test_each_permission_that_lacks_is_named(
    cloud: RunningCloud, zone: str, lacking: Permission
) -> None:
    rest = [item for item in DEPLOYING if item is not lacking]
    token = mint(cloud, *rest, zone=zone)["value"]
    report = checked(cloud, token, DEPLOYING, zone=zone)
    assert report.missing == (lacking.shown,)
    assert lacking.shown in str(report.verdict(allow_more=True))
    # A token that may read itself tells the same without a try.
    told = mint(cloud, *rest, zone=zone, more="Account API Tokens Read")["value"]
    exact = checked(cloud, told, DEPLOYING, zone=zone)
    assert (exact.source, exact.missing) == ("policies", (lacking.shown,))
    assert exact.surplus == ("Account → Account API Tokens → Read",)


@pytest.mark.requirement("S0-54")
def test_each_permission_that_is_too_many_is_named(cloud: RunningCloud) -> None:
    made = mint(cloud, *NEEDED, Permission.D1_WRITE, more="Workers R2 Storage Write")
    report = TokenCheck.compare(cloud.result("GET", f"/tokens/{made['id']}"), NEEDED)
    assert report.surplus == ("Account → Workers R2 Storage → Edit",)
    assert report.missing == ()
    assert "Workers R2 Storage" in str(report.verdict(allow_more=False))
    assert report.verdict(allow_more=True) is None


@pytest.mark.requirement("S0-53")
def test_a_token_that_ended_is_off_or_unknown_is_told_as_such(cloud: RunningCloud) -> None:
    assert checked(cloud, "x" * 40).status == "invalid"
    off = mint(cloud, *NEEDED, status="disabled")["value"]
    assert checked(cloud, off).status == "disabled"
    ended = mint(cloud, *NEEDED, expires_on="2026-01-01T00:00:00Z")["value"]
    report = checked(cloud, ended)
    assert report.status == "expired"
    assert "ciTokenGenerations" in str(report.verdict(allow_more=True))
    own = str(report.verdict(allow_more=True, is_pipeline=False))
    assert "Make a new one in the dashboard" in own
    assert "ciTokenGenerations" not in own


def command(cloud: RunningCloud, token: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`notifyctl token check` as a process, with `token` in the environment."""
    port = cloud.endpoints.control_url.split(":")[2].split("/")[0]
    environment = {
        **os.environ,
        "NOTIFICATION_LOCAL_HOME": str(cloud.home.root),
        "NOTIFICATION_LOCAL_CONTROL_PORT": port,
        "GIVEN": token,
        "PYTHONPATH": str(ROOT),
    }
    options = ("token", "check", "--token-variable", "GIVEN", *arguments)
    return forked_commands.run(options, environment=environment)


@pytest.mark.requirement("S0-53", "S0-54")
def test_the_command_tells_by_its_exit_code_and_never_shows_the_token(cloud: RunningCloud) -> None:
    good = mint(cloud, *NEEDED)["value"]
    passed = command(cloud, good, "--json")
    assert passed.returncode == 0, passed.stderr
    assert json.loads(passed.stdout)["missing"] == []
    poor = mint(cloud, *NEEDED[1:])["value"]
    failed = command(cloud, poor)
    assert failed.returncode == 5
    assert f"lacks        {NEEDED[0].shown}" in failed.stdout
    assert f"The token lacks {NEEDED[0].shown}." in failed.stderr
    said = "".join(part.stdout + part.stderr for part in (passed, failed))
    assert good not in said
    assert poor not in said


@pytest.mark.requirement("S0-53")
def test_what_is_no_token_by_its_form_is_told_without_a_call() -> None:
    for text in ("", "short", "x" * 40 + "\n", f'"{"x" * 40}"', "Bearer " + "x" * 40):
        assert not is_token(text), text
    assert is_token("x" * 40)
    assert "without quotes" in str(TokenReport("malformed").verdict(allow_more=True))


def creation(permission: Permission, zone: str) -> tuple[str, dict[str, Any]]:
    """A resource that the permission is for: its type and its inputs."""
    inputs: dict[Permission, tuple[str, dict[str, Any]]] = {
        Permission.D1_WRITE: (
            "d1Database:D1Database",
            {"name": "d", "readReplication": {"mode": "disabled"}},
        ),
        Permission.WORKERS_KV_STORAGE_WRITE: (
            "workersKvNamespace:WorkersKvNamespace",
            {"title": "t"},
        ),
        Permission.QUEUES_WRITE: ("queue:Queue", {"queueName": "q"}),
        Permission.WORKERS_SCRIPTS_WRITE: ("worker:Worker", {"name": "w"}),
        Permission.WORKERS_ROUTES_WRITE: (
            "workersRoute:WorkersRoute",
            {"zoneId": zone, "pattern": "example.test/*", "script": "w"},
        ),
    }
    name, properties = inputs[permission]
    account = {} if "zoneId" in properties else {"accountId": ACCOUNT_ID}
    return f"cloudflare:index/{name}", {**account, **properties}


@pytest.mark.requirement("S0-54")
@pytest.mark.parametrize(
    "lacking",
    [p for p in DEPLOYING if p not in (Permission.ACCOUNT_SETTINGS_READ, Permission.ZONE_READ)],
)
def test_a_deployments_refused_call_names_the_permission(
    cloud: RunningCloud, zone: str, lacking: Permission
) -> None:
    rest = [item for item in DEPLOYING if item is not lacking]
    token = mint(cloud, *rest, zone=zone)["value"]
    client = CloudflareClient(base_url=cloud.endpoints.control_url, api_token=token)
    kind, inputs = creation(lacking, zone)
    provider = CloudflareProvider(client)
    target = Target(f"urn:pulumi:dev::probe::{kind}::x", kind, "x")
    with pytest.raises(ProviderError) as refused:
        provider.create(target, inputs, preview=False)
    provider.close()
    advice = refusal_advice(str(refused.value))
    assert advice is not None
    assert lacking.shown in advice


@pytest.mark.requirement("S0-05", "S0-54")
@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "lacking",
    [
        Permission.QUEUES_WRITE,
        Permission.D1_WRITE,
        Permission.WORKERS_KV_STORAGE_WRITE,
        Permission.WORKERS_SCRIPTS_WRITE,
    ],
)
def test_an_up_without_a_permission_fails_and_names_it(
    cloud: RunningCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: Permission
) -> None:
    port = cloud.endpoints.control_url.split(":")[2].split("/")[0]
    monkeypatch.setenv("NOTIFICATION_LOCAL_HOME", str(tmp_path))
    monkeypatch.setenv("NOTIFICATION_LOCAL_CONTROL_PORT", port)
    project = Project.find(ROOT)
    build_bundle(project)
    local = LocalStack.prepare(StackContext.read(project, "local", Reporter(quiet=True)))
    token = mint(cloud, *(item for item in NEEDED if item is not lacking))["value"]
    engine = EmbeddedEngine(
        project_dir=ROOT,
        backend_dir=local.backend_dir,
        stack="local",
        config_file=local.config_file,
        passphrase=local.passphrase,
        environment={**local.environment, "CLOUDFLARE_API_TOKEN": token},
        on_event=lambda _: None,
    )
    result = engine.up()
    assert result.result == "failed"
    # Asked before anything moves, by reading: the text names what that takes.
    told = refusal_advice(result.message) or result.message
    assert lacking.shown.rpartition(" → ")[0] in told
    assert "notifyctl token check" in told
    assert token not in result.message
    assert engine.destroy().result == "succeeded"


@pytest.mark.parametrize(
    "message",
    [
        'POST "https://api.cloudflare.com/client/v4/accounts/{a}/queues": 403 Forbidden {{}}',
        "Cloudflare answered PUT /accounts/{a}/queues/7/consumers/8 with 403: Authentication error",
    ],
)
def test_the_real_providers_words_are_understood_too(message: str) -> None:
    advice = refusal_advice(f"error: {message.format(a='0' * 32)} and more")
    assert "Account → Queues → Edit" in str(advice)
    assert refusal_advice(message.format(a="0" * 32).replace("403", "404")) is None
    assert refusal_advice("POST /accounts/0/somewhere with 403: no") is None


def test_the_table_of_calls_agrees_with_what_the_local_account_enforces() -> None:
    for call in CALLS:
        path = call.path.replace("{account_id}", ACCOUNT_ID).replace("{zone_id}", "5" * 32)
        line = permission_for(path)
        assert line is not None, path
        method = call.methods.split(", ")[-1]
        assert call.permission.group in line.needed(method), path
        assert line.scope == call.permission.scope.value
        if call.reading is not None:
            assert call.reading.group in line.needed("GET")
            assert call.reading.group not in line.needed("POST")
    assert len({call.path for call in CALLS}) == len(CALLS)
