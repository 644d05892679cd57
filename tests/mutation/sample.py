"""A seeded sample of one-line faults, each put into a copy of the project."""

from __future__ import annotations

import ast
import os
import random
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code, use_mutation

from tests.long_tests import VARIABLE as LONG

ROOT = Path(__file__).resolve().parents[2]
COPIED = (".ci", ".github", "bench", "docs", "scripts", "sdk", "tests")
"""What the tests read beside the folders that `AlteredProject` copies."""

_FAULTS = re.compile(
    r"core/(ReplaceComparisonOperator_(?!Eq_Is|NotEq_IsNot)|ReplaceTrueWithFalse|ReplaceFalseWithTrue|AddNot|"
    r"ReplaceAndWithOr|ReplaceOrWithAnd|ReplaceBreakWithContinue|ReplaceContinueWithBreak|"
    r"ReplaceUnaryOperator_|ReplaceBinaryOperator_(?!BitOr)|ZeroIterationForLoop|NumberReplacer)"
)
"""The operators that change what runs. `|` stands in annotations mostly, which nothing runs, and
`is` gives no other answer than `==` about the small numbers and names that are compared."""

_ASKED_FIRST = tuple(
    f"tests/{name}"
    for name in ("cron", "d1", "engine", "infra", "localcloud", "ops", "promise", "sdk", "worker")
)
"""Folders whose tests mostly need no installation of their own."""
_SECONDS_A_RUN = 900
"""A fault that makes the tests hang counts as found."""


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        module: path of the module, relative to the project.
        operator: cosmic-ray's name of the operator.
        occurrence: which of the operator's places in the module, from 0.
        line: line of the place, from 1.
    """

    module: str
    operator: str
    occurrence: int
    line: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.operator.removeprefix('core/')}"


def sample_faults(folder: str, *, count: int, seed: int) -> list[Fault]:
    """Draw faults from the modules of a folder, the same for the same seed.

    Modules are drawn by their length. None comes twice before each has come once, so that a module
    with many numbers isn't the whole sample.
    """
    draw = random.Random(f"{folder} {seed}")  # noqa: S311
    modules = sorted(path for path in (ROOT / folder).rglob("*.py") if path.name != "__init__.py")
    left: list[Path] = []
    found: dict[str, Fault] = {}
    while len(found) < count:
        left = left or list(modules)
        module = draw.choices(left, [len(path.read_bytes()) for path in left])[0]
        left.remove(module)
        faults = list(faults_of(module, str(module.relative_to(ROOT))))
        draw.shuffle(faults)
        new = (fault for fault in faults if str(fault) not in found and is_fault(module, fault))
        if (fault := next(new, None)) is not None:
            found[str(fault)] = fault
    return list(found.values())


def is_fault(module: Path, fault: Fault) -> bool:
    """Say whether the module is still Python, and another program.

    An operator takes the `*` and `/` of parameters for multiplications: any test would find a fault
    that no import survives, and none one that only changes how an argument may be passed. What is
    imported for annotations alone may be imported at any time.
    """
    operator = cosmic_ray.plugins.get_operator(fault.operator)()
    code = module.read_text(encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        try:
            changed = ast.parse(str(mutate_code(code, operator, fault.occurrence)), fault.module)
            compile(changed, fault.module, "exec")
        except SyntaxError:
            return False
    return _without_markers(changed) != _without_markers(ast.parse(code))


def _without_markers(tree: ast.AST) -> str:
    """Return a program as text, however it takes its parameters and annotations."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.test = ast.Name("TYPE_CHECKING")
        if isinstance(node, ast.arguments):
            node.args = [*node.posonlyargs, *node.args, *node.kwonlyargs]
            node.posonlyargs, node.kwonlyargs = [], []
            node.defaults = [*node.defaults, *filter(None, node.kw_defaults)]
            node.kw_defaults = []
    return ast.dump(tree)


def faults_of(module: Path, name: str) -> Iterator[Fault]:
    """Return every fault of a module, in the order of the operators' names."""
    nodes = list(ast_nodes(get_ast(module.read_text(encoding="utf-8"))))
    for operator_name in sorted(cosmic_ray.plugins.operator_names()):
        if not _FAULTS.match(operator_name):
            continue
        operator_class = cosmic_ray.plugins.get_operator(operator_name)
        if operator_class.arguments():
            continue
        operator = operator_class()
        places = (place for node in nodes for place in operator.mutation_positions(node))
        for occurrence, ((line, _), _end) in enumerate(places):
            yield Fault(name, operator_name, occurrence, line)


