"""Civil time and instants: the only place that knows what clocks do in spring and in autumn. Pure; instants are UTC.

Every civil time of a day is one instant: where the clock skips it, the first after the gap; where it is shown twice,
the first occurrence.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
MINUTES_A_DAY = 24 * 60


def civil_day(instant: datetime, zone: ZoneInfo) -> date:
    """The day whose programme applies at an instant: the last one that has begun.

    Not simply the date on the wall: where the clock goes back across midnight, the new day has begun once and
    the old one does not come again.
    """
    shown = instant.astimezone(zone).date()
    return shown + DAY if instant_of(shown + DAY, time(0), zone) <= instant else shown


def instant_of(day: date, at: time, zone: ZoneInfo) -> datetime:
    """When the clocks of `zone` first show this civil time; where they skip it, the first instant after the gap."""
    civil = datetime.combine(day, at, tzinfo=zone)
    instant = civil.astimezone(UTC)  # fold=0: of two occurrences the first
    if instant.astimezone(zone).replace(tzinfo=None) == civil.replace(tzinfo=None):
        return instant
    # In a gap the two folds read the civil time with the offsets after and before it: they enclose its end.
    before = int(civil.replace(fold=1).timestamp())
    after = int(instant.timestamp())
    offset = instant.astimezone(zone).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return datetime.fromtimestamp(after, UTC)


def minute_of(instant: datetime, day: date, zone: ZoneInfo) -> int:
    """What the clock shows, in minutes since midnight of `day`: below 0 before it, from 1440 on after it."""
    shown = instant.astimezone(zone)
    return (shown.date() - day).days * MINUTES_A_DAY + shown.hour * 60 + shown.minute
