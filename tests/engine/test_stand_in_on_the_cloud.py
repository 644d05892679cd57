"""Stand-ins against the control plane: addresses, tokens, look-ups, from creation to deletion."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ProviderError
from engine.property_value import unwrap
from engine.provider import Known, Target
from engine.providers.asset_upload import manifest_sha256
from engine.providers.cloudflare_client import CloudflareClient
from engine.providers.cloudflare_provider import CloudflareProvider
from engine.providers.cloudflare_table import CLOUDFLARE_TYPES
from tests.localcloud.running_cloud import RunningCloud, deploy

ZONES = "cloudflare:index/getZones:getZones"
ZONE = "cloudflare:index/getZone:getZone"
GROUPS = (
    "cloudflare:index/getAccountApiTokenPermissionGroupsList:getAccountApiTokenPermissionGroupsList"
)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[RunningCloud]:
    """A control plane of the test's own."""
    with RunningCloud(tmp_path / "home") as running:
        yield running


@pytest.fixture
def provider(cloud: RunningCloud) -> Iterator[CloudflareProvider]:
    """The stand-in with the local token."""
    endpoints = cloud.endpoints
    client = CloudflareClient(base_url=endpoints.control_url, api_token=endpoints.api_token)
    stand_in = CloudflareProvider(client)
    yield stand_in
    stand_in.close()


def target(name: str, id_: str = "") -> Target:
    """A resource of the type with this name."""
    token = next(token for token in CLOUDFLARE_TYPES if token.endswith(f":{name}"))
    return Target(f"urn:pulumi:dev::probe::{token}::x", token, "x", id_)


def lives(provider: CloudflareProvider, name: str, inputs: dict[str, Any]) -> tuple[str, Known]:
    """Create it and see that neither a second look nor a refresh finds a change."""
    id_, outputs = provider.create(target(name), inputs, preview=False)
    known = Known(inputs, unwrap(outputs))
    assert provider.diff(target(name, id_), known, inputs, ()).changed is False
    live = provider.read(target(name, id_), known)
    assert live is not None
    assert unwrap(live.outputs) == known.outputs
    return id_, known


def zone_id(provider: CloudflareProvider) -> str:
    """The id of the account's first zone."""
    found = provider.invoke(ZONES, {"name": "example.test"}).inputs["results"]
    return str(found[0]["id"])


def test_zones_are_looked_up_by_name_or_by_id(provider: CloudflareProvider) -> None:
    (zone,) = provider.invoke(ZONES, {"account": {"id": "0" * 31 + "1"}}).inputs["results"]
    assert (zone["name"], zone["nameServers"][0][:3]) == ("example.test", "ada")
    for args in ({"zoneId": zone["id"]}, {"filter": {"name": "example.test"}}):
        assert provider.invoke(ZONE, args).inputs["zoneId"] == zone["id"]
    assert provider.invoke(ZONES, {"name": "nope.test"}).inputs["results"] == []
    with pytest.raises(ProviderError, match="exactly one"):
        provider.invoke(ZONE, {"filter": {"name": "nope.test"}})
    with pytest.raises(ProviderError, match="no function"):
        provider.invoke("cloudflare:index/getUser:getUser", {})


def test_a_domain_and_a_route_live_without_changes_until_they_go(
    cloud: RunningCloud, provider: CloudflareProvider
) -> None:
    deploy(cloud)
    zone = zone_id(provider)
    account = cloud.endpoints.account_id
    domain = {"accountId": account, "hostname": "n.example.test", "service": "w", "zoneId": zone}
    id_, known = lives(provider, "WorkersCustomDomain", domain)
    assert known.outputs["zoneName"] == "example.test"
    other = {**domain, "hostname": "m.example.test"}
    found = provider.diff(target("WorkersCustomDomain", id_), known, other, ())
    assert found.replaces == ("hostname",)
    route = {"zoneId": zone, "pattern": "example.test/*", "script": "w"}
    route_id, known_route = lives(provider, "WorkersRoute", route)
    changed = {**route, "pattern": "example.test/api/*"}
    there = target("WorkersRoute", route_id)
    difference = provider.diff(there, known_route, changed, ())
    assert (difference.changed, difference.replaces) == (True, ())
    outputs = unwrap(provider.update(there, known_route, changed, preview=False))
    assert outputs["pattern"] == "example.test/api/*"
    provider.delete(there, Known(changed, outputs))
    provider.delete(target("WorkersCustomDomain", id_), known)
    assert provider.read(there, Known(changed, outputs)) is None
    assert provider.read(target("WorkersCustomDomain", id_), known) is None


