"""Cloudflare's cron expressions: five fields, UTC, weekdays from 1 (Sunday) to 7 (Saturday).

Sources: Cloudflare's page on cron triggers, and for what it leaves open its own parser
(github.com/cloudflare/saffron, ``saffron/src/parse.rs``). Beside numbers, names, lists, ranges and
steps the day fields know L (last), W (nearest working day) and # (n-th weekday of the month). A
range may go round (``FRI-MON``). ``0`` is no weekday, and ``?`` is nothing.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import NoReturn

MAX_LENGTH = 200
"""Characters of an expression that is read at all."""

_PART = re.compile(
    r"(?P<start>\*|[0-9]+|[A-Za-z]{3})(?:-(?P<end>[0-9]+|[A-Za-z]{3}))?(?:/(?P<step>[0-9]+))?"
)
_LAST_DAY = re.compile(r"L(?:-(?P<offset>[0-9]+))?(?P<working>W)?")
_WORKING_DAY = re.compile(r"(?P<day>[0-9]+)W")
_LAST_WEEKDAY = re.compile(r"(?P<weekday>[0-9]+|[A-Za-z]{3})L")
_NTH_WEEKDAY = re.compile(r"(?P<weekday>[0-9]+|[A-Za-z]{3})#(?P<nth>[0-9]+)")

DayRule = Callable[[date], bool]


class InvalidCron(ValueError):
    """Cloudflare refuses the expression; the text names the field, its value and the rule."""


@dataclass(frozen=True)
class _Field:
    """One field of an expression."""

    name: str
    low: int
    high: int
    rule: str
    names: Mapping[str, int] = field(default_factory=dict)

    def values(self, text: str) -> frozenset[int]:
        """Return the values that a list of numbers, ranges and steps stands for."""
        if text == "*":
            return frozenset(range(self.low, self.high + 1))
        found: set[int] = set()
        for position, part in enumerate(text.split(",")):
            match = _PART.fullmatch(part)
            if match is None:
                self.refuse(text)
            is_star = match["start"] == "*"
            if position == 0 and is_star and (match["end"] or not match["step"]):
                self.refuse(text)
            start = self.low if is_star else self.number(match["start"], text)
            end = self.high if match["step"] else start
            if match["end"]:
                end = self.number(match["end"], text)
            step = int(match["step"] or 1)
            if not 1 <= step <= self.high - self.low:
                self.refuse(text)
            if start <= end:
                span = [*range(start, end + 1)]
            else:
                span = [*range(start, self.high + 1), *range(self.low, end + 1)]
            found.update(span[::step])
        return frozenset(found)

    def number(self, word: str, text: str) -> int:
        """Return the number that a word of the field's text stands for."""
        found = self.names.get(word.upper(), -1)
        if word.isdecimal():
            found = int(word)
        if not self.low <= found <= self.high:
            self.refuse(text)
        return found

    def refuse(self, text: str) -> NoReturn:
        raise InvalidCron(f"{self.name} {text!r}: {self.rule}")


_STEPS = "lists (1,2), ranges (1-5) and steps (*/5) of them"
_MINUTE = _Field("minute", 0, 59, f"0 to 59, * and {_STEPS}")
_HOUR = _Field("hour", 0, 23, f"0 to 23, * and {_STEPS}")
_DAY = _Field(
    "day of the month", 1, 31, f"1 to 31, * and {_STEPS}, or one of L, LW, L-3, L-3W, 15W"
)
_MONTH = _Field(
    "month",
    1,
    12,
    f"1 to 12, JAN to DEC, * and {_STEPS}",
    {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name},
)
_WEEKDAY = _Field(
    "weekday",
    1,
    7,
    f"1 (Sunday) to 7 (Saturday), SUN to SAT, * and {_STEPS}, or one of L, 6L, MON#2",
    {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7},
)


