"""The properties of Schedule and Calendar objects, from octets and back (ASHRAE 135, clauses 12.9, 12.24 and 21).

What is whole but has no meaning that we know is kept as strange or left out, and `notes` are told so;
octets that are no tags at all raise `ProtocolError`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import time

from points.bacnet.wire.primitives import primitive
from points.bacnet.wire.requests import object_identifier
from points.bacnet.wire.tags import (
    APPLICATION,
    CONTEXT,
    OPENING,
    closes,
    enclosed,
    enclosed_by,
    identifier,
    opens,
    optional_unsigned,
    tag,
    unsigned,
)
from points.bacnet.wire.vocabulary import enumeration_names, object_type_name, property_name, property_type
from points.errors import ProtocolError
from points.schedule_objects import (
    CalendarReference,
    Datatype,
    DatePattern,
    Dates,
    DateSpan,
    Day,
    Period,
    Reference,
    Scalar,
    SpecialEvent,
    Strange,
    TimeValue,
    WeekAndDay,
)

LOWEST_EVENT_PRIORITY = 16
_ANY = 255
_DATE, _TIME = 10, 11  # application tags
_DATATYPES = (
    *(Datatype.NULL, Datatype.BOOLEAN, Datatype.UNSIGNED, Datatype.INTEGER, Datatype.REAL, Datatype.DOUBLE),
    *(Datatype.OCTETS, Datatype.TEXT, Datatype.BITS, Datatype.ENUMERATED, Datatype.DATE, Datatype.TIME),
    Datatype.OBJECT,
)
_ONLY_SHOWN = frozenset({Datatype.OCTETS, Datatype.BITS, Datatype.DATE, Datatype.TIME, Datatype.OBJECT})
_CALENDAR = object_identifier("calendar", 0) >> 22

Notes = list[str]


def scalar(octets: bytes) -> Scalar:
    """A property that holds one primitive value."""
    value, after = _scalar(octets, 0, len(octets))
    if after != len(octets):
        raise ProtocolError("there is more than one value")
    return value


def reliability(octets: bytes) -> str:
    """By its name; a vendor's own by its number."""
    value = scalar(octets).value
    name = enumeration_names(property_type("schedule", "reliability")[0]).get(value) if isinstance(value, int) else None
    return str(value if name is None else name)


def week(octets: bytes, notes: Notes) -> tuple[Day, ...]:
    """A whole weekly schedule, or one day of it."""
    days, at = [], 0
    while at < len(octets):
        start, stop, at = enclosed_by(0, octets, at, len(octets))
        days.append(_entries(octets, start, stop, notes))
    return tuple(days)


def exceptions(octets: bytes, notes: Notes) -> tuple[SpecialEvent, ...]:
    """A whole exception schedule, or one element of it."""
    events, at = [], 0
    while at < len(octets):
        event, at = _event(octets, at, len(octets), notes)
        events.append(event)
    return tuple(events)


def span(octets: bytes) -> DateSpan:
    """An effective period."""
    return _span(octets, 0, len(octets))


def dates(octets: bytes, notes: Notes) -> tuple[Dates, ...]:
    """The date list of a calendar."""
    found, at = [], 0
    while at < len(octets):
        each, at = _dates(octets, at, len(octets), notes)
        found.append(each)
    return tuple(found)


def references(octets: bytes) -> tuple[Reference, ...]:
    """What a schedule writes to."""
    found, at, end = [], 0, len(octets)
    while at < end:
        object_, at = identifier(0, octets, at, end)
        property_, at = unsigned(1, octets, at, end)
        index, at = optional_unsigned(2, octets, at, end)
        device = None
        if at < end and octets[at] == 0x3C:
            number, at = identifier(3, octets, at, end)
            device = number & 0x3FFFFF
        name = object_type_name(object_ >> 22)
        found.append(Reference(name, object_ & 0x3FFFFF, property_name(property_), index, device))
    return tuple(found)


def encode_week(days: Iterable[Day]) -> bytes:
    """ValueError for a value that cannot be written."""
    return b"".join(b"\x0e" + _encode_entries(day) + b"\x0f" for day in days)


