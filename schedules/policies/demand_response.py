"""Demand response: setpoints are relaxed while the utility asks for less (domain row 12).

Levels are those of OpenADR 2.0b SIMPLE: 0 normal, 1 moderate, 2 high, 3 special; the offsets those of Guideline 36
(`schedules.shedding`). Overlapping events ask for their highest level; a random start is within what the event
allows (`schedules.utility`). When it is over, the rooms get their setpoints back one after the other, so that the
building does not draw at once what it has saved.

Opts out, and gives back what it holds, as long as: the feed says so (a person, or a flood of alarms); a generator or
transfer switch that the site has named does not surely rest; a switch for an emergency (code, disaster) does not surely
rest. A room that leaves its range, or whose temperature is no longer known, gets its setpoints back at once and takes
no further part until the events are over. Never sheds but in ordinary rooms; what else is selected is refused and told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from points.catalog import Catalog
from points.model import Kind, Point, PointId, Priority, SpaceId, Value
from schedules.occupancy import state_text
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View, earliest
from schedules.shedding import Comfort, Room, Selected, freeze, relaxed, release_times, selected
from schedules.timetable import Timetable
from schedules.utility import Call, call_at

FORGET = timedelta(minutes=15)  # how long after a release its setpoint may still read as it was shed
_RESTS = re.compile(r"\b(off|inactive|normal|stopped|utility|mains|standby|ready|idle|none|no alarm)\b")
_STIRS = re.compile(r"\b(not|on|active|running|run|emergency|generator|supplying|load|alarm|code|disaster)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Response(Memory):
    """What it holds, and where the setpoints stood before."""

    level: int = 0  # that of what is shed, also while it is given back
    called: bool = False  # somebody asks for it now
    reason: str = ""
    rooms: tuple[str, ...] = ()  # shed now, in the order in which they were
    aborted: tuple[str, ...] = ()  # take no further part in these events
    releases: tuple[tuple[str, datetime], ...] = ()
    bases: Mapping[str, float] = field(default_factory=dict)  # °C, by point
    given_back: Mapping[str, datetime] = field(default_factory=dict)  # by point; of rooms that take no further part
    forget: datetime | None = None  # then the setpoints read as they stand again

    def stood(self, point: PointId, now: datetime) -> float | None:
        since = self.given_back.get(point)  # by a clock that was put back as well
        is_over = (self.forget is not None and now >= self.forget) or (since is not None and abs(now - since) >= FORGET)
        return None if is_over else self.bases.get(point)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandResponse:
    """Relaxes the setpoints of ordinary rooms at the utility's level."""

    kind: ClassVar[str] = "demand-response"
    remembers: ClassVar[type[Memory] | None] = Response

    name: str
    heating: Selector
    cooling: Selector
    site: str = ""  # two sites do not begin a random start at once
    generators: Selector | None = None
    emergencies: Selector | None = None
    timetable: Timetable | None = None  # only while it says `occupied_state`; a setback saves more than any level
    occupied_state: str = "occupied"
    comfort: Comfort = field(default_factory=Comfort)
    restore_minutes: float = 20.0
    priority: Priority = Priority.DEMAND_LIMIT

    def bind(self, catalog: Catalog) -> Decide:
        chosen = selected(catalog, self.heating, self.cooling, self.comfort)
        watched = named_switches(catalog, self.generators, self.emergencies)

        def decide(view: View, memory: Memory | None) -> Decision:
            return self._decide(view, memory if isinstance(memory, Response) else Response(), chosen, watched)

        return decide

    def _decide(self, view: View, was: Response, chosen: Selected, watched: tuple[Point, ...] | None) -> Decision:
        feeds, now = view.feeds, view.now
        call = call_at(feeds.events, now, self.site)
        if call.level == 0 and not was.rooms:
            return Decision(until=call.until, memory=_resting(was, now))
        out = "" if call.level == 0 else feeds.opted_out or why_opted_out(view, watched)
        in_use = self.timetable is None or self.timetable.state(now) == self.occupied_state
        changes = (call.until, None if self.timetable is None else self.timetable.change(now))
        if not in_use:
            text = "outside of its hours the setback saves more"
            return _nothing(was, now, changes, Remark(about="", text=text))
        if call.level == 0 or out:
            remarks = [Remark(about="", text=f"opted out: {out}", held=True)] if out else []
            return self._give_back(view, was, chosen, changes, remarks, called=call.level > 0)
        return self._shed(view, was, chosen, call, changes)

    def _shed(
        self, view: View, was: Response, chosen: Selected, call: Call, changes: tuple[datetime | None, ...]
    ) -> Decision:
        reason = f"demand response level {call.level}: {', '.join(call.events)}"
        known = {point: base for point in was.bases if (base := was.stood(PointId(point), view.now)) is not None}
        bases, aborted = dict(known), set(was.aborted if was.called else ())
        demands: list[Demand] = []
        remarks = [Remark(about=each.point.id, text=_PLACELESS, held=True) for each in chosen.placeless]
        shed, held = list[str](), frozenset(was.rooms)
        for space, room in chosen.rooms.items():
            why, found = self._why_not(view, room, aborted), freeze(view, room, bases, self.comfort)
            if why or found is None:
                if space in held:
                    aborted.add(space)
                text = why or "where its setpoints stand is not known"
                remarks.append(Remark(about=space, text=f"not shed: {text}", held=True))
                continue
            bases |= found
            shed.append(space)
            demands += self._demands(room, bases, call.level, reason)
        demands += relaxed(
            chosen.never,
            bases,
            level=call.level,
            comfort=self.comfort,
            priority=self.priority,
            policy=self.name,
            reason=reason,
        )
        place = {space: n for n, space in enumerate(was.rooms)}
        moved = {setpoint.point.id for space in shed for setpoint in chosen.rooms[SpaceId(space)].setpoints}
        memory = Response(
            level=call.level,
            called=True,
            reason=reason,
            rooms=tuple(sorted(shed, key=lambda space: place.get(space, len(place)))),
            aborted=tuple(sorted(aborted)),
            bases=bases,
            given_back={point: was.given_back.get(point, view.now) for point in bases if point not in moved},
        )
        return Decision(demands=tuple(demands), until=earliest(changes), memory=memory, remarks=tuple(remarks))

    def _give_back(
        self,
        view: View,
        was: Response,
        chosen: Selected,
        changes: tuple[datetime | None, ...],
        remarks: list[Remark],
        *,
        called: bool,
    ) -> Decision:
        """Those that are shed get their setpoints back one after the other, the first to be shed first."""
        over, releases, aborted = timedelta(minutes=self.restore_minutes), was.releases, set(was.aborted)
        if not releases or max(release for _, release in releases) > view.now + over:  # or the clock was put back
            releases = release_times(was.rooms, view.now, over)
        demands: list[Demand] = []
        left: list[tuple[str, datetime]] = []
        reason = f"given back one after the other after {was.reason}"
        for space, release in releases:
            room = chosen.rooms.get(SpaceId(space))
            if room is None or view.now >= release:
                continue
            if why := room.why_not(view, self.comfort):
                aborted.add(space)
                remarks.append(Remark(about=space, text=f"given back at once: {why}", held=True))
                continue
            left.append((space, release))
            demands += self._demands(room, was.bases, was.level, reason)
        forget = max(release for _, release in releases) + FORGET if releases else was.forget
        memory = Response(
            level=was.level if left else 0,
            called=called,
            reason=was.reason if left else "",
            rooms=tuple(space for space, _ in left),
            aborted=tuple(sorted(aborted)) if called else (),
            releases=tuple(left),
            bases=was.bases if forget is not None and view.now < forget else {},
            given_back=was.given_back if forget is not None and view.now < forget else {},
            forget=forget,
        )
        until = earliest((*changes, *(release for _, release in left)))
        return Decision(demands=tuple(demands), until=until, memory=memory, remarks=tuple(remarks))

    def _why_not(self, view: View, room: Room, aborted: set[str]) -> str:
        why = room.why_not(view, self.comfort)  # asked in any case: what is looked at is watched
        return "it has left its range during these events" if room.space in aborted else why

    def _demands(self, room: Room, bases: Mapping[str, float], level: int, reason: str) -> list[Demand]:
        return relaxed(
            room.setpoints,
            bases,
            level=level,
            comfort=self.comfort,
            priority=self.priority,
            policy=self.name,
            reason=reason,
        )


