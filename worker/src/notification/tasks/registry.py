"""The scheduled tasks, in the order in which one firing of the cron runs them."""

from notification.tasks.data_cleanup import DataCleanup
from notification.tasks.key_rotation import KeyRotation
from notification.tasks.monitoring import Monitoring
from notification.tasks.task import Task

TASKS: tuple[Task, ...] = (DataCleanup(), Monitoring(), KeyRotation())
