"""The channel of docs/channels.md, built and tested in a copy of the Worker."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILE = re.compile(r"^`(?P<path>[\w./]+\.py)`:\n\n```python\n(?P<text>.*?)```$", re.DOTALL | re.M)
LINE = re.compile(
    r"^`(?P<path>[\w./]+\.py)`, before the last line:\n\n```python\n(?P<text>.*?)```$",
    re.DOTALL | re.M,
)


DOCUMENTED = "test_the_document_names_every_channel_and_its_examples_can_be_saved"
"""The document shows how to add the channel, and so doesn't list it."""


@pytest.mark.requirement("C-4")
def test_a_channel_is_one_module_one_registry_line_its_api_and_one_test_file(
    tmp_path: Path,
) -> None:
    text = (ROOT / "docs" / "channels.md").read_text(encoding="utf-8")
    files = {match["path"]: match["text"] for match in FILE.finditer(text)}
    lines = {match["path"]: match["text"] for match in LINE.finditer(text)}
    assert (len(files), list(lines)) == (3, ["worker/src/notification/channels/registry.py"])

    unwanted = shutil.ignore_patterns("__pycache__", "python_modules")
    shutil.copytree(ROOT / "worker" / "src", tmp_path / "worker" / "src", ignore=unwanted)
    shutil.copytree(ROOT / "tests" / "worker", tmp_path / "tests" / "worker", ignore=unwanted)
    shutil.copytree(ROOT / "localcloud", tmp_path / "localcloud", ignore=unwanted)
    shutil.copytree(ROOT / "sql", tmp_path / "sql", ignore=unwanted)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path, content in files.items():
        assert not (tmp_path / path).exists()
        (tmp_path / path).write_text(content, encoding="utf-8")
    for path, line in lines.items():
        *before, last = (tmp_path / path).read_text(encoding="utf-8").splitlines(keepends=True)
        (tmp_path / path).write_text("".join([*before, line, last]), encoding="utf-8")

    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "testpaths=tests"]
        + [path for path in files if path.startswith("tests/")]
        + ["tests/worker/openapi/test_document.py", "tests/worker/channels/test_registry.py"]
        + ["tests/worker/channels/test_values_in_templates.py"]
        + ["--deselect", f"tests/worker/channels/test_registry.py::{DOCUMENTED}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]
