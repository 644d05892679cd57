"""`GET /metrics` and `GET /api/stats/series`: metrics of now and over time."""

from collections.abc import Callable, Iterable
from typing import Any

from notification.channels.channel import base_channel
from notification.channels.registry import CHANNELS
from notification.delivery.queue_depths import queue_depths, waiting_by_reason
from notification.errors import ServiceError
from notification.http.parameters import moment, whole_number
from notification.http.response import Response, bare, success
from notification.http.router import Access, Call, Route
from notification.identity import fold_recipient
from notification.metrics.isolate_counters import IsolateCounters
from notification.metrics.period_metrics import Metrics, PeriodMetrics, by_channel, total
from notification.metrics.prometheus import CONTENT_TYPE, exposition
from notification.metrics.reading import HOURS_KEPT, by_step, read_metrics, read_user_metrics
from notification.timestamps import DAY_MS, HOUR_MS, floor, from_iso, iso

_CACHE = {"Cache-Control": "private, max-age=60"}
_MAX_POINTS = 1_000
_STEPS_MS = {"hour": HOUR_MS, "day": DAY_MS}
METRICS: dict[str, Callable[[Metrics], float]] = {
    "accepted": lambda f: f.accepted,
    "sent": lambda f: f.sent,
    "failed": lambda f: f.failed,
    "cancelled": lambda f: f.cancelled,
    "pending": lambda f: f.unsettled,
    "retries": lambda f: f.retries,
    "errors": lambda f: sum(f.errors.values()),
    "success_rate": lambda f: f.success_rate,
    "avg_response_time": lambda f: f.average_ms,
    "p95_response_time": lambda f: f.quantile_ms(0.95),
}


async def show_metrics(call: Call) -> Response:
    """Show the metrics of the last days as JSON, or those of all time for Prometheus.

    `?format=prometheus` or `Accept: text/plain` chooses the latter.
    """
    query = call.request.query
    form = query.get("format") or ""
    if form not in ("", "json", "prometheus"):
        raise ServiceError("INVALID_PARAMETER", "format must be json or prometheus")
    if form == "prometheus" or (
        not form and "text/plain" in call.request.headers.get("accept", "")
    ):
        return await _scraped(call)
    days = whole_number(query, "days", default=7, maximum=90)
    platform, user_id = call.platform, fold_recipient(query.get("user_id", "")) or None
    now_ms = platform.clock.now_ms()
    start_ms = now_ms - days * DAY_MS
    if user_id is not None:
        platform = await platform.for_user(user_id)
        periods = await read_user_metrics(platform, user_id, start_ms, now_ms + 1)
    elif days * 24 <= HOURS_KEPT:
        start_ms = floor(start_ms, HOUR_MS)
        periods = await read_metrics(platform, start_ms, now_ms + 1, by_day=False)
    else:
        start_ms = floor(start_ms, DAY_MS)
        periods = await read_metrics(platform, start_ms, now_ms + 1, by_day=True)
    return bare(_summary(by_channel(periods), total(periods)), headers=_CACHE)


def _summary(channels: dict[str, Metrics], everything: Metrics) -> dict[str, Any]:
    known = {name: channels.get(name, Metrics()) for name in (*CHANNELS, *channels)}
    return {
        "success": True,
        "totalSent": everything.sent,
        "totalFailed": everything.failed,
        "totalRetries": everything.retries,
        "successRate": everything.success_rate,
        "avgResponseTime": everything.average_ms,
        "channelBreakdown": {
            name: {"sent": f.sent, "failed": f.failed, "retries": f.retries}
            for name, f in known.items()
        },
        "data": {
            "notifications": {
                "total_sent": everything.sent,
                "total_failed": everything.failed,
                "pending": everything.unsettled,
            },
            "channels": {name: metrics.accepted for name, metrics in known.items()},
            "performance": {
                "avg_processing_time_ms": everything.average_ms,
                "p95_processing_time_ms": everything.quantile_ms(0.95),
            },
        },
    }


async def _scraped(call: Call) -> Response:
    platform = call.platform
    if call.request.query.get("user_id"):
        raise ServiceError("INVALID_PARAMETER", "format=prometheus takes no user_id")
    periods = await read_metrics(platform, 0, platform.clock.now_ms() + 1, by_day=True)
    text = exposition(
        {**{name: Metrics() for name in CHANNELS}, **by_channel(periods)},
        await queue_depths(platform),
        *await waiting_by_reason(platform),
        platform.memory.of(IsolateCounters),
    )
    return Response(200, text, {**_CACHE, "Content-Type": CONTENT_TYPE})


