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


@pytest.mark.requirement("C-4")
def test_a_channel_is_one_module_one_registry_line_and_one_test_file(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "channels.md").read_text(encoding="utf-8")
    files = {match["path"]: match["text"] for match in FILE.finditer(text)}
    assert len(files) == 3

    unwanted = shutil.ignore_patterns("__pycache__", "python_modules")
    shutil.copytree(ROOT / "worker" / "src", tmp_path / "worker" / "src", ignore=unwanted)
    shutil.copytree(ROOT / "tests" / "worker", tmp_path / "tests" / "worker", ignore=unwanted)
    shutil.copytree(ROOT / "sql", tmp_path / "sql", ignore=unwanted)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    new = [path for path in files if not (tmp_path / path).exists()]
    assert len(new) == 2
    for path, content in files.items():
        (tmp_path / path).write_text(content, encoding="utf-8")

    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "testpaths=tests"]
        + [path for path in files if path.startswith("tests/")]
        + ["tests/worker/openapi/test_document.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]


def test_the_registry_of_the_document_is_todays_with_one_more() -> None:
    text = (ROOT / "docs" / "channels.md").read_text(encoding="utf-8")
    files = {match["path"]: match["text"] for match in FILE.finditer(text)}
    path = "worker/src/notification/channels/registry.py"
    line = '    mattermost="notification.channels.mattermost:MattermostChannel",\n'
    assert line in files[path]
    today = (ROOT / path).read_text(encoding="utf-8")
    assert files[path].replace(line, "") == today
