"""The service that makes the building agree with the policies.

Plans at its start, at every change the policies foresee, when a reading or a feed they looked at changes, and every
minute; never more often than every two seconds. Who has nothing new to look at is not asked (`schedules.decider`), and
what policies remember is on disk before anything is done about it. Every minute everything that is wanted is compared
with what is held, in slices, so that nothing else waits. Restarts, missed wake-ups and clock changes heal with the next
round.

What is to be done is handed to `schedules.errands`, and no round waits long for a device: one that is slow, refuses or
says nothing holds up no other, and is planned anew when it is done with what it is about. Another catalog has other
rules: then nothing waits its turn any more. What is let go of goes in the opposite order to that in which it was taken.
A clean stop (cancellation) lets go of everything the policies hold, also of what was still on its way to the device;
after a crash, the next start does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

import structlog

from points.catalog import Catalog
from points.clock import Clock
from points.model import Event, EventKind
from points.store import PointStore
from schedules.decider import Asked, Decider, Round
from schedules.errands import LEAVE_AFTER_S, Errands, Hands, Postponed, Trouble
from schedules.plan import Plan, Release, Slot
from schedules.policy import Memory, Policy, View, earliest
from schedules.remembering import Forgetful, Remembering, Safekeeping
from schedules.steadiness import Steadiness
from schedules.wakeups import Wakeups

log = structlog.get_logger(__name__)

TICK_S = 60.0  # domain row 1: evaluate every minute, whatever happens
COMPARE = timedelta(seconds=TICK_S - 5)  # everything is compared once a tick
REST_S = 2.0  # between two rounds, so that a storm of readings costs one round
FAREWELL_S = 10.0  # for letting go at a stop
SLICE = 2_000  # slots compared at a stretch: a few milliseconds
MOMENT_S = 0.1  # at least, before somebody whose turn has not come asks again at a stop


Record = Callable[[View, Round, Decider], None]
"""Is told of every round in which somebody was asked, before anything is done about it."""


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
        self._errands = Errands(hands, clock, anew=self._anew, ended=self._wakeups.ring)
        self.rounds = 0

    @property
    def troubles(self) -> Mapping[Slot, Trouble]:
        """What failed, and is tried again."""
        return self._errands.troubles

    @property
    def postponed(self) -> Mapping[Slot, Postponed]:
        """What waits for its turn."""
        return self._errands.postponed

    def hear(self) -> None:
        """The feeds say something else."""
        if self.decider.hear():
            self._wakeups.ring()

    async def run(self) -> None:
        if self.rounds:  # it is run again: whatever happened while nobody watched is not known
            self.decider.begin_anew(self._clock.now())
        self._compared = None
        try:
            async with self._wakeups, self._errands, asyncio.TaskGroup() as tasks:
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
        return earliest([self._errands.next_turn, self.decider.next_change])

    async def round(self) -> None:
        """Asks who has to be asked, and does what is to be done about it."""
        view, decided, remembered = await self._decide()
        await self._memories.keep(remembered, view.now)
        self.rounds += 1
        self._report(view.now)
        leave_at = self._clock.now() + timedelta(seconds=LEAVE_AFTER_S)
        if self._compared is None or not timedelta(0) <= view.now - self._compared < self._compare:
            self._compared = view.now
            await self._memories.carry(self.decider.steady.carried(view.now), view.now)
            for slots in self._slices():
                await self._act(view.now, slots, leave_at)
                await asyncio.sleep(0)
        else:
            await self._act(view.now, {*decided.touched, *self._errands.open}, leave_at)

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
            self._errands.postponed.clear()
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
        """Everything that is wanted, held or open, in its order, some at a time; at least one slice, be it empty."""
        slots = iter(list(dict.fromkeys((*self.decider.wanted, *self._hands.held(), *self._errands.open))))
        some = set(islice(slots, SLICE))
        while True:
            yield some
            some = set(islice(slots, SLICE))
            if not some:
                return

    async def _act(self, now: datetime, slots: Collection[Slot], leave_at: datetime) -> None:
        await self._errands.carry_out(self.decider.plan(self._hands.held(), now, slots), slots, leave_at)

    def _anew(self, slot: Slot) -> Plan:
        return self.decider.plan(self._hands.held(), self._clock.now(), {slot})

    async def _wait(self) -> None:
        jump = await self._wakeups.wait(self.next_turn, TICK_S)
        if jump is not None:
            now = self._clock.now()
            self.last_jump = (now, jump.seconds)
            self.decider.begin_anew(now)
            self._compared = None
            self._errands.begin_anew()
            text = f"The clock of this machine went {jump.seconds:+.0f} s: everything is planned anew"
            log.warning("clock jumped", seconds=round(jump.seconds, 1))
            self._tell(Event(kind=EventKind.SYSTEM, time=now, about="clock", text=text))

    async def _listen(self) -> None:
        """Rings when a reading changed that a policy has looked at."""
        with self._store.watch(self.decider.is_input) as readings:
            while True:
                if self.decider.note(await readings.batch(), self._clock.now()):
                    self._wakeups.ring()

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
        self._errands.begin_anew()
        tried: list[Slot] | None = None
        while (held := list(self._hands.held())) != tried or self.postponed:
            if self.postponed:
                again = min(postponed.again for postponed in self.postponed.values())
                await self._clock.sleep(max(MOMENT_S, (again - self._clock.now()).total_seconds()))
            self._errands.begin_anew()
            releases = [Release(point=slot[0], priority=slot[1], reason="the agent was stopped") for slot in held]
            await self._errands.let_go(releases[::-1])
            await self._hands.settle()
            tried = held


def _new_decider(now: datetime, kept: Remembering) -> Decider:
    return Decider(now, kept.load(), Steadiness(now, kept.carried()))
