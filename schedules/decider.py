"""What every policy says now, and who has to be asked again. No clock, no input, no output.

Guarantees:
- A policy is asked when it is new, when the catalog is another, when a reading or a feed that it looked at has changed,
  and when the time has come that it named itself. Between those nobody is asked, and nothing is computed.
- Level-triggered all the same: what all of them say is a function of the view and of what they remember. Asked anew,
  all together, they say the same.
- Where two want one slot, `schedules.precedence` decides, and the conflict is told.
- What no policy may have is refused and told (`schedules.plan.why_not`).
- A policy that raises loses its say until it is asked again, a minute later: what it holds is neither renewed nor
  released meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush

from points.catalog import Catalog
from points.model import PointId, Reading, values_agree
from schedules.contest import Contest
from schedules.feeds import Feeds
from schedules.plan import LEASE, Conflict, Plan, Refusal, Slot, Standing, is_due, unwanted
from schedules.policy import Decide, Decision, Demand, Memory, Policy, View, stood_before
from schedules.steadiness import Steadiness

AFTER_A_FAULT = timedelta(minutes=1)
SOONEST = timedelta(seconds=1)  # a policy that names the present as its next change is not asked for ever


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one policy said when it was asked, and what it had seen."""

    policy: str
    decision: Decision
    remembered: Memory | None  # what it had been given to remember
    inputs: Mapping[PointId, Reading | None]
    listened: bool  # it looked at the feeds
    stood: Mapping[PointId, float] = field(default_factory=dict)
    """Where setpoints stood before others moved them, of those about which it asked, in °C."""
    fault: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Who was asked at one moment, and which slots may now be wanted otherwise."""

    at: datetime
    asked: tuple[Asked, ...]
    touched: Collection[Slot]


@dataclass(slots=True)
class _Seat:
    """One policy, and what it said."""

    policy: Policy
    decide: Decide | None = None  # None: not bound to the present catalog
    asked: Asked | None = None
    due: datetime | None = None


class Decider:
    """All policies of a building, and what each of them said last."""

    def __init__(
        self, begun: datetime, memories: Mapping[str, Memory] | None = None, steady: Steadiness | None = None
    ) -> None:
        """`memories`: what policies remembered before, by name.

        Nothing from before `begun` is known to be steady, unless somebody hands over what he has watched.
        """
        self.steady = Steadiness(begun) if steady is None else steady
        self._memories = dict(memories or {})
        self._seats: dict[str, _Seat] = {}
        self._catalog: Catalog | None = None
        self._dirty: set[str] = set()
        self._watchers: dict[PointId, set[str]] = {}
        self._agenda: list[tuple[datetime, str]] = []
        self._contest = Contest()
        self._failed: dict[str, Exception] = {}

    # --- what is so ---------------------------------------------------------------------------------------------------

    @property
    def wanted(self) -> Mapping[Slot, Demand]:
        """Everything that should be true now. A live view."""
        return self._contest.wanted

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        return self._contest.conflicts

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        return self._contest.refusals

    @property
    def faults(self) -> Mapping[str, Exception]:
        return self._failed

    @property
    def next_change(self) -> datetime | None:
        """When, by the clock alone, somebody has to be asked again."""
        while self._agenda and not self._stands(*self._agenda[0]):
            heappop(self._agenda)
        return self._agenda[0][0] if self._agenda else None

    @property
    def is_waiting(self) -> bool:
        """Whether somebody has to be asked, whatever the time is."""
        return bool(self._dirty)

    @property
    def names(self) -> Collection[str]:
        """Of all policies, in the order of the configuration."""
        return self._seats.keys()

    def said(self, policy: str) -> Asked | None:
        """What the policy said last; None if it was never asked."""
        seat = self._seats.get(policy)
        return None if seat is None else seat.asked

    def memories(self) -> dict[str, Memory]:
        """What all policies remember, by name."""
        return dict(self._memories)

    def stood(self, asker: str, point: PointId, now: datetime) -> float | None:
        """Where a setpoint stood, in °C, before another policy than `asker` moved it."""
        return stood_before(point, now, (self._memories.get(name) for name in self._seats if name != asker))

    def is_input(self, point: PointId) -> bool:
        return point in self._watchers

    # --- what happens -------------------------------------------------------------------------------------------------

    def adopt(self, policies: Sequence[Policy]) -> list[str]:
        """These from now on. One that is as it was keeps what it said. Of whom what he remembered is forgotten.

        One of a name and another kind is another policy: it begins anew.
        """
        named = {policy.name: policy for policy in policies}
        for name in self._seats.keys() - named.keys():
            self._leave(name)
        forgotten = [name for name in self._memories if not self._may_remember(name, named.get(name))]
        for name in forgotten:
            del self._memories[name]
        for place, policy in enumerate(policies):
            self._contest.seat(policy.name, policy.kind, place)
            seat = self._seats.get(policy.name)
            if seat is None:
                self._seats[policy.name] = _Seat(policy)
                self._dirty.add(policy.name)
            elif seat.policy != policy:
                seat.policy, seat.decide = policy, None
                self._dirty.add(policy.name)
        self._seats = {policy.name: self._seats[policy.name] for policy in policies}
        return forgotten

    def note(self, readings: Iterable[Reading], now: datetime) -> bool:
        """The present readings of their points. Whether somebody has to be asked again for it."""
        news = False
        for reading in readings:
            watchers = self._watchers.get(reading.point)
            if watchers is None:
                continue
            self.steady.note(reading, now)
            for name in watchers:
                asked = self._seats[name].asked
                if asked is not None and _differs(asked.inputs.get(reading.point), reading):
                    self._dirty.add(name)
                    news = True
        return news

    def hear(self) -> bool:
        """The feeds say something else. Whether somebody has to be asked again for it."""
        listening = [name for name, seat in self._seats.items() if seat.asked is not None and seat.asked.listened]
        self._dirty.update(listening)
        return bool(listening)

    def begin_anew(self, now: datetime) -> None:
        """Time was not what it seemed: whatever was steady is not known to be, and everybody is asked."""
        self.steady.begin_anew(now)
        self._dirty.update(self._seats)

    def decide(self, view: View) -> Round:
        """Asks everybody who has to be asked at `view.now`, in the order of precedence of the configuration."""
        return self.settled(view, [self.ask(name, view) for name in self.turn(view)])

    def turn(self, view: View) -> list[str]:
        """Who has to be asked. For somebody who lets others have a turn in between: asks each, and then settles.

        Until then nothing may be noted or heard: who is not asked yet would be asked about the past.
        """
        if view.catalog is not self._catalog:
            self._catalog = view.catalog
            for seat in self._seats.values():
                seat.decide = None
            self._dirty.update(self._seats)
        while self._agenda and self._agenda[0][0] <= view.now:
            due, name = heappop(self._agenda)
            if self._stands(due, name):
                self._dirty.add(name)
        turn = [name for name in self._seats if name in self._dirty] if self._dirty else []
        self._dirty.clear()
        return turn

    def settled(self, view: View, asked: Sequence[Asked]) -> Round:
        """Who has which slot after all of them have spoken."""
        return Round(at=view.now, asked=tuple(asked), touched=self._contest.settle())

    def plan(self, held: Mapping[Slot, Standing], now: datetime, slots: Collection[Slot] | None = None) -> Plan:
        """What has to be done about these slots, or about all of them, given what is held."""
        chosen = slots if slots is not None else self.wanted.keys() | held.keys()
        return Plan(
            at=now,
            until=now + LEASE,
            holds=tuple(demand for demand in self._contest.in_order(chosen) if is_due(demand, held, now)),
            releases=tuple(unwanted(self.wanted, held, self.faults, chosen)),
        )

    # --- one policy ---------------------------------------------------------------------------------------------------

    def ask(self, name: str, view: View) -> Asked:
        """One of those whose turn it is."""
        seat = self._seats[name]
        remembered = self._memories.get(name)
        noted = NotedReadings(view.readings, self.steady, view.now)
        ear, told = _Ear(view), dict[PointId, float]()
        fault: Exception | None = None
        try:
            if seat.decide is None:
                seat.decide = seat.policy.bind(view.catalog)
            decision = seat.decide(self._seen(name, view, noted, ear, told), remembered)
        except Exception as error:  # noqa: BLE001  one policy's fault must not silence the others; it is told
            fault, decision = error, Decision(until=view.now + AFTER_A_FAULT, memory=remembered)
        asked = Asked(
            policy=name,
            decision=decision,
            remembered=remembered,
            inputs=noted.looked_at,
            listened=ear.listened,
            stood=told,
            fault=fault,
        )
        self._watch(name, seat.asked, asked)
        seat.asked = asked
        if decision.memory is not None:
            self._memories[name] = decision.memory
        else:
            self._memories.pop(name, None)
        if fault is not None:
            self._failed[name] = fault
        else:
            self._failed.pop(name, None)
        self._contest.say(name, decision.demands, view.catalog)
        seat.due = None if decision.until is None else max(decision.until, view.now + SOONEST)
        if seat.due is not None:
            heappush(self._agenda, (seat.due, name))
        return asked

    def _seen(self, name: str, view: View, noted: NotedReadings, ear: _Ear, told: dict[PointId, float]) -> View:
        """The view of one policy."""

        def stood(point: PointId) -> float | None:
            celsius = self.stood(name, point, view.now)
            if celsius is not None:
                told[point] = celsius
            return celsius

        return View(
            now=view.now,
            zone=view.zone,
            catalog=view.catalog,
            readings=noted,
            since=self.steady,
            outside=ear,
            stood=stood,
        )

    def _may_remember(self, name: str, policy: Policy | None) -> bool:
        """Whether what was remembered under this name is this policy's."""
        seat = self._seats.get(name)
        if policy is None or (seat is not None and seat.policy.kind != policy.kind):
            return False
        return isinstance(self._memories[name], policy.remembers or ())

    def _leave(self, name: str) -> None:
        seat = self._seats.pop(name)
        self._contest.leave(name)
        self._dirty.discard(name)
        self._failed.pop(name, None)
        if seat.asked is not None:
            self._watch(name, seat.asked, None)

    def _watch(self, name: str, before: Asked | None, now: Asked | None) -> None:
        old = before.inputs.keys() if before is not None else frozenset[PointId]()
        new = now.inputs.keys() if now is not None else frozenset[PointId]()
        for point in new - old:
            self._watchers.setdefault(point, set()).add(name)
        for point in old - new:
            watchers = self._watchers[point]
            watchers.discard(name)
            if not watchers:
                del self._watchers[point]
                self.steady.forget(point)

    def _stands(self, due: datetime, name: str) -> bool:
        seat = self._seats.get(name)
        return seat is not None and seat.due == due


