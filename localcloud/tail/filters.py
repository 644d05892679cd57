"""What a tail lets pass: the filters of `wrangler tail`."""

from __future__ import annotations

import random
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_MAX_FILTERS = 100
_LOOPBACK = "127.0.0.1"
_Text = Annotated[str, Field(max_length=1000)]
_Texts = Annotated[list[_Text], Field(min_length=1, max_length=_MAX_FILTERS)]


class _Header(BaseModel):
    key: _Text
    query: _Text | None = None


class _Filter(BaseModel):
    """One filter, of exactly one field (workers-sdk, packages/wrangler/src/tail/filters.ts)."""

    model_config = ConfigDict(extra="forbid")

    sampling_rate: float | None = Field(default=None, ge=0, le=1)
    outcome: _Texts | None = None
    method: _Texts | None = None
    header: _Header | None = None
    client_ip: _Texts | None = None
    query: _Text | None = None
    scriptVersion: _Text | None = None  # noqa: N815  the API's spelling

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("a filter has exactly one field")
        return self

    def lets_pass(self, trace: dict[str, Any]) -> bool:
        request: dict[str, Any] | None = (trace.get("event") or {}).get("request")
        headers: dict[str, str] = request["headers"] if request else {}
        if self.sampling_rate is not None:
            return random.random() < self.sampling_rate  # noqa: S311  a sample, no secret
        if self.outcome is not None:
            return str(trace.get("outcome")) in self.outcome
        if self.method is not None:
            return request is not None and request["method"] in self.method
        if self.header is not None:
            value = headers.get(self.header.key.lower())
            return value is not None and (self.header.query or "") in value
        if self.client_ip is not None:
            # `self` is the one who watches, and nobody but this machine calls or watches.
            allowed = {_LOOPBACK if one == "self" else one for one in self.client_ip}
            return headers.get("cf-connecting-ip") in allowed
        if self.scriptVersion is not None:
            return bool(trace["scriptVersion"]["id"] == self.scriptVersion)
        texts = (str(part) for line in trace.get("logs", []) for part in line["message"])
        return any((self.query or "") in text for text in texts)


class TraceFilters(BaseModel):
    """The body of a new tail: each filter must let a trace pass.

    Example:
        >>> TraceFilters(filters=[{"outcome": ["exception"]}]).let_pass({"outcome": "ok"})
        False
    """

    filters: list[_Filter] = Field(default=[], max_length=_MAX_FILTERS)

    def let_pass(self, trace: dict[str, Any]) -> bool:
        """Whether a watcher sees a trace, given as the runtime tells it."""
        return all(one.lets_pass(trace) for one in self.filters)
