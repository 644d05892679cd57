"""Every shape of a stack through its whole life, by the embedded engine, to an empty account."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine import (
    EmbeddedEngine,
    EngineEvent,
    UpdateResult,
    encrypt_config_value,
    new_encryption_salt,
)
from infra.names import Names
from ops.access.keys.generation import generate
from ops.build.build import build_assets, build_bundle
from ops.stacks.project import Project
from tests.altered_project import AlteredProject
from tests.localcloud.running_cloud import RunningCloud

PROJECT = Path(__file__).parents[2]
PASSPHRASE = "the passphrase of the test"
CANARY = "c0ffee" * 10 + "beef"
LISTINGS = ("/d1/database", "/storage/kv/namespaces", "/queues", "/workers/workers")
# The fake host answers no preview URL, so nothing is smoked here; workerd's installations are.
BASE: dict[str, Any] = {"previewUrls": False, "workersDevSubdomain": "local"}


@dataclass(frozen=True)
class Shape:
    """A stack and what is special about it; `resources` counts what it creates."""

    stack: str
    environment: str
    resources: int
    settings: Mapping[str, Any]


SHAPES = {
    "minimal": Shape(
        "minimal", "development", 20, {"rateLimitEnabled": False, "crons": [], "console": False}
    ),
    "full": Shape(
        "production",
        "production",
        23,
        {
            "protectStores": False,
            "console": True,
            "d1Location": "weur",
            "customDomain": "notify.example.test",
            "zoneName": "example.test",
            "routePattern": "api.example.test/notify*",
            "observabilitySampling": 0.5,
        },
    ),
    "with-domain": Shape(
        "development",
        "development",
        22,
        {"customDomain": "dev.example.test", "zoneName": "example.test", "workersDev": False},
    ),
    "staging": Shape("staging", "staging", 20, {"d1Jurisdiction": "eu"}),
    "pr-7": Shape("pr-7", "development", 20, {"console": True}),
}


class Life:
    """One stack on one control plane, driven by the embedded engine."""

    def __init__(self, folder: Path, cloud: RunningCloud, shape: Shape) -> None:
        self.shape = shape
        self.said: list[str] = []
        self._salt = new_encryption_salt(PASSPHRASE)
        self._secrets = {**generate(), "metricsToken": CANARY}
        self._cloud = cloud
        self._file = folder / f"Pulumi.{shape.stack}.yaml"
        self.configure({})
        self._backend = folder / "pulumi"
        self.engine = self.engine_of(PROJECT)

    def engine_of(self, project: Path) -> EmbeddedEngine:
        """The engine that runs a checkout's program on this stack."""
        return EmbeddedEngine(
            project_dir=project,
            backend_dir=self._backend,
            stack=self.shape.stack,
            config_file=self._file,
            passphrase=PASSPHRASE,
            environment={
                **os.environ,
                "CLOUDFLARE_API_TOKEN": self._cloud.home.api_token(),
                "NOTIFICATION_COMMIT": "c0ffee",
                "PYTHONPATH": str(project),
            },
            on_event=self._note,
        )

    def rewrite_state(self, change: Callable[[str], str]) -> None:
        """Put another state in the place of the stack's."""
        (file,) = self._backend.glob(f".pulumi/stacks/*/{self.shape.stack}.json")
        file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Write the stack's file."""
        settings = {
            **BASE,
            "accountId": self._cloud.endpoints.account_id,
            "environment": self.shape.environment,
            **self.shape.settings,
            **changes,
        }
        config: dict[str, Any] = {f"notification-system:{k}": v for k, v in settings.items()}
        config["cloudflare:baseUrl"] = self._cloud.endpoints.control_url
        for key, value in self._secrets.items():
            sealed = encrypt_config_value(value, passphrase=PASSPHRASE, salt=self._salt)
            config[f"notification-system:{key}"] = {"secure": sealed}
        document = {"config": config, "encryptionsalt": self._salt}
        self._file.write_text(yaml.safe_dump(document), encoding="utf-8")

    def changed(self, result: UpdateResult) -> dict[str, int]:
        """What an operation that must succeed has changed."""
        assert result.result == "succeeded", "\n".join(self.said[-20:])
        return {op: count for op, count in result.changes.items() if op != "same" and count}

    def left(self) -> dict[str, int]:
        """How many of each kind of thing the account holds."""
        found = {path: len(self._cloud.result("GET", path)) for path in LISTINGS}
        return {**found, "domains": len(self._cloud.result("GET", "/workers/domains"))}

    def _note(self, event: EngineEvent) -> None:
        if event.message:
            self.said.append(f"{event.kind} {event.name}: {event.message}")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """One control plane for all shapes; the bundle is built once."""
    project = Project(root=PROJECT, home=PROJECT / ".local")
    build_bundle(project)
    build_assets(project, base_path="/console")
    with RunningCloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.mark.requirement("T-6")