class NotedReadings(Mapping[PointId, Reading]):
    """Readings that note which of them were looked at: what a decision depends on, without being declared."""

    def __init__(self, readings: Mapping[PointId, Reading], steady: Steadiness, now: datetime) -> None:
        self._readings = readings
        self._steady = steady
        self._now = now
        self.looked_at: dict[PointId, Reading | None] = {}

    def __getitem__(self, point: PointId) -> Reading:
        reading = self.get(point)
        if reading is None:
            raise KeyError(point)
        return reading

    def get(self, point: PointId, default: Reading | None = None) -> Reading | None:  # type: ignore[override]
        reading = self._readings.get(point)
        if point not in self.looked_at:
            self.looked_at[point] = reading
            if reading is not None:
                self._steady.note(reading, self._now)
        return default if reading is None else reading

    def __iter__(self) -> Iterator[PointId]:
        return iter(self._readings)

    def __len__(self) -> int:
        return len(self._readings)


class _Ear:
    """The feeds, and whether anybody listened."""

    def __init__(self, view: View) -> None:
        self._outside = view.outside
        self.listened = False

    def __call__(self) -> Feeds:
        self.listened = True
        return self._outside()


def _differs(used: Reading | None, reading: Reading) -> bool:
    if used is None or used.is_good != reading.is_good or used.value is None or reading.value is None:
        return used is None or used.is_good != reading.is_good or used.value is not reading.value
    return not values_agree(used.value, reading.value)
