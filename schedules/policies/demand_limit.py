"""Demand limiting: the loads that can best do without give up as much as the meter needs (domain rows 9, 10 and 11).

Every minute the sliding window of the meter is projected (`schedules.sliding`). When it has come out above the limit
for the confirm time, rooms are shed in the order of their rank (`schedules.ranking`) until their expected power covers
what is needed; if all of them are, the level of the offsets rises. The names and defaults are those of Intelligent
Load Control: average window 15 min, confirm 5, break 20, control time 20, stagger release.

Rotation: no room is shed for more than 15 of 60 minutes, nor for less than 6, nor again within 6; none is shed twice
before all others that could be have been shed once. All this is remembered over a restart.

A meter that is not known sheds nothing new, and after 5 min everything is given back, one after the other. A room that
leaves its range, or whose temperature is not known, gets its setpoints back at once. Only ordinary rooms; what else is
selected is refused and told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar

from points.catalog import Catalog
from points.model import Point, PointId, Priority, SpaceId
from schedules.limiting import FORGET, LONG_UNSHED, Limiting, put_back, spans_of
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View, earliest
from schedules.ranking import Pairs, scores, weights_of
from schedules.shedding import Comfort, Selected, freeze, relaxed, release_times, selected
from schedules.sliding import MINUTE, Window, minute_of
from schedules.timetable import Timetable
from schedules.utility import HIGHEST
from schedules.writable import known_number

HOUR = timedelta(hours=1)
LONGEST_GAP = 2 * MINUTE  # between two looks at the meter, for "above the limit since" to mean anything
PAIRS: Pairs = {"comfort": {"history": 5.0, "power": 6.0}, "history": {"power": 3.0}}
"""What ILC says of these three. Its stage is the same for all setpoints, and its room type is a filter here."""

Spans = Sequence[tuple[datetime, datetime]]
"""When a room was shed within the last hour."""

_KILOWATTS = {"watts": 0.001, "kilowatts": 1.0, "megawatts": 1000.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandLimit:
    """Keeps the power of a meter below a limit by shedding ordinary rooms in turn."""

    kind: ClassVar[str] = "demand-limit"
    remembers: ClassVar[type[Memory] | None] = Limiting

    name: str
    meter: PointId
    limit_kilowatts: float
    heating: Selector
    cooling: Selector
    kilowatts: Mapping[str, float] = field(default_factory=dict)  # what a room saves when it is shed, by space
    kilowatts_each: float = 1.0  # of a room that is not named there
    pairs: Pairs = field(default_factory=lambda: PAIRS)
    timetable: Timetable | None = None  # only while it says `occupied_state`; a setback saves more than any level
    occupied_state: str = "occupied"
    comfort: Comfort = field(default_factory=Comfort)
    window: Window = field(default_factory=Window)
    confirm_minutes: float = 5.0
    break_minutes: float = 20.0
    control_minutes: float = 20.0
    unknown_minutes: float = 5.0
    longest_minutes: float = 15.0  # shed, of any 60
    shortest_minutes: float = 6.0
    priority: Priority = Priority.DEMAND_LIMIT

    def bind(self, catalog: Catalog) -> Decide:
        chosen = selected(catalog, self.heating, self.cooling, self.comfort)
        meter = catalog.points.get(self.meter)
        weights = weights_of(self.pairs)

        def decide(view: View, memory: Memory | None) -> Decision:
            was = memory if isinstance(memory, Limiting) else Limiting()
            return _Minute(self, view, chosen, weights, was).decision(meter)

        return decide

    def next_in_line(self, view: View, memory: Memory | None, most: int) -> list[tuple[SpaceId, float]]:
        """Who would be shed next, the first first, and how many kW that is expected to save. To ask changes nothing."""
        was = memory if isinstance(memory, Limiting) else Limiting()
        chosen = selected(view.catalog, self.heating, self.cooling, self.comfort)
        return _Minute(self, view, chosen, weights_of(self.pairs), was).line(most)


@dataclass(slots=True)
class _Minute:
    """One look. `now` grows from what was remembered to what will be."""

    policy: DemandLimit
    view: View
    chosen: Selected
    weights: Mapping[str, float]
    now: Limiting

    def decision(self, meter: Point | None) -> Decision:
        if meter is None:
            remark = Remark(about=self.policy.meter, text="there is no such point", held=True)
            return Decision(memory=self.now, remarks=(remark,))
        power = _kilowatts(meter, self.view)
        minute = minute_of(self.view.now)
        if self.now.minute is not None and minute < self.now.minute:
            self.now = put_back(self.now, self.now.minute - minute)
        self._forget()
        remarks = self._let_go()
        if minute != self.now.minute:
            self._look(power)
        if not self._in_use():
            self._give_back_all()
            remarks.append(Remark(about="", text="outside of its hours the setback saves more"))
        remarks.append(self._account(power))
        return Decision(demands=tuple(self._demands()), until=self._until(), memory=self.now, remarks=tuple(remarks))

    def line(self, most: int) -> list[tuple[SpaceId, float]]:
        """As if all had to be shed."""
        waiting, again = self._turns()
        return [(SpaceId(space), self._saves(space)) for space in (*waiting, *again)[:most]]

    # --- once a minute ------------------------------------------------------------------------------------------------

    def _look(self, power: float | None) -> None:
        was, at, minute = self.now, self.view.now, minute_of(self.view.now)
        gap = was.minute is None or not timedelta(0) < minute - was.minute <= LONGEST_GAP
        samples = self.policy.window.kept(was.samples, minute)
        if power is None:
            since = was.unknown_since or at
            self.now = replace(was, minute=minute, samples=samples, unknown_since=since, over_since=None, needed=0.0)
            if at - since >= timedelta(minutes=self.policy.unknown_minutes):
                self._release()
            return
        projected = self.policy.window.projected(samples, minute, power)
        needed = self.policy.window.needed(projected, self.policy.limit_kilowatts)
        over_since = None if needed == 0.0 else at if gap or was.over_since is None else was.over_since
        self.now = replace(
            was,
            minute=minute,
            samples=(*samples, (minute, power)),
            projected=projected,
            needed=needed,
            over_since=over_since,
            unknown_since=None,
        )
        if needed > 0 and self._in_use() and self._may_shed():
            self._shed_more()
        elif needed == 0 and was.began is not None and at - was.began >= _minutes(self.policy.control_minutes):
            self._release()

    def _may_shed(self) -> bool:
        was, at = self.now, self.view.now
        if was.began is not None:
            return True
        confirmed = was.over_since is not None and at - was.over_since >= _minutes(self.policy.confirm_minutes)
        return confirmed and (was.ended is None or at - was.ended >= _minutes(self.policy.break_minutes))

    def _shed_more(self) -> None:
        """The best ones, until what they are expected to save covers what is needed and not yet on its way."""
        at = self.view.now
        if self.now.began is None:
            self._begin()
        if self.now.releasing:
            spans = spans_of(self.now.past)
            shed = tuple((room, since, self._longest(spans.get(room, ()), since)) for room, since, _ in self.now.shed)
            self.now = replace(self.now, releasing=False, shed=shed)
        confirm = _minutes(self.policy.confirm_minutes)
        coming = sum(self._saves(room) for room, since, _ in self.now.shed if at - since < confirm)
        waiting, again = self._turns() if coming < self.now.needed else ([], [])
        for line, turns in ((waiting, self.now.round), (again, ())):
            taken: list[str] = []
            for room in line:
                if coming >= self.now.needed:
                    break
                taken.append(room)
                coming += self._saves(room)
            if taken:
                self._shed(taken, turns)
        settled = self.now.level_since is not None and at - self.now.level_since >= confirm
        if self.now.shed and coming == 0 and settled and self.now.level < HIGHEST:
            self.now = replace(self.now, level=self.now.level + 1, level_since=at)

    def _begin(self) -> None:
        """A shedding begins; what no longer counts of those before is forgotten."""
        at = self.view.now
        self.now = replace(
            self.now,
            began=at,
            level=1,
            level_since=at,
            last={room: since for room, since in self.now.last.items() if at - since < LONG_UNSHED},
        )

    def _turns(self) -> tuple[list[str], list[str]]:
        """Who can be shed, the first first: those who have not had their turn, and the others, for a new round.

        They are ranked once, as things stand now: a thousand of them must not take a second.
        """
        shed, spans = {room for room, _, _ in self.now.shed}, spans_of(self.now.past)
        had = frozenset(self.now.round)
        able = [space for space in self.chosen.rooms if space not in shed and self._able(space, spans.get(space, ()))]
        return (
            self._ranked([space for space in able if space not in had]),
            self._ranked([space for space in able if space in had]),
        )

    def _ranked(self, spaces: list[SpaceId]) -> list[str]:
        ranked = scores({space: self._criteria(space) for space in spaces}, self.weights)
        return sorted(ranked, key=lambda space: (-ranked[space], space))

    def _able(self, space: SpaceId, spans: Spans) -> bool:
        at, shortest = self.view.now, _minutes(self.policy.shortest_minutes)
        if any(at - end < shortest for _, end in spans):
            return False
        room = self.chosen.rooms[space]
        if room.why_not(self.view, self.policy.comfort) or self._base(space) is None:
            return False
        return self._longest(spans, at) - at >= shortest

    def _criteria(self, space: SpaceId) -> dict[str, float]:
        headroom = self.chosen.rooms[space].headroom(self.view, self.policy.comfort) or 0.0
        last = self.now.last.get(space)
        unshed = LONG_UNSHED if last is None else min(max(self.view.now - last, timedelta(0)), LONG_UNSHED)
        return {"comfort": headroom, "history": unshed / HOUR, "power": self._saves(space)}

    def _shed(self, spaces: Sequence[str], turns: tuple[str, ...]) -> None:
        """`turns`: who had his turn in this round before them."""
        at, was, spans = self.view.now, self.now, spans_of(self.now.past)
        bases = dict(was.bases)
        for space in spaces:
            bases |= self._base(SpaceId(space)) or {}
        self.now = replace(
            was,
            shed=(*was.shed, *((space, at, self._longest(spans.get(space, ()), at)) for space in spaces)),
            round=(*turns, *spaces),
            last={**was.last, **dict.fromkeys(spaces, at)},
            bases=bases,
        )

    def _base(self, space: SpaceId) -> dict[str, float] | None:
        """Where the setpoints of a room stand that is not shed now; None if that is not known."""
        return freeze(self.view, self.chosen.rooms[space], self.now.bases, self.policy.comfort)

    def _longest(self, spans: Spans, since: datetime) -> datetime:
        """Until when a room may be shed at the longest, so that no hour has more of it than allowed."""
        begin = since - HOUR
        used = sum((end - max(start, begin) for start, end in spans if end > begin), timedelta(0))
        return since + max(_minutes(self.policy.longest_minutes) - used, timedelta(0))

    # --- whenever it is asked -----------------------------------------------------------------------------------------

    def _forget(self) -> None:
        """Where the setpoints of those stood that are not shed, nor were lately: they read as they stand again."""
        if not self.now.bases:
            return
        lately = {room for room, _, end in self.now.past if self.view.now - end < FORGET}
        counted = lately | {room for room, _, _ in self.now.shed}
        rooms = (room for space in counted if (room := self.chosen.rooms.get(SpaceId(space))) is not None)
        points = {setpoint.point.id for room in rooms for setpoint in room.setpoints}
        self.now = replace(self.now, bases={point: at for point, at in self.now.bases.items() if point in points})

    def _let_go(self) -> list[Remark]:
        """Those whose time is over, and those that are not well."""
        at, remarks, left, over = self.view.now, [], [], []
        for space, since, until in self.now.shed:
            room = self.chosen.rooms.get(SpaceId(space))
            why = "it is no longer selected" if room is None else room.why_not(self.view, self.policy.comfort)
            if why:
                remarks.append(Remark(about=space, text=f"given back at once: {why}", held=True))
            if why or until <= at:
                over.append((space, since, at if why else until))
            else:
                left.append((space, since, until))
        past = tuple(each for each in (*self.now.past, *over) if each[2] > at - HOUR)
        self.now = replace(self.now, shed=tuple(left), past=past)
        if not left and over and (self.now.releasing or self.now.needed == 0.0):
            self._end(at)
        return remarks

    def _release(self) -> None:
        """Gives back what is shed, one after the other over the control time; each has had its shortest time."""
        if self.now.releasing:
            return
        if not self.now.shed:
            self._end(self.view.now)
            return
        rooms = [room for room, _, _ in self.now.shed]
        times = dict(release_times(rooms, self.view.now, _minutes(self.policy.control_minutes)))
        shortest = _minutes(self.policy.shortest_minutes)
        shed = tuple(
            (room, since, min(until, max(times[room], since + shortest))) for room, since, until in self.now.shed
        )
        self.now = replace(self.now, releasing=True, shed=shed)
        self._let_go()

    def _give_back_all(self) -> None:
        at = self.view.now
        if self.now.shed or self.now.began is not None:
            past = (*self.now.past, *((room, since, at) for room, since, _ in self.now.shed))
            self.now = replace(self.now, shed=(), past=past)
            self._end(at)

    def _end(self, at: datetime) -> None:
        if self.now.began is not None:
            self.now = replace(self.now, began=None, ended=at, releasing=False, level=1, level_since=None)

    def _demands(self) -> list[Demand]:
        limit, demands = f"{self.policy.limit_kilowatts:g} kW", list[Demand]()
        if self.now.began is None:
            return demands
        reason = f"demand limit of {limit}, level {self.now.level}"
        chosen = [room for space, _, _ in self.now.shed if (room := self.chosen.rooms.get(SpaceId(space))) is not None]
        for setpoints in (*(room.setpoints for room in chosen), self.chosen.never):
            demands += relaxed(
                setpoints,
                self.now.bases,
                level=self.now.level,
                comfort=self.policy.comfort,
                priority=self.policy.priority,
                policy=self.policy.name,
                reason=reason,
            )
        return demands

    def _until(self) -> datetime | None:
        timetable = self.policy.timetable
        change = None if timetable is None else timetable.change(self.view.now)
        ends = (until for _, _, until in self.now.shed)
        return earliest((minute_of(self.view.now) + MINUTE, change, *ends))

    def _account(self, power: float | None) -> Remark:
        if power is None:
            return Remark(about=self.policy.meter, text="the meter is not known: nothing more is shed", held=True)
        limit, projected = self.policy.limit_kilowatts, self.now.projected
        text = "not yet projected" if projected is None else f"{projected:.0f} kW projected, {limit:g} kW allowed"
        if self.now.needed > 0:
            text += f", {self.now.needed:.0f} kW too many"
        return Remark(about=self.policy.meter, text=text)

    def _in_use(self) -> bool:
        timetable = self.policy.timetable
        return timetable is None or timetable.state(self.view.now) == self.policy.occupied_state

    def _saves(self, space: str) -> float:
        return self.policy.kilowatts.get(space, self.policy.kilowatts_each)


def _kilowatts(meter: Point, view: View) -> float | None:
    number, factor = known_number(view[meter.id]), _KILOWATTS.get(meter.unit)
    return None if number is None or factor is None else number * factor


def _minutes(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)
