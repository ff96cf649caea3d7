"""Equal machines take turns: as many as are needed, the least used first (domain row 18; Guideline 36, staging).

How many are needed follows the load of those that run: one more when it has been high for long enough, one less when
the others could carry it; never two changes of stage within the least time of a stage. A machine in alarm, or one that
was told to run and does not, goes to the end of the line. One whose state is not known is not counted on.

Never both off: `at_least` of them are demanded on at all times, and a machine is only ever demanded off while as many
others as are needed surely run; until then, what runs, or was told to and may, is held on. Extracts of isolation rooms
are critical and no policy's at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar

from points.catalog import Catalog
from points.model import Kind, Point, PointId, Priority
from schedules.machines import is_set, numbers, runs
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View, earliest
from schedules.rotation import order
from schedules.writable import known_number, may_speak_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One of the machines: what starts it, and what tells of it."""

    name: str
    command: PointId
    status: PointId
    hours: PointId
    alarm: PointId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadLagMemory(Memory):
    """The order, the stage, and what has failed since when."""

    order: tuple[str, ...] = ()
    stage: int = 0
    staged: datetime | None = None
    busy: datetime | None = None  # since when the load is high
    idle: datetime | None = None  # since when fewer could carry it
    hours: Mapping[str, float] = field(default_factory=dict)  # the latest that are known
    failed: Mapping[str, datetime] = field(default_factory=dict)
    told: Mapping[str, datetime] = field(default_factory=dict)  # since when it is demanded on and does not surely run
    on: tuple[str, ...] = ()  # what is demanded on


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadLag:
    """Starts and stops equal machines by need and by run time."""

    kind: ClassVar[str] = "lead-lag"
    remembers: ClassVar[type[Memory] | None] = LeadLagMemory

    name: str
    units: tuple[Unit, ...]
    load: Selector | None = None  # percent of what those that run can do; the highest counts
    at_least: int = 1
    up_percent: float = 90.0
    down_percent: float = 70.0  # what the others would have at most, with one less
    change_minutes: float = 15.0  # so long it must have been so
    stage_minutes: float = 15.0  # a stage lasts at least so long
    prove_minutes: float = 5.0  # a machine that was told to run must surely run by then
    retry_minutes: float = 60.0  # and is counted on again so much later
    swap_hours: float = 168.0  # a machine that has run so much longer than one that waits swaps with it
    priority: Priority = Priority.SCHEDULE

    def bind(self, catalog: Catalog) -> Decide:
        load = self.load(catalog) if self.load is not None else []
        machines, why = _machines(self.units, catalog)

        def decide(view: View, memory: Memory | None) -> Decision:
            if why:
                return Decision(remarks=(Remark(about="", text=why),))
            before = memory if isinstance(memory, LeadLagMemory) else LeadLagMemory()
            return self._decide(view, before, machines, load)

        return decide

    def problems(self, catalog: Catalog) -> Iterator[str]:
        """Why it will never do anything."""
        if why := _machines(self.units, catalog)[1]:
            yield why

    def _decide(
        self, view: View, before: LeadLagMemory, machines: Mapping[str, _Machine], load: Sequence[Point]
    ) -> Decision:
        states = {name: runs(view, machine.status) for name, machine in machines.items()}
        alarms = {name: machine.alarm is not None and is_set(view, machine.alarm) for name, machine in machines.items()}
        hours = dict(before.hours)
        for name, machine in machines.items():
            read = known_number(view[machine.hours.id])
            if read is not None:
                hours[name] = read
        loads = numbers(view, load)
        failed = self._failed(before, states, alarms, view.now)
        on = [name for name, state in states.items() if state]
        unsure = [name for name in machines if states[name] is None or alarms[name] is None]
        line = order(before.order, list(machines), hours, failed, on, swap_hours=self.swap_hours)
        ready = [name for name in line if name not in unsure]
        able = sum(name not in failed for name in ready)
        memory = self._staged(before, max(loads, default=None) if loads else None, able, view.now)
        needed = ready[: memory.stage]
        enough = len(needed) >= self.at_least and all(states[name] for name in needed)
        others = [name for name in line if name not in needed]
        may_run = [name for name in others if states[name] or (states[name] is None and name in before.on)]
        held = [] if enough else may_run
        surplus = [name for name in others if enough and name in ready and name not in failed]
        memory = replace(
            memory,
            order=line,
            hours=hours,
            failed=failed,
            told=_told(before, needed, states, view.now),
            on=(*needed, *held),
        )
        demands = [
            *self._demands(machines, memory.on, memory, on=True),
            *self._demands(machines, surplus, memory, on=False),
        ]
        return Decision(
            demands=tuple(demands),
            until=self._next_change(memory, able, view.now),
            memory=memory,
            remarks=tuple(self._remarks(failed, unsure, loads)),
        )

    def _failed(
        self,
        before: LeadLagMemory,
        states: Mapping[str, bool | None],
        alarms: Mapping[str, bool | None],
        now: datetime,
    ) -> dict[str, datetime]:
        """Since when each that cannot be counted on has failed: in alarm, or told to run in vain."""
        failed: dict[str, datetime] = {}
        for name, state in states.items():
            since, told = before.failed.get(name), before.told.get(name)
            if since is not None:
                since = min(since, now)  # a time that is yet to come was told by another clock
            if alarms[name]:
                failed[name] = since or now
            elif since is not None and not state and now < since + timedelta(minutes=self.retry_minutes):
                failed[name] = since
            elif state is False and told is not None and now - told >= timedelta(minutes=self.prove_minutes):
                failed[name] = now
        return failed

    def _staged(self, before: LeadLagMemory, load: float | None, able: int, now: datetime) -> LeadLagMemory:
        """How many are needed. A load that is not known changes nothing, and no time counts meanwhile.

        A new stage is looked at with the same load: if that still asks for a change, its time counts from now on.
        """
        stage = min(max(before.stage, self.at_least), len(self.units))
        begun = before.staged if before.staged is not None and before.staged <= now else now
        high = load is not None and load > self.up_percent
        low = load is not None and stage > self.at_least and load * stage / max(stage - 1, 1) < self.down_percent
        busy = (before.busy if before.busy and before.busy <= now else now) if high else None
        idle = (before.idle if before.idle and before.idle <= now else now) if low else None
        wait = timedelta(minutes=self.change_minutes)
        if now - begun >= timedelta(minutes=self.stage_minutes):
            if busy is not None and now - busy >= wait and stage < able:
                return self._staged(LeadLagMemory(stage=stage + 1, staged=now), load, able, now)
            if idle is not None and now - idle >= wait:
                return self._staged(LeadLagMemory(stage=stage - 1, staged=now), load, able, now)
        return LeadLagMemory(stage=stage, staged=begun, busy=busy, idle=idle)

    def _next_change(self, memory: LeadLagMemory, able: int, now: datetime) -> datetime | None:
        lasted = None if memory.staged is None else memory.staged + timedelta(minutes=self.stage_minutes)
        wait = timedelta(minutes=self.change_minutes)
        changes = [
            max(since + wait, lasted)
            for since, counts in ((memory.busy, memory.stage < able), (memory.idle, True))
            if since is not None and lasted is not None and counts
        ]
        changes += (told + timedelta(minutes=self.prove_minutes) for told in memory.told.values())
        changes += (since + timedelta(minutes=self.retry_minutes) for since in memory.failed.values())
        return earliest(change for change in changes if change > now)

    def _demands(
        self,
        machines: Mapping[str, _Machine],
        names: Sequence[str],
        memory: LeadLagMemory,
        *,
        on: bool,
    ) -> Iterator[Demand]:
        for name in names:
            hours = f", {memory.hours[name]:.0f} h" if name in memory.hours else ""
            place = f"{memory.order.index(name) + 1} of {len(memory.order)} in line{hours}; stage {memory.stage}"
            point = machines[name].command.id
            yield Demand(point=point, value=on, priority=self.priority, policy=self.name, reason=place)

    def _remarks(
        self, failed: Mapping[str, datetime], unsure: Sequence[str], loads: Sequence[float] | None
    ) -> Iterator[Remark]:
        for name in failed:
            yield Remark(about=name, text="it has failed: it comes last, and is not counted on")
        for name in unsure:
            yield Remark(about=name, text="its state is not known: it is not counted on", held=True)
        if loads is None:
            yield Remark(about="", text="the load is not known, so the stage stays", held=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Machine:
    """A unit with its points, as the catalog has them."""

    command: Point
    status: Point
    hours: Point
    alarm: Point | None


def _machines(units: Sequence[Unit], catalog: Catalog) -> tuple[dict[str, _Machine], str]:
    """By name; and why the policy may say nothing. One that it may not command makes it say nothing of any."""
    found: dict[str, _Machine] = {}
    for unit in units:
        for point in (unit.command, unit.status, unit.hours, unit.alarm):
            if point is not None and point not in catalog.points:
                return {}, f"there is no point {point}"
        command = catalog.points[unit.command]
        if command.kind is not Kind.BINARY or not list(may_speak_for([command], catalog)):
            return {}, f"{command.id} is nothing that a policy may start and stop"
        found[unit.name] = _Machine(
            command=command,
            status=catalog.points[unit.status],
            hours=catalog.points[unit.hours],
            alarm=None if unit.alarm is None else catalog.points[unit.alarm],
        )
    return found, ""


def _told(
    before: LeadLagMemory, needed: Sequence[str], states: Mapping[str, bool | None], now: datetime
) -> dict[str, datetime]:
    """Since when each is demanded on without surely running."""
    waiting = [name for name in needed if not states[name]]
    return {name: min(before.told.get(name, now), now) for name in waiting}