def test_a_token_keeps_its_value_through_changes(
    cloud: RunningCloud, provider: CloudflareProvider
) -> None:
    account = cloud.endpoints.account_id
    args = {"accountId": account, "name": "Workers Scripts Write"}
    (group,) = provider.invoke(GROUPS, args).inputs["results"]
    resources = json.dumps({f"com.cloudflare.api.account.{account}": "*"}, separators=(",", ":"))
    policy = {"effect": "allow", "permissionGroups": [{"id": group["id"]}], "resources": resources}
    inputs = {
        "accountId": account,
        "name": "ci",
        "policies": [policy],
        "condition": {"requestIp": {"ins": ["127.0.0.0/8"], "notIns": ["127.9.0.0/16"]}},
        "expiresOn": "2099-01-01T00:00:00Z",
    }
    id_, known = lives(provider, "AccountToken", inputs)
    value = known.outputs["value"]
    assert len(value) == 40
    changed = {**inputs, "name": "other"}
    there = target("AccountToken", id_)
    assert provider.diff(there, known, changed, ()).replaces == ()
    outputs = unwrap(provider.update(there, known, changed, preview=False))
    assert (outputs["name"], outputs["value"]) == ("other", value)
    # Somebody else's change of the policies is drift.
    groups = provider.invoke(GROUPS, {**args, "name": "D1 Read"}).inputs["results"]
    body = {
        "name": "other",
        "policies": [
            {
                "effect": "allow",
                "permission_groups": [{"id": groups[0]["id"]}],
                "resources": json.loads(resources),
            }
        ],
    }
    cloud.result("PUT", f"/tokens/{id_}", json=body)
    live = provider.read(there, Known(changed, outputs))
    assert live is not None
    drifted = Known(changed, unwrap(live.outputs))
    assert provider.diff(there, drifted, changed, ()).changed is True
    assert set(provider.diff(there, drifted, changed, ()).keys) >= {"policies", "condition"}
    provider.delete(there, drifted)
    assert provider.read(there, drifted) is None


def test_the_assets_of_a_version_are_uploaded_once_and_a_changed_file_replaces_it(
    cloud: RunningCloud, provider: CloudflareProvider, tmp_path: Path
) -> None:
    folder = tmp_path / "assets"
    (folder / "js").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>hi</h1>")
    (folder / "js" / "a&b.js").write_text("1")
    account = cloud.endpoints.account_id
    worker = cloud.result("POST", "/workers/workers", json={"name": "w"})["id"]
    inputs = {
        "accountId": account,
        "workerId": worker,
        "mainModule": "entry.py",
        "modules": [{"name": "entry.py", "contentType": "text/x-python", "contentBase64": "eD0x"}],
        "compatibilityDate": "2026-10-01",
        "compatibilityFlags": ["python_workers"],
        "bindings": [{"name": "ASSETS", "type": "assets"}],
        "assets": {
            "config": {"htmlHandling": "none", "runWorkerFirst": ["/api/*"]},
            "directory": str(folder),
        },
    }
    id_, known = lives(provider, "WorkerVersion", inputs)
    assert set(known.outputs["assets"]) == {"config", "directory", "assetManifestSha256"}
    told = cloud.host.versions[id_]["assets"]
    assert told["config"] == {"html_handling": "none", "run_worker_first": ["/api/*"]}
    assert sorted(told["files"]) == ["/index.html", "/js/a&b.js"]
    assert told["files"]["/index.html"]["contentType"] == "text/html; charset=utf-8"
    (folder / "index.html").write_text("<h1>ho</h1>")
    difference = provider.diff(target("WorkerVersion", id_), known, inputs, ())
    assert difference.replaces == ("assets",)
    again, _ = provider.create(target("WorkerVersion"), inputs, preview=False)
    assert again != id_
    assert len(list(cloud.home.assets.iterdir())) == 3
    missing = {**inputs, "assets": {"directory": str(tmp_path / "nowhere")}}
    with pytest.raises(ProviderError, match="isn't there"):
        provider.create(target("WorkerVersion"), missing, preview=False)


