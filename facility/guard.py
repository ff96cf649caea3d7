"""May it? The one judge of every command, pure: what it is given decides, nothing else.

Refused always: levels 1-7 and any that are not ours, points that are monitor-only, whoever the profile does not let
command, a policy on the operators' level, values that do not fit the point or lie outside its limits, what would take a
critical room out of its envelope, what its actuator cannot bear, commands without end or reason. To let go of a slot
needs only a commandable point. Every refusal names its rule and its source, says why, and what to do instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from facility import envelope
from facility.envelope import Room
from facility.fitting import accepted, fitted
from facility.model import GUARD, Command, is_policy
from facility.pace import Pace, too_fast
from facility.profiles.model import CommandRule, Who
from facility.ruling import ALLOWED, Verdict, refuse, warn
from facility.users import PERMISSIONS, Permission
from points.model import Access, Kind, Point, Priority, Reading, Safety, StatusFlags, Value
from points.units import symbol
from schedules.writable import BED_CLASSES, in_unit_of

SHORTEST = timedelta(minutes=15)  # less is a pulse: nothing in a plant has settled by then
LONGEST = timedelta(hours=24)  # one full cycle of shifts: whoever wants more is an engineer
LONGEST_OF_AN_ENGINEER = timedelta(days=30)
REASON_LENGTH = 4  # characters: "test" is the shortest thing that says anything
ENGINEERS = frozenset({"engineer", "admin"})


_WHO_CAN: dict[Who, str] = {
    "nobody": "It is worked locally.",
    "two-people": "Two people can.",
    "engineer": "An engineer can.",
    "operator": "An operator can.",
    "policy": "An operator can.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the site or a clinical profile allows for a point, and who says so."""

    low: float | None
    high: float | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beds:
    """What the beds of a room where patients sleep mean for policies."""

    closed: str  # why the room is closed to them; "" if it is open
    low: float = 0.0  # °C that its setpoints may have while it is open
    high: float = 0.0
    source: str = "our own caution: a patient may be brought at any time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What else is known at the moment of judging."""

    now: datetime
    limits: Limits | None = None
    reading: Reading | None = None
    rule: CommandRule = field(default_factory=CommandRule)
    pace: Pace = field(default_factory=Pace)
    room: Room | None = None
    beds: Beds | None = None
    """None: no patient sleeps there."""
    step: Value | None = None
    """What would be written now on the way to the value, where the point is ramped."""
    accepted: bool = False
    """It stands already: it is renewed, put back or driven on, and no person asks for it."""
    staying: bool = False
    """Nothing would be written: a value that stands is given more time."""


def judge(command: Command, point: Point, known: Surroundings) -> Verdict:
    """The verdict on `command`, given what is known at this moment."""
    objection = next(_objections(command, point, known), None)
    if objection is not None:
        return objection
    if command.value is None:
        return ALLOWED
    if needs_second(command, known):
        why = f"{point.id} may be commanded by two people only."
        instead = "Ask; somebody else who may command has to agree within 10 minutes."
        return Verdict(decision="second-person", rule="two-people", why=why, instead=instead, source=known.rule.cited)
    return next(_warnings(point, known.reading), ALLOWED)


def needs_second(command: Command, known: Surroundings) -> bool:
    """Whether another person must agree, and none has."""
    asked = known.rule.who == "two-people" and not known.accepted and command.by != GUARD
    return asked and command.seconded_by in ("", command.by)


def _objections(command: Command, point: Point, known: Surroundings) -> Iterator[Verdict]:
    if command.priority not in set(Priority):
        levels = ", ".join(str(int(level)) for level in Priority)
        yield refuse("level", f"Priority level {command.priority} is not ours to use.", f"Ours are {levels}.")
    if point.access is Access.MONITOR_ONLY:
        yield refuse("monitor-only", f"{point.id} is monitor-only: {_why_monitor_only(point)}.")
    if command.value is None:
        return
    if is_policy(command.by):
        yield from _objections_to_policy(command, point, known)
    elif command.by == GUARD:
        yield from _objections_to_guard(command)
    else:
        yield from _objections_to_person(command, point, known)
    yield from _objections_to_value(command.value, point, known.limits)
    if command.by != GUARD:
        yield from _objections_of_the_place(command, command.value, point, known)


def _objections_of_the_place(command: Command, value: Value, point: Point, known: Surroundings) -> Iterator[Verdict]:
    """What the room and the actuator cannot bear."""
    fit, policy = fitted(value, point), is_policy(command.by)
    if fit is None:
        return
    if known.room is not None and known.staying:
        yield from envelope.objections_to_stay(point, fit, known.room, known.now, policy=policy)
        return
    step = fit if known.step is None else known.step
    if known.room is not None:
        yield from envelope.objections(point, fit, step, known.room, known.now, policy=policy)
    if not known.accepted and (slow := too_fast(point, step, known.rule, known.pace, known.now)) is not None:
        yield slow


def _objections_to_policy(command: Command, point: Point, known: Surroundings) -> Iterator[Verdict]:
    watched = known.room is not None or known.beds is not None  # then the room itself says whether it may be
    if known.rule.who != "policy" or (point.safety is not Safety.COMFORT and not watched):
        what = "belongs to a critical space" if point.space is not None else "may serve critical spaces"
        why = f"{point.id} {what}: no policy may hold it."
        yield refuse("critical", why, _WHO_CAN[known.rule.who], source=known.rule.cited)
    if known.beds is not None:
        yield from _objections_of_the_beds(command, point, known.beds)
    if command.priority == Priority.OPERATOR:
        yield refuse("operators-level", "Level 8 belongs to operators.", "Give the policy a level of 10 or more.")
    if command.lasts is None or not timedelta(0) < command.lasts <= LONGEST:
        yield refuse("expiry", "A policy's hold must end within 24 hours.", "Renew it while it is wanted.")


