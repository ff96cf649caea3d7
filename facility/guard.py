"""May it? The one judge of every command, pure: what it is given decides, nothing else.

Refused always: levels 1-7 and any that are not ours, points that are monitor-only, a policy on a
critical point or on the operators' level, values that do not fit the point or lie outside its
limits, commands without end or reason. To let go of a slot needs only a commandable point. Every
refusal names its rule, says why, and what to do instead.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from facility.model import Command, is_policy
from points.model import Access, Kind, Point, Priority, Reading, Safety, StatusFlags, Value

SHORTEST = timedelta(minutes=1)  # less is a pulse, and the plant's own minimum on and off times are longer
LONGEST = timedelta(hours=24)  # one full cycle of shifts: whoever wants more says so again
REASON_LENGTH = 4  # characters: "test" is the shortest thing that says anything

_LARGEST_UNSIGNED = 2**32 - 1  # BACnet Unsigned32; no device takes more
_LARGEST_REAL = (2 - 2**-23) * 2.0**127  # single precision, what an analog value travels in
_LARGEST_DOUBLE = sys.float_info.max
_WHOLE: dict[str, tuple[int, int]] = {  # what objects that count can hold
    "integer-value": (-(2**31), 2**31 - 1),
    "positive-integer-value": (0, _LARGEST_UNSIGNED),
}

_WORDS = {"on": True, "active": True, "off": False, "inactive": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the site or a clinical profile allows for a point, and who says so."""

    low: float | None
    high: float | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the guard says. A warning may be carried out; a person is shown it first."""

    decision: Literal["allowed", "warning", "refused"]
    rule: str = ""
    why: str = ""
    instead: str = ""

    @property
    def refused(self) -> bool:
        return self.decision == "refused"

    @property
    def text(self) -> str:
        return f"{self.why} {self.instead}".strip()


def fitted(value: Value, point: Point) -> Value | None:
    """`value` in the type that the point has; None if it cannot be one of its values.

    Whole numbers become floats for analog points; states may be given by number or by their text.
    """
    match point.kind:
        case Kind.ANALOG:
            return _number(value, point)
        case Kind.BINARY:
            return _binary(value, point)
        case Kind.MULTISTATE:
            return _state(value, point)
        case _:  # text
            return value if isinstance(value, str) else None


def judge(command: Command, point: Point, *, limits: Limits | None, reading: Reading | None) -> Verdict:
    """The verdict on `command`, given what is known of `point` at this moment."""
    objection = next(_objections(command, point, limits), None)
    if objection is not None:
        return objection
    if command.value is None:
        return Verdict(decision="allowed")
    return next(_warnings(point, reading), Verdict(decision="allowed"))


def _objections(command: Command, point: Point, limits: Limits | None) -> Iterator[Verdict]:
    if command.priority not in set(Priority):
        levels = ", ".join(str(int(level)) for level in Priority)
        yield _refuse("level", f"Priority level {command.priority} is not ours to use.", f"Ours are {levels}.")
    if point.access is Access.MONITOR_ONLY:
        yield _refuse("monitor-only", f"{point.id} is monitor-only: {_why_monitor_only(point)}.")
    if command.value is None:
        return
    if is_policy(command.by):
        yield from _objections_to_policy(command, point)
    else:
        yield from _objections_to_operator(command)
    yield from _objections_to_value(command.value, point, limits)


def _objections_to_policy(command: Command, point: Point) -> Iterator[Verdict]:
    if point.safety is not Safety.COMFORT:
        why = f"{point.id} belongs to a critical space: no policy may hold it."
        yield _refuse("critical", why, "An operator can.")
    if command.priority == Priority.OPERATOR:
        yield _refuse("operators-level", "Level 8 belongs to operators.", "Give the policy a level of 10 or more.")
    if command.lasts is None or not timedelta(0) < command.lasts <= LONGEST:
        yield _refuse("expiry", "A policy's hold must end within 24 hours.", "Renew it while it is wanted.")


def _objections_to_operator(command: Command) -> Iterator[Verdict]:
    if command.priority != Priority.OPERATOR:
        why = f"Level {int(command.priority)} belongs to policies."
        yield _refuse("operators-level", why, "Operators command at level 8, which outranks it.")
    if command.lasts is None:
        yield _refuse("expiry", "Every override must end.", "Say how long it lasts: 1 minute to 24 hours.")
    elif not SHORTEST <= command.lasts <= LONGEST:
        yield _refuse("expiry", f"An override of {command.lasts} is not possible.", "It can last 1 minute to 24 hours.")
    if len(command.reason.strip()) < REASON_LENGTH:
        yield _refuse("reason", "Every override needs a reason.", f"Give one of {REASON_LENGTH} characters or more.")


def _objections_to_value(value: Value, point: Point, limits: Limits | None) -> Iterator[Verdict]:
    fit = fitted(value, point)
    if fit is None:
        yield _refuse("value", f"{value!r} is not a value of {point.id}.", f"It takes {_accepted(point)}.")
    elif point.kind is Kind.ANALOG:
        own = Limits(low=point.low, high=point.high, source="the device's own limits")
        yield from _outside(fit, point, own)
        if limits is not None:
            yield from _outside(fit, point, limits)


def _outside(value: Value, point: Point, limits: Limits) -> Iterator[Verdict]:
    number = float(value)
    unit = f" {point.unit}" if point.unit else ""
    instead = f"Allowed: {_range(limits)}{unit} ({limits.source})."
    if limits.low is not None and number < limits.low:
        yield _refuse("limits", f"{number:g}{unit} is below the lowest allowed, {limits.low:g}.", instead)
    if limits.high is not None and number > limits.high:
        yield _refuse("limits", f"{number:g}{unit} is above the highest allowed, {limits.high:g}.", instead)


def _warnings(point: Point, reading: Reading | None) -> Iterator[Verdict]:
    if point.safety is Safety.CRITICAL:
        yield _warn("critical", f"{point.id} belongs to a critical space.", "Make sure that its users know.")
    if reading is None or not reading.is_good:
        why = f"The present value of {point.id} is not known for certain."
        if reading is not None and StatusFlags.OVERRIDDEN in reading.flags:
            why = f"{point.id} is overridden by hand at the device and may not follow."
        if reading is not None and StatusFlags.OUT_OF_SERVICE in reading.flags:
            why = f"{point.id} is out of service and may move nothing."
        yield _warn("unknown", why, "Look at the plant after the command.")


def _why_monitor_only(point: Point) -> str:
    if point.locked:
        return "the site's configuration says so"
    if not point.present:
        return "the latest discovery did not find it"
    match point.safety:
        case Safety.MEDICAL:
            return "it is medical equipment"
        case Safety.LIFE_SAFETY:
            return "it is a life-safety point"
        case Safety.UNKNOWN:
            return "what it does is not known well enough to rule out harm; the site can classify it"
        case _ if point.quarantined and point.commandable:
            return f"its device is in quarantine until somebody has looked at it (`facility approve {point.device}`)"
        case _:
            return "the object has no priority array, so a command could not be taken back"


def _number(value: Value, point: Point) -> float | None:
    if isinstance(value, (bool, str)):
        return None
    if whole := _WHOLE.get(point.ref.object_type):
        return float(value) if whole[0] <= value <= whole[1] and value == value // 1 else None
    return float(value) if abs(value) <= _largest(point) else None  # neither infinite nor NaN


def _largest(point: Point) -> float:
    return _LARGEST_DOUBLE if point.ref.object_type == "large-analog-value" else _LARGEST_REAL


def _binary(value: Value, point: Point) -> bool | None:
    if isinstance(value, str):
        states = {text.casefold(): bool(position) for position, text in enumerate(point.states[:2])}
        return {**_WORDS, **states}.get(value.strip().casefold())
    return bool(value) if value in (0, 1) else None


def _state(value: Value, point: Point) -> int | None:
    if isinstance(value, str):
        states = {text.casefold(): number for number, text in enumerate(point.states, 1)}
        return states.get(value.strip().casefold())
    if isinstance(value, bool) or value != value // 1:
        return None
    highest = len(point.states) or point.high or _LARGEST_UNSIGNED
    return int(value) if 1 <= value <= highest else None


def _accepted(point: Point) -> str:
    match point.kind:
        case Kind.ANALOG:
            if whole := _WHOLE.get(point.ref.object_type):
                return f"a whole number from {whole[0]} to {whole[1]}"
            return f"a finite number up to {_largest(point):.1e}"
        case Kind.BINARY:
            return " or ".join(point.states[:2]) or "on or off"
        case Kind.MULTISTATE:
            numbered = [f"{number} ({text})" for number, text in enumerate(point.states, 1)]
            return ", ".join(numbered) or "a state number from 1"
        case _:
            return "text"


def _range(limits: Limits) -> str:
    low = "" if limits.low is None else f"{limits.low:g}"
    high = "" if limits.high is None else f"{limits.high:g}"
    if low and high:
        return f"{low} to {high}"
    return f"{low} or more" if low else f"{high} or less"


def _refuse(rule: str, why: str, instead: str = "") -> Verdict:
    return Verdict(decision="refused", rule=rule, why=why, instead=instead)


def _warn(rule: str, why: str, instead: str) -> Verdict:
    return Verdict(decision="warning", rule=rule, why=why, instead=instead)
