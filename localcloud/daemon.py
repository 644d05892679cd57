"""Starting, stopping and erasing the local cloud from another process."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from localcloud.endpoints import SWITCHES, Endpoints, Ports
from localcloud.errors import KINDS, DiskFull, LocalCloudError, StartFailed, is_disk_full
from localcloud.file_lock import LockTaken, locked
from localcloud.home import CloudHome
from localcloud.host_process import project_root
from localcloud.listening import require_free
from localcloud.process_record import ProcessRecord, end

_LOCK_SECONDS = 180.0
_STARTING_SECONDS = 120.0
_STOP_SECONDS = 60.0
_HOST_SECONDS = 20.0
_PAUSE = 0.1
_MAX_ERRORS_BYTES = 1024 * 1024

OnStep = Callable[[str], None]


class LocalCloud:
    """The local cloud of one state home. All methods raise LocalCloudError.

    Example:
        >>> cloud = LocalCloud(Path(".local"))
        >>> cloud.start().service_url
        'http://127.0.0.1:8788'
    """

    def __init__(
        self,
        home: Path,
        ports: Ports | None = None,
        *,
        host_command: Sequence[str] | None = None,
    ) -> None:
        """`ports` None takes the environment's, else those of the last start, else the defaults.

        `host_command` is the program that stands for the Node host, for tests of this class.
        """
        self._home = CloudHome(home.resolve())
        try:
            self._ports = ports or Ports.chosen(self._home.ports)
        except ValueError as error:
            raise StartFailed(str(error)) from error
        self._host_command = list(host_command or ())

    def start(self, on_step: OnStep = lambda _: None) -> Endpoints:
        """Make the cloud run and return where it listens; at once where it already runs.

        Survives what a killed server left behind, and waits for a start that another process has
        under way. The ports are kept for the next start. `on_step` hears short texts. Raises
        PortInUse, NodeMissing, DiskFull, StartFailed.
        """
        with self._alone(on_step):
            endpoints = self._started(on_step)
            try:
                self._ports.keep(self._home.ports)
            except OSError as error:
                raise _explained(error, self._home.root) from error
            return endpoints

    def _started(self, on_step: OnStep) -> Endpoints:
        if endpoints := self._running(on_step):
            return endpoints
        # Before anything ends: a cloud that runs on other ports mustn't end for a start that can't
        # be made.
        self._require_free(besides=self._held())
        self._end_server()
        self._require_free(besides=())
        return self._spawn(on_step)

    def stop(self) -> bool:
        """End the cloud; its data stays. Returns whether there was one to end."""
        if not self._home.record.exists():
            return False
        with self._alone():
            return self._end_server()

    def erase(self) -> None:
        """End the cloud and remove everything that it stored."""
        if not self._home.root.exists():
            return
        with self._alone():
            self._end_server()
            self._home.ports.unlink(missing_ok=True)
            if self._home.cloud.exists():
                try:
                    shutil.rmtree(self._home.cloud)
                except OSError as error:
                    raise LocalCloudError(
                        f"{self._home.cloud} can't be removed: {error.strerror}."
                    ) from error

    def status(self) -> dict[str, Any]:
        """{"state": "stopped" | "starting" | "ready" | "unhealthy"}, with the pid and addresses."""
        record = ProcessRecord.read(self._home.record)
        if record is None or record.server.process() is None:
            return {"state": "stopped"}
        found: dict[str, Any] = {"state": "starting", "pid": record.server.pid}
        if record.state == "ready":
            endpoints = Endpoints.on(record.ports, api_token="")
            state = "ready" if _is_healthy(endpoints) else "unhealthy"
            found = {**found, "state": state, **endpoints.public()}
        return found

    def _alone(self, on_step: OnStep = lambda _: None) -> Any:
        try:
            self._home.root.mkdir(parents=True, exist_ok=True)
            return _Alone(self._home.start_lock, on_step)
        except OSError as error:
            raise _explained(error, self._home.root) from error

    def _held(self) -> tuple[int, ...]:
        """Return the ports that this installation's own cloud has now."""
        record = ProcessRecord.read(self._home.record)
        if record is None or record.server.process() is None or record.ports is None:
            return ()
        return (record.ports.control, record.ports.edge, record.ports.sink)

    def _require_free(self, *, besides: tuple[int, ...]) -> None:
        wanted = {name: getattr(self._ports, name) for name in SWITCHES}
        require_free({name: port for name, port in wanted.items() if port not in besides})

    def _running(self, on_step: OnStep) -> Endpoints | None:
        """The endpoints of a healthy cloud on fitting ports, also of one that is still starting."""
        deadline = time.monotonic() + _STARTING_SECONDS
        told = False
        while time.monotonic() < deadline:
            record = ProcessRecord.read(self._home.record)
            if record is None or record.server.process() is None:
                return None
            if not self._ports.agrees_with(record.ports):
                return None
            if record.state == "ready":
                endpoints = Endpoints.on(record.ports, api_token=self._home.api_token())
                if _is_healthy(endpoints):
                    return endpoints
            if not told:
                on_step("waiting for a start that is under way")
                told = True
            time.sleep(_PAUSE)
        return None

    def _end_server(self) -> bool:
        record = ProcessRecord.read(self._home.record)
        if record is None:
            return False
        lived = record.server.process() is not None
        end(record.server, grace_s=_STOP_SECONDS)
        # Without its server the host leaves by itself; force is for one that hangs.
        end(record.host, grace_s=_HOST_SECONDS, ask=False)
        self._home.record.unlink(missing_ok=True)
        return lived

    def _spawn(self, on_step: OnStep) -> Endpoints:
        try:
            self._home.create()
            errors = _open_errors(self._home.logs / "server.err")
        except OSError as error:
            raise _explained(error, self._home.cloud) from error
        with errors:
            process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=project_root(),
                start_new_session=True,
            )
        assert process.stdout is not None  # noqa: S101  narrowing: asked for as a pipe
        with process.stdout as lines:
            for line in lines:
                report = json.loads(line)
                if "step" in report:
                    on_step(report["step"])
                elif "error" in report:
                    process.wait()
                    kind = KINDS.get(report["error"]["kind"], StartFailed)
                    raise kind(report["error"]["message"])
                elif "ready" in report:
                    record = ProcessRecord.read(self._home.record)
                    if record is not None:
                        return Endpoints.on(record.ports, api_token=self._home.api_token())
        code = process.wait()
        raise StartFailed(
            f"The local cloud ended with code {code} before it was ready: see {errors.name}."
        )

    def _command(self) -> list[str]:
        command = [sys.executable, "-m", "localcloud", "serve", "--json"]
        command += ["--home", str(self._home.root)]
        for name, (option, _) in SWITCHES.items():
            command += [option, str(getattr(self._ports, name))]
        for part in self._host_command:
            command += [f"--host-command={part}"]
        return command


