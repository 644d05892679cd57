"""The requirement ids that tests are marked with, and their explanations, agree."""

from __future__ import annotations

import ast
import functools
from collections import defaultdict
from pathlib import Path

import yaml

TESTS = Path(__file__).parent


@functools.cache
def marked() -> dict[str, set[str]]:
    """Return the test files by the requirement ids that their tests are marked with."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr != "requirement":
                continue
            for argument in node.args:
                assert isinstance(argument, ast.Constant), f"{path}: an id must be a literal"
                found[str(argument.value)].add(path.relative_to(TESTS).as_posix())
    return found


@functools.cache
def explained() -> dict[str, str]:
    content: dict[str, str] = yaml.safe_load((TESTS / "requirements.yaml").read_text())
    return content


def test_every_marked_requirement_is_explained() -> None:
    unexplained = {name: files for name, files in marked().items() if name not in explained()}
    assert unexplained == {}


def test_every_explained_requirement_is_shown_by_a_test() -> None:
    assert sorted(set(explained()) - set(marked())) == []


def test_every_explanation_is_a_sentence() -> None:
    assert [name for name, text in explained().items() if not text.endswith(".")] == []


def test_every_requirement_of_the_contract_is_explained_and_shown() -> None:
    contract: dict[str, list[str]] = yaml.safe_load((TESTS / "contract.yaml").read_text())
    listed = {name for group in contract.values() for name in group}
    assert len(listed) > 100
    assert sorted(listed - explained().keys()) == []
    assert sorted(listed - marked().keys()) == []
