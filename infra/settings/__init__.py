"""The typed settings of a stack, read from Pulumi's config or from a stack file."""

from infra.settings.model import KnownSettings, Settings
from infra.settings.problems import Problem, SettingsError
from infra.settings.secret_model import Secrets
from infra.settings.stack_file import StackFile, read_settings
from infra.settings.workflow_secrets import WorkflowSecrets

__all__ = [
    "KnownSettings",
    "Problem",
    "Secrets",
    "Settings",
    "SettingsError",
    "StackFile",
    "WorkflowSecrets",
    "read_settings",
]
