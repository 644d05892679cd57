"""When which kind of change may be deployed: the file ``deployment-windows.yaml``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from infra.settings.yaml_text import YamlMistake, parse_yaml
from ops.stacks.errors import UsageError

FILE = "deployment-windows.yaml"
Kind = Literal["routine", "urgent", "major", "migration"]
KINDS: tuple[Kind, ...] = ("routine", "urgent", "major", "migration")
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: tuple[Day, ...] = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
_STEP = timedelta(minutes=15)
_HORIZON = timedelta(days=21)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        raise ValueError("isn't a time zone of the IANA database, such as Europe/Berlin") from None
    return name


def _quoted(value: object) -> object:
    # Without quotes YAML reads 10:00 as 600, a number to the base of 60.
    if not isinstance(value, str):
        raise ValueError("a time in quotes")
    return value


Clock = Annotated[time, BeforeValidator(_quoted)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Hours(_Strict):
    """Hours on some days of the week; the last minute doesn't belong to them."""

    days: tuple[Day, ...] = Field(min_length=1)
    begin: Clock = Field(alias="from")
    end: Clock = Field(alias="to")

    @model_validator(mode="after")
    def _ordered(self) -> Hours:
        if self.begin >= self.end:
            raise ValueError("'from' has to be before 'to', on one day")
        return self

    def hold(self, moment: datetime) -> bool:
        """Whether a moment, in the file's time zone, is within them."""
        return DAYS[moment.weekday()] in self.days and self.begin <= moment.time() < self.end


class Windows(_Strict):
    """Windows by the kind of change; no window at all means any time."""

    routine: tuple[Hours, ...]
    urgent: tuple[Hours, ...] = ()
    major: tuple[Hours, ...]
    migration: tuple[Hours, ...]


@dataclass(frozen=True)
class WindowVerdict:
    """Whether a change may be deployed at a moment.

    Attributes:
        allowed: whether it may.
        why: in words.
        next: the next moment at which it may; ``None`` where it may now, or not within 3 weeks.
    """

    allowed: bool
    why: str
    next: datetime | None = None


class DeploymentWindows(_Strict):
    """The team's rules. An urgent fix is never held up by any of them."""

    timezone: Annotated[str, AfterValidator(_zone)]
    windows: Windows
    avoid: tuple[Hours, ...] = ()
    holidays: tuple[date, ...] = ()
    avoid_day_before_holiday: bool = Field(True, alias="avoidDayBeforeHoliday")
    short_staffed: tuple[date, ...] = Field((), alias="shortStaffed")

    @classmethod
    def read(cls, root: Path) -> DeploymentWindows:
        """Read the file.

        Raises:
            UsageError: there is none, or it has a mistake.
        """
        path = root / FILE
        try:
            return cls.model_validate(parse_yaml(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise UsageError(
                f"There is no {FILE}. Write down when each kind of change may be deployed: "
                "docs/checks.md shows how."
            ) from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise UsageError(
                f"{FILE} has a mistake at '{where}': {first['msg']}. Correct it there; times are "
                'written in quotes ("10:00").'
            ) from None
        except YamlMistake as mistake:  # Such as a holiday on the 30th of February.
            raise UsageError(f"{FILE} can't be read: {mistake}. Correct it.") from None
        except UnicodeDecodeError:
            raise UsageError(f"{FILE} is not text in UTF-8. Correct it.") from None
        except OSError as error:
            raise UsageError(f"{FILE} can't be read: {error.strerror}. Correct it.") from None

    def judge(self, moment: datetime, kind: Kind) -> WindowVerdict:
        """Judge one moment; it has a time zone of its own."""
        local = moment.astimezone(ZoneInfo(self.timezone))
        reason = self._against(local, kind)
        stamp = f"{local:%A %Y-%m-%d %H:%M} {self.timezone}"
        if reason is None:
            return WindowVerdict(True, f"{stamp} is open for {kind} changes")
        return WindowVerdict(False, f"{stamp}: {reason}", self._next(local, kind))

    def _against(self, local: datetime, kind: Kind) -> str | None:
        """Return why not, or ``None``."""
        if kind == "urgent":
            return None
        day = local.date()
        if day in self.holidays:
            return "it is a holiday"
        if self.avoid_day_before_holiday and day + timedelta(days=1) in self.holidays:
            return "tomorrow is a holiday"
        if day in self.short_staffed:
            return "the team isn't complete"
        for hours in self.avoid:
            if hours.hold(local):
                return f"{hours.begin:%H:%M} to {hours.end:%H:%M} on this day is excluded"
        windows: tuple[Hours, ...] = getattr(self.windows, kind)
        if not any(hours.hold(local) for hours in windows):
            return f"no window for {kind} changes"
        return None

    def _next(self, local: datetime, kind: Kind) -> datetime | None:
        return next((m for m in _moments(local) if self._against(m, kind) is None), None)


def _moments(after: datetime) -> Iterator[datetime]:
    """Yield each full quarter of an hour after a moment."""
    moment = after.replace(minute=after.minute // 15 * 15, second=0, microsecond=0) + _STEP
    while moment < after + _HORIZON:
        yield moment
        moment += _STEP
