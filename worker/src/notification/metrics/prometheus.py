"""The text that Prometheus scrapes (exposition format 0.0.4)."""

from collections.abc import Iterator, Mapping, Sequence

from notification.metrics.isolate_counters import REQUEST_BOUNDS_S, IsolateCounters
from notification.metrics.period_metrics import BOUNDS_MS, Metrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ISOLATE = {"scope": "isolate"}


def exposition(
    channels: Mapping[str, Metrics],
    queue_depths: Mapping[str, int],
    waiting: Mapping[tuple[str, str], int],
    endpoint_lines: Mapping[str, tuple[int, float]],
    counters: IsolateCounters,
) -> str:
    """Write all series.

    What a redriven notification failed before stays counted as failed: a counter must not fall.
    Series labelled `scope="isolate"` belong to the isolate that answers.

    Args:
        channels: counts since the installation began, by channel.
        queue_depths: notifications that wait, by queue.
        waiting: notifications that wait, by channel and reason.
        endpoint_lines: by channel the endpoints before which notifications wait in line, and the
            seconds until the last of them is due.
        counters: the isolate's counts.
    """
    lines = [
        *_requests(channels),
        *_errors(channels),
        *_durations(channels),
        *_gauge("queue_depth", "Notifications that wait for a queue's consumer"),
        *(_sample("queue_depth", {"queue": name}, n) for name, n in sorted(queue_depths.items())),
        *_gauge("notification_waiting", "Notifications that wait, by channel and reason"),
        *(
            _sample("notification_waiting", {"channel": channel, "reason": reason}, n)
            for (channel, reason), n in sorted(waiting.items())
        ),
        *_gauge("notification_endpoint_lines", "Endpoints before which notifications wait in line"),
        *(
            _sample("notification_endpoint_lines", {"channel": channel}, count)
            for channel, (count, _) in sorted(endpoint_lines.items())
        ),
        *_gauge("notification_endpoint_line_seconds", "Time until the last of a line is due"),
        *(
            _sample("notification_endpoint_line_seconds", {"channel": channel}, left_s)
            for channel, (_, left_s) in sorted(endpoint_lines.items())
        ),
        *_isolate(counters),
    ]
    return "\n".join(lines) + "\n"


def _requests(channels: Mapping[str, Metrics]) -> Iterator[str]:
    name = "notification_requests_total"
    yield f"# HELP {name} Notifications by channel and outcome"
    yield f"# TYPE {name} counter"
    for channel, metrics in sorted(channels.items()):
        outcomes = (
            ("sent", metrics.sent),
            ("failed", metrics.failed + metrics.redrives),
            ("cancelled", metrics.cancelled),
        )
        for status, count in outcomes:
            yield _sample(name, {"channel": channel, "status": status}, count)


def _errors(channels: Mapping[str, Metrics]) -> Iterator[str]:
    name = "notification_errors_total"
    yield f"# HELP {name} Failed attempts by channel and error code"
    yield f"# TYPE {name} counter"
    for channel, metrics in sorted(channels.items()):
        for code, count in sorted(metrics.errors.items()):
            yield _sample(name, {"channel": channel, "code": code}, count)


def _durations(channels: Mapping[str, Metrics]) -> Iterator[str]:
    name = "notification_duration_seconds"
    yield f"# HELP {name} Time from acceptance to delivery"
    yield f"# TYPE {name} histogram"
    bounds = [bound / 1000 for bound in BOUNDS_MS]
    for channel, metrics in sorted(channels.items()):
        labels = {"channel": channel}
        yield from _histogram(name, labels, bounds, metrics.deliveries, metrics.delivery_ms)


def _isolate(counters: IsolateCounters) -> Iterator[str]:
    looks = counters.cache_hits + counters.cache_misses
    yield from _gauge("cache_hit_ratio", "Share of sends whose configurations were cached")
    if looks:
        yield _sample("cache_hit_ratio", _ISOLATE, round(counters.cache_hits / looks, 4))
    for name, text, count in (
        ("auth_failures_total", "Requests answered with 401", counters.auth_failures),
        ("rate_limit_hits_total", "Requests answered with 429", counters.rate_limit_hits),
    ):
        yield f"# HELP {name} {text}"
        yield f"# TYPE {name} counter"
        yield _sample(name, _ISOLATE, count)
    name = "api_request_duration_seconds"
    yield f"# HELP {name} Time to answer a request"
    yield f"# TYPE {name} histogram"
    yield from _histogram(name, _ISOLATE, REQUEST_BOUNDS_S, counters.requests, counters.request_ms)


def _gauge(name: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} gauge"


def _histogram(
    name: str,
    labels: Mapping[str, str],
    bounds_s: Sequence[float],
    counts: Sequence[int],
    sum_ms: int,
) -> Iterator[str]:
    below = 0
    for bound, count in zip(bounds_s, counts, strict=False):
        below += count
        yield _sample(f"{name}_bucket", {**labels, "le": f"{bound:g}"}, below)
    yield _sample(f"{name}_bucket", {**labels, "le": "+Inf"}, sum(counts))
    yield _sample(f"{name}_sum", labels, sum_ms / 1000)
    yield _sample(f"{name}_count", labels, sum(counts))


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    pairs = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{pairs}}} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