def encode_exceptions(events: Iterable[SpecialEvent]) -> bytes:
    return b"".join(_encode_event(event) for event in events)


def encode_span(value: DateSpan) -> bytes:
    return b"".join(b"\xa4" + _date_octets(each) for each in (value.first, value.last))


def encode_dates(entries: Iterable[Dates]) -> bytes:
    return b"".join(_encode_dates(each) for each in entries)


def _scalar(octets: bytes, at: int, end: int) -> tuple[Scalar, int]:
    number, class_, start, stop = tag(octets, at, end)
    if class_ == OPENING:
        stop = enclosed(number, octets, stop, end)[1]
    if class_ != APPLICATION or number >= len(_DATATYPES):
        return Scalar(Datatype.STRANGE, octets[at:stop].hex()), stop
    datatype = _DATATYPES[number]
    if datatype in _ONLY_SHOWN:
        return Scalar(datatype, octets[start:stop].hex()), stop
    if datatype is Datatype.ENUMERATED:
        number = 2  # an enumeration without names is a number
    value = primitive(number, octets[at] & 7, octets[start:stop], {})
    if not isinstance(value, (float, int, str, type(None))):
        raise ProtocolError(f"a {datatype} has no value")
    return Scalar(datatype, value), stop


def _entries(octets: bytes, at: int, end: int, notes: Notes) -> Day:
    entries = []
    while at < end:
        number, class_, start, stop = tag(octets, at, end)
        if class_ != APPLICATION or number != _TIME or stop - start != 4:
            raise ProtocolError("an entry of a day has no time")
        at_ = _time(octets[start:stop])
        value, at = _scalar(octets, stop, end)
        if at_ is None:
            notes.append(f"An entry is at {octets[start:stop].hex()}, which is no time of day: it is left out.")
            continue
        entries.append(TimeValue(at_, value))
    return tuple(entries)


def _time(octets: bytes) -> time | None:
    hour, minute, second, hundredths = octets
    if hour > 23 or minute > 59 or second > 59 or hundredths > 99:
        return None
    return time(hour, minute, second, hundredths * 10_000)


def _event(octets: bytes, at: int, end: int, notes: Notes) -> tuple[SpecialEvent, int]:
    period, at = _period(octets, at, end, notes)
    start, stop, at = enclosed_by(2, octets, at, end)
    entries = _entries(octets, start, stop, notes)
    priority, at = unsigned(3, octets, at, end)
    if not 1 <= priority <= LOWEST_EVENT_PRIORITY:
        notes.append(f"An exception has the priority {priority}: it is taken for {LOWEST_EVENT_PRIORITY}.")
        priority = LOWEST_EVENT_PRIORITY
    return SpecialEvent(period, entries, priority), at


def _period(octets: bytes, at: int, end: int, notes: Notes) -> tuple[Period, int]:
    if opens(0, octets, at, end):
        start, stop, after = enclosed_by(0, octets, at, end)
        period, rest = _dates(octets, start, stop, notes)
        if rest != stop:
            raise ProtocolError("a period is more than one")
        return period, after
    if at < end and octets[at] == 0x1C:
        number, after = identifier(1, octets, at, end)
        if number >> 22 == _CALENDAR:
            return CalendarReference(number & 0x3FFFFF), after
        notes.append(f"An exception refers to a {object_type_name(number >> 22)}, which is no calendar.")
        return Strange(octets[at:after]), after
    return _strange(octets, at, end, notes)


def _dates(octets: bytes, at: int, end: int, notes: Notes) -> tuple[Dates, int]:
    number, class_, start, stop = tag(octets, at, end)
    if class_ == CONTEXT and number == 0 and stop - start == 4:
        return _date(octets[start:stop]), stop
    if class_ == OPENING and number == 1:
        close, after = enclosed(1, octets, stop, end)
        return _span(octets, stop, close), after
    if class_ == CONTEXT and number == 2 and stop - start == 3:
        month, week_, weekday = map(_field, octets[start:stop])
        return WeekAndDay(month, week_, weekday), stop
    return _strange(octets, at, end, notes)


