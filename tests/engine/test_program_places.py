"""Where a program's error arose, as the engine's child tells it."""

from __future__ import annotations

import asyncio
import runpy
from pathlib import Path

import pytest

from engine.program_runner import _Places

PROGRAM = """
import asyncio

async def fails():
    raise ValueError("in a task")

def run(loop):
    return loop.run_until_complete(loop.create_task(fails()))

def plain():
    raise KeyError("at once")
"""


@pytest.fixture
def program(tmp_path: Path) -> dict[str, object]:
    file = tmp_path / "app" / "main.py"
    file.parent.mkdir()
    file.write_text(PROGRAM)
    return runpy.run_path(str(file))


def test_an_error_has_the_place_where_it_left_the_program_and_no_other_has(
    program: dict[str, object], tmp_path: Path
) -> None:
    places = _Places(tmp_path)
    plain = program["plain"]
    assert callable(plain)
    with pytest.raises(KeyError) as first, places.noted():
        plain()
    with pytest.raises(KeyError) as second, places.noted():
        plain()
    assert places.of(first.value) == places.of(second.value) == " (app/main.py:11)"
    assert places.of(KeyError("at once")) == ""
    with pytest.raises(KeyError), places.noted():
        raise first.value
    assert places.of(first.value) == " (app/main.py:11)"


def test_an_error_of_a_task_has_its_own_place(program: dict[str, object], tmp_path: Path) -> None:
    places, loop = _Places(tmp_path), asyncio.new_event_loop()
    loop.set_task_factory(places.task)
    run = program["run"]
    assert callable(run)
    with pytest.raises(ValueError, match="in a task") as failed:
        run(loop)
    loop.close()
    assert places.of(failed.value) == " (app/main.py:5)"


def test_an_error_outside_of_the_project_has_none(tmp_path: Path) -> None:
    places = _Places(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="x") as failed, places.noted():
        raise ValueError("x")
    assert places.of(failed.value) == ""