_PLACELESS = "not shed: in which room it is, is not known, so nobody can say whether it is well there"


def surely_rests(point: Point, value: Value) -> bool:
    """Whether a generator, a transfer switch or an emergency switch says, in so many words, that nothing is on."""
    text = state_text(point, value)
    if text:
        return bool(_RESTS.search(text)) and not _STIRS.search(_RESTS.sub("", text))
    return point.kind is Kind.BINARY and value is False


def named_switches(catalog: Catalog, *selectors: Selector | None) -> tuple[Point, ...] | None:
    """The generators and emergency switches that the site has named; None if one of the selectors finds nothing.

    A switch that was named and that is not there is not known: nothing is obeyed then.
    """
    named = [selector(catalog) for selector in selectors if selector is not None]
    return tuple(point for points in named for point in points) if all(named) else None


def why_opted_out(view: View, watched: tuple[Point, ...] | None) -> str:
    """Why nothing may be done for the utility now; "" if every named switch surely rests."""
    if watched is None:
        return "a generator or emergency switch that was named is not there"
    readings = [(point, view[point.id]) for point in watched]  # all of them: the planner watches what is looked at
    for point, reading in readings:
        if reading is None or reading.value is None or not reading.is_good:
            return f"{point.id} is not known"
        if not surely_rests(point, reading.value):
            return f"{point.id} says {state_text(point, reading.value) or reading.value}"
    return ""


def _resting(was: Response, now: datetime) -> Response | None:
    """What is still to be remembered when nothing is shed and nobody asks."""
    if was.forget is None or now >= was.forget:
        return None
    return _over(was, was.forget)


def _nothing(was: Response, now: datetime, changes: tuple[datetime | None, ...], remark: Remark) -> Decision:
    memory = _resting(was, now) if not was.rooms else _over(was, now + FORGET)
    return Decision(until=earliest(changes), memory=memory, remarks=(remark,))


def _over(was: Response, forget: datetime) -> Response:
    """All is given back; until then setpoints may still read as they were shed."""
    return Response(bases=was.bases, given_back=was.given_back, forget=forget)