def version_of(cloud: RunningCloud, *modules: dict[str, str]) -> dict[str, Any]:
    """Inputs of a version with these modules, of a Worker that is there."""
    worker = cloud.result("POST", "/workers/workers", json={"name": "w"})["id"]
    return {
        "accountId": cloud.endpoints.account_id,
        "workerId": worker,
        "mainModule": "entry.py",
        "modules": [{"contentType": "text/x-python", **module} for module in modules],
        "compatibilityDate": "2026-10-01",
        "compatibilityFlags": ["python_workers"],
    }


def test_a_module_that_is_a_file_is_sent_whole_and_kept_as_its_hash(
    cloud: RunningCloud, tmp_path: Path
) -> None:
    (tmp_path / "entry.py").write_text("x = 1")
    client = CloudflareClient(
        base_url=cloud.endpoints.control_url, api_token=cloud.endpoints.api_token
    )
    provider = CloudflareProvider(client, folder=tmp_path)
    inputs = version_of(
        cloud,
        {"name": "entry.py", "contentFile": "entry.py"},
        {"name": "b.py", "contentBase64": "eT0x"},
    )
    id_, known = lives(provider, "WorkerVersion", inputs)
    entry = known.outputs["modules"][0]
    assert entry == {
        "name": "entry.py",
        "contentType": "text/x-python",
        "contentFile": "entry.py",
        "contentSha256": hashlib.sha256(b"x = 1").hexdigest(),
    }
    path = f"/workers/workers/{inputs['workerId']}/versions/{id_}?include=modules"
    sent = {item["name"]: item["content_base64"] for item in cloud.result("GET", path)["modules"]}
    assert sent == {"entry.py": "eCA9IDE=", "b.py": "eT0x"}
    (tmp_path / "entry.py").write_text("x = 2")
    there = target("WorkerVersion", id_)
    assert provider.diff(there, known, inputs, ()).replaces == ("modules",)
    (tmp_path / "entry.py").unlink()
    with pytest.raises(
        ProviderError, match=r"entry\.py can't be read from entry\.py: No such file"
    ):
        provider.diff(there, known, inputs, ())
    provider.close()


def test_the_same_content_from_a_file_changes_the_state_and_no_version(
    cloud: RunningCloud, tmp_path: Path
) -> None:
    client = CloudflareClient(
        base_url=cloud.endpoints.control_url, api_token=cloud.endpoints.api_token
    )
    provider = CloudflareProvider(client, folder=tmp_path)
    text = version_of(cloud, {"name": "entry.py", "contentBase64": "eD0x"})
    id_, known = lives(provider, "WorkerVersion", text)
    (tmp_path / "entry.py").write_bytes(b"x=1")
    module = {"name": "entry.py", "contentType": "text/x-python", "contentFile": "entry.py"}
    file = {**text, "modules": [module]}
    there = target("WorkerVersion", id_)
    difference = provider.diff(there, known, file, ())
    assert (difference.changed, difference.replaces) == (True, ())
    outputs = unwrap(provider.update(there, known, file, preview=False))
    assert outputs["modules"] == [{**module, "contentSha256": hashlib.sha256(b"x=1").hexdigest()}]
    assert (outputs["id"], outputs["createdOn"]) == (id_, known.outputs["createdOn"])
    versions = cloud.result("GET", f"/workers/workers/{text['workerId']}/versions")
    assert [version["id"] for version in versions] == [id_]
    provider.close()


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ({"name": "entry.py"}, "has none"),
        ({"name": "entry.py", "contentBase64": "eD0x", "contentFile": "a"}, "has both"),
        ({"name": "entry.py", "contentBase64": "%"}, "is no base64"),
    ],
)
def test_a_module_has_one_source_of_its_content(
    cloud: RunningCloud, provider: CloudflareProvider, module: dict[str, str], words: str
) -> None:
    with pytest.raises(ProviderError, match=words):
        provider.create(target("WorkerVersion"), version_of(cloud, module), preview=True)


def test_the_manifests_hash_is_that_of_the_json_that_go_writes(tmp_path: Path) -> None:
    (tmp_path / "a&b.txt").write_text("x")
    entry = f'{{"hash":"{hashlib.sha256(b"x").hexdigest()[:32]}","size":1}}'
    text = '{"/a\\u0026b.txt":' + entry + "}"
    assert manifest_sha256(str(tmp_path)) == hashlib.sha256(text.encode()).hexdigest()