@dataclass(frozen=True)
class CronExpression:
    """A parsed expression. A day fits where one of the day fields that aren't ``*`` has it."""

    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    day_rules: tuple[DayRule, ...]

    @classmethod
    def parse(cls, text: str) -> CronExpression:
        """Parse an expression.

        Raises:
            InvalidCron: Cloudflare refuses it.
        """
        if len(text) > MAX_LENGTH:
            raise InvalidCron(f"an expression has at most {MAX_LENGTH} characters")
        fields = re.split(r"[ \t]+", text)
        if len(fields) != 5 or "" in fields:
            raise InvalidCron(f"{text!r}: five fields, with spaces between them alone")
        minute, hour, day, month, weekday = fields
        rules = []
        if day != "*":
            rules.append(_day_rule(day))
        if weekday != "*":
            rules.append(_weekday_rule(weekday))
        return cls(
            minutes=_MINUTE.values(minute),
            hours=_HOUR.values(hour),
            months=_MONTH.values(month),
            day_rules=tuple(rules),
        )

    @property
    def ever_fires(self) -> bool:
        """Whether there is a day on which it fires: February has no 31st."""
        # 28 years have every kind of year: each weekday on 1 January, with and without a leap day.
        first = date(2000, 1, 1)
        return any(self._fits(first + timedelta(days=number)) for number in range(28 * 366))

    def matches(self, moment: datetime) -> bool:
        """Tell whether the expression fires in the minute of ``moment`` (UTC)."""
        return (
            moment.minute in self.minutes
            and moment.hour in self.hours
            and self._fits(moment.date())
        )

    def latest(self, after_ms: int, until_ms: int) -> int | None:
        """Return the last firing minute in (after_ms, until_ms], in milliseconds, or ``None``.

        It looks back at most 366 days.
        """
        until = datetime.fromtimestamp(until_ms // 1000, UTC).replace(second=0)
        for back in range(367):
            day = until.date() - timedelta(days=back)
            if (
                datetime.combine(day + timedelta(days=1), time(0), UTC).timestamp() * 1000
                <= after_ms
            ):
                return None
            if not self._fits(day):
                continue
            for moment in self._moments(day):
                if moment <= until:
                    found = int(moment.timestamp()) * 1000
                    return found if found > after_ms else None
        return None

    def _fits(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        return not self.day_rules or any(rule(day) for rule in self.day_rules)

    def _moments(self, day: date) -> Iterator[datetime]:
        for hour in sorted(self.hours, reverse=True):
            for minute in sorted(self.minutes, reverse=True):
                yield datetime.combine(day, time(hour, minute), UTC)


def _day_rule(text: str) -> DayRule:
    if match := _LAST_DAY.fullmatch(text):
        offset = int(match["offset"] or 0)
        if match["offset"] and not 1 <= offset <= 30:
            _DAY.refuse(text)
        if match["working"]:
            return lambda day: _is_nearest_working_day(day, _month_length(day) - offset)
        return lambda day: day.day == _month_length(day) - offset
    if match := _WORKING_DAY.fullmatch(text):
        wanted = _DAY.number(match["day"], text)
        return lambda day: _is_nearest_working_day(day, wanted)
    days = _DAY.values(text)
    return lambda day: day.day in days


def _weekday_rule(text: str) -> DayRule:
    if match := _NTH_WEEKDAY.fullmatch(text):
        weekday, nth = _WEEKDAY.number(match["weekday"], text), int(match["nth"])
        if not 1 <= nth <= 5:
            _WEEKDAY.refuse(text)
        return lambda day: _weekday(day) == weekday and (day.day - 1) // 7 + 1 == nth
    if match := _LAST_WEEKDAY.fullmatch(text):
        last = _WEEKDAY.number(match["weekday"], text)
        return lambda day: _weekday(day) == last and day.day + 7 > _month_length(day)
    weekdays = frozenset({7}) if text == "L" else _WEEKDAY.values(text)
    return lambda day: _weekday(day) in weekdays


def _weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1


def _month_length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _is_nearest_working_day(day: date, wanted: int) -> bool:
    """Whether it is the working day nearest to the ``wanted`` one, never leaving the month."""
    length = _month_length(day)
    if not 1 <= wanted <= length:
        return False
    target = day.replace(day=wanted)
    if target.isoweekday() == 6:
        target += timedelta(days=-1 if wanted > 1 else 2)
    elif target.isoweekday() == 7:
        target += timedelta(days=1 if wanted < length else -2)
    return day == target
