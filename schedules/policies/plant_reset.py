"""Water no colder, no hotter and under no more pressure than the coils need (domain row 17; Guideline 36, plant reset).

One number between 0 and 1 is trimmed by the requests of the coils. Its lower half moves the differential pressure from
its least to its most, its upper half the temperature from its mildest to its strongest: pressure first, because
pumping costs less than cooling. When a machine of the plant starts or stops, nothing moves for a while. Coils that are
not known do not consent to less; where none is known, or no machine's state, nothing is demanded.

A plant that serves critical rooms is critical itself, and no policy's. `mildest` is bounded by the dew point that the
rooms need; process loops (MRI, cath lab) are on no reset at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from points.catalog import Catalog
from points.model import Point, Priority
from schedules.machines import celsius_for, machine_of, pascals_for, runs
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View
from schedules.requests import CHILLED_WATER, HOT_WATER, Asking, asked
from schedules.trim_respond import Trim, TrimRespond
from schedules.writable import known_celsius, known_number, may_speak_for

GUIDELINE = TrimRespond(
    initial=1.0, low=0.0, high=1.0, delay=900.0, period=300.0, ignored=2, trim=-0.02, respond=0.03, most=0.07
)
HALF = 0.5  # below it the pressure moves, above it the temperature
_COIL_CLASSES = {"valve": "valve", "supply-air-temperature": "air", "temperature-setpoint": "setpoint"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Coil:
    """The points of one coil; None for what it does not have."""

    name: str
    valve: Point
    air: Point | None = None
    setpoint: Point | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantMemory(Memory):
    """Where the reset stands, what the coils ask, and which machines ran."""

    trim: Trim
    coils: Mapping[str, Asking] = field(default_factory=dict)
    ran: tuple[str, ...] = ()
    quiet_until: datetime | None = None
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantReset:
    """Holds a plant's supply temperature and differential pressure setpoints where the coils' requests put them."""

    kind: ClassVar[str] = "plant-reset"
    remembers: ClassVar[type[Memory] | None] = PlantMemory

    name: str
    temperatures: Selector  # supply water temperature setpoints
    pressures: Selector | None  # differential pressure setpoints, if the plant has them
    coils: Selector
    machines: Selector  # what says which machines of the plant run
    mildest_celsius: float
    strongest_celsius: float
    least_pascals: float = 0.0
    most_pascals: float = 0.0
    heats: bool = False
    reset: TrimRespond = GUIDELINE
    hold_minutes: float = 15.0
    priority: Priority = Priority.SCHEDULE

    def bind(self, catalog: Catalog) -> Decide:
        temperatures = list(may_speak_for(self.temperatures(catalog), catalog))
        pressures = list(may_speak_for(self.pressures(catalog), catalog)) if self.pressures is not None else []
        coils, machines = coils_of(self.coils(catalog)), self.machines(catalog)

        def decide(view: View, memory: Memory | None) -> Decision:
            before = memory if isinstance(memory, PlantMemory) else None
            ran = _running(view, machines)
            requests, asking, unknown = self._asked(view, coils, before.coils if before else {})
            if not temperatures and not pressures:
                return Decision(remarks=(Remark(about="", text="it selects no setpoint that a policy may hold"),))
            if ran is None:
                text = "which machines of the plant run is not known"
                return Decision(memory=before, remarks=(Remark(about="", text=text, held=True),))
            if ran and len(unknown) == len(coils):
                text = "no coil says what it needs"
                return Decision(memory=before, remarks=(Remark(about="", text=text, held=True),))
            after = self._after(view, before, requests, asking, ran, may_trim=not unknown)
            return Decision(
                demands=tuple(self._demands(after, temperatures, pressures)) if ran else (),
                until=_later(after.trim.due, after.quiet_until),
                memory=after,
                remarks=tuple(
                    Remark(about=coil, text="what it needs is not known, so nothing is trimmed", held=True)
                    for coil in unknown
                )
                + (() if ran else (Remark(about="", text="no machine of the plant runs"),)),
            )

        return decide

    def _asked(
        self, view: View, coils: Sequence[Coil], before: Mapping[str, Asking]
    ) -> tuple[int, dict[str, Asking], list[str]]:
        """How many requests, what is remembered of each coil, and which are not known."""
        ladder = HOT_WATER if self.heats else CHILLED_WATER
        total, asking, unknown = 0, dict[str, Asking](), list[str]()
        for coil in coils:
            valve, short = known_number(view[coil.valve.id]), self._short(view, coil)
            if valve is None or (short is None and coil.air is not None and coil.setpoint is not None):
                unknown.append(coil.name)
                if coil.name in before:
                    asking[coil.name] = before[coil.name]
                continue
            answer = asked(ladder, before.get(coil.name), short=short, loop=valve, now=view.now)
            asking[coil.name] = answer.asking
            total += answer.requests
        return total, asking, unknown

    def _short(self, view: View, coil: Coil) -> float | None:
        """By how many kelvin its air misses its setpoint, on the side that this plant is for."""
        if coil.air is None or coil.setpoint is None:
            return None
        air, setpoint = (known_celsius(point, view[point.id]) for point in (coil.air, coil.setpoint))
        if air is None or setpoint is None:
            return None
        return setpoint - air if self.heats else air - setpoint

    def _after(
        self,
        view: View,
        before: PlantMemory | None,
        requests: int,
        asking: Mapping[str, Asking],
        ran: tuple[str, ...],
        *,
        may_trim: bool,
    ) -> PlantMemory:
        was, now = (before.trim if before else None), view.now
        hold = timedelta(minutes=self.hold_minutes)
        quiet = before.quiet_until if before is not None else None
        if quiet is not None and not now < quiet <= now + hold:
            quiet = None
        if before is not None and before.ran and ran and ran != before.ran:
            quiet = now + hold
        if quiet is not None and was is not None and was.started is not None and ran:
            trim = was
        else:
            trim = self.reset.step(was, requests, running=bool(ran), now=now, may_trim=may_trim)
        moved = was is not None and was.started == trim.started and was.due != trim.due
        said = f"{requests} requests of {len(asking)} coils" if moved else (before.said if before else "")
        return PlantMemory(trim=trim, coils=asking, ran=ran, quiet_until=quiet, said=said)

    def _demands(self, after: PlantMemory, temperatures: Sequence[Point], pressures: Sequence[Point]) -> list[Demand]:
        reset = after.trim.setpoint
        celsius, pascals = self.setpoints(reset)
        reason = f"reset {reset:.2f}" + (f": {after.said}" if after.said else "")
        wanted = [
            *_fit(temperatures, celsius, celsius_for),
            *_fit(pressures, pascals, pascals_for),
        ]
        return [
            Demand(point=point.id, value=value, priority=self.priority, policy=self.name, reason=reason)
            for point, value in wanted
        ]

    def setpoints(self, reset: float) -> tuple[float, float]:
        """Supply temperature in °C and differential pressure in Pa at this reset. Without pressures, it is all heat."""
        if self.pressures is None:
            share, pressure = reset, 1.0
        else:
            share, pressure = max(reset - HALF, 0.0) / HALF, min(reset, HALF) / HALF
        celsius = self.mildest_celsius + share * (self.strongest_celsius - self.mildest_celsius)
        pascals = self.least_pascals + pressure * (self.most_pascals - self.least_pascals)
        return round(celsius, 2), round(pascals, 1)


def coils_of(points: Sequence[Point]) -> list[Coil]:
    """The coils of these points, one for each machine that has a valve among them; the first of each class counts."""
    grouped: defaultdict[str, dict[str, Point]] = defaultdict(dict)
    for point in points:
        role = _COIL_CLASSES.get(point.point_class)
        if role is not None:
            grouped[machine_of(point)].setdefault(role, point)
    return [
        Coil(name=name, valve=roles["valve"], air=roles.get("air"), setpoint=roles.get("setpoint"))
        for name, roles in grouped.items()
        if "valve" in roles
    ]


def _running(view: View, machines: Sequence[Point]) -> tuple[str, ...] | None:
    """Which of them run; None if that is not known of all."""
    said = [(machine, runs(view, machine)) for machine in machines]
    if not said or any(each is None for _, each in said):
        return None
    return tuple(machine.id for machine, each in said if each)


def _fit(
    points: Sequence[Point], number: float, shape: Callable[[Point, float], float | None]
) -> list[tuple[Point, float]]:
    fit = ((point, shape(point, number)) for point in points)
    return [(point, value) for point, value in fit if value is not None]


def _later(due: datetime | None, quiet_until: datetime | None) -> datetime | None:
    """When it moves next: at its instant, but not while the plant settles."""
    return due if due is None or quiet_until is None else max(due, quiet_until)
