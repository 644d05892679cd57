"""Starts, stops and erases the local cloud, with its steps shown."""

from __future__ import annotations

import shutil
from typing import Any

from localcloud.daemon import LocalCloud
from localcloud.endpoints import Endpoints
from localcloud.errors import LocalCloudError
from localcloud.home import CloudHome
from ops.stacks.console import Reporter
from ops.stacks.errors import OperationError, ServiceError
from ops.stacks.project import Project


def start_local_cloud(project: Project, reporter: Reporter) -> Endpoints:
    """Start the local cloud where it doesn't run, and return where it listens.

    Raises:
        OperationError: a port is taken, Node is missing, the disk is full, …
    """
    with reporter.step("Local cloud") as step:
        try:
            endpoints = _cloud(project).start(on_step=lambda text: setattr(step, "detail", text))
        except LocalCloudError as error:
            raise OperationError(str(error)) from None
        step.detail = endpoints.control_url
    return endpoints


def require_local_cloud(project: Project, stack: str) -> None:
    """Refuse to look at a local stack while its cloud doesn't run; looking starts nothing.

    Raises:
        ServiceError: it doesn't run, or doesn't answer.
    """
    state = local_cloud_status(project)["state"]
    if state == "ready":
        return
    if state in ("starting", "unhealthy"):
        raise ServiceError(
            f"The local cloud of '{stack}' is {state}: it runs but doesn't answer yet. Its log is "
            f"{CloudHome(project.home).logs}. If that lasts: notifyctl local stop, then "
            "notifyctl local start."
        )
    raise ServiceError(
        f"The local cloud of '{stack}' doesn't run, so there is nothing to look at. Its data is "
        "kept. Start it: notifyctl local start"
    )


LOW_DISK_BYTES = 64 * 1024 * 1024
"""Free room below which SQLite's journals, snapshots and a backup no longer fit."""


def full_disk(project: Project) -> str:
    """Return a sentence where the disk of the local cloud's data is full, else an empty text."""
    store = CloudHome(project.home).runtime / "store"
    free = shutil.disk_usage(store if store.is_dir() else project.root).free
    if free >= LOW_DISK_BYTES:
        return ""
    return f"The disk is full: {free / 1e6:,.0f} MB are free for the data in {store}"


def stop_local_cloud(project: Project, reporter: Reporter) -> None:
    """Stop the local cloud; its data stays."""
    with reporter.step("Local cloud stopped; its data stays"):
        try:
            _cloud(project).stop()
        except LocalCloudError as error:
            raise OperationError(str(error)) from None


def erase_local_state(project: Project, reporter: Reporter) -> None:
    """Stop the local cloud and remove everything that the local stack keeps."""
    with reporter.step("Local data removed") as step:
        try:
            _cloud(project).erase()
        except LocalCloudError as error:
            raise OperationError(str(error)) from None
        for name in ("pulumi", "stack", "states"):
            shutil.rmtree(project.home / name, ignore_errors=True)
        project.passphrase_file.unlink(missing_ok=True)
        step.detail = str(project.home)
    reporter.line(
        f"Backups stay in backups/, reports in {project.home}; 'make clean' removes what was "
        "installed."
    )


def local_cloud_status(project: Project) -> dict[str, Any]:
    """Return whether the local cloud runs, where it listens and what it holds."""
    return dict(_cloud(project).status())


def _cloud(project: Project) -> LocalCloud:
    return LocalCloud(project.home, project.ports)
