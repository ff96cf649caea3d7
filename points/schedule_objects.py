"""A device's own Schedule and Calendar objects, as they were read: nouns that decide nothing.

Values keep their BACnet datatype, so that NULL, 0, false and 0.0 are four things. What a device sent without a meaning
that we know stays visible: a `Strange` period, a scalar of the datatype STRANGE, a sentence in `notes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from enum import StrEnum

from points.model import DeviceRef

WEEK = 7


class Datatype(StrEnum):
    """Of a BACnet primitive value."""

    NULL = "null"
    BOOLEAN = "boolean"
    UNSIGNED = "unsigned"
    INTEGER = "integer"
    REAL = "real"
    DOUBLE = "double"
    OCTETS = "octet-string"
    TEXT = "character-string"
    BITS = "bit-string"
    ENUMERATED = "enumerated"
    DATE = "date"
    TIME = "time"
    OBJECT = "object-identifier"
    STRANGE = "strange"  # constructed, or of a datatype that the standard does not have


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value with its datatype; of those that we only show, the octets in hexadecimal."""

    datatype: Datatype
    value: float | int | bool | str | None

    @property
    def is_null(self) -> bool:
        return self.datatype is Datatype.NULL

    def __str__(self) -> str:
        match self.value:
            case None:
                return "NULL"
            case bool():
                return str(self.value).lower()
            case float():
                return f"{self.value:g}"
        return str(self.value)


NULL = Scalar(Datatype.NULL, None)


@dataclass(frozen=True, slots=True)
class TimeValue:
    """From this local time on, this value."""

    at: time
    value: Scalar


Day = tuple[TimeValue, ...]
"""In the order in which the device has them, which need not be that of time."""


@dataclass(frozen=True, slots=True)
class DatePattern:
    """A date; None is any. Months 13 and 14 are the odd and the even; day 32 is the last, 33 the odd, 34 the even."""

    year: int | None
    month: int | None
    day: int | None
    weekday: int | None = None  # 1 is Monday


@dataclass(frozen=True, slots=True)
class DateSpan:
    """Both included; a date that is any throughout leaves that side open."""

    first: DatePattern
    last: DatePattern


ALWAYS = DateSpan(DatePattern(None, None, None), DatePattern(None, None, None))


@dataclass(frozen=True, slots=True)
class WeekAndDay:
    """`week` 1-5: days 1-7, 8-14, 15-21, 22-28, 29-31; 6: the last seven; 7, 8, 9: the seven before, and so on."""

    month: int | None
    week: int | None
    weekday: int | None


@dataclass(frozen=True, slots=True)
class CalendarReference:
    """The days of a Calendar object, which is in the same device."""

    instance: int


@dataclass(frozen=True, slots=True)
class Strange:
    """A period of a kind that we do not know: its octets."""

    octets: bytes


Dates = DatePattern | DateSpan | WeekAndDay | Strange
"""An entry of a calendar."""

Period = Dates | CalendarReference


@dataclass(frozen=True, slots=True)
class SpecialEvent:
    """What goes before the week on the days of its period."""

    period: Period
    entries: Day
    priority: int  # 1-16; the lowest number wins


@dataclass(frozen=True, slots=True)
class Reference:
    """A property that a schedule writes to."""

    object_type: str
    instance: int
    property: str
    index: int | None = None
    device: int | None = None  # its instance; None: the schedule's own device

    def __str__(self) -> str:
        where = "" if self.device is None else f" of device {self.device}"
        index = "" if self.index is None else f"[{self.index}]"
        return f"{self.object_type},{self.instance} {self.property}{index}{where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleObject:
    """One Schedule object. Whatever could not be read is left out, and `notes` say so."""

    device: DeviceRef
    instance: int
    name: str = ""
    description: str = ""
    revision: int | None = None  # BACnet protocol revision of its device
    effective: DateSpan = ALWAYS
    week: tuple[Day, ...] = ()  # Monday first, as many as the device has
    has_week: bool = True  # False: the object has no weekly schedule at all
    exceptions: tuple[SpecialEvent, ...] = ()
    has_exceptions: bool = True
    default: Scalar | None = None  # None: it has none
    references: tuple[Reference, ...] = ()
    priority: int | None = None  # at which it writes
    present: Scalar | None = None
    out_of_service: bool | None = None
    reliability: str = ""
    unread: tuple[str, ...] = ()  # properties that it should have, and that could not be read
    notes: tuple[str, ...] = ()  # what was odd, one sentence each

    @property
    def key(self) -> str:
        return f"schedule,{self.instance}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarObject:
    """One Calendar object."""

    device: DeviceRef
    instance: int
    name: str = ""
    description: str = ""
    dates: tuple[Dates, ...] = ()
    present: bool | None = None
    unread: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"calendar,{self.instance}"