async def show_series(call: Call) -> Response:
    """Show one value per hour or UTC day; a step without notifications is 0.

    A channel's series counts its named endpoints, too; an endpoint has its own, as well.
    """
    query = call.request.query
    metric = query.get("metric") or ""
    if metric not in METRICS:
        raise ServiceError("INVALID_PARAMETER", f"metric must be one of: {', '.join(METRICS)}")
    channel = query.get("channel") or None
    if channel is not None and channel not in CHANNELS:
        raise ServiceError(
            "INVALID_CHANNEL_TYPE",
            f"Invalid channel: {channel[:100]}. Valid channels are: {', '.join(CHANNELS)}",
        )
    step, start_ms, end_ms = _range(query, call.platform.clock.now_ms())
    periods = await read_metrics(call.platform, start_ms, end_ms, by_day=step == "day")
    chosen = _chosen(periods, channel)
    value = METRICS[metric]
    points = [
        {"time": iso(start), "value": value(metrics)}
        for start, metrics in by_step(chosen, start_ms, end_ms, _STEPS_MS[step])
    ]
    data = {
        "metric": metric,
        "channel": channel,
        "step": step,
        "from": iso(start_ms),
        "to": iso(end_ms),
        "points": points,
    }
    return success(data=data, headers=_CACHE)


async def show_overview(call: Call) -> Response:
    """Return every metric over time, in total and by channel, from one read."""
    step, start_ms, end_ms = _range(call.request.query, call.platform.clock.now_ms())
    periods = await read_metrics(call.platform, start_ms, end_ms, by_day=step == "day")

    def values(channel: str | None) -> dict[str, list[float]]:
        steps = by_step(_chosen(periods, channel), start_ms, end_ms, _STEPS_MS[step])
        return {name: [value(metrics) for _, metrics in steps] for name, value in METRICS.items()}

    data = {
        "step": step,
        "from": iso(start_ms),
        "to": iso(end_ms),
        "times": [iso(start) for start in range(start_ms, end_ms, _STEPS_MS[step])],
        "total": values(None),
        "channels": {name: values(name) for name in CHANNELS},
    }
    return success(data=data, headers=_CACHE)


def _chosen(periods: Iterable[PeriodMetrics], channel: str | None) -> list[PeriodMetrics]:
    """Return what a channel's series counts: its named endpoints, too."""
    return [
        period
        for period in periods
        if channel is None or channel in (period.channel, base_channel(period.channel))
    ]


def _range(query: dict[str, str], now_ms: int) -> tuple[str, int, int]:
    """Return step, start and end in milliseconds; by default the last 24 hours by the hour."""
    end_text, start_text = moment(query, "to", end=True), moment(query, "from")
    end_ms = min(from_iso(end_text) + 1, now_ms + 1) if end_text else now_ms + 1
    start_ms = from_iso(start_text) if start_text else end_ms - 1 - DAY_MS
    step = query.get("step") or ("hour" if end_ms - start_ms <= 7 * DAY_MS else "day")
    if step not in _STEPS_MS:
        raise ServiceError("INVALID_PARAMETER", "step must be hour or day")
    start_ms = floor(start_ms, _STEPS_MS[step])
    if start_ms >= end_ms:
        raise ServiceError("INVALID_PARAMETER", "from must be before to, and not in the future")
    if step == "hour" and start_ms < now_ms - HOURS_KEPT * HOUR_MS:
        raise ServiceError(
            "INVALID_PARAMETER", f"step=hour goes back {HOURS_KEPT // 24} days; use step=day"
        )
    if (end_ms - start_ms) // _STEPS_MS[step] >= _MAX_POINTS:
        raise ServiceError(
            "INVALID_PARAMETER", f"from, to and step must not give more than {_MAX_POINTS} points"
        )
    return step, start_ms, end_ms


ROUTES = (
    Route(
        "GET",
        "/metrics",
        show_metrics,
        access=Access.SCRAPER,
        aliases=("/api/metrics",),
        query=("user_id", "days", "format"),
    ),
    Route(
        "GET", "/api/stats/series", show_series, query=("metric", "channel", "from", "to", "step")
    ),
    Route("GET", "/api/stats/overview", show_overview, query=("from", "to", "step")),
)
