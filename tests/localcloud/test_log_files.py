"""Log files of the local cloud: what goes where, and how the newest lines are read back."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.log_files import BACKUPS, LEVELS, MAX_BYTES, MAX_LINES, LogFiles

ORDER = ("debug", "log", "info", "warn", "warning", "error")


@pytest.fixture
def files(tmp_path: Path) -> Iterator[LogFiles]:
    made = LogFiles(tmp_path)
    yield made
    made.close()


def write(files: LogFiles, *events: Any) -> None:
    files.write([event if isinstance(event, str) else json.dumps(event) for event in events])


@pytest.mark.parametrize(
    ("level", "kept"),
    [
        ("debug", ORDER),
        ("log", ORDER[1:]),
        ("info", ORDER[1:]),
        ("warn", ORDER[3:]),
        ("warning", ORDER[3:]),
        ("error", ORDER[5:]),
    ],
)
def test_the_newest_lines_are_those_from_a_level_up(
    files: LogFiles, level: str, kept: tuple[str, ...]
) -> None:
    write(files, *({"level": name.upper(), "at": at} for at, name in enumerate(ORDER)))
    found = [event["level"].lower() for event in files.newest(limit=10, level=level)]
    assert tuple(found) == kept
    assert set(ORDER) == LEVELS


@pytest.mark.parametrize(("level", "count"), [("debug", 3), ("info", 3), ("warn", 0)])
def test_a_line_without_a_known_level_is_information(
    files: LogFiles, level: str, count: int
) -> None:
    write(files, {"at": 1}, {"level": "trace"}, {"level": None})
    assert len(files.newest(limit=10, level=level)) == count


def test_what_is_no_event_is_passed_over_and_the_last_lines_are_kept_in_order(
    files: LogFiles,
) -> None:
    write(files, {"at": 0}, '{"at": 1', "[1]", "7", *({"at": at} for at in range(2, 6)))
    assert [event["at"] for event in files.newest(limit=3)] == [3, 4, 5]
    assert [event["at"] for event in files.newest(limit=99)] == [0, 2, 3, 4, 5]


def test_no_more_than_a_thousand_lines_are_read_from_this_file_and_the_one_before(
    files: LogFiles, tmp_path: Path
) -> None:
    before = "".join(f'{{"at": {at}}}\n' for at in range(600))
    (tmp_path / "worker.log.1").write_text(before, encoding="utf-8")
    write(files, *({"at": at} for at in range(600, 1_100)))
    found = [event["at"] for event in files.newest(limit=5_000)]
    assert found == list(range(100, 1_100))
    assert (MAX_LINES, BACKUPS, MAX_BYTES) == (1_000, 3, 4_194_304)


@pytest.fixture
def loggers() -> Iterator[None]:
    """Give the loggers back as they were."""
    names = ("localcloud", "uvicorn")
    before = {
        name: (one.level, one.propagate, list(one.handlers))
        for name in names
        for one in [logging.getLogger(name)]
    }
    raising = logging.raiseExceptions
    yield
    logging.raiseExceptions = raising
    for name, (level, propagate, handlers) in before.items():
        one = logging.getLogger(name)
        for handler in set(one.handlers) - set(handlers):
            handler.close()
        one.setLevel(level)
        one.propagate, one.handlers[:] = propagate, handlers


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.usefixtures("loggers")
def test_the_hosts_lines_and_the_control_planes_go_to_files_of_their_own(
    files: LogFiles, tmp_path: Path
) -> None:
    files.install()
    assert logging.raiseExceptions is False
    logging.getLogger("localcloud").debug("too fine")
    logging.getLogger("localcloud.runtime").info("started %s", "ü")
    logging.getLogger("localcloud.api").info("answered")
    logging.getLogger("localcloud.host").warning("from the host")
    logging.getLogger("uvicorn.error").info("too fine")
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("a request failed")
    control, host = read(tmp_path / "control-plane.log"), read(tmp_path / "host.log")
    assert [(one["source"], one["level"], one["message"]) for one in [*control, *host]] == [
        ("localcloud.runtime", "info", "started ü"),
        ("localcloud.api", "info", "answered"),
        ("uvicorn.error", "error", "a request failed"),
        ("localcloud.host", "warning", "from the host"),
    ]
    assert ["exception" in one for one in control] == [False, False, True]
    assert control[2]["exception"].endswith("ValueError: broken")
    assert control[0]["timestamp"].endswith("Z")
    assert len(control[0]["timestamp"]) == len("2026-01-01T00:00:00.000Z")
