"""The routes of the service."""

from notification.http.router import Route, RouteModule
from notification.routes import send

ROUTES = send.ROUTES
"""The routes that every isolate imports at its start."""

MODULES = (
    RouteModule("notification.routes.health", ("/health", "/api/health")),
    RouteModule("notification.routes.user_configs", ("/api/user-configs", "/api/users/")),
    RouteModule("notification.routes.logs", ("/api/notification-logs", "/api/logs")),
    RouteModule(
        "notification.routes.log_removal",
        ("/api/notification-logs", "/api/logs", "/api/cleanup-logs"),
    ),
    RouteModule(
        "notification.routes.scheduled_tasks",
        ("/health/scheduled-tasks", "/api/task-execution-records", "/api/scheduled-tasks/"),
    ),
    RouteModule(
        "notification.routes.queue",
        ("/api/queue/", "/api/notifications/retry", "/api/trigger-retry"),
    ),
    RouteModule("notification.routes.holds", ("/api/holds",)),
    RouteModule("notification.routes.batch", ("/api/notifications/batch",)),
    RouteModule("notification.routes.templates", ("/api/templates",)),
    RouteModule(
        "notification.routes.grafana",
        ("/api/webhooks/grafana", "/api/grafana/", "/api/webhooks/alertmanager"),
    ),
    RouteModule("notification.routes.bridge", ("/web_hook/bridge/", "/api/webhooks/standard/")),
    RouteModule("notification.routes.database", ("/api/db/",)),
    RouteModule("notification.routes.deployment", ("/api/deployment",)),
    RouteModule("notification.routes.console", ("/test-ui",)),
    RouteModule("notification.routes.openapi", ("/openapi.json",)),
    RouteModule("notification.routes.persons", ("/api/users/",)),
    RouteModule("notification.routes.metrics", ("/metrics", "/api/metrics", "/api/stats/")),
)
"""The modules that are imported when one of their routes is first called."""


def all_routes() -> tuple[Route, ...]:
    """Return every route, importing all modules."""
    return (*ROUTES, *(route for module in MODULES for route in module.load()))
