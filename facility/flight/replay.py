"""A recorded day decided again: by the same policies, which must say the same bit for bit, or by others. Pure.

Policies that are as they were are asked exactly when they were asked, with what they saw. What they say is compared
with what they said. Policies that are other ones, or new, are asked by the decider's own rules: when an input that they
look at has changed on record, and at the instants that they name. What they look at and nobody looked at that day is
not on record: it is unknown to them, and told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from facility.flight.frames import Frame, Said, Seen, Start, Turn, form_of
from facility.rehearsal.model import Write
from points.catalog import Catalog
from points.model import PointId, Reading, Value, values_agree
from schedules.contest import Contest
from schedules.decider import SOONEST, NotedReadings
from schedules.feeds import NOTHING_HEARD, Feeds
from schedules.plan import Slot
from schedules.policy import Decide, Decision, Demand, Memory, Policy, View, stood_before
from schedules.steadiness import Steadiness

MOST_MISMATCHES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A policy says otherwise than it said."""

    at: datetime
    policy: str
    said: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What came of it."""

    first: datetime | None
    last: datetime | None
    decisions: int
    writes: tuple[Write, ...]
    mismatches: tuple[Mismatch, ...]
    unrecorded: tuple[PointId, ...]  # what changed policies looked at and is not on record


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """By what a stretch of the day is decided."""

    zone: ZoneInfo
    policies: tuple[Policy, ...]
    changed: frozenset[str]
    """The policies that are not those of that day."""


Deciding = Callable[[Start], By]
"""By what to decide from a beginning on."""


@dataclass(slots=True)
class _Seat:
    policy: Policy
    decide: Decide
    memory: Memory | None
    said: Said | None = None
    demands: tuple[Demand, ...] = ()
    looked_at: Mapping[PointId, Reading | None] = field(default_factory=dict)
    listened: bool = False
    due: datetime | None = None


class Replay:
    """Runs through the frames of a day."""

    def __init__(self, deciding: Deciding, catalog: Callable[[str], Catalog]) -> None:
        self._deciding = deciding
        self._catalog_of = catalog
        self._catalog = Catalog()
        self._zone = ZoneInfo("UTC")
        self._changed: frozenset[str] = frozenset()
        self._seats: dict[str, _Seat] = {}
        self._contest = Contest()
        self._is_new = True
        self._stands: dict[Slot, tuple[Value, str]] = {}
        self._readings: dict[PointId, Reading] = {}
        self._since: dict[PointId, datetime] = {}
        self._on_record: set[PointId] = set()
        self._feeds: Feeds = NOTHING_HEARD
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._decisions = 0
        self._writes: list[Write] = []
        self._mismatches: list[Mismatch] = []
        self._unrecorded: dict[PointId, None] = {}

    def run(self, frames: Iterable[Frame]) -> Iterator[datetime]:
        """Frame by frame; the instants come out, so that somebody else may have a turn."""
        for each in frames:
            self._first = self._first or each.at
            if isinstance(each, Start):
                self._start(each)
            else:
                self._between(each.at)
                self._turn(each)
            self._last = each.at
            yield each.at

    @property
    def found(self) -> Replayed:
        return Replayed(
            first=self._first,
            last=self._last,
            decisions=self._decisions,
            writes=tuple(self._writes),
            mismatches=tuple(self._mismatches[:MOST_MISMATCHES]),
            unrecorded=tuple(self._unrecorded),
        )

    def _start(self, start: Start) -> None:
        by = self._deciding(start)
        self._catalog = self._catalog_of(start.catalog)
        self._zone, self._changed = by.zone, by.changed
        self._readings, self._since, self._feeds = {}, {}, NOTHING_HEARD
        self._stands = dict(start.held)
        self._contest, self._is_new = Contest(), True
        self._seats = {}
        for place, policy in enumerate(by.policies):
            self._contest.seat(policy.name, policy.kind, place)
            memory = _memory(policy, start.memories.get(policy.name))
            self._seats[policy.name] = _Seat(policy, policy.bind(self._catalog), memory)

    def _between(self, until: datetime) -> None:
        """Changed policies name instants of their own."""
        while True:
            seats = self._seats.items()
            coming = [(seat.due, name) for name, seat in seats if seat.due is not None and seat.due < until]
            if not coming:
                return
            due, name = min(coming)
            self._ask(name, due)
            self._settle(due)

    def _turn(self, turn: Turn) -> None:
        for point, seen in turn.inputs.items():
            self._see(point, seen)
        heard = turn.feeds is not None
        if turn.feeds is not None:
            self._feeds = turn.feeds
        said = {each.policy: each for each in turn.said}
        for name, seat in self._seats.items():
            if name in self._changed:
                if self._is_touched(seat, turn, heard=heard):
                    self._ask(name, turn.at)
            elif name in said:
                self._ask_again(name, seat, said[name], turn)
        if not turn.recap:  # the others are asked in the round that follows at once
            self._settle(turn.at)

    def _is_touched(self, seat: _Seat, turn: Turn, *, heard: bool) -> bool:
        first = seat.said is None and not seat.looked_at and seat.due is None and not seat.demands
        due = seat.due is not None and seat.due <= turn.at
        return first or due or (heard and seat.listened) or not turn.inputs.keys().isdisjoint(seat.looked_at)

    def _ask_again(self, name: str, seat: _Seat, said: Said, turn: Turn) -> None:
        """An unchanged policy, as it was asked."""
        if said.demands is None and seat.said is not None:
            said = replace(said, demands=seat.said.demands)
        seat.said = said
        if turn.recap or said.fault:
            seat.demands = said.demands or ()
            self._contest.say(name, seat.demands, self._catalog)
            return
        decision = self._ask(name, turn.at, said)
        if decision.demands != (said.demands or ()) or decision.until != said.until:
            self._mismatches.append(
                Mismatch(
                    at=turn.at,
                    policy=name,
                    said=_told(said.demands or (), said.until),
                    says=_told(decision.demands, decision.until),
                )
            )

    def _ask(self, name: str, at: datetime, said: Said | None = None) -> Decision:
        """`said`: on record, of an unchanged policy: it is told what it was told, whatever becomes of the others."""
        seat = self._seats[name]
        listened = False

        def outside() -> Feeds:
            nonlocal listened
            listened = True
            return self._feeds

        def stood(point: PointId) -> float | None:
            if said is not None:
                return said.stood.get(point)
            return stood_before(point, at, (each.memory for other, each in self._seats.items() if other != name))

        noted = NotedReadings(self._readings, Steadiness(at), at)
        view = View(
            now=at,
            zone=self._zone,
            catalog=self._catalog,
            readings=noted,
            since=self._since,
            outside=outside,
            stood=stood,
        )
        try:
            decision = seat.decide(view, seat.memory)
        except Exception as error:  # noqa: BLE001  one policy's fault must not end the replay; it is told
            decision = Decision(memory=seat.memory)
            self._mismatches.append(
                Mismatch(at=at, policy=name, said="an answer", says=f"it failed ({type(error).__name__}: {error})")
            )
        self._decisions += 1
        seat.memory, seat.demands = decision.memory, decision.demands
        if name in self._changed:
            seat.looked_at, seat.listened = noted.looked_at, listened
            seat.due = None if decision.until is None else max(decision.until, at + SOONEST)
            self._unrecorded.update(dict.fromkeys(point for point in noted.looked_at if point not in self._on_record))
        self._contest.say(name, decision.demands, self._catalog)
        return decision

    def _see(self, point: PointId, seen: Seen) -> None:
        self._on_record.add(point)
        self._unrecorded.pop(point, None)
        if seen.reading is None:
            self._readings.pop(point, None)
        else:
            self._readings[point] = seen.reading
        if seen.since is None:
            self._since.pop(point, None)
        else:
            self._since[point] = seen.since

    def _settle(self, at: datetime) -> None:
        """What is wanted otherwise than it stands is a write."""
        touched = self._contest.settle()
        if self._is_new:  # whatever is held and nobody wants
            self._is_new = False
            touched |= dict.fromkeys(self._stands)
        for slot in [slot for slot in self._stands if slot in touched and slot not in self._contest.wanted][::-1]:
            _, policy = self._stands.pop(slot)
            self._write(at, slot, None, policy, f"{policy} no longer wants it")
        for demand in self._contest.in_order(touched):
            slot = (demand.point, demand.priority)
            stands = self._stands.get(slot)
            if stands is None or stands[1] != demand.policy or not values_agree(stands[0], demand.value):
                self._stands[slot] = (demand.value, demand.policy)
                self._write(at, slot, demand.value, demand.policy, demand.reason)

    def _write(self, at: datetime, slot: Slot, value: Value | None, policy: str, reason: str) -> None:
        point, priority = slot
        self._writes.append(Write(at=at, point=point, priority=priority, value=value, policy=policy, reason=reason))


def _memory(policy: Policy, document: Any) -> Memory | None:
    """What it remembered; nothing, where it remembers other things now."""
    if policy.remembers is None or document is None:
        return None
    try:
        return form_of(policy.remembers).validate_python(document)
    except ValidationError:
        return None


def _told(demands: tuple[Demand, ...], until: datetime | None) -> str:
    wants = ", ".join(f"{each.point} = {each.value} at {int(each.priority)} ({each.reason})" for each in demands[:5])
    more = f" and {len(demands) - 5} more" if len(demands) > 5 else ""
    return f"{wants or 'nothing'}{more}, until {until}"
