"""Health, metrics, and this document."""

from notification.metrics.prometheus import CONTENT_TYPE
from notification.openapi.operation import Operation, Parameter
from notification.openapi.schemas import (
    ANY_OBJECT,
    CHANNEL,
    FLAG,
    NUMBER,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    WHOLE,
    array,
    choice,
    map_of,
    record,
    succeeded,
)
from notification.routes import health, metrics
from notification.routes import openapi as document

_CONNECTION = choice("connected", "disconnected", "not_bound")
_HEALTH = record(
    {
        "status": choice("healthy", "degraded", "unhealthy"),
        "timestamp": TIME,
        "version": TEXT,
        "environment": TEXT,
        "database": _CONNECTION,
        "cache": _CONNECTION,
        "queues": _CONNECTION,
        "services": record({"database": FLAG, "queue": FLAG, "cache": FLAG}),
    },
    {
        "deployment": record({"version_id": TEXT, "tag": TEXT}, {"schema_level": WHOLE}),
        "errors": array(record({"code": TEXT, "message": TEXT})),
    },
)
_OUTCOMES = record({"sent": WHOLE, "failed": WHOLE, "retries": WHOLE})
_METRICS = succeeded(
    {
        "totalSent": WHOLE,
        "totalFailed": WHOLE,
        "totalRetries": WHOLE,
        "successRate": NUMBER,
        "avgResponseTime": WHOLE,
        "channelBreakdown": map_of(_OUTCOMES),
        "data": record(
            {
                "notifications": record(
                    {"total_sent": WHOLE, "total_failed": WHOLE, "pending": WHOLE}
                ),
                "channels": map_of(WHOLE),
                "performance": record(
                    {"avg_processing_time_ms": WHOLE, "p95_processing_time_ms": WHOLE}
                ),
            }
        ),
    }
)
_SERIES = record(
    {
        "metric": choice(*metrics.METRICS),
        "channel": TEXT_OR_NULL,
        "step": choice("hour", "day"),
        "from": TIME,
        "to": TIME,
        "points": array(record({"time": TIME, "value": NUMBER})),
    }
)
_VALUES = record({name: array(NUMBER) for name in metrics.METRICS})
_OVERVIEW = record(
    {
        "step": choice("hour", "day"),
        "from": TIME,
        "to": TIME,
        "times": array(TIME),
        "total": _VALUES,
        "channels": map_of(_VALUES),
    }
)
_DATE = {"type": "string"}
_RANGE = (
    Parameter("from", _DATE, "ISO-8601 date or date-time; by default a day before `to`"),
    Parameter("to", _DATE, "ISO-8601 date or date-time; by default now"),
    Parameter("step", choice("hour", "day")),
)

OPERATIONS = {
    health.show_health: Operation(
        tag="Insight",
        parameters=(Parameter("detailed", TEXT, "Taken, and changes nothing"),),
        answers={200: _HEALTH, 503: _HEALTH},
    ),
    metrics.show_metrics: Operation(
        tag="Insight",
        parameters=(
            Parameter("user_id", TEXT),
            Parameter("days", {"type": "integer", "minimum": 1, "maximum": 90, "default": 7}),
            Parameter("format", choice("json", "prometheus")),
        ),
        answers={200: _METRICS},
        text_answer=CONTENT_TYPE,
    ),
    metrics.show_series: Operation(
        tag="Insight",
        parameters=(
            Parameter("metric", choice(*metrics.METRICS)),
            Parameter("channel", CHANNEL),
            *_RANGE,
        ),
        answers={200: succeeded({"data": _SERIES})},
        errors=("INVALID_CHANNEL_TYPE",),
    ),
    metrics.show_overview: Operation(
        tag="Insight",
        parameters=_RANGE,
        answers={200: succeeded({"data": _OVERVIEW})},
    ),
    document.show_document: Operation(tag="Insight", answers={200: ANY_OBJECT}),
}
