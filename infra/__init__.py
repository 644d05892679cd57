"""The Pulumi program of the notification system: declarations only."""

SERVICE_VERSION = "0.1.0"
"""The project's version, as in pyproject.toml; the Worker reports it in `/health`."""
