"""One-line faults, put into the code at random, turn the suite red."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import cosmic_ray.plugins
import pytest
from cosmic_ray.mutating import mutate_code

from tests.altered_project import AlteredProject
from tests.mutation.equivalents import equivalents, is_equivalent, line_of, made_by
from tests.mutation.sample import (
    ROOT,
    Fault,
    MutatedProject,
    copy_environment,
    faults_of,
    is_fault,
    mirrored,
    sample_faults,
)

SEED = int(os.environ.get("NOTIFICATION_MUTATION_SEED", "1"))
COUNT = int(os.environ.get("NOTIFICATION_MUTATION_COUNT", "20"))
"""Faults for each folder. One in ten may survive, of those that aren't judged equivalent."""

EVERYWHERE = "tests/test_frozen_values.py"
LIMITS = "tests/docs/test_documented_limits.py"
ON_WORKERD = ("tests/localcloud/test_shared_transactions.py", "tests/integration/conformance")
"""What judges the modules that nothing but the runtime runs."""
TESTS = {
    "cron": ("tests/cron", EVERYWHERE),
    "d1": ("tests/d1", "tests/localcloud", "tests/worker", "tests/ops/database", LIMITS),
    # The schema of the settings holds their defaults and bounds, and lies beside them.
    "infra": ("tests/infra", "tests/ops/cli/test_settings_command.py", EVERYWHERE),
    "engine": ("tests/engine", EVERYWHERE),
    "localcloud": ("tests/localcloud", "tests/host", EVERYWHERE, LIMITS),
    "ops": ("tests/ops", "tests/readiness", "tests/releases", "tests/integration", EVERYWHERE),
    "sdk/notification_sdk": ("tests/sdk", EVERYWHERE),
    "worker/src": ("tests/worker", "tests/promise", *ON_WORKERD, LIMITS),
}