def _strange(octets: bytes, at: int, end: int, notes: Notes) -> tuple[Strange, int]:
    if at < end and any(closes(number, octets, at, end) for number in range(16)):
        raise ProtocolError("a closing tag has nothing to close")
    number, class_, _, stop = tag(octets, at, end)
    if class_ == OPENING:
        stop = enclosed(number, octets, stop, end)[1]
    notes.append(f"A period is of a kind that is not known (tag {number}): it is taken for no day.")
    return Strange(octets[at:stop]), stop


def _span(octets: bytes, at: int, end: int) -> DateSpan:
    found = []
    for _ in range(2):
        number, class_, start, at = tag(octets, at, end)
        if number != _DATE or class_ != APPLICATION or at - start != 4:
            raise ProtocolError("a range of dates has no two dates")
        found.append(_date(octets[start:at]))
    if at != end:
        raise ProtocolError("a range of dates has more than two dates")
    return DateSpan(*found)


def _date(octets: bytes) -> DatePattern:
    year, month, day, weekday = map(_field, octets)
    return DatePattern(None if year is None else 1900 + year, month, day, weekday)


def _field(octet: int) -> int | None:
    return None if octet == _ANY else octet


def _date_octets(date: DatePattern) -> bytes:
    year = None if date.year is None else date.year - 1900
    return _fields(year, date.month, date.day, date.weekday)


def _fields(*fields: int | None) -> bytes:
    return bytes(_ANY if field is None else field for field in fields)


def _encode_event(event: SpecialEvent) -> bytes:
    if isinstance(event.period, CalendarReference):
        period = b"\x1c" + object_identifier("calendar", event.period.instance).to_bytes(4, "big")
    else:
        period = b"\x0e" + _encode_dates(event.period) + b"\x0f"
    return period + b"\x2e" + _encode_entries(event.entries) + b"\x2f\x39" + bytes((event.priority,))


def _encode_dates(entry: Dates) -> bytes:
    match entry:
        case DatePattern():
            return b"\x0c" + _date_octets(entry)
        case DateSpan():
            return b"\x1e" + encode_span(entry) + b"\x1f"
        case WeekAndDay():
            return b"\x2b" + _fields(entry.month, entry.week, entry.weekday)
    raise ValueError("a period of a kind that is not known cannot be written")


def _encode_entries(entries: Day) -> bytes:
    return b"".join(_encode_time(each.at) + encode_scalar(each.value) for each in entries)


def _encode_time(at: time) -> bytes:
    return b"\xb4" + bytes((at.hour, at.minute, at.second, at.microsecond // 10_000))


def encode_scalar(value: Scalar) -> bytes:
    """With the application tag of its datatype. ValueError where it has none or does not fit."""
    content = value.value
    try:
        match value.datatype:
            case Datatype.NULL:
                return b"\x00"
            case Datatype.BOOLEAN:
                return b"\x11" if content else b"\x10"
            case Datatype.UNSIGNED | Datatype.ENUMERATED if isinstance(content, int):
                return _tagged(_DATATYPES.index(value.datatype), _shortest(content, signed=False))
            case Datatype.INTEGER if isinstance(content, int):
                return _tagged(3, _shortest(content, signed=True))
            case Datatype.REAL if isinstance(content, (float, int)):
                return _tagged(4, struct.pack(">f", content))
            case Datatype.DOUBLE if isinstance(content, (float, int)):
                return _tagged(5, struct.pack(">d", content))
            case Datatype.TEXT if isinstance(content, str):
                return _tagged(7, b"\x00" + content.encode())
    except (OverflowError, struct.error) as error:
        raise ValueError(f"{content} is out of the range of {value.datatype}") from error
    raise ValueError(f"{content!r} cannot be written as {value.datatype}")


def _shortest(number: int, *, signed: bool) -> bytes:
    bits = (number if number >= 0 else ~number).bit_length() + signed
    length = (bits + 7) // 8 or 1
    if length > 4:
        raise OverflowError
    return number.to_bytes(length, "big", signed=signed)


def _tagged(number: int, content: bytes) -> bytes:
    length = len(content)
    if length < 5:
        return bytes((number << 4 | length,)) + content
    if length < 254:
        return bytes((number << 4 | 5, length)) + content
    return bytes((number << 4 | 5, 254)) + length.to_bytes(2, "big") + content
