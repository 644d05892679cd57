"""A copy of the project is whole, whatever other processes import from the project meanwhile."""

from __future__ import annotations

from pathlib import Path

from tests.altered_project import copy_code


def test_a_copy_leaves_out_what_python_is_just_compiling(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in (
        "package/module.py",
        "package/__pycache__/module.cpython-311.pyc",
        "package/__pycache__/other.cpython-311.pyc.140213588021296",
        "package.egg-info/PKG-INFO",
    ):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    copy_code(source, tmp_path / "copy")
    copied = [path.relative_to(tmp_path / "copy") for path in (tmp_path / "copy").rglob("*.*")]
    assert sorted(str(path) for path in copied) == [
        "package/__pycache__/module.cpython-311.pyc",
        "package/module.py",
    ]


def test_a_file_is_copied_under_the_name_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: here")
    copy_code(tmp_path / "Pulumi.yaml", tmp_path / "other.yaml")
    assert (tmp_path / "other.yaml").read_text() == "name: here"
