"""Whether a command has had its effect, by the sensor that can bear it out. Pure: what it is given decides.

Only a good reading from after the write counts, for or against. Without a sensor, or with one that is not known to be
right, nothing is ever called effective; without what was so before, nothing that is judged by its change is called
anything but unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from facility.model import Claim
from facility.standing import lasting
from facility.witness import Expectation, Rule, Test
from points.model import Kind, Point, PointId, Reading, Value, values_agree
from points.units import show

NO_SENSOR = "cannot be checked: no sensor known"
FAHRENHEIT = 1.8  # degrees for a kelvin
NEARER = 0.2  # of the distance, where no step is given
RUNS_FROM = 10.0  # percent of speed: a drive asked for that much turns the fan; one asked for 0 does not


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """What was written, and what was so before; None where that is not known, as after a restart."""

    at: datetime
    value: Value
    previous: Value | None = None  # of the commanded point
    before: Reading | None = None  # of the sensor
    also: Value | None = None  # the step before this one of a ramp: the plant is a moment behind
    name: str = "the write"


class Verdict(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    INEFFECTIVE = "not effective"
    UNREAD = "not read since the write"  # the window is over: only a look at the sensor can tell
    UNKNOWN = "unknown"
    OUTRANKED = "outranked"  # not in force: nothing is expected of it until it is
    NOTHING = "nothing expected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What has become of a command, in one sentence."""

    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ineffective:
    """A standing claim that its sensor does not bear out."""

    point: Point
    text: str
    value: str
    limit: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Troubles:
    """What is not effective, and the points of which that cannot be said at this moment."""

    ineffective: tuple[Ineffective, ...] = ()
    undecided: frozenset[PointId] = frozenset()


@dataclass(slots=True, kw_only=True)
class Check:
    """One claim and what is known of its effect."""

    claim: Claim
    point: Point
    expectation: Expectation | None
    write: Write
    start: Write  # the first write of a ramp; of others the same
    since: datetime  # readings of the point from before say nothing of this value
    restored: bool = False  # it stood when the agent started: what was before is not known
    effect: Effect = field(default_factory=lambda: Effect(verdict=Verdict.PENDING, text=""))
    ineffective_since: datetime | None = None
    not_in_force_since: datetime | None = None
    asking: bool = False
    asked: datetime | None = None

    @property
    def on_its_way(self) -> bool:
        return not values_agree(self.claim.value, self.claim.wanted)

    @property
    def is_settled(self) -> bool:
        """Nothing more is to be found out."""
        return self.effect.verdict in (Verdict.CONFIRMED, Verdict.NOTHING) and not self.on_its_way


def expected(expectation: Expectation, value: Value, previous: Value | None) -> str:
    """What the sensor must do after `value` was written, in words; "" where nothing need be seen of it."""
    rule, sensor = expectation.rule, expectation.witness
    match rule.test:
        case Test.STATE:
            wanted = _wants_running(expectation, value)
            return "" if wanted is None else f"is {show(sensor, wanted)}"
        case Test.REACH:
            return f"comes within {rule.share:.0%} of {show(expectation.point, value)}"
        case Test.TOWARD:
            return f"comes to {show(expectation.point, value)} or clearly nearer to it"
        case _:
            if previous is None:
                return f"{'follows' if rule.test is Test.RISE else 'moves against'} it"
            change = _number(value) - _number(previous)
            if abs(change) < max(rule.change, 1e-9):
                return ""
            return "rises" if (change > 0) is (rule.test is Test.RISE) else "falls"


def announced(expectation: Expectation | None, value: Value | None, previous: Value | None = None) -> str:
    """How the effect will be checked, for whoever is about to write `value`; "" for a release."""
    if value is None:
        return ""
    if expectation is None:
        return NO_SENSOR
    must = expected(expectation, value, previous)
    if not must:
        return f"nothing to check: {expectation.witness.id} need not follow such a command"
    return f"will check that {expectation.witness.id} {must} within {lasting(expectation.window)}"


def judge_effect(expectation: Expectation, write: Write, reading: Reading | None, now: datetime) -> Effect:
    """What the sensor says of the command. Only a good reading from after the write can bear it out."""
    sensor, must = expectation.witness, expected(expectation, write.value, write.previous)
    if not must:
        return Effect(verdict=Verdict.NOTHING, text=f"nothing to check: {sensor.id} need not change for it")
    if write.before is not None and _stood_so(expectation, write):
        said = show(sensor, write.before.value)
        return Effect(verdict=Verdict.NOTHING, text=f"nothing to check: {sensor.id} was {said} already")
    fresh = reading is not None and reading.is_good and reading.value is not None and reading.time > write.at
    if reading is not None and fresh and _bears_out(expectation, write, reading):
        after = lasting(reading.time - write.at)
        return Effect(verdict=Verdict.CONFIRMED, text=f"confirmed by {sensor.id} {after} after {write.name}")
    if now - write.at < expectation.window:
        within = lasting(expectation.window)
        return Effect(verdict=Verdict.PENDING, text=f"being checked: whether {sensor.id} {must} within {within}")
    if reading is None or not reading.is_good or reading.value is None:
        why = "was never read" if reading is None else f"is {reading.reason or reading.quality.value}"
        return Effect(verdict=Verdict.UNKNOWN, text=f"unknown: {sensor.id} {why}")
    if not fresh:
        return Effect(verdict=Verdict.UNREAD, text=f"unknown: {sensor.id} has not been read since the write")
    if not _is_known_before(expectation.rule, write):
        return Effect(verdict=Verdict.UNKNOWN, text=f"unknown: how {sensor.id} was before the write is not known")
    said = show(sensor, reading.value)
    text = f"not effective: {sensor.id} is {said} {lasting(now - write.at)} after {write.name}"
    return Effect(verdict=Verdict.INEFFECTIVE, text=text)


