"""The state file of a stack that has no resource yet."""

from __future__ import annotations

from pathlib import Path

from engine.deployment_codec import DeploymentCodec
from engine.errors import EngineError
from engine.file_backend import FileBackend
from engine.passphrase import PassphraseSecrets
from engine.snapshot import timestamp
from engine.stack_config import Project, StackConfig
from ops.stacks.errors import StackFailed
from ops.stacks.local_stack import LocalStack


def create_stack_file(root: Path, local: LocalStack) -> None:
    """Make the stack in its file backend, empty, where it isn't there yet.

    Raises:
        StackFailed: the state that is there is damaged, which the message names with its newest
            whole copy; or a file of the project can't be read.
    """
    try:
        project = Project.load(root)
        backend = FileBackend(local.backend_dir, project=project.name, stack=local.stack)
        if backend.read() is not None:
            return
        config = StackConfig.load(local.config_file, project)
        secrets = PassphraseSecrets(config.encryption_salt, local.passphrase)
        codec = DeploymentCodec(f"organization/{project.name}/{local.stack}", secrets)
        backend.write(codec.encode((), (), time=timestamp()))
    except EngineError as error:
        raise StackFailed(str(error)) from None