def _objections_of_the_beds(command: Command, point: Point, beds: Beds) -> Iterator[Verdict]:
    """Where patients sleep: the temperature setpoints of a room whose beds are free, within a band, and no more."""
    name = point.space or point.id
    if point.point_class not in BED_CLASSES:
        why = f"{point.id} is in {name}, where patients sleep: no policy may hold it, whatever the beds are."
        yield refuse("beds", why, "An operator can.", source=beds.source)
    if command.priority != Priority.OCCUPANCY:
        yield refuse("beds", f"{name} is relaxed at level {int(Priority.OCCUPANCY)} only.", source=beds.source)
    if beds.closed:
        yield refuse("beds", f"{name} is taken for occupied: {beds.closed}.", source=beds.source)
    value = None if command.value is None else fitted(command.value, point)
    coldest, warmest = (in_unit_of(point, celsius) for celsius in (beds.low, beds.high))
    if value is None or isinstance(value, str) or coldest is None or warmest is None:
        yield refuse("beds", f"{point.id} is not known to be a temperature.", source=beds.source)
    elif not coldest <= value <= warmest:
        why = f"{value:g} is outside what an empty patient room may have."
        yield refuse("beds", why, f"Allowed: {beds.low:g} to {beds.high:g} °C.", source=beds.source)


def _objections_to_guard(command: Command) -> Iterator[Verdict]:
    if command.priority != Priority.PROTECTIVE:
        yield refuse("operators-level", "The guard protects at level 10 only.")
    if command.lasts is None or not timedelta(0) < command.lasts <= LONGEST:
        yield refuse("expiry", "A protective hold must end within 24 hours.", "Renew it while it is needed.")


def _objections_to_person(command: Command, point: Point, known: Surroundings) -> Iterator[Verdict]:
    if command.priority != Priority.OPERATOR:
        why = f"Level {int(command.priority)} belongs to policies."
        yield refuse("operators-level", why, "Operators command at level 8, which outranks it.")
    if known.rule.who == "nobody":
        yield refuse(
            "who", f"Nobody may command {point.id} from here.", "It is worked locally.", source=known.rule.cited
        )
    if known.accepted:
        return
    if known.rule.who == "engineer" and command.role not in ENGINEERS:
        yield refuse("who", f"{point.id} is an engineer's to command.", "Ask one.", source=known.rule.cited)
    yield from _objections_to_duration(command)
    if len(command.reason.strip()) < REASON_LENGTH:
        yield refuse("reason", "Every override needs a reason.", f"Give one of {REASON_LENGTH} characters or more.")


def _objections_to_duration(command: Command) -> Iterator[Verdict]:
    long = any(command.role == role and Permission.COMMAND_LONG in may for role, may in PERMISSIONS.items())
    most = LONGEST_OF_AN_ENGINEER if long else LONGEST
    allowed = f"It can last 15 minutes to {'30 days' if long else '24 hours; longer is an engineer’s to ask for'}."
    if command.lasts is None:
        yield refuse("expiry", "Every override must end.", allowed)
    elif not SHORTEST <= command.lasts <= most:
        yield refuse("expiry", f"An override of {command.lasts} is not possible.", allowed)


def _objections_to_value(value: Value, point: Point, limits: Limits | None) -> Iterator[Verdict]:
    fit = fitted(value, point)
    if fit is None:
        yield refuse("value", f"{value!r} is not a value of {point.id}.", f"It takes {accepted(point)}.")
    elif point.kind is Kind.ANALOG:
        if limits is not None:
            yield from _outside(fit, point, limits)
        yield from _outside(fit, point, Limits(low=point.low, high=point.high, source="the device's own limits"))


def _outside(value: Value, point: Point, limits: Limits) -> Iterator[Verdict]:
    number, source = float(value), limits.source
    unit = f" {symbol(point.unit)}" if point.unit else ""
    instead = f"Allowed: {_range(limits)}{unit}."
    if limits.low is not None and number < limits.low:
        why = f"{number:g}{unit} is below the lowest allowed, {limits.low:g}."
        yield refuse("limits", why, instead, source=source)
    if limits.high is not None and number > limits.high:
        why = f"{number:g}{unit} is above the highest allowed, {limits.high:g}."
        yield refuse("limits", why, instead, source=source)


def _warnings(point: Point, reading: Reading | None) -> Iterator[Verdict]:
    if point.safety is Safety.CRITICAL:
        what = "belongs to a critical space" if point.space is not None else "may serve critical spaces"
        yield warn("critical", f"{point.id} {what}.", "Make sure that their users know.")
    if reading is None or not reading.is_good:
        why = f"The present value of {point.id} is not known for certain."
        if reading is not None and StatusFlags.OVERRIDDEN in reading.flags:
            why = f"{point.id} is overridden by hand at the device and may not follow."
        if reading is not None and StatusFlags.OUT_OF_SERVICE in reading.flags:
            why = f"{point.id} is out of service and may move nothing."
        yield warn("unknown", why, "Look at the plant after the command.")


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


def _range(limits: Limits) -> str:
    low = "" if limits.low is None else f"{limits.low:g}"
    high = "" if limits.high is None else f"{limits.high:g}"
    if low and high:
        return f"{low} to {high}"
    return f"{low} or more" if low else f"{high} or less"
