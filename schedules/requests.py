"""What a zone or a coil asks of what feeds it: 3, 2 or 1 requests, or none (ASHRAE Guideline 36, section 5.6.8). Pure.

Guarantees:
- Two or three requests only after it has been short for the whole hold time; one while its loop is nearly at its end,
  until it has clearly come back.
- A setpoint that was changed is given time, 9 min a kelvin and 30 min at most, before a distance to it counts. How open
  a loop is counts all the time.
- What is not known asks for nothing, and is told as unknown: who trims by requests must not take silence for consent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

SUPPRESSED_PER_KELVIN = timedelta(minutes=9)
SUPPRESSED_AT_MOST = timedelta(minutes=30)
OPEN_ABOVE, OPEN_UNTIL = 95.0, 85.0  # percent: a loop that asks, and until when


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """From how far it is short of what it needs to how many requests that is."""

    rungs: tuple[tuple[float, int], ...]  # short by more than this: so many; the most first
    hold: timedelta
    loop_until: float = OPEN_UNTIL


SUPPLY_TEMPERATURE = Ladder(rungs=((3.0, 3), (2.0, 2)), hold=timedelta(minutes=2))
"""Kelvin above the zone's cooling setpoint; loop: its cooling loop."""

STATIC_PRESSURE = Ladder(rungs=((-0.5, 3), (-0.7, 2)), hold=timedelta(minutes=1))
"""Minus the share of its flow setpoint that a box has, while its damper is open; loop: its damper."""

CHILLED_WATER = Ladder(rungs=((3.0, 3), (2.0, 2)), hold=timedelta(minutes=2))
"""Kelvin that the supply air is above its setpoint; loop: the cooling valve."""

HOT_WATER = Ladder(rungs=((17.0, 3), (8.0, 2)), hold=timedelta(minutes=5))
"""Kelvin that the supply air is below its setpoint; loop: the heating valve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is remembered of one that asks."""

    beyond: tuple[datetime | None, ...] = ()  # since when it is short by more than each rung
    latched: bool = False  # its loop was nearly at its end, and is not back yet
    setpoint: float | None = None
    quiet_until: datetime | None = None  # its setpoint was changed: until then distance does not count


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What it asks now, for whoever steps by it: between two steps, nothing depends on it."""

    requests: int
    asking: Asking


def asked(
    ladder: Ladder,
    before: Asking | None,
    *,
    short: float | None,
    loop: float | None,
    now: datetime,
    setpoint: float | None = None,
) -> Asked:
    """What it asks. `short`, `loop`: None where that is not known, or does not count now.

    `setpoint`: in kelvin or degrees Celsius, where a change of it has to be waited out.
    """
    before = before or Asking()
    quiet_until = _quiet_until(before, setpoint, now)
    beyond = _beyond(ladder.rungs, before.beyond, short, now)
    latched = loop is not None and (loop > OPEN_ABOVE or (before.latched and loop >= ladder.loop_until))
    quiet = quiet_until is not None
    ripe = [since is not None and now - since >= ladder.hold for since in beyond]
    counts = [count for (_, count), is_ripe in zip(ladder.rungs, ripe, strict=True) if is_ripe and not quiet]
    asking = Asking(
        beyond=beyond,
        latched=latched,
        setpoint=before.setpoint if setpoint is None else setpoint,
        quiet_until=quiet_until,
    )
    return Asked(requests=max([*counts, int(latched)]), asking=asking)


def _beyond(
    rungs: Sequence[tuple[float, int]], before: Sequence[datetime | None], short: float | None, now: datetime
) -> tuple[datetime | None, ...]:
    """Since when it is short by more than each rung. A time that is yet to come was told by another clock."""
    if short is None:
        return (None,) * len(rungs)
    since = before if len(before) == len(rungs) else (None,) * len(rungs)
    return tuple(
        None if short <= limit else (now if then is None or then > now else then)
        for (limit, _), then in zip(rungs, since, strict=True)
    )


def _quiet_until(before: Asking, setpoint: float | None, now: datetime) -> datetime | None:
    """A change begins a time of its own; what is left of a longer one goes on."""
    left = before.quiet_until
    if left is not None and not now < left <= now + SUPPRESSED_AT_MOST:
        left = None
    if setpoint is None or before.setpoint is None or abs(setpoint - before.setpoint) < 0.01:
        return left
    changed = now + min(abs(setpoint - before.setpoint) * SUPPRESSED_PER_KELVIN, SUPPRESSED_AT_MOST)
    return changed if left is None else max(left, changed)
