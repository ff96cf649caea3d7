"""Values of a device's schedule and the states of a programme: which is which. Pure.

A state without a value releases: at the device that is NULL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite

from points.model import Value, values_agree
from points.schedule_objects import NULL, Datatype, Scalar, ScheduleObject

RELEASED = "released"
"""What NULL is called where somebody has to have a name for it."""
AS_USUAL = "as-usual"
"""What configuration writes instead of a state where an exception gives way."""

_NOBODYS = frozenset({RELEASED, AS_USUAL})  # names that no value may have
_LARGEST_REAL = 3.402_823_466_385_288_6e38
_NUMBERS = frozenset({Datatype.REAL, Datatype.DOUBLE, Datatype.UNSIGNED, Datatype.INTEGER})
_OF_ONE_BIT = frozenset({Datatype.BOOLEAN, Datatype.ENUMERATED})
_WRITABLE = _NUMBERS | _OF_ONE_BIT | {Datatype.TEXT}
_DATATYPE_OF_OBJECT = {
    **dict.fromkeys(("binary-output", "binary-value", "binary-lighting-output"), Datatype.ENUMERATED),
    **dict.fromkeys(("multi-state-output", "multi-state-value", "positive-integer-value"), Datatype.UNSIGNED),
    **dict.fromkeys(("analog-output", "analog-value", "lighting-output"), Datatype.REAL),
    "large-analog-value": Datatype.DOUBLE,
    "integer-value": Datatype.INTEGER,
    "characterstring-value": Datatype.TEXT,
}


def values_in(schedule: ScheduleObject) -> Iterator[Scalar]:
    """Every value that it speaks of, its default first."""
    if schedule.default is not None:
        yield schedule.default
    for entries in (*schedule.week, *(event.entries for event in schedule.exceptions)):
        yield from (entry.value for entry in entries)


def datatype_of(schedule: ScheduleObject) -> Datatype | None:
    """Of its values, which are all of one; of an empty schedule, that of what it writes to. None: not known."""
    for value in values_in(schedule):
        if value.datatype in _WRITABLE:
            return value.datatype
    for reference in schedule.references:
        if reference.property == "present-value" and reference.object_type in _DATATYPE_OF_OBJECT:
            return _DATATYPE_OF_OBJECT[reference.object_type]
    return None


def scalar_of(value: Value, datatype: Datatype) -> Scalar:
    """A value of ours as the device has it. A ValueError says what it cannot be."""
    match datatype, value:
        case Datatype.BOOLEAN, bool():
            return Scalar(datatype, value)
        case Datatype.ENUMERATED, bool() | int() if 0 <= value < 2**32:
            return Scalar(datatype, int(value))
        case Datatype.UNSIGNED, int() if not isinstance(value, bool) and 0 <= value < 2**32:
            return Scalar(datatype, value)
        case Datatype.INTEGER, int() if not isinstance(value, bool) and -(2**31) <= value < 2**31:
            return Scalar(datatype, value)
        case ((Datatype.REAL | Datatype.DOUBLE), (float() | int())) if not isinstance(value, bool):
            if isfinite(value) and (datatype is Datatype.DOUBLE or abs(value) <= _LARGEST_REAL):
                return Scalar(datatype, float(value))
        case Datatype.TEXT, str():
            return Scalar(datatype, value)
    raise ValueError(f"{value!r} is no {datatype}")


def scalars_of(values: Mapping[str, Value], datatype: Datatype) -> dict[str, Scalar]:
    """By state. A ValueError names the state whose value does not fit."""
    found = {}
    for state, value in values.items():
        try:
            found[state] = scalar_of(value, datatype)
        except ValueError as error:
            raise ValueError(f"state {state!r}: {error}, as the device's schedule has them") from None
    return found


def agree(one: Scalar, other: Scalar) -> bool:
    """Whether they mean the same to what is commanded; NULL is nothing but NULL."""
    if one.is_null or other.is_null:
        return one.is_null and other.is_null
    if one.datatype in _NUMBERS and other.datatype in _NUMBERS:
        return values_agree(one.value, other.value)
    if one.datatype in _OF_ONE_BIT and other.datatype in _OF_ONE_BIT:
        return one.value == other.value
    return one.datatype is other.datatype and one.value == other.value


def plain_value(value: Scalar, *, binary: bool) -> Value | None:
    """As the configuration writes it; None for NULL, and for what can only be shown."""
    if value.is_null or value.datatype not in _WRITABLE:
        return None
    if binary and value.datatype is Datatype.ENUMERATED and value.value in (0, 1):
        return bool(value.value)
    return value.value


def names_of(values: Iterable[Scalar], texts: Sequence[str] = ()) -> dict[Scalar, str]:
    """A state's name for each value: the point's own texts of its states, on and off, or the value in words."""
    names: dict[Scalar, str] = {}
    for value in values:
        if value not in names:
            name = _name(value, texts)
            while name in names.values() or (name in _NOBODYS and not value.is_null):
                name = f"{name}-x"
            names[value] = name
    return names


def _name(value: Scalar, texts: Sequence[str]) -> str:
    content = value.value
    if value.is_null:
        return RELEASED
    if value.datatype in _OF_ONE_BIT and content in (0, 1):
        return (_slug(texts[int(content)]) if len(texts) == 2 else "") or ("on" if content else "off")
    if value.datatype is Datatype.UNSIGNED and isinstance(content, int) and 1 <= content <= len(texts):
        return _slug(texts[content - 1]) or f"state-{content}"
    if isinstance(content, (float, int)):
        shown = f"{content:g}"
        return "at-" + _slug(shown.replace("-", "minus ").replace(".", " "))
    return _slug(str(content)) or str(value.datatype)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]


__all__ = [
    "AS_USUAL",
    "NULL",
    "RELEASED",
    "agree",
    "datatype_of",
    "names_of",
    "plain_value",
    "scalar_of",
    "scalars_of",
    "values_in",
]
