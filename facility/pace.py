"""How fast an actuator may be driven: spacing, writes an hour, minimum on and off times, ramps. Pure, but for `Paces`.

Letting go is never held back by any of it, and neither is a protective command.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from facility.profiles.model import CommandRule
from facility.ruling import Verdict, refuse
from points.model import Kind, Point, PointId, Value

HOUR = timedelta(hours=1)
STEP = timedelta(seconds=5)  # between two steps of a ramp: small ones, and few enough for any trunk
NEAR = 1e-6  # of the full range: closer than this, it is there


@dataclass(frozen=True, slots=True)
class Pace:
    """What an actuator has been through: our writes of the past hour, and since when it is switched as it is."""

    writes: tuple[datetime, ...] = ()  # but for the steps of a ramp
    latest: datetime | None = None  # write of any kind
    switched: datetime | None = None
    on: bool | None = None


def too_fast(point: Point, value: Value, rule: CommandRule, pace: Pace, now: datetime) -> Verdict | None:
    """Why the write must wait; `later` says how long. None if it may be made now."""
    past = [time for time in pace.writes if timedelta(0) <= now - time < HOUR]
    if past and now - past[-1] < (spacing := timedelta(seconds=rule.spacing_s)):
        wait = spacing - (now - past[-1])
        why = f"{point.id} was written {_seconds(now - past[-1])} ago; {_seconds(spacing)} must lie between."
        return _later("spacing", why, wait, rule)
    if rule.per_hour is not None and len(past) >= rule.per_hour:
        why = f"{point.id} was written {len(past)} times within the hour; {rule.per_hour} is the most."
        return _later("per-hour", why, past[-rule.per_hour] + HOUR - now, rule)
    return _switched_too_soon(point, value, rule, pace, now)


def _switched_too_soon(point: Point, value: Value, rule: CommandRule, pace: Pace, now: datetime) -> Verdict | None:
    if point.kind is not Kind.BINARY or pace.on is None or pace.switched is None or bool(value) is pace.on:
        return None
    least = timedelta(seconds=rule.minimum_on_s if pace.on else rule.minimum_off_s)
    lasted = max(now - pace.switched, timedelta(0))
    if lasted >= least:
        return None
    word = "on" if pace.on else "off"
    why = f"{point.id} has been {word} for {_seconds(lasted)}; it must stay {word} for at least {_seconds(least)}."
    return _later(f"minimum-{word}", why, least - lasted, rule)


def next_step(now_at: float, goal: float, rule: CommandRule, full: float) -> float:
    """Where the ramp from `now_at` to `goal` is after one `STEP`, or one spacing where that is longer.

    `full`: the range that the rule's percent are of.
    """
    if rule.ramp_per_minute is None or full <= 0:
        return goal
    reach = full * rule.ramp_per_minute / 100 * (max(STEP, timedelta(seconds=rule.spacing_s)) / timedelta(minutes=1))
    if abs(goal - now_at) <= reach + NEAR * full:
        return goal
    return round(now_at + (reach if goal > now_at else -reach), 3)


def ramp_lasts(now_at: float, goal: float, rule: CommandRule, full: float) -> timedelta:
    """How long the ramp takes."""
    if rule.ramp_per_minute is None or full <= 0:
        return timedelta(0)
    return timedelta(minutes=abs(goal - now_at) / (full * rule.ramp_per_minute / 100))


class Paces:
    """Remembers what the actuators have been through since the start, and what still stands from before it."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._paces: dict[PointId, Pace] = {}

    def of(self, point: PointId) -> Pace:
        return self._paces.get(point, Pace())

    def stood(self, point: PointId, value: Value, since: datetime) -> None:
        """What an earlier process switched, and still holds."""
        if isinstance(value, bool):
            self._paces[point] = Pace((), None, since, value)

    def wrote(self, point: Point, value: Value | None, *, is_step: bool = False) -> None:
        """A write went out; `value` None let go, so that what it is switched to now is not known from us.

        `is_step`: of a ramp that stands already. It holds nobody up who wants something else.
        """
        now, before = self._now(), self.of(point.id)
        past = tuple(time for time in before.writes if timedelta(0) <= now - time < HOUR)
        writes = past if is_step else (*past, now)
        if point.kind is not Kind.BINARY or value is None:
            self._paces[point.id] = Pace(writes, now, None, None)
        elif before.on is bool(value):
            self._paces[point.id] = Pace(writes, now, before.switched, before.on)
        else:
            self._paces[point.id] = Pace(writes, now, now, bool(value))


def _later(rule: str, why: str, wait: timedelta, by: CommandRule) -> Verdict:
    return refuse(rule, why, f"Ask again in {_seconds(wait)}.", source=by.cited, later=max(wait, timedelta(seconds=1)))


def _seconds(span: timedelta) -> str:
    seconds = span.total_seconds()
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