def test_a_renamed_component_with_its_alias_replaces_nothing(
    tmp_path: Path, cloud: RunningCloud
) -> None:
    life = Life(tmp_path, cloud, SHAPES["minimal"])
    life.changed(life.engine.up())
    altered = AlteredProject(tmp_path / "altered")
    shutil.copytree(PROJECT / "dist", altered.root / "dist")
    altered.replace(
        "infra/program.py", '"stores",\n        StoresArgs(', '"storage",\n        StoresArgs('
    )
    stores = "        opts,\n    )\n    queues = "
    alias = 'pulumi.ResourceOptions(aliases=[pulumi.Alias(name="stores")])'
    renamed = stores.replace(" opts,", f" pulumi.ResourceOptions.merge(opts, {alias}),")
    assert life.changed(life.engine_of(altered.root).preview()) != {}
    altered.replace("infra/program.py", stores, renamed)
    assert life.changed(life.engine_of(altered.root).up()) == {}
    kept = {entry["urn"] for entry in life.engine.export()["deployment"]["resources"]}
    assert any(urn.endswith("::storage") for urn in kept)
    life.changed(life.engine.destroy())
    assert set(life.left().values()) == {0}


def test_a_state_of_an_earlier_release_gets_its_new_components_and_replaces_nothing(
    tmp_path: Path, cloud: RunningCloud
) -> None:
    life = Life(tmp_path, cloud, SHAPES["minimal"])
    life.changed(life.engine.up())
    life.rewrite_state(as_an_earlier_release_wrote_it)
    assert life.changed(life.engine.up()) == {"create": 2}
    assert life.changed(life.engine.up()) == {}
    life.changed(life.engine.destroy())
    assert set(life.left().values()) == {0}


def as_an_earlier_release_wrote_it(state: str) -> str:
    """The state with two components: the stores with queues, and the traffic with its triggers."""
    for component, earlier in (
        ("Deployment::serving", "Traffic::traffic"),
        ("Triggers::triggers", "Traffic::traffic"),
        ("Queues::queues", "Stores::stores"),
        ("Deployment$", "Traffic$"),
        ("Triggers$", "Traffic$"),
        ("Queues$", "Stores$"),
    ):
        state = state.replace(f":index:{component}", f":index:{earlier}")
    document = json.loads(state)
    latest = document["checkpoint"]["latest"]
    latest["resources"] = list({entry["urn"]: entry for entry in latest["resources"]}.values())
    return json.dumps(document)


def test_a_program_that_breaks_after_its_first_resources_says_why_and_registers_nothing(
    tmp_path: Path, cloud: RunningCloud
) -> None:
    life = Life(tmp_path, cloud, SHAPES["minimal"])
    altered = AlteredProject(tmp_path / "altered")
    shutil.copytree(PROJECT / "dist", altered.root / "dist")
    altered.replace("infra/components/service.py", "cloudflare.Worker(", "cloudflare.Worker(0, ")
    planned = life.engine_of(altered.root).preview()
    assert planned.result == "failed"
    assert "TypeError" in str(planned.message)
    assert "multiple values for argument" in str(planned.message)
    assert "(infra/components/service.py:" in str(planned.message)
    assert not [urn for _, urn in planned.steps if "cloudflare:index" in urn]


@pytest.mark.requirement("PD-09", "T-7")
def test_protected_stores_survive_a_destroy_until_they_are_unprotected(
    tmp_path: Path, cloud: RunningCloud
) -> None:
    life = Life(tmp_path, cloud, SHAPES["minimal"])
    life.configure({"protectStores": True})
    life.changed(life.engine.up())
    refused = life.engine.destroy()
    assert refused.result == "failed"
    assert {life.left()[path] for path in LISTINGS[:2]} == {1}
    assert life.engine.unprotect() == 4
    assert life.engine.unprotect() == 0
    life.changed(life.engine.destroy())
    assert set(life.left().values()) == {0}


def whole_life(folder: Path, cloud: RunningCloud, shape: Shape) -> None:
    life = Life(folder, cloud, shape)
    assert life.changed(life.engine.up()) == {"create": shape.resources}
    names, outputs = Names.of_stack(shape.stack), life.engine.outputs()
    assert (outputs["worker_name"], outputs["d1_database_name"]) == (names.worker, names.database)
    assert life.changed(life.engine.up()) == {}
    assert life.changed(life.engine.refresh()) == {}
    assert life.changed(life.engine.preview()) == {}

    schedules = f"/workers/scripts/{outputs['worker_name']}/schedules"
    assert len(cloud.result("GET", schedules)["schedules"]) == len(shape.settings.get("crons", "1"))
    life.configure({"logLevel": "warn", "crons": []})
    change = life.changed(life.engine.up())
    assert change["replace"] == 2, change  # the version and its deployment
    assert set(life.engine.outputs()) == set(outputs)
    assert cloud.result("GET", schedules)["schedules"] == []
    assert life.engine.outputs()["version_id"] != outputs["version_id"]

    kept = (folder / "pulumi").rglob("*")
    texts = [path.read_text() for path in kept if path.is_file()] + life.said
    assert len(texts) > 5
    assert not [text for text in texts if CANARY in text]

    life.changed(life.engine.destroy())
    assert set(life.left().values()) == {0}, life.left()


@pytest.mark.requirement("T-8", "T-5", "PD-02", "PD-03", "PD-06", "PD-08", "PD-16", "S0-105")
@pytest.mark.requirement("S0-08", "S0-15", "S0-66", "S0-67", "S0-107")
@pytest.mark.sample(1)
@pytest.mark.parametrize("name", SHAPES)
def test_a_stack_lives_from_its_first_update_to_an_empty_account(
    tmp_path: Path, cloud: RunningCloud, name: str
) -> None:
    whole_life(tmp_path, cloud, SHAPES[name])
