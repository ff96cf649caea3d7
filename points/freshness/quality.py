"""What a device's answer is worth: pure, the one place where a value gets its quality.

NaN, infinity, NULL, error answers and values of the wrong kind are qualities, never numbers. An alarm
alone takes nothing from a value: its flag is kept, and whoever watches alarms sees it. Flags that could
not be read are not taken to be well.
"""

from __future__ import annotations

import math
from datetime import datetime
from functools import reduce
from itertools import product
from operator import or_

from points.bacnet.port import Answer
from points.bacnet.values import shortest
from points.errors import DeviceError, DeviceRefused
from points.model import Kind, Point, Quality, Reading, Source, StatusFlags, Value

# The order of the bits in BACnetStatusFlags (ASHRAE 135).
_BITS = (StatusFlags.IN_ALARM, StatusFlags.FAULT, StatusFlags.OVERRIDDEN, StatusFlags.OUT_OF_SERVICE)
# Looked up and not put together: this is asked for every reading, and flags are slow to combine.
_STATUS = {
    bits: reduce(or_, (flag for flag, bit in zip(_BITS, bits, strict=False) if bit), StatusFlags.NONE)
    for length in range(len(_BITS) + 1)
    for bits in product((False, True), repeat=length)
}
NO_FLAGS = ()  # of an object that has none
NO_FAULT = "no-fault-detected"
_FAULT = "fault"
_NOT_THERE = "unknown-property"


def reading_of(
    point: Point,
    value: Answer,
    flags: Answer,
    reliability: Answer,
    time: datetime,
    source: Source,
    *,
    event_state: Answer = None,
) -> Reading:
    """The reading that an answer makes."""
    status = flags_of(flags)
    known, reason = _value(point.kind, value)
    if reason:
        quality = Quality.BAD
    else:
        sure = knows_flags(flags) or lacks_flags(flags)
        quality, reason = _worth(status, reliability, event_state, sure=sure)
    return Reading(
        point=point.id,
        value=known,
        time=time,
        at=time,
        quality=quality,
        source=source,
        reason=reason,
        flags=status,
    )


def flags_of(answer: Answer) -> StatusFlags:
    """Status flags, of bit strings of any length; none where the device has none."""
    if not isinstance(answer, tuple):
        return StatusFlags.NONE
    return _STATUS[tuple([bit is True for bit in answer[: len(_BITS)]])]


def knows_flags(answer: Answer) -> bool:
    """Whether it says what the flags are."""
    return isinstance(answer, tuple) and all(isinstance(bit, bool) for bit in answer)


def lacks_flags(answer: Answer) -> bool:
    """Whether it says that the object has no flags. Any other error says only that they are not known now."""
    return lacks(answer)


def lacks(answer: Answer) -> bool:
    """Whether it says that the object does not have the property at all."""
    return isinstance(answer, DeviceRefused) and answer.code == _NOT_THERE


def _worth(status: StatusFlags, reliability: Answer, event_state: Answer, *, sure: bool) -> tuple[Quality, str]:
    if StatusFlags.OUT_OF_SERVICE in status:
        return Quality.BAD, "out-of-service"
    fault = _fault(reliability)
    if fault or StatusFlags.FAULT in status or event_state == _FAULT:
        return Quality.BAD, fault or _FAULT
    if StatusFlags.OVERRIDDEN in status:
        return Quality.UNCERTAIN, "overridden"
    if not sure:
        return Quality.UNCERTAIN, "flags-unknown"
    return Quality.GOOD, ""


def _fault(reliability: Answer) -> str:
    """What the object finds wrong with itself; "" if nothing, or if it does not say."""
    if not isinstance(reliability, str) or reliability in ("", NO_FAULT):
        return ""
    return f"reliability-{reliability}" if reliability.isdecimal() else reliability  # a vendor's own


def _value(kind: Kind, value: Answer) -> tuple[Value | None, str]:
    """(the value as its point's kind has it, "") or (None, why not)."""
    match kind, value:
        case _, DeviceRefused():
            return None, value.code
        case _, DeviceError():
            return None, "protocol-error"
        case _, None:
            return None, "null"
        case Kind.ANALOG, float() | int() if not isinstance(value, bool):
            return _number(value)
        case Kind.BINARY, bool():
            return value, ""
        case Kind.BINARY, int() if value in (0, 1):
            return bool(value), ""
        case Kind.MULTISTATE, int() if not isinstance(value, bool):
            return value, ""
        case Kind.TEXT, str():
            return value, ""
    return None, "unexpected-type"


def _number(value: float) -> tuple[Value | None, str]:
    try:
        number = shortest(float(value))
    except OverflowError:
        return None, "infinite"
    if math.isfinite(number):
        return number, ""
    return None, "nan" if math.isnan(number) else "infinite"
