"""The service that makes the building agree with the policies.

Plans at its start, at every change the policies foresee, when a reading or a feed they looked at changes, and every
minute; never more often than every two seconds. Who has nothing new to look at is not asked (`schedules.decider`), and
what policies remember is on disk before anything is done about it. Every minute everything that is wanted is compared
with what is held, in slices, so that nothing else waits. Restarts, missed wake-ups and clock changes heal with the next
round.

One point that cannot be had never holds up another: devices are visited side by side, a silent one is left alone
until the next round, and what failed is tried again for ever, less and less often. What has only to wait its turn
(`NotYet`) is no failure: it is asked for again exactly when it said, or when the catalog is another: with it the rules
may be, too. What is let go of goes in the opposite order to that in which it was taken. A clean stop (cancellation)
lets go of everything the policies hold, also of what was still on its way to the device; after a crash, the next start
does.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

import structlog

from points.catalog import Catalog
from points.clock import Clock
from points.errors import DeviceSilent, PointsError
from points.model import Event, EventKind, PointId, Priority, values_agree
from points.store import PointStore
from schedules.decider import Asked, Decider, Round
from schedules.plan import Release, Slot, Standing
from schedules.policy import Demand, Memory, Policy, View, earliest
from schedules.remembering import Forgetful, Remembering, Safekeeping
from schedules.steadiness import Steadiness
from schedules.wakeups import Wakeups

log = structlog.get_logger(__name__)

TICK_S = 60.0  # domain row 1: evaluate every minute, whatever happens
COMPARE = timedelta(seconds=TICK_S - 5)  # everything is compared once a tick
REST_S = 2.0  # between two rounds, so that a storm of readings costs one round
AT_ONCE = 8  # devices visited side by side
PATIENCE_S = 30.0  # for one hold or release; longer means that the hands hang
FAREWELL_S = 10.0  # for letting go at a stop
SLICE = 2_000  # slots compared at a stretch: a few milliseconds
MOMENT_S = 0.1  # at least, before somebody whose turn has not come asks again at a stop
RETRY = timedelta(minutes=1)  # after a first failure, doubling up to
RETRY_AT_MOST = timedelta(minutes=15)


class NotYet(PointsError):
    """It may be done, but not now: a step before it is missing, or an actuator needs its rest. `after` says when."""

    def __init__(self, message: str, after: timedelta) -> None:
        super().__init__(message)
        self.after = after


class Hands(Protocol):
    """What acts for the policies. The facility's command desk, in a glove.

    `hold` and `release` return when the device confirmed; they raise with a text fit for a person when it did not:
    `points.errors.DeviceSilent` if the device gave no answer, so that its other points are not tried in vain, and
    `NotYet` if nothing is wrong but the moment.
    """

    def held(self) -> Mapping[Slot, Standing]:
        """Every slot that a policy holds now."""
        ...

    async def hold(self, demand: Demand, until: datetime) -> None:
        """Puts the value into the slot, or renews it, until then."""
        ...

    async def release(self, point: PointId, priority: Priority, reason: str) -> None:
        """Lets go of the slot."""
        ...

    async def settle(self) -> None:
        """Waits for what goes on although nobody waits for it: a cancelled `hold` may still come to hold its slot."""
        ...


Record = Callable[[View, Round, Decider], None]
"""Is told of every round in which somebody was asked, before anything is done about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An errand that failed, and when it is tried again."""

    errand: Demand | Release
    text: str
    since: datetime
    tries: int
    again: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """An errand whose turn has not come, why, and when it is asked for again."""

    errand: Demand | Release
    text: str
    again: datetime


class Planner:
    """Makes the building agree with the policies, round by round."""

    name = "planner"

    def __init__(
        self,
        *,
        policies: Callable[[], Sequence[Policy]],
        view: Callable[[], View],
        store: PointStore,
        hands: Hands,
        clock: Clock,
        tell: Callable[[Event], None],
        wakeups: Wakeups | None = None,
        remembering: Remembering | None = None,
        record: Record | None = None,
        decider: Decider | None = None,
        compare: timedelta = COMPARE,
        pause: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`policies` returns the same sequence as long as nothing about it has changed.

        `compare`: how often everything that is wanted is compared with what is held. `pause`: called between two
        policies, where nothing happens meanwhile: in a rehearsal, that others have their turn.
        """
        self._policies = policies
        self._view = view
        self._store = store
        self._hands = hands
        self._clock = clock
        self._tell = tell
        self._wakeups = wakeups or Wakeups(clock)
        kept = remembering or Forgetful()
        self._memories = Safekeeping(kept, tell)
        self._record = record
        self._adopted: Sequence[Policy] | None = None
        self._told: dict[str, str] = {}
        self._catalog: Catalog | None = None  # of the last round
        self._compared: datetime | None = None  # when everything was last compared with what is held
        self._compare = compare
        self._pause = pause
        self.decider = decider or _new_decider(clock.now(), kept)
        self.last_jump: tuple[datetime, float] | None = None  # when a step of the clock was noticed, seconds
        self.troubles: dict[Slot, Trouble] = {}
        self.postponed: dict[Slot, Postponed] = {}
        self.rounds = 0

    def hear(self) -> None:
        """The feeds say something else."""
        if self.decider.hear():
            self._wakeups.ring()

    async def run(self) -> None:
        if self.rounds:  # it is run again: whatever happened while nobody watched is not known
            self.decider.begin_anew(self._clock.now())
        self._compared = None
        try:
            async with self._wakeups, asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen())
                while True:
                    await self.round()
                    await self._clock.sleep(REST_S)
                    await self._wait()
        except asyncio.CancelledError:
            await self._let_go()
            raise

    @property
    def next_turn(self) -> datetime | None:
        """When, by the clock alone, another round has something to do; None: nothing before a minute is over."""
        turns = [postponed.again for postponed in self.postponed.values()]
        return earliest([*turns, self.decider.next_change])

    async def round(self) -> None:
        """Asks who has to be asked, and does what is to be done about it."""
        view, decided, remembered = await self._decide()
        await self._memories.keep(remembered, view.now)
        self.rounds += 1
        self._report(view.now)
        if self._compared is None or not timedelta(0) <= view.now - self._compared < self._compare:
            self._compared = view.now
            await self._memories.carry(self.decider.steady.carried(view.now), view.now)
            for slots in self._slices():
                await self._act(view.now, slots)
                await asyncio.sleep(0)
        else:
            await self._act(view.now, {*decided.touched, *self.troubles, *self.postponed})

    async def _decide(self) -> tuple[View, Round, Mapping[str, Memory | None]]:
        """What everybody says now, and what has to be remembered of it.

        All at one moment: what is read, told or brought into force while somebody waits belongs to the next round.
        """
        policies, view = self._policies(), self._view()
        remembered: dict[str, Memory | None] = {}
        if policies is not self._adopted:
            self._adopted = policies
            remembered = dict.fromkeys(self.decider.adopt(policies))
        if view.catalog is not self._catalog:
            self._catalog = view.catalog
            self.postponed.clear()
        decided = await self._asked(view)
        if decided.asked:
            self._note(view, decided)
        for asked in decided.asked:
            if asked.decision.memory != asked.remembered:
                remembered[asked.policy] = asked.decision.memory
        return view, decided, remembered

    async def _asked(self, view: View) -> Round:
        if self._pause is None:
            return self.decider.decide(view)
        asked: list[Asked] = []
        for name in self.decider.turn(view):
            asked.append(self.decider.ask(name, view))
            await self._pause()
        return self.decider.settled(view, asked)

    def _note(self, view: View, decided: Round) -> None:
        """On record; whatever the record's trouble is, it is not the building's."""
        if self._record is None:
            return
        try:
            self._record(view, decided, self.decider)
        except Exception:
            log.exception("not recorded")

    def _slices(self) -> Iterator[Collection[Slot]]:
        """Everything that is wanted or held, in its order, some at a time; at least one slice, be it empty."""
        slots = iter(list(dict.fromkeys((*self.decider.wanted, *self._hands.held()))))
        some = set(islice(slots, SLICE))
        while True:
            yield some
            some = set(islice(slots, SLICE))
            if not some:
                return

    async def _act(self, now: datetime, slots: Collection[Slot]) -> None:
        plan = self.decider.plan(self._hands.held(), now, slots)
        await self._carry_out([*plan.releases, *plan.holds], plan.until, slots)

    async def _wait(self) -> None:
        jump = await self._wakeups.wait(self.next_turn, TICK_S)
        if jump is not None:
            now = self._clock.now()
            self.last_jump = (now, jump.seconds)
            self.decider.begin_anew(now)
            self._compared = None
            self.troubles.clear()
            self.postponed.clear()
            text = f"The clock of this machine went {jump.seconds:+.0f} s: everything is planned anew"
            log.warning("clock jumped", seconds=round(jump.seconds, 1))
            self._tell(Event(kind=EventKind.SYSTEM, time=now, about="clock", text=text))

    async def _listen(self) -> None:
        """Rings when a reading changed that a policy has looked at."""
        with self._store.watch(self.decider.is_input) as readings:
            while True:
                if self.decider.note(await readings.batch(), self._clock.now()):
                    self._wakeups.ring()

    async def _carry_out(self, errands: Sequence[Demand | Release], until: datetime, about: Collection[Slot]) -> None:
        """Runs the errands that are due, all there are about these slots: devices side by side, one's in order."""
        self._forget(errands, about)
        now = self._clock.now()
        visits: defaultdict[str, list[Demand | Release]] = defaultdict(list)
        for errand in errands:
            if self._is_due(errand, now):
                visits[errand.point.split("/")[0]].append(errand)
        at_once = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for visit in visits.values():
                tasks.create_task(self._visit(visit, until, at_once))

    def _is_due(self, errand: Demand | Release, now: datetime) -> bool:
        """Whether nothing that was tried or told before speaks against trying it now."""
        slot = (errand.point, errand.priority)
        before = (self.troubles.get(slot), self.postponed.get(slot))
        return all(each is None or each.again <= now or not _is_same(each.errand, errand) for each in before)

    async def _visit(self, errands: Sequence[Demand | Release], until: datetime, at_once: asyncio.Semaphore) -> None:
        async with at_once:
            for errand in errands:
                try:
                    async with asyncio.timeout(PATIENCE_S):
                        await self._do(errand, until)
                except NotYet as error:
                    self._note_turn(errand, error)
                except (DeviceSilent, TimeoutError) as error:
                    self._note_failure(errand, error)
                    return
                except Exception as error:  # noqa: BLE001  whatever one point's trouble is, the next point has its turn
                    self._note_failure(errand, error)
                else:
                    self._note_success(errand)

    async def _do(self, errand: Demand | Release, until: datetime) -> None:
        match errand:
            case Demand():
                await self._hands.hold(errand, until)
            case Release(point=point, priority=priority, reason=reason):
                await self._hands.release(point, priority, reason)

    def _note_turn(self, errand: Demand | Release, later: NotYet) -> None:
        again = self._clock.now() + later.after
        self.postponed[(errand.point, errand.priority)] = Postponed(errand=errand, text=str(later), again=again)
        log.debug("not yet", point=errand.point, slot=errand.priority, why=str(later))

    def _note_failure(self, errand: Demand | Release, error: Exception) -> None:
        slot, now = (errand.point, errand.priority), self._clock.now()
        self.postponed.pop(slot, None)
        before = self.troubles.get(slot)
        tries = 1 if before is None else before.tries + 1
        text = str(error) or type(error).__name__
        rest = min(RETRY * 2 ** min(tries - 1, 10), RETRY_AT_MOST)
        since = now if before is None else before.since
        self.troubles[slot] = Trouble(errand=errand, text=text, since=since, tries=tries, again=now + rest)
        (log.warning if before is None else log.debug)("not done", point=errand.point, slot=errand.priority, why=text)

    def _note_success(self, errand: Demand | Release) -> None:
        self.postponed.pop((errand.point, errand.priority), None)
        trouble = self.troubles.pop((errand.point, errand.priority), None)
        if trouble is not None:
            log.info("done after all", point=errand.point, slot=errand.priority, tries=trouble.tries + 1)

    def _forget(self, errands: Sequence[Demand | Release], about: Collection[Slot]) -> None:
        """Trouble with what nobody wants any more is none, and nobody waits for its turn."""
        open_slots = {(errand.point, errand.priority) for errand in errands}
        for slot in [slot for slot in self.troubles if slot in about and slot not in open_slots]:
            del self.troubles[slot]
        for slot in [slot for slot in self.postponed if slot in about and slot not in open_slots]:
            del self.postponed[slot]

    def _report(self, now: datetime) -> None:
        """Tells each fault, conflict and refusal when it appears, and the end of a fault."""
        present: dict[str, tuple[str, str]] = {}
        for policy, error in self.decider.faults.items():
            text = f"Policy {policy} failed ({type(error).__name__}: {error}); what it holds runs out by itself"
            present[f"fault {policy}"] = (policy, text)
            say = log.debug if f"fault {policy}" in self._told else log.error
            say("policy failed", policy=policy, exc_info=error)
        for conflict in self.decider.conflicts:
            present[f"conflict {conflict}"] = (conflict.loser.policy, str(conflict))
        for refusal in self.decider.refusals:
            present[f"refusal {refusal}"] = (refusal.demand.policy, str(refusal))
        for key, (policy, text) in present.items():
            if key not in self._told:
                self._tell(Event(kind=EventKind.POLICY, time=now, about=policy, text=text))
        for key, policy in self._told.items():
            if key not in present and key.startswith("fault "):
                text = f"Policy {policy} works again"
                self._tell(Event(kind=EventKind.POLICY, time=now, about=policy, text=text))
        self._told = {key: policy for key, (policy, _) in present.items()}

    async def _let_go(self) -> None:
        """Releases everything the policies hold, in `FAREWELL_S` at most; what is left, the next start lets go of."""
        farewell = asyncio.create_task(self._release_all())
        try:
            await asyncio.wait({farewell}, timeout=FAREWELL_S)
        finally:
            farewell.cancel()
            await asyncio.wait({farewell}, timeout=1)  # no task of ours outlives us
        left = len(self._hands.held())
        (log.warning if left else log.info)("planner stopped", left=left)

    async def _release_all(self) -> None:
        """Again as long as that changes anything, or something waits for its turn.

        A hold that was under way is held only once it has settled.
        """
        self.postponed.clear()
        tried: list[Slot] | None = None
        while (held := list(self._hands.held())) != tried or self.postponed:
            if self.postponed:
                again = min(postponed.again for postponed in self.postponed.values())
                await self._clock.sleep(max(MOMENT_S, (again - self._clock.now()).total_seconds()))
            self.troubles.clear()
            self.postponed.clear()
            releases = [Release(point=slot[0], priority=slot[1], reason="the agent was stopped") for slot in held]
            await self._carry_out(releases[::-1], self._clock.now(), held)
            await self._hands.settle()
            tried = held


def _new_decider(now: datetime, kept: Remembering) -> Decider:
    return Decider(now, kept.load(), Steadiness(now, kept.carried()))


def _is_same(one: Demand | Release, other: Demand | Release) -> bool:
    """Whether two errands to one slot ask for the same."""
    match one, other:
        case Demand(), Demand():
            return values_agree(one.value, other.value)
        case _:
            return isinstance(one, Release) and isinstance(other, Release)
