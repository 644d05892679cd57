"""The entry: config from Pulumi, inputs from the project folder, errors in one message."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime.config import set_all_config

from infra import SERVICE_VERSION
from infra.inputs import read_pulumi_config
from infra.migrations.location import project_root
from infra.program import run
from infra.release import config_digest, release_settings, secret_fingerprints
from infra.rules import collect_declarations
from tests.infra.registrations import Declared, declare_stack
from tests.infra.stack_inputs import API_SECRET, CONFIG, checked_config, write_migrations
from tests.infra.test_bundle_reader import written

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with a bundle and migrations; the working directory is its program's."""
    (tmp_path / "Pulumi.yaml").write_text("name: notification-system\n", encoding="utf-8")
    (tmp_path / "infra").mkdir()
    written(tmp_path / "dist" / "worker")
    write_migrations(tmp_path / "sql" / "migrations")
    monkeypatch.chdir(tmp_path / "infra")
    return tmp_path


def set_config(**changes: str) -> None:
    values: dict[str, str] = {**CONFIG, "protectStores": "true", "console": "false", **changes}
    config = {f"notification-system:{k}" if ":" not in k else k: v for k, v in values.items()}
    set_all_config(config, [key for key in config if "Key" in key])


def run_program(stack: str = "production") -> tuple[Declared, dict[str, Any]]:
    """Run the program itself, and return its registrations and what it exported."""

    def program() -> dict[str, Any]:
        run()
        root = pulumi.runtime.get_root_resource()
        assert isinstance(root, pulumi.runtime.stack.Stack)
        return dict(root.outputs)

    found = declare_stack(program, stack=stack)
    return found, dict(found.outputs)


def test_the_program_declares_the_stack_from_config_and_files(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFICATION_COMMIT", "c0ffee")
    set_config(logLevel="warn")
    found, outputs = run_program()
    assert outputs["release"]["commit"] == "c0ffee"
    assert outputs["schema_level"] == 2
    texts = {b["name"]: b.get("text") for b in found.one("version").inputs["bindings"]}
    assert texts["LOG_LEVEL"] == "warn"
    assert str(project) not in repr(found)


def test_the_program_opens_the_bundle_and_the_migrations_and_nothing_else(project: Path) -> None:
    set_config()
    run_program()  # whatever Python loads late is loaded now
    seen: list[tuple[str, str]] = []
    watching = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event in ("open", "socket.connect", "subprocess.Popen", "os.system"):
            seen.append((event, str(arguments[0])))

    sys.addaudithook(watch)
    run_program()
    watching = False
    opened = {Path(path) for event, path in seen if event == "open"}
    folders = {path.relative_to(project).parts[:2] for path in opened}
    assert folders == {("dist", "worker"), ("sql", "migrations")}
    assert len(opened) == 3 + 4
    assert {event for event, _ in seen} == {"open"}


def test_config_is_read_whole_so_that_unknown_keys_are_seen() -> None:
    set_config(maintenanceMod="true")
    checked = read_pulumi_config(project="notification-system", stack="production")
    (problem,) = checked.mistakes()
    assert "did you mean maintenanceMode?" in str(problem)


def test_a_secret_that_pulumi_holds_in_clear_is_refused() -> None:
    set_all_config({f"notification-system:{k}": v for k, v in CONFIG.items()}, [])
    checked = read_pulumi_config(project="notification-system", stack="production")
    assert [problem.key for problem in checked.mistakes()] == ["apiSecretKey", "encryptKey"]
    assert API_SECRET not in repr(checked.mistakes())


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: set_config(accountId="x", logLevel="loud"), "has 2 mistakes"),
        (lambda root: shutil.rmtree(root / "dist"), "notifyctl bundle"),
        (lambda root: shutil.rmtree(root / "sql"), "There is no folder sql/migrations"),
        (lambda root: set_config(console="true"), "There are no built assets in dist/assets"),
    ],
)
def test_a_mistake_in_the_inputs_registers_nothing_and_shows_no_trace(
    project: Path, spoil: Any, words: str
) -> None:
    set_config()
    spoil(project)
    with pytest.raises(pulumi.RunError, match=words) as caught:
        run_program()
    assert caught.value.__suppress_context__
    assert str(project) not in str(caught.value)