def copy_environment(source: Path, target: Path) -> None:
    """Give a copy of a project the source's environment, whose programs run the copy's code.

    A command that a test starts with variables of its own finds the project by the environment's
    editable installation. Only what names the source's folder is copied; the rest is linked.
    """
    there, here = (source / ".venv").resolve(), target / ".venv"
    moved = {str(there): str(here), str(source): str(target)}
    # In one pass: the copy's own path may begin with the source's.
    named = re.compile("|".join(map(re.escape, moved)))
    for folder in ("bin", *(str(path.relative_to(there)) for path in there.glob("lib/*/site-*"))):
        (here / folder).mkdir(parents=True)
        for path in (there / folder).iterdir():
            copied = here / folder / path.name
            is_own = path.name.startswith("__editable__") or (folder == "bin" and _is_text(path))
            if is_own:
                text = path.read_text(encoding="utf-8")
                copied.write_text(named.sub(lambda found: moved[found[0]], text), encoding="utf-8")
                copied.chmod(path.stat().st_mode)
            elif path.is_symlink():
                copied.symlink_to(path.readlink())
            elif path.name != "__pycache__":
                copied.symlink_to(path)
    shutil.copy(there / "pyvenv.cfg", here)


def _is_text(path: Path) -> bool:
    with path.open("rb") as file:
        return not path.is_symlink() and file.read(2) == b"#!"


def mirrored(root: Path, module: str) -> list[str]:
    """Return the folder of tests that mirrors the module's, or the next one above it."""
    place = Path("tests", module.replace("worker/src/notification", "worker")).parent
    while len(place.parts) > 1:
        if (root / place).is_dir():
            return [str(place)]
        place = place.parent
    return []


class MutatedProject:
    """A copy of the project that takes one fault at a time.

    Args:
        root: the copy's folder, as `AlteredProject` made it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        skipped = shutil.ignore_patterns("__pycache__")
        for path in ROOT.iterdir():
            if path.name in COPIED:
                shutil.copytree(path, root / path.name, ignore=skipped)
            elif path.is_file() and not (root / path.name).exists():
                shutil.copy(path, root / path.name)
        (root / ".venv").unlink()
        copy_environment(ROOT, root)

    def kills(self, fault: Fault, tests: Sequence[str]) -> bool:
        """Say whether the tests turn red with the fault in place.

        The files that import the module are asked first, whatever folder they are in: they mostly
        know. Next is the folder that mirrors the module's own.
        """
        module = self.root / fault.module
        operator = cosmic_ray.plugins.get_operator(fault.operator)()
        with use_mutation(module, operator, fault.occurrence):
            rounds = (self.importers(fault.module), mirrored(self.root, fault.module), tests)
            return any(self._red(files) for files in rounds if files)

    def green(self, tests: Sequence[str]) -> bool:
        """Say whether the tests pass without a fault."""
        return not self._red(tests)

    def importers(self, module: str) -> list[str]:
        """Return the test files that import a module, or take it from its package."""
        path = PurePosixPath(module.removeprefix("worker/src/").removeprefix("sdk/"))
        dotted, package = ".".join(path.with_suffix("").parts), ".".join(path.parent.parts)
        named = re.compile(
            rf"^\s*(?:from {re.escape(dotted)} import |import {re.escape(dotted)}\b"
            rf"|from {re.escape(package)} import (?:\([^)]*|.*)\b{re.escape(path.stem)}\b)",
            re.MULTILINE,
        )
        files = ((self.root / folder).rglob("test_*.py") for folder in _ASKED_FIRST)
        return sorted(
            str(file.relative_to(self.root))
            for file in chain.from_iterable(files)
            if named.search(file.read_text(encoding="utf-8"))
        )

    def _red(self, tests: Sequence[str]) -> bool:
        command = [".venv/bin/python", "-m", "pytest", "-q", "-x", "-m", "not soak", "-n", "2"]
        try:
            done = subprocess.run(
                [*command, "--dist", "loadfile", "-p", "no:cacheprovider", *tests],
                cwd=self.root,
                # Or the day's sample of the long tests would decide.
                env={**os.environ, LONG: "all"},
                capture_output=True,
                timeout=_SECONDS_A_RUN,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return True
        # 5: the markers deselected every test of these files.
        return done.returncode not in {0, 5}
