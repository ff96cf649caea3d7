"""Lights off where nobody is, while the programme says so (domain row 7).

A sweep is a state of the programme, not an event: from the evening change to the morning one, the lights of a vacant
zone are held off, and a zone that is still in use at the sweep follows when its people have left. Never touches a
light of no known space, one in a space that is not ordinary, or one that is named egress, emergency or security.

Before a light goes off, it warns: dimmers go down to a share of what they are, and the light is off some minutes
later. BACnet has special present values for a blink (-1.0 WARN, -2.0 WARN_RELINQUISH, -3.0 WARN_OFF, with Egress_Time).
They are not used: nothing of them stays in the priority array, so that they can be neither read back nor renewed, and
a command that cannot be proven is none of ours. A relay can only be off or on: by default it goes off unwarned; a site
that wants it can have it off for some seconds as a warning, if its lamps bear that.

Who presses the override of a zone has light for two hours, and is warned again after that (lighting codes allow no
more). An override that is not known has been pressed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from points.catalog import Catalog
from points.model import Kind, Point, PointId, Priority, SpaceId, Value
from schedules.occupancy import occupancy
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View, earliest
from schedules.timetable import Timetable
from schedules.witnesses import is_at_rest
from schedules.writable import Surroundings, known_number, may_speak_for, surroundings

Output = tuple[PointId, Value]
"""A light, and what switches it off."""

_EXEMPT = re.compile(r"egress|emerg|exit|escape|stair|security|night[ _-]?light", re.IGNORECASE)
_LIGHT_CLASSES = frozenset({"lighting-command", "lighting-level"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept(Memory):
    """Who was warned and who has pressed the override, by space."""

    warned: Mapping[str, datetime] = field(default_factory=dict)
    levels: Mapping[str, float] = field(default_factory=dict)  # what a dimmer warns with, by point
    pressed: Mapping[str, datetime] = field(default_factory=dict)
    active: tuple[str, ...] = ()  # overrides that said pressed when they were last looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class LightingSweep:
    """Holds the selected lights off in vacant zones while the programme is in its sweep state."""

    kind: ClassVar[str] = "lighting-sweep"
    remembers: ClassVar[type[Memory] | None] = Swept

    name: str
    timetable: Timetable
    lights: Selector
    sweep_state: str = "swept"
    vacant_minutes: float = 20.0  # lighting codes ask for off within 20 to 30 minutes of vacancy
    warn_minutes: float = 0.0  # how long before a light goes off it warns; 0: it does not
    warn_share: float = 0.5  # of what a dimmer is
    blink_seconds: float = 0.0  # how long a relay is off as a warning; 0: it does not warn
    overrides: Selector = lambda _catalog: []
    override_minutes: float = 120.0
    priority: Priority = Priority.SCHEDULE

    def bind(self, catalog: Catalog) -> Decide:
        lights = self._lights_by_space(catalog)
        around = surroundings(catalog, set(lights))
        overrides: defaultdict[SpaceId, list[Point]] = defaultdict(list)
        for point in self.overrides(catalog):
            if point.space is not None:
                overrides[point.space].append(point)

        def decide(view: View, memory: Memory | None) -> Decision:
            was = memory if isinstance(memory, Swept) else Swept()
            return self._decide(view, was, lights, around, overrides)

        return decide

    def _decide(
        self,
        view: View,
        was: Swept,
        lights: Mapping[SpaceId, list[Output]],
        around: Mapping[SpaceId, Surroundings],
        overrides: Mapping[SpaceId, list[Point]],
    ) -> Decision:
        """Looks at the sensors at all hours, so that at the sweep it is known how long a zone has been vacant."""
        is_sweep = self.timetable.state(view.now) == self.sweep_state
        hold = timedelta(minutes=self.vacant_minutes)
        changes = [self.timetable.change(view.now)]
        demands: list[Demand] = []
        remarks: list[Remark] = []
        warned: dict[str, datetime] = {}
        levels: dict[str, float] = {}
        active = self._active(view, lights, overrides)
        pressed = self._pressed(view.now, was, active)
        for space, outputs in lights.items():
            verdict = occupancy(view, around[space].sensors, hold=hold, scheduled=False)
            changes.append(verdict.until)
            if not is_sweep:
                continue
            if verdict.occupied:
                remarks.append(Remark(about=space, text=verdict.why, held=verdict.unknown))
                continue
            if (kept := self._kept_on(view, space, overrides.get(space, ()), pressed)) is not None:
                remarks.append(Remark(about=space, text=kept, held="not known" in kept))
                changes.append(self._override_ends(space, pressed))
                continue
            warned[space] = since = min(was.warned.get(space, view.now), view.now)
            reason = f"{self.timetable.name} is {self.sweep_state}: {verdict.why}"
            changes += (end for end in self._steps(since) if end > view.now)
            for point, off in outputs:
                value = off if view.now >= self._off_at(since) else self._warning(view, was, levels, point, off, since)
                if value is not None:
                    demands.append(
                        Demand(point=point, value=value, priority=self.priority, policy=self.name, reason=reason)
                    )
        memory = Swept(warned=warned, levels=levels, pressed=pressed, active=tuple(sorted(active)))
        return Decision(
            demands=tuple(demands),
            until=earliest(changes),
            memory=None if memory == Swept() else memory,
            remarks=tuple(remarks),
        )

    # --- the warning --------------------------------------------------------------------------------------------------

    def _off_at(self, since: datetime) -> datetime:
        return since + timedelta(minutes=self.warn_minutes)

    def _steps(self, since: datetime) -> tuple[datetime, ...]:
        """When a zone that is warned since then changes by the clock alone."""
        return (since + timedelta(seconds=self.blink_seconds), self._off_at(since))

    def _warning(
        self, view: View, was: Swept, levels: dict[str, float], point: PointId, off: Value, since: datetime
    ) -> Value | None:
        """What a light does to warn; None: it stays as it is."""
        if isinstance(off, bool):
            return off if view.now < since + timedelta(seconds=self.blink_seconds) else None
        level = was.levels.get(point)
        if level is None:
            present = known_number(view[point])
            if present is None:
                return None
            level = max(present, 0.0) * self.warn_share  # of one that is off, off: a warning never makes light
        levels[point] = level
        return level

    # --- the override -------------------------------------------------------------------------------------------------

    def _active(
        self, view: View, lights: Mapping[SpaceId, list[Output]], overrides: Mapping[SpaceId, list[Point]]
    ) -> dict[str, str]:
        """The overrides that are known and do not surely rest, with their space."""
        found: dict[str, str] = {}
        for space in lights:
            for point in overrides.get(space, ()):
                reading = view[point.id]
                known = reading is not None and reading.is_good and reading.value is not None
                if known and not is_at_rest(view, point, *_OVERRIDE_WORDS):
                    found[point.id] = space
        return found

    def _pressed(self, now: datetime, was: Swept, active: Mapping[str, str]) -> dict[str, datetime]:
        """Space -> when its override was last pressed, as long as that counts. One that stays pressed counts once."""
        lasts = timedelta(minutes=self.override_minutes)
        pressed = {space: at for space, at in was.pressed.items() if timedelta(0) <= now - at < lasts}
        return pressed | {space: now for point, space in active.items() if point not in was.active}

    def _kept_on(
        self, view: View, space: SpaceId, overrides: Sequence[Point], pressed: Mapping[str, datetime]
    ) -> str | None:
        """Why the lights stay on although nobody is there; None if they do not."""
        for point in overrides:
            reading = view[point.id]
            if reading is None or not reading.is_good or reading.value is None:
                return f"{point.id} is not known: it may have been pressed"
        if space in pressed:
            return f"its override was pressed: light for {self.override_minutes:g} min"
        return None

    def _override_ends(self, space: SpaceId, pressed: Mapping[str, datetime]) -> datetime | None:
        at = pressed.get(space)
        return None if at is None else at + timedelta(minutes=self.override_minutes)

    def _lights_by_space(self, catalog: Catalog) -> Mapping[SpaceId, list[Output]]:
        found: defaultdict[SpaceId, list[Output]] = defaultdict(list)
        for point in may_speak_for(self.lights(catalog), catalog):
            off = _off(point)
            if point.space is not None and off is not None and not is_exempt(point):
                found[point.space].append((point.id, off))
        return found


_OVERRIDE_WORDS = (("off", "inactive", "normal", "auto", "released"), ("on", "active", "override", "pressed"))


def _off(point: Point) -> Value | None:
    """What switches this light off; None if it is no light. A relay whose texts are swapped is obeyed."""
    if point.point_class not in _LIGHT_CLASSES:
        return None
    if point.kind is Kind.BINARY:
        return [state.casefold() for state in point.states] == ["on", "off"]
    return 0.0 if point.kind is Kind.ANALOG else None


def is_exempt(point: Point) -> bool:
    """Whether its name says that people need it to get out, or to be safe."""
    return any(_EXEMPT.search(text) for text in (point.id, point.name, point.description))