def _is_known_before(rule: Rule, write: Write) -> bool:
    """Whether all that the rule compares with is known."""
    if rule.test in (Test.STATE, Test.REACH):
        return True
    measured = write.before is not None and write.before.is_good and write.before.value is not None
    return measured and (rule.test is Test.TOWARD or write.previous is not None)


def _stood_so(expectation: Expectation, write: Write) -> bool:
    before = write.before
    if before is None or not before.is_good or before.value is None:
        return False
    if expectation.rule.test in (Test.RISE, Test.FALL):
        return False
    if expectation.rule.test is Test.STATE:
        return _bears_out(expectation, write, before)
    return _is_there(expectation, write.value, _number(before.value))


def _bears_out(expectation: Expectation, write: Write, reading: Reading) -> bool:
    rule, value = expectation.rule, reading.value
    if value is None or isinstance(value, str) or isinstance(write.value, str):
        return False
    if rule.test is Test.STATE:
        return bool(value) is _wants_running(expectation, write.value)
    here = float(value)
    if rule.test in (Test.REACH, Test.TOWARD):
        if any(_is_there(expectation, wanted, here) for wanted in (write.value, write.also) if wanted is not None):
            return True
        return rule.test is Test.TOWARD and _came_nearer(expectation, write, here)
    return _moved(expectation, write, here)


def _is_there(expectation: Expectation, wanted: Value, here: float) -> bool:
    rule, aim = expectation.rule, _number(wanted)
    if (here - aim) * rule.side > 0:
        return True  # a heating setpoint asks nothing of a room that is warmer
    return abs(here - aim) <= max(rule.share * abs(aim), _in_unit(rule.band, expectation.witness))


def _came_nearer(expectation: Expectation, write: Write, here: float) -> bool:
    before = write.before
    if before is None or not before.is_good or before.value is None:
        return False
    aim, step = _number(write.value), _in_unit(expectation.rule.step, expectation.witness)
    away = abs(_number(before.value) - aim)
    return away - abs(here - aim) >= (step or away * NEARER)


def _moved(expectation: Expectation, write: Write, here: float) -> bool:
    before, rule = write.before, expectation.rule
    if before is None or not before.is_good or before.value is None or write.previous is None:
        return False
    was = _number(before.value)
    up = (_number(write.value) > _number(write.previous)) is (rule.test is Test.RISE)
    least = max(rule.share * abs(was), _in_unit(rule.band, expectation.witness))
    return (here - was if up else was - here) >= max(least, 1e-9)


def _wants_running(expectation: Expectation, value: Value) -> bool | None:
    """Whether the machine must run then; None if it may or may not."""
    if expectation.point.kind is Kind.ANALOG:
        number = _number(value)
        running = True if number >= RUNS_FROM else False if number <= 0.0 else None
    else:
        running = bool(value)
    return None if running and expectation.rule.only_off else running


def _in_unit(band: float, sensor: Point) -> float:
    return band * FAHRENHEIT if "fahrenheit" in sensor.unit else band


def _number(value: Value) -> float:
    return 0.0 if isinstance(value, str) else float(value)


def next_step(check: Check, earlier: Check, now: datetime) -> Check:
    """A step of a ramp: one that is not followed yet is not forgiven by the next. At the goal, all of it counts."""
    check.start, check.restored, check.since = earlier.start, earlier.restored, now
    if not check.on_its_way:
        check.write = replace(earlier.start, value=check.claim.value, at=now, name="the last step")
        return check
    check.write = replace(check.write, at=now)
    if earlier.effect.verdict is Verdict.NOTHING:  # too small a step to see: the steps add up
        check.write = replace(earlier.write, value=check.claim.value, at=now)
    elif earlier.effect.verdict is not Verdict.CONFIRMED:
        check.write = replace(earlier.write, value=check.claim.value)
        check.effect, check.ineffective_since = earlier.effect, earlier.ineffective_since
    check.write = replace(check.write, also=earlier.claim.value)
    return check


def is_same(one: Claim, other: Claim) -> bool:
    return values_agree(one.value, other.value) and values_agree(one.wanted, other.wanted)
