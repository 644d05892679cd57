"""Counts of one isolate since it started."""

REQUEST_BOUNDS_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the classes of request times, in seconds; the last class has no bound."""


class IsolateCounters:
    """Counts in memory only: each isolate has its own, and a new one starts at 0.

    Attributes:
        auth_failures: requests answered with 401.
        rate_limit_hits: requests answered with 429.
        cache_hits: sends whose configurations were in the isolate's cache.
        cache_misses: sends whose configurations were read from the database.
        requests: requests by class of time, the open one last.
        request_ms: the time of all requests.
    """

    __slots__ = (
        "auth_failures",
        "cache_hits",
        "cache_misses",
        "rate_limit_hits",
        "request_ms",
        "requests",
    )

    def __init__(self) -> None:
        self.auth_failures = 0
        self.rate_limit_hits = 0
        self.cache_hits = 0
        self.cache_misses = 0
        self.requests = [0] * (len(REQUEST_BOUNDS_S) + 1)
        self.request_ms = 0

    def request(self, status: int, duration_ms: int) -> None:
        """Count one answered request."""
        self.auth_failures += status == 401
        self.rate_limit_hits += status == 429
        self.request_ms += duration_ms
        for place, bound in enumerate(REQUEST_BOUNDS_S):
            if duration_ms <= bound * 1000:
                self.requests[place] += 1
                return
        self.requests[-1] += 1

    def cache_lookup(self, hit: bool) -> None:
        """Count one lookup in the isolate's cache of configurations."""
        self.cache_hits += hit
        self.cache_misses += not hit
