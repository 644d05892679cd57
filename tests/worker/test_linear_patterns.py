"""Every pattern of the Worker is proven linear, and the proof refuses those that aren't."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.worker.linear_patterns import Superlinear, prove_linear

pytestmark = pytest.mark.requirement("S5-5")

SOURCES = Path(__file__).parents[2] / "worker" / "src"
SEARCHES = frozenset({"search", "sub", "subn", "finditer", "findall", "split"})
MATCHES = frozenset({"match", "fullmatch"})


def is_call_of_re(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
    )


def methods_of(tree: ast.Module, name: str) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    }


def names_of_calls(tree: ast.Module) -> dict[ast.expr, str]:
    """Return the private name to which a module assigns a pattern."""
    return {
        node.value: target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.startswith("_")
    }


def evaluated(node: ast.expr, module: ModuleType) -> object:
    return eval(compile(ast.Expression(node), module.__name__, "eval"), vars(module))  # noqa: S307 - the project's own source


def patterns() -> Iterator[tuple[str, str, int, bool]]:
    """Yield where each pattern is compiled, its text, its flags, and whether it is searched for."""
    for path in sorted(SOURCES.rglob("*.py")):
        tree = ast.parse(path.read_text())
        calls = [node for node in ast.walk(tree) if is_call_of_re(node)]
        if not calls:
            continue
        module = importlib.import_module(".".join(path.relative_to(SOURCES).with_suffix("").parts))
        names = names_of_calls(tree)
        for call in calls:
            assert isinstance(call, ast.Call)
            assert isinstance(call.func, ast.Attribute)
            assert call.func.attr == "compile", f"{path}: a pattern is compiled once, with a name"
            text = evaluated(call.args[0], module)
            assert isinstance(text, str)
            flags = [*call.args[1:], *(k.value for k in call.keywords if k.arg == "flags")]
            methods = methods_of(tree, names.get(call, ""))
            only_matched = bool(methods) and methods <= MATCHES
            where = f"{path.relative_to(SOURCES)}:{call.lineno}"
            value = evaluated(flags[0], module) if flags else 0
            assert isinstance(value, int)
            yield where, text, int(value), not only_matched


FOUND = list(patterns())


def test_every_pattern_of_the_worker_is_found() -> None:
    compiled = sum(path.read_text().count("re.compile(") for path in SOURCES.rglob("*.py"))
    assert len(FOUND) == compiled > 60


@pytest.mark.parametrize(("where", "text", "flags", "searched"), FOUND, ids=[f[0] for f in FOUND])
def test_a_pattern_is_linear(where: str, text: str, flags: int, searched: bool) -> None:
    prove_linear(text, flags, searches=searched)


@pytest.mark.parametrize(
    ("pattern", "flags", "searched"),
    [
        ("(a+)+b", 0, False),
        ("(?:ab|[ab])*c", 0, False),
        ("(?:a|aa)*c", 0, False),
        ("(?:aa?)*c", 0, False),
        ("(?:ab{1,3}b?)*c", 0, False),
        ("a*a*b", 0, False),
        (r"\s*,?\s*x", 0, False),
        ("(?:a*b?)*c", 0, False),
        ("<[^>]*>", 0, True),
        ("a++b", 0, True),
        (r'"(?:[^"\\]|\\.)*+"', 0, True),
        (r"(?m:^[\s]*x)", 0, True),
        ("(?i:[a-z]*)K?k", 0, True),
        ("x(?=a*b)", 0, False),
        (".*x", re.DOTALL, True),
    ],
)
def test_a_pattern_that_backtracks_is_refused(pattern: str, flags: int, searched: bool) -> None:
    with pytest.raises(Superlinear):
        prove_linear(pattern, flags, searches=searched)


@pytest.mark.parametrize(
    ("pattern", "searched"),
    [
        ("[^a]*a", False),
        ("(?:a|ab)*c", False),
        ("<[^<>]*+>", True),
        ("a{1,20}b", True),
        (r'"(?:[^"\\]++|\\.)*+"?', True),
        (r"\Aa*b", True),
        (r"(?m:^[ \t]*+#)", True),
        ("a*", True),
    ],
)
def test_a_pattern_that_is_linear_is_taken(pattern: str, searched: bool) -> None:
    prove_linear(pattern, searches=searched)
