"""The scheduled tasks, in the order in which one firing of the cron runs them."""

from notification.tasks.key_rotation import KeyRotation
from notification.tasks.monitoring import Monitoring
from notification.tasks.sweep import Sweep
from notification.tasks.task import Task

TASKS: tuple[Task, ...] = (Sweep(), Monitoring(), KeyRotation())