def test_a_stack_name_without_lawful_names_is_refused(project: Path) -> None:
    set_config(environment="development")
    with pytest.raises(pulumi.RunError, match="cannot be called 'dev'"):
        run_program("dev")


def test_the_version_is_the_projects() -> None:
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{SERVICE_VERSION}"' in text


def test_fingerprints_tell_secrets_stacks_and_rotations_apart_and_no_secret() -> None:
    secrets = checked_config(apiSecretKeyPrevious="b2" * 32).secrets()
    here = secret_fingerprints(secrets, "notification-system")
    there = secret_fingerprints(secrets, "notification-system-dev")
    assert set(here) == {"api_secret_key", "encrypt_key", "api_secret_key_previous"}
    assert len({*here.values(), *there.values()}) == 6
    # Another form of them would look as if every secret had been changed.
    assert here["api_secret_key"] == "4665f9fa8898d515"
    assert here == secret_fingerprints(secrets, "notification-system")
    rotated = checked_config(apiSecretKey="c3" * 32).secrets()
    assert (
        secret_fingerprints(rotated, "notification-system")["api_secret_key"] not in here.values()
    )


def test_a_release_remembers_its_settings_but_not_which_release_serves() -> None:
    version = "18f97339-c287-4872-9bdd-e2135c07ec12"
    changes: dict[str, Any] = {"traffic": "10", "trafficBase": version, "adoptWorkerId": "a" * 32}
    changes["pin"] = {"version": version, "insteadOf": "a" * 64}
    settings = checked_config(logLevel="warn", shards="2", **changes).settings()
    assert release_settings(settings) == {
        "accountId": CONFIG["accountId"],
        "environment": "production",
        "workersDevSubdomain": "my-team",
        "logLevel": "warn",
        "shards": 2,
    }
    adopted = checked_config(adoptWorkerId="a" * 32, adoptDatabaseId=version).settings()
    assert config_digest(adopted) == config_digest(checked_config().settings())
    assert len(config_digest(adopted)) == 64


def test_the_config_digest_changes_with_any_setting_and_with_no_secret() -> None:
    digest = config_digest(checked_config().settings())
    assert digest == config_digest(checked_config(apiSecretKey="c3" * 32).settings())
    assert digest != config_digest(checked_config(logLevel="warn").settings())


def test_outside_of_a_project_nothing_is_taken_for_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").mkdir()
    with pytest.raises(FileNotFoundError) as caught:
        project_root()
    assert str(caught.value) == f"There is no Pulumi.yaml in {tmp_path} or above it."


def test_a_program_that_fails_half_way_registers_nothing_and_tells_its_own_error() -> None:
    def failing() -> dict[str, Any]:
        with collect_declarations():
            pulumi.ComponentResource("a:b:C", "first")
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        declare_stack(failing, stack="production")


def test_a_program_that_checks_nothing_registers_nothing() -> None:
    def unchecked() -> dict[str, Any]:
        with collect_declarations():
            made = pulumi.ComponentResource("a:b:C", "first")
        return {"urn": made.urn}

    with pytest.raises(pulumi.RunError, match="failed before it had declared everything"):
        declare_stack(unchecked, stack="production")


def test_what_is_declared_after_the_check_is_no_ones_concern() -> None:
    def late() -> dict[str, Any]:
        with collect_declarations() as declarations:
            declarations.check(lambda: None)
        pulumi.ComponentResource("a:b:C", "late")
        assert list(declarations) == []
        return {}

    assert [one.name for one in declare_stack(late, stack="production").registrations] == ["late"]
