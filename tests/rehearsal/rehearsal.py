"""One incident on an installation of its own: a stack, its callers, and a person on duty."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ops.stacks.notification import Notification
from tests.altered_project import AlteredProject
from tests.docs.document import ROOT
from tests.installation import Installation
from tests.rehearsal import runbook
from tests.rehearsal.terminal import Shown, typed

ONE_MINUTE = "--seconds 60"


class Rehearsal:
    """A deployed copy of the project, and a terminal beside it.

    Args:
        folder: an empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.project = AlteredProject(folder / "project")
        self.installation = Installation(folder, project=self.project.root)
        environment = self.installation.environment
        environment["PATH"] = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment["NOTIFYCTL_POST_MORTEMS"] = str(folder / "reviews")
        environment["NOTIFYCTL_BACKUPS"] = str(folder / "backups")
        environment["NOTIFYCTL_BACKUP_PASSPHRASE"] = "a passphrase of the rehearsal"
        environment["NOTIFYCTL_ENGINE"] = "embedded"
        # The copy's own settings file is read, as by a person.
        del environment["NOTIFYCTL_CONFIG_FILE"]
        self._folder = folder

    @classmethod
    @contextmanager
    def begun(cls, folder: Path) -> Iterator[Rehearsal]:
        """One whose stack is deployed, until the end of the block."""
        built = cls(folder)
        try:
            built.installation.up()
            yield built
        finally:
            built.installation.close()

    def break_code(self, path: str, old: str, new: str) -> None:
        """Deploy a change of the Worker that a review has let through."""
        self.project.replace(path, old, new)
        self.project.commit("A change")
        shown = self.type("notifyctl up --stack local --skip-verify")
        assert shown.code == 0, shown.text

    def call(self, user: str, *, channel: str = "webhook", url: str = "") -> int:
        """Send as a caller does, and return the answer's status."""
        message = Notification(user=user, channels=(channel,), message="x", url=None)
        if url:
            self.configure(user, channel, {"webhook_url": url})
        with self.installation.service() as service:
            return service.call(
                "POST", "/api/notifications/send", body=message_body(message)
            ).status_code

    def configure(self, user: str, channel: str, config: Mapping[str, Any]) -> None:
        """Save a channel of a user."""
        body = {"user_id": user, "channel_type": channel, "config_data": dict(config)}
        with self.installation.service() as service:
            service.result("POST", "/api/user-configs", body=body)

    def type(self, command: str, *, answer: str = "") -> Shown:
        """Run a line on the terminal."""
        return typed(
            command,
            folder=self.project.root,
            environment=self.installation.environment,
            answer=answer,
        )

    def first_minute(self) -> dict[str, Shown]:
        """Run the commands of the first minute, and return what each showed by its name."""
        shown = {}
        for command in runbook.commands("First minute", ""):
            if "--stack production" in command:
                one = self.type(runbook.filled_in(command, {}))
                shown[command.split()[1]] = one
        return shown

    def follow(
        self, section: str, part: str, *, answer: str = "", **placeholders: str
    ) -> list[Shown]:
        """Run what the runbook says there, in its order; a tail waits for 3 seconds, not for 60."""
        values = {ONE_MINUTE: "--seconds 3", **placeholders}
        return [
            self.type(runbook.filled_in(command, values), answer=answer)
            for command in runbook.commands(section, part)
            if command.startswith(runbook.OURS)
        ]


def message_body(message: Notification) -> dict[str, Any]:
    """Return the body of a send."""
    return {
        "user_id": message.user,
        "channels": list(message.channels),
        "custom_content": {"content": message.message},
    }