class _Alone:
    """The start lock as a context manager that speaks this package's errors."""

    def __init__(self, path: Path, on_step: OnStep) -> None:
        waiting = "waiting for another command on this state home"
        self._lock = locked(path, seconds=_LOCK_SECONDS, on_wait=lambda: on_step(waiting))
        self._path = path

    def __enter__(self) -> None:
        try:
            self._lock.__enter__()
        except LockTaken as error:
            raise StartFailed(
                f"Another command has worked on {self._path.parent} for {_LOCK_SECONDS:.0f} "
                "seconds: wait for it, or end it, and try again."
            ) from error
        except OSError as error:
            raise _explained(error, self._path.parent) from error

    def __exit__(self, *details: Any) -> None:
        self._lock.__exit__(*details)


def _explained(error: OSError, place: Path) -> LocalCloudError:
    if is_disk_full(error):
        return DiskFull.at(place)
    return StartFailed(f"{place} can't be written: {error.strerror}.")


def _open_errors(path: Path) -> Any:
    """The file for the server's standard error; it begins anew when it has grown large."""
    large = path.exists() and path.stat().st_size > _MAX_ERRORS_BYTES
    return path.open("wb" if large else "ab")


def _is_healthy(endpoints: Endpoints) -> bool:
    address = urlsplit(endpoints.control_url).netloc
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/local/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
