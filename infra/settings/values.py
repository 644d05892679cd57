"""The named types of every setting; each carries its rule and an example."""

import json
import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Literal, NewType
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints

from cron.expression import CronExpression

Seconds = NewType("Seconds", int)
Milliseconds = NewType("Milliseconds", int)


@dataclass(frozen=True)
class Rule:
    """What a value must look like, in one sentence, and a value that does."""

    text: str
    example: str


def is_loopback(url: str) -> bool:
    """Whether it is an http(s) URL of this machine: `localhost`, 127.0.0.0/8 or ::1."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".").lower()
        _ = parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or "\\" in url:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _cron(text: str) -> str:
    CronExpression.parse(text)
    return text


def _switch(value: object) -> object:
    words = {"true": True, "false": False}
    found = words.get(value) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise ValueError("neither true nor false")
    return found


def whole_number(value: object) -> object:
    """Return a whole number of at most 15 digits, also where it is given as text."""
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,15}", str(value)):
        raise ValueError("not a whole number")
    return int(str(value))


def _number(value: object) -> object:
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", str(value)):
        raise ValueError("not a number")
    return float(str(value))


def json_value(value: object) -> object:
    """Return a list or mapping that Pulumi hands to the program as JSON text."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except RecursionError:
            raise ValueError("nested too deep") from None
    return value


def plain_url(value: str) -> str:
    """Return an https URL, or an http one of this machine, with nothing but host, port and path."""
    parts = urlsplit(value)
    _ = parts.port  # raises ValueError where it is none
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(value))
    # urlsplit drops line ends and tabs, and takes a space for a part of the host.
    plain = value.isprintable() and not set(value) & set(" \\?#@")
    if not (secure and parts.hostname and plain):
        raise ValueError("not such a URL")
    return value


def _url(value: str) -> str:
    if value.endswith("/"):
        raise ValueError("a slash at its end")
    return plain_url(value)


def _origin(value: str) -> str:
    if urlsplit(_url(value)).path:
        raise ValueError("an origin has no path")
    return value


def distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values, of which no two may be the same."""
    if len(set(values)) != len(values):
        raise ValueError("the same value twice")
    return values


def _rates(rates: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    for rate in rates.values():
        spans = set(rate) & {"per_second", "per_minute"}
        if len(spans) != 1 or set(rate) - spans - {"burst"}:
            raise ValueError("neither per_second nor per_minute")
        if not all(1 <= calls <= 1_000 for calls in rate.values()):
            raise ValueError("not from 1 to 1000")
    return rates


def _schedule(waits: tuple[str, ...]) -> tuple[str, ...]:
    seconds = [int(wait[:-1]) * {"s": 1, "m": 60, "h": 3_600}[wait[-1]] for wait in waits]
    if any(wait > 12 * 3_600 for wait in seconds) or sum(seconds) > 24 * 3_600:
        raise ValueError("it waits too long")
    return waits


_URL_RULE = "an https URL without a trailing slash (http on the loopback address alone)."

AccountId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{32}$"),
    Rule("32 hexadecimal digits in lower case.", "023e105f4ecef8ad9ca31a8372d0c353"),
]
Environment = Annotated[
    Literal["production", "staging", "development"],
    Rule("one of production, staging, development.", "development"),
]
Subdomain = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"),
    Rule("the account's workers.dev subdomain alone: a-z, 0-9 and '-'.", "my-team"),
]
Url = Annotated[str, AfterValidator(_url), Rule(_URL_RULE, "https://notification.example.com")]
ApiUrl = Annotated[
    str, AfterValidator(_url), Rule(_URL_RULE, "https://api.cloudflare.com/client/v4")
]
TelegramUrl = Annotated[str, AfterValidator(_url), Rule(_URL_RULE, "https://api.telegram.org")]
D1Location = Annotated[
    Literal["wnam", "enam", "weur", "eeur", "apac", "oc"],
    Rule("one of wnam, enam, weur, eeur, apac, oc.", "weur"),
]
D1Jurisdiction = Annotated[Literal["eu", "fedramp"], Rule("one of eu, fedramp.", "eu")]
MAX_SHARDS = 8
"""The low three bits of a notification's id tell in which shard it was made."""
Shards = Annotated[
    int,
    BeforeValidator(whole_number),
    Field(ge=1, le=MAX_SHARDS),
    Rule(f"a whole number of databases from 1 to {MAX_SHARDS}.", "1"),
]
Switch = Annotated[bool, BeforeValidator(_switch), Rule("true or false.", "true")]
PerMinute = Annotated[
    int,
    BeforeValidator(whole_number),
    Field(ge=1, le=100_000),
    Rule("a whole number of calls a minute from 1 to 100000.", "100"),
]
Cron = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9A-Z*,/#-]+( [0-9A-Z*,/#-]+){4}$"),
    AfterValidator(_cron),
]
Crons = Annotated[
    tuple[Cron, ...],
    BeforeValidator(json_value),
    AfterValidator(distinct),
    Field(max_length=5),
    Rule("a list of at most 5 different cron expressions of five fields.", '["*/5 * * * *"]'),
]
ChannelRates = Annotated[
    dict[str, dict[str, int]],
    BeforeValidator(json_value),
    AfterValidator(_rates),
    Rule(
        "by channel per_second or per_minute, and burst if need be, each from 1 to 1000.",
        '{"slack": {"per_second": 1, "burst": 5}}',
    ),
]
RetrySchedule = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,5}[smh]$")], ...],
    BeforeValidator(json_value),
    AfterValidator(_schedule),
    Field(max_length=12),
    Rule(
        "a list of at most 12 waits (10s, 5m, 2h), each at most 12 hours, together at most 24.",
        '["10s", "30s", "5m", "30m", "2h", "6h"]',
    ),
]
LogLevel = Annotated[
    Literal["debug", "info", "warn", "error"], Rule("one of debug, info, warn, error.", "info")
]
RequestBytes = Annotated[
    int,
    BeforeValidator(whole_number),
    Field(ge=1024, le=100 * 1024 * 1024),
    Rule("a whole number of bytes from 1024 to 104857600.", "1048576"),
]
Origins = Annotated[
    tuple[Annotated[str, AfterValidator(_origin)], ...],
    BeforeValidator(json_value),
    AfterValidator(distinct),
    Rule("a list of different https origins; an empty list allows all.", '["https://a.example"]'),
]
ChannelNames = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,31}$")], ...],
    BeforeValidator(json_value),
    AfterValidator(distinct),
    Rule("a list of different channels, in small letters.", '["discord","ntfy"]'),
]
BatchSize = Annotated[
    int,
    BeforeValidator(whole_number),
    Field(ge=1, le=100),
    Rule("a whole number of messages from 1 to 100.", "10"),
]
BatchWait = Annotated[
    Milliseconds,
    BeforeValidator(whole_number),
    Field(ge=0, le=60_000),
    Rule("a whole number of milliseconds from 0 to 60000.", "5000"),
]
MaxRetries = Annotated[
    int,
    BeforeValidator(whole_number),
    Field(ge=0, le=100),
    Rule("a whole number of retries from 0 to 100.", "3"),
]
RetryDelay = Annotated[
    Seconds,
    BeforeValidator(whole_number),
    Field(ge=0, le=43_200),
    Rule("a whole number of seconds from 0 to 43200.", "30"),
]
CacheLife = Annotated[
    Seconds,
    BeforeValidator(whole_number),
    Field(ge=60, le=86_400),
    Rule("a whole number of seconds from 60 to 86400.", "300"),
]
Sampling = Annotated[
    float,
    BeforeValidator(_number),
    Field(ge=0, le=1),
    Rule("a number from 0 (none) to 1 (all).", "0.25"),
]
ApiSecretKey = Annotated[
    SecretStr,
    Rule("64 hexadecimal digits in lower case.", "`openssl rand -hex 32`"),
]
EncryptKey = Annotated[
    SecretStr,
    Rule("exactly 32 letters and digits.", "`openssl rand -hex 16`"),
]
Token = Annotated[
    SecretStr,
    Rule("at least 32 printable characters without a space.", "`openssl rand -hex 32`"),
]
BasicName = Annotated[
    SecretStr,
    Rule("1 to 100 printable characters without a space or a colon.", "grafana"),
]