@pytest.mark.soak
@pytest.mark.parametrize("folder", TESTS)
def test_nine_of_ten_faults_in_a_folder_turn_its_tests_red(
    folder: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    project = MutatedProject(AlteredProject(tmp_path / "project").root)
    assert project.green(TESTS[folder]), "the copy's tests are red without any fault"
    faults = sample_faults(folder, count=COUNT, seed=SEED)
    real = [fault for fault in faults if not is_equivalent(fault)]
    survivors = [str(fault) for fault in real if not project.kills(fault, TESTS[folder])]
    record_property(
        f"faults found in {folder}, seed {SEED}",
        f"{len(real) - len(survivors)} of {len(real)}, {COUNT - len(real)} equivalent",
    )
    assert len(survivors) <= len(real) // 10, "\n".join(survivors)


@pytest.mark.parametrize("module", equivalents())
def test_what_was_judged_equivalent_is_what_a_fault_makes_of_a_line_that_is_there(
    module: str,
) -> None:
    judged = equivalents()[module]
    lines = {line for line, _ in judged}
    found = [fault for fault in faults_of(ROOT / module, module) if line_of(fault) in lines]
    made = [(line_of(fault), made_by(fault)) for fault in found]
    assert [change for change in judged if made.count(change) != 1] == []
    assert len(set(judged)) == len(judged)
    assert sum(map(is_equivalent, found)) == len(judged)


def test_the_same_seed_draws_the_same_faults_and_another_one_others() -> None:
    first = sample_faults("engine", count=5, seed=1)
    assert first == sample_faults("engine", count=5, seed=1)
    assert first != sample_faults("engine", count=5, seed=2)
    assert len({fault.module for fault in first}) == 5


def test_a_folder_of_one_module_gives_as_many_faults_as_are_asked_for() -> None:
    faults = sample_faults("cron", count=4, seed=1)
    assert {fault.module for fault in faults} == {"cron/expression.py"}
    assert len(set(map(str, faults))) == 4


def test_every_fault_leaves_a_module_that_python_can_read() -> None:
    for fault in sample_faults("infra", count=8, seed=3):
        source = (ROOT / fault.module).read_text(encoding="utf-8")
        operator = cosmic_ray.plugins.get_operator(fault.operator)()
        changed = mutate_code(source, operator, fault.occurrence)
        assert changed not in {None, source}
        compile(str(changed), fault.module, "exec")


def test_a_changed_marker_of_parameters_is_no_fault() -> None:
    drawn = sample_faults("localcloud/sink", count=40, seed=1)
    lines = {
        (ROOT / fault.module).read_text(encoding="utf-8").splitlines()[fault.line - 1].strip()
        for fault in drawn
    }
    assert lines.isdisjoint({"*,", "/,"})
    assert not any(fault.operator.endswith(("Eq_Is", "NotEq_IsNot")) for fault in drawn)


def test_a_fault_of_what_is_imported_for_annotations_alone_is_none() -> None:
    module = "engine/provider_factory.py"
    first, second = (Fault(module, "core/AddNot", occurrence, 0) for occurrence in (0, 1))
    assert not is_fault(ROOT / module, first)
    assert is_fault(ROOT / module, second)


@pytest.mark.parametrize(
    ("module", "tests"),
    [
        ("sdk/notification_sdk/_errors.py", {"tests/sdk/test_client.py"}),
        ("worker/src/notification/ttl_cache.py", {"tests/worker/test_ttl_cache.py"}),
        (
            "localcloud/sink/chat/telegram_markup.py",
            {"tests/worker/markup/test_telegram.py", "tests/worker/markup/test_telegram_fake.py"},
        ),
        ("d1/rules.py", {"tests/d1/test_rules.py"}),
        ("engine/plugins/language_host.py", {"tests/engine/test_plugin_calls.py"}),
    ],
)
def test_the_files_that_import_a_module_are_asked_first(module: str, tests: set[str]) -> None:
    project = MutatedProject.__new__(MutatedProject)
    project.root = ROOT
    found = project.importers(module)
    assert tests <= set(found)
    assert not [file for file in found if file.startswith("tests/integration/")]


@pytest.mark.parametrize(
    ("module", "folder"),
    [
        ("ops/deploy/rollout/canary.py", ["tests/ops/deploy/rollout"]),
        ("ops/deploy/preflight/window.py", ["tests/ops/deploy"]),
        ("worker/src/notification/channels/registry.py", ["tests/worker/channels"]),
        ("cron/expression.py", ["tests/cron"]),
        ("sql/generate_schema.py", []),
    ],
)
def test_the_folder_that_mirrors_a_modules_is_asked_next(module: str, folder: list[str]) -> None:
    assert mirrored(ROOT, module) == folder


def test_a_command_of_a_copy_runs_the_copys_code(tmp_path: Path) -> None:
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops" / "__init__.py").write_text("")
    (tmp_path / "ops" / "cli").mkdir()
    (tmp_path / "ops" / "cli" / "__init__.py").write_text("")
    (tmp_path / "ops" / "cli" / "main.py").write_text("def run() -> None:\n    print('the copy')\n")
    copy_environment(ROOT, tmp_path)
    done = subprocess.run(
        [str(tmp_path / ".venv" / "bin" / "notifyctl")],
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("the copy\n", "")


def test_a_copy_beside_the_project_names_itself_alone(tmp_path: Path) -> None:
    project, copy = tmp_path / "project", tmp_path / "project-copy"
    packages = Path(".venv/lib/python3/site-packages")
    (project / ".venv/bin").mkdir(parents=True)
    (project / packages).mkdir(parents=True)
    (project / ".venv/pyvenv.cfg").write_text("")
    (project / ".venv/bin/notifyctl").write_text(f"#!{project}/.venv/bin/python\n{project}/ops\n")
    (project / packages / "__editable__.x.pth").write_text(f"{project}/sdk\n")
    copy_environment(project, copy)
    command = (copy / ".venv/bin/notifyctl").read_text()
    assert command == f"#!{copy}/.venv/bin/python\n{copy}/ops\n"
    assert (copy / packages / "__editable__.x.pth").read_text() == f"{copy}/sdk\n"
