"""Every route of the service, in one list."""

from notification.routes import bridge, grafana, health, logs, send, templates, user_configs

ROUTES = (
    *health.ROUTES,
    *send.ROUTES,
    *user_configs.ROUTES,
    *templates.ROUTES,
    *logs.ROUTES,
    *grafana.ROUTES,
    *bridge.ROUTES,
)
