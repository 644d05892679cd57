from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.host.probe_worker import write_bundle
from tests.host.recording_server import RecordingServer, recording_server
from tests.host.running_host import D1_ID, KV_ID, RunningHost

Starter = Callable[..., RunningHost]


@pytest.fixture(scope="session")
def outside() -> Iterator[RecordingServer]:
    """The broker of all hosts."""
    with recording_server() as server:
        yield server


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the probe Worker's modules."""
    return write_bundle(tmp_path_factory.mktemp("probe"))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all hosts keep their runtime and snapshots: only the first boot is a cold one."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def host(
    tmp_path_factory: pytest.TempPathFactory, outside: RecordingServer, bundle: Path, cache: Path
) -> Iterator[RunningHost]:
    """A host that serves the version v-1 to everyone, for tests that leave it so."""
    running = RunningHost(tmp_path_factory.mktemp("shared-host"), outside, cacheDir=str(cache))
    try:
        running.call("PUT", "/stores", {"d1": [D1_ID], "kv": [KV_ID]})
        booted = running.put("v-1", bundle)
        assert booted.status == 200, booted
        assert running.route(1, v_1=100).status == 200
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def start(
    tmp_path_factory: pytest.TempPathFactory, outside: RecordingServer, cache: Path
) -> Iterator[Starter]:
    """Start hosts of the module's own."""
    started: list[RunningHost] = []

    def start_one(state: Path | None = None, **order: object) -> RunningHost:
        folder = state or tmp_path_factory.mktemp("host") / "state"
        running = RunningHost(folder, outside, cacheDir=str(cache), **order)
        started.append(running)
        declared = running.call("PUT", "/stores", {"d1": [D1_ID], "kv": [KV_ID]})
        assert declared.status == 200, declared
        return running

    yield start_one
    for running in started:
        running.close()


@pytest.fixture(scope="module")
def serving(start: Starter, bundle: Path) -> RunningHost:
    """A host of the module's own that serves the version v-1 to everyone."""
    running = start()
    booted = running.put("v-1", bundle)
    assert booted.status == 200, booted
    assert running.route(1, v_1=100).status == 200
    return running
