"""Every route of the service, in one list."""

from notification.routes import health

ROUTES = (*health.ROUTES,)
