"""What the objects of a device are: pure, from the answers the device gave."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache

from points.bacnet.port import Answer, Property
from points.bacnet.values import BINARY, MULTISTATE, REAL
from points.discovery.plan import RawPoint
from points.errors import DeviceError, DeviceRefused
from points.model import Device, Kind, Ref

_COUNTS = frozenset({"large-analog-value", "integer-value", "positive-integer-value"})
_READ_ONLY_ANALOG = frozenset({"accumulator", "pulse-converter", "loop", "averaging"})
_ENUMERATED = frozenset({"life-safety-point", "life-safety-zone", "access-door"})  # their state as a word
_TEXT = frozenset({"characterstring-value"})

_WRITABLE = REAL | BINARY | MULTISTATE | _COUNTS | _TEXT  # what `points.bacnet.values.encode` has a tag for
_MANY_STATES = 254  # more cannot be states of anything: the answer is nonsense
_LAST_SLOT = 16  # asking for one slot tells as much as the whole array, in fewer octets
_HAS_SUCH_A_PROPERTY = frozenset({"invalid-array-index", "property-is-not-an-array"})

_TIMED = frozenset({"schedule", "calendar"})

_COMMON = ("object-name", "description")
_OF_KIND: Mapping[Kind, tuple[str, ...]] = {
    Kind.ANALOG: ("units", "resolution", "cov-increment", "min-pres-value", "max-pres-value"),
    Kind.BINARY: ("inactive-text", "active-text"),
    Kind.MULTISTATE: ("number-of-states", "state-text"),
    Kind.TEXT: (),
}

Answers = Mapping[str, Answer]


def kind_of(object_type: str) -> Kind | None:
    """The kind of value of a standard object; None where it is no point or proprietary."""
    if object_type in REAL | _COUNTS | _READ_ONLY_ANALOG:
        return Kind.ANALOG
    if object_type in BINARY:
        return Kind.BINARY
    if object_type in MULTISTATE:
        return Kind.MULTISTATE
    if object_type in _TEXT | _ENUMERATED:
        return Kind.TEXT
    return None


def is_proprietary(object_type: str) -> bool:
    return object_type.isdigit()


def schedules(objects: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """Those by which the device goes itself; they are no points."""
    return tuple(f"{object_type},{instance}" for object_type, instance in objects if object_type in _TIMED)


@lru_cache(maxsize=20_000)  # the same objects are in hundreds of devices
def asks(object_type: str, instance: int) -> tuple[Property, ...]:
    """What has to be read of an object to know it; nothing if it cannot be a point."""
    kind = kind_of(object_type)
    if kind is not None:
        names = (*_COMMON, *_OF_KIND[kind])
    elif is_proprietary(object_type):
        names = (*_COMMON, "present-value", "units")
    else:
        return ()
    wanted = [Property(object_type, instance, name) for name in names]
    if object_type in _WRITABLE:
        wanted.append(Property(object_type, instance, "priority-array", _LAST_SLOT))
    return tuple(wanted)


def raw_point(device: Device, object_type: str, instance: int, answers: Answers) -> RawPoint | None:
    """The point that the object is; None for a proprietary one without a value that we can show."""
    kind = kind_of(object_type) or _kind_of_value(answers.get("present-value"))
    if kind is None:
        return None
    return RawPoint(
        device=device,
        ref=Ref(device=device.ref, object_type=object_type, instance=instance),
        name=_text(answers, "object-name") or f"{object_type} {instance}",
        description=_text(answers, "description"),
        kind=kind,
        unit=_text(answers, "units"),
        states=_states(kind, answers),
        low=_number(answers, "min-pres-value"),
        high=_number(answers, "max-pres-value"),
        resolution=_number(answers, "resolution"),
        cov_increment=_number(answers, "cov-increment"),
        commandable=_commandable(answers),
    )


def _kind_of_value(value: Answer) -> Kind | None:
    match value:
        case bool():
            return Kind.BINARY
        case float() | int():
            return Kind.ANALOG
        case str():
            return Kind.TEXT
    return None


def _commandable(answers: Answers) -> bool:
    if "priority-array" not in answers:
        return False
    slot = answers["priority-array"]
    if isinstance(slot, DeviceRefused):
        return slot.code in _HAS_SUCH_A_PROPERTY
    return not isinstance(slot, DeviceError)


def _states(kind: Kind, answers: Answers) -> tuple[str, ...]:
    if kind is Kind.BINARY:
        texts = (_text(answers, "inactive-text"), _text(answers, "active-text"))
        return texts if any(texts) else ()
    if kind is not Kind.MULTISTATE:
        return ()
    match answers.get("state-text"):
        case tuple() as texts:
            return tuple(text if isinstance(text, str) else "" for text in texts)
        case str() as only:
            return (only,)
    number = answers.get("number-of-states")
    if not isinstance(number, int) or number > _MANY_STATES:
        return ()
    return tuple(f"State {state}" for state in range(1, number + 1))


def _text(answers: Answers, name: str) -> str:
    value = answers.get(name)
    return value.strip() if isinstance(value, str) else ""


def _number(answers: Answers, name: str) -> float | None:
    """A finite number; infinity and NaN mean that there is no limit."""
    value = answers.get(name)
    if isinstance(value, bool) or not isinstance(value, (float, int)) or not math.isfinite(value):
        return None
    return float(value)
