"""Every route of the service, in one list."""

from notification.routes import health, logs, send, user_configs

ROUTES = (*health.ROUTES, *send.ROUTES, *user_configs.ROUTES, *logs.ROUTES)
