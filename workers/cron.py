"""When a cron expression comes to its times: APScheduler's reading, with the traps of crontab taken out.

APScheduler 3 counts the days of the week from Monday, crontab from Sunday; here numbers mean what crontab means. A day
of the month together with a day of the week is refused: crontab reads it as either, APScheduler as both.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.cron import CronTrigger

from domain_model.errors import InvalidArgument

_FIELDS = ("minute", "hour", "day", "month", "day of week")
_SHORT = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""What stands for five fields, as of crontab(5)."""
_ACCEPTED = (
    "minute, hour, day, month and day of week, such as '0 2 * * *', '*/15 * * * *' or '30 1 * * mon-fri', or one of "
    + ", ".join(_SHORT)
)
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NUMBERS = re.compile(r"0*([0-7])(?:-0*([0-7]))?(?:/0*([1-9]))?")
_NAMED = re.compile("|".join(_DAYS))
_EACH = re.compile(r"\*(?=/)")
_PART = re.compile(rf"last|\*(/\d+)?|\d+(-\d+)?(/\d+)?|({'|'.join(_MONTHS)})(-({'|'.join(_MONTHS)}))?")
"""What is handed on: of more APScheduler reads the beginning, and passes over the rest without a word."""
_WINDOWS = (timedelta(hours=1), timedelta(days=1), timedelta(days=32), timedelta(days=366))
_MOST_COUNTED = 10_000
"""Times that are counted one by one, which takes a second: those of every minute of a week."""


@dataclass(frozen=True, slots=True)
class Times:
    """Several times of a cron expression: the first, the last, and how many; None for too many to count."""

    first: datetime
    last: datetime
    count: int | None


class Cron:
    """The times of a cron expression in a time zone. Raises InvalidArgument (8) naming the field."""

    def __init__(self, expression: str, timezone: str) -> None:
        self.zone = zone_of(timezone)
        self.trigger = _trigger(expression, self.zone)
        if self.after(datetime.now(UTC)) is None:
            raise _refused(expression, "never comes to a time")

    def after(self, moment: datetime) -> datetime | None:
        """The first time behind a moment; None when there is none any more."""
        behind = (moment + timedelta.resolution).astimezone(self.zone)
        found: datetime | None = self.trigger.get_next_fire_time(None, behind)
        return None if found is None else found.astimezone(UTC)

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        """The last time behind one moment and up to another; None when there is none.

        Looked for backwards, so that years without Revisor are not counted through minute by minute.
        """
        for start in (*(until - window for window in _WINDOWS), after):
            found = self._last_between(max(after, start), until)
            if found is not None or start <= after:
                return found
        return None

    def times(self, after: datetime, until: datetime, *, most: int = _MOST_COUNTED) -> Times | None:
        """The times behind one moment and up to another; None when there are none. Not counted beyond ``most``."""
        first, last = self.after(after), self.latest(after, until)
        if first is None or last is None:
            return None
        count, following = 1, self.after(first)
        while following is not None and following <= last:
            count, following = count + 1, self.after(following)
            if count > most:
                return Times(first, last, None)
        return Times(first, last, count)

    def _last_between(self, after: datetime, until: datetime) -> datetime | None:
        last, following = None, self.after(after)
        while following is not None and following <= until:
            last, following = following, self.after(following)
        return last


@lru_cache(maxsize=1024)
def cron_of(expression: str, timezone: str) -> Cron:
    """The same, made once."""
    return Cron(expression, timezone)


def zone_of(timezone: str) -> ZoneInfo:
    """A time zone by its name. Raises InvalidArgument (8)."""
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidArgument(
            f"no time zone '{timezone}'", field="timezone", value=timezone, accepted="UTC, Europe/Berlin and their like"
        ) from None


def _trigger(expression: str, zone: ZoneInfo) -> CronTrigger:
    values = _SHORT.get(expression, expression).split()
    if len(values) != len(_FIELDS):
        raise _refused(expression, f"has {len(values)} fields and not {len(_FIELDS)}")
    minute, hour, day, month, day_of_week = values
    if day != "*" and day_of_week != "*":
        raise _refused(expression, "names days of the month and of the week, which crons read in different ways")
    given = {"minute": minute, "hour": hour, "day": day, "month": month.lower()}
    for field, value in given.items():
        if not all(_PART.fullmatch(part) for part in value.split(",")):
            raise _refused(expression, f"has no {field} '{value}'")
    given["day_of_week"] = _days(expression, day_of_week.lower())
    for field, value in given.items():
        try:
            CronTrigger(**{field: value}, timezone=zone)
        except ValueError as error:
            raise _refused(expression, f"has no {field.replace('_', ' ')} '{value}' ({error})") from None
    return CronTrigger(**given, timezone=zone)


def _days(expression: str, text: str) -> str:
    """Days of the week, by crontab's numbers or by name, as names one by one."""
    return text if text == "*" else ",".join(_day(expression, part) for part in text.split(","))


def _day(expression: str, part: str) -> str:
    numbered = _NAMED.sub(lambda name: str(_DAYS.index(name[0])), _EACH.sub("0-6", part))
    match = _NUMBERS.fullmatch(numbered.replace("-0", "-7") if part.endswith("-sun") else numbered)
    if match is None:
        raise _refused(expression, f"has no day of week '{part}'")
    first, step = int(match[1]), int(match[3] or 1)
    last = int(match[2]) if match[2] else (first if match[3] is None else 6)
    if first > last:
        raise _refused(expression, f"has no day of week '{part}': a range goes from an earlier day to a later one")
    return ",".join(_DAYS[first : last + 1 : step])


def _refused(expression: str, why: str) -> InvalidArgument:
    return InvalidArgument(f"cron '{expression}' {why}", field="cron", value=expression, accepted=_ACCEPTED)
