"""Which Pulumi CLI a command runs: PATH's, else the one that npm's package fetches."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ops.stacks.console import Reporter
from ops.stacks.errors import ToolMissing
from ops.stacks.pulumi_cli import PulumiCli
from ops.stacks.tools import PULUMI
from tests.installation import ROOT

VERSION = "3.265.0"
FETCHES = """#!/bin/sh
echo "Downloading pulumi v3.265.0..." >&2
echo "${PULUMI_VERSION:-unset}" >> "$PULUMI_HOME/fetched"
mkdir -p "$PULUMI_HOME/versions/3.265.0/bin"
printf '#!/bin/sh\\necho v3.265.0\\n' > "$PULUMI_HOME/versions/3.265.0/bin/pulumi"
chmod +x "$PULUMI_HOME/versions/3.265.0/bin/pulumi"
"""
FAILS = (
    "#!/bin/sh\necho 'Downloading pulumi v3.265.0...' >&2\necho 'pulumi: fetch failed' >&2\nexit 1"
)
WHY = "The stack 'production' is deployed by the Pulumi CLI"


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with npm's package, whose program fetches a CLI into Pulumi's home."""
    root = tmp_path / "project"
    program(root / "node_modules" / ".bin" / "pulumi", FETCHES)
    package = root / "node_modules" / "pulumi" / "package.json"
    package.parent.mkdir()
    package.write_text(json.dumps({"version": VERSION}))
    (tmp_path / "home").mkdir()
    return root


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A machine without a Pulumi CLI on PATH."""
    return {"PATH": "/usr/bin:/bin", "PULUMI_HOME": str(tmp_path / "home")}


def needed(project: Path, environment: dict[str, str]) -> PulumiCli:
    return PulumiCli.needed(project, environment, why=WHY, reporter=Reporter(quiet=True))


def test_a_cli_on_path_is_taken_without_a_word(
    project: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    program(tmp_path / "bin" / "pulumi", "#!/bin/sh\necho v3.300.0\n")
    environment["PATH"] = f"{tmp_path / 'bin'}:{environment['PATH']}"
    cli = needed(project, environment)
    assert (cli.source, cli.command, cli.root, cli.notice) == ("PATH", "pulumi", None, "")
    assert not (tmp_path / "home" / "versions").exists()


def test_the_packages_cli_is_fetched_once_and_said(
    project: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    assert PulumiCli.found(project, environment) is None
    # Another version than the pinned one would be fetched by this variable.
    environment["PULUMI_VERSION"] = "3.0.0"
    cli = needed(project, environment)
    assert cli == needed(project, environment) == PulumiCli.found(project, environment)
    assert (tmp_path / "home" / "fetched").read_text() == "unset\n"
    assert cli.root == tmp_path / "home" / "versions" / VERSION
    assert cli.command == str(cli.root / "bin" / "pulumi")
    assert f"the Pulumi CLI {VERSION} of npm's package is used" in cli.notice


def test_a_cli_that_cannot_be_fetched_is_one_sentence_with_a_way_out(
    project: Path, environment: dict[str, str]
) -> None:
    program(project / "node_modules" / ".bin" / "pulumi", FAILS)
    with pytest.raises(ToolMissing) as caught:
        needed(project, environment)
    assert str(caught.value) == (
        f"{WHY}, there is no 'pulumi' on PATH, and npm's package couldn't fetch {VERSION}: fetch "
        f"failed. {PULUMI.install}"
    )


def test_a_download_that_leaves_an_empty_file_is_no_cli(
    project: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    program(tmp_path / "home" / "versions" / VERSION / "bin" / "pulumi", "")
    assert PulumiCli.found(project, environment) is None
    assert needed(project, environment).source == "npm"
    assert (tmp_path / "home" / "fetched").exists()


DOWNLOAD = """\
globalThis.fetch = async (url) => {
  if (!url.endsWith("/install.sh")) throw new Error(`another address was asked: ${url}`);
  return new Response(`#!/bin/sh
set -eu
while [ "$1" != --install-root ]; do shift; done
mkdir -p "$2/bin"
printf '#!/bin/sh\\\\necho "the fake one: $*"\\\\n' > "$2/bin/pulumi"
chmod +x "$2/bin/pulumi"
`);
};
"""


def test_npms_own_package_downloads_the_pinned_cli_and_it_is_the_one_that_runs(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """The package of this installation, with an answer in place of Pulumi's server."""
    (tmp_path / "download.cjs").write_text(DOWNLOAD)
    environment["NODE_OPTIONS"] = f"--require={tmp_path / 'download.cjs'}"
    environment["HOME"] = str(tmp_path)
    environment["PATH"] = f"{Path(str(shutil.which('node'))).parent}:{environment['PATH']}"
    cli = needed(ROOT, environment)
    version = json.loads((ROOT / "package.json").read_text())["dependencies"]["pulumi"]
    assert cli.version == version
    assert cli.command == str(tmp_path / "home" / "versions" / version / "bin" / "pulumi")
    said = subprocess.run([cli.command, "up"], capture_output=True, text=True, check=True).stdout
    assert said == "the fake one: up\n"


@pytest.mark.parametrize(
    ("variables", "is_fetched"),
    [
        ({"CI": "true"}, False),
        ({"NOTIFYCTL_PULUMI": "path"}, False),
        ({"CI": "true", "NOTIFYCTL_PULUMI": "npm"}, True),
    ],
)
def test_a_pipeline_fetches_nothing_unless_it_is_told_to(
    project: Path,
    environment: dict[str, str],
    tmp_path: Path,
    variables: dict[str, str],
    is_fetched: bool,
) -> None:
    environment |= variables
    if is_fetched:
        assert needed(project, environment).source == "npm"
    else:
        with pytest.raises(ToolMissing, match="there is no 'pulumi' on PATH"):
            needed(project, environment)
    assert (tmp_path / "home" / "fetched").exists() is is_fetched


def test_the_project_installs_the_package_and_its_wrapper_stands_where_it_is_looked_for() -> None:
    pinned = json.loads((ROOT / "package.json").read_text())["dependencies"]["pulumi"]
    cli = PulumiCli.packaged(ROOT, {"PULUMI_HOME": "/home/of/pulumi"})
    assert cli is not None
    assert cli.version == pinned
    assert (ROOT / "node_modules" / ".bin" / "pulumi").is_file()
    keeper = (ROOT / "node_modules" / "pulumi" / "lib" / "cache.js").read_text()
    assert 'path.join(home, "versions", version)' in keeper
