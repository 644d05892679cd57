"""The typed settings of a stack, read from Pulumi's config or from a stack file."""

from infra.settings.model import Secrets, Settings
from infra.settings.problems import Problem, SettingsError

__all__ = ["Problem", "Secrets", "Settings", "SettingsError"]
