"""The typed settings of a stack, read from Pulumi's config or from a stack file."""

from infra.settings.model import Settings
from infra.settings.problems import Problem, SettingsError
from infra.settings.secret_model import Secrets
from infra.settings.stack_file import read_settings
from infra.settings.workflow_secrets import WorkflowSecrets

__all__ = ["Problem", "Secrets", "Settings", "SettingsError", "WorkflowSecrets", "read_settings"]
