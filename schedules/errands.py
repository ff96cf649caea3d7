"""What has to be done is done at the devices: side by side, and one thing after the other at each.

Guarantees:
- One point that cannot be had holds up nobody else. A refused one does not keep its neighbours from their turn, and a
  silent device is left alone until somebody plans again. Whoever gives something to do here waits `LEAVE_AFTER_S` at
  most: a visit to a device that takes longer goes on by itself.
- A device has one visit at a time. What there is to do where one goes on has to wait until it ends; then whoever plans
  is woken, and plans what is `open` anew, by what is wanted and held by then.
- Nothing outdated is begun: a visit that goes on by itself asks before every step whether that is still to be done, and
  leaves out what is not.
- At most `AT_ONCE` devices are dealt with at a time, and none keeps its place for longer than `TURN_S` and what it is
  about; then it queues again. So with eight slow devices the ninth waits for the end of one hold or release, which is
  `PATIENCE_S` at the very worst, and not for the end of a visit. More of them side by side would be no help: where so
  many are slow, it is mostly the network to them that is.
- What failed is tried again for ever, less and less often. What has only to wait its turn (`NotYet`) is no failure: it
  is asked for again exactly when it said.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Protocol, Self

import structlog

from points.clock import Clock
from points.errors import DeviceSilent, PointsError
from points.model import PointId, Priority, values_agree
from schedules.plan import Plan, Release, Slot, Standing
from schedules.policy import Demand, earliest

log = structlog.get_logger(__name__)

AT_ONCE = 8  # devices visited side by side
TURN_S = 2.0  # for one of them, while others wait
LEAVE_AFTER_S = 2.0  # as long as a planner rests anyway: a wish waits hardly longer for a slow device than for that
PATIENCE_S = 30.0  # for one hold or release; longer means that the hands hang
RETRY = timedelta(minutes=1)  # after a first failure, doubling up to
RETRY_AT_MOST = timedelta(minutes=15)

Errand = Demand | Release


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An errand that failed, and when it is tried again."""

    errand: Errand
    text: str
    since: datetime
    tries: int
    again: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """An errand whose turn has not come, why, and when it is asked for again."""

    errand: Errand
    text: str
    again: datetime


@dataclass(slots=True)
class _Visit:
    """What is to be done at one device, and what was taken on of it."""

    to_do: deque[Errand]
    until: datetime
    goes_on: bool = False  # by itself: nobody waits for it any more
    taken: list[Errand] = field(default_factory=list)
    later: set[Slot] = field(default_factory=set)  # where something was to be done meanwhile


class Errands:
    """Carries out plans. Open it with `async with`: what goes on by itself ends with it."""

    def __init__(self, hands: Hands, clock: Clock, *, anew: Callable[[Slot], Plan], ended: Callable[[], None]) -> None:
        """`anew`: what is to be done about a slot now. `ended`: a visit has ended that went on by itself."""
        self._hands = hands
        self._clock = clock
        self._anew = anew
        self._ended = ended
        self._places = asyncio.Semaphore(AT_ONCE)
        self._visits: dict[str, _Visit] = {}  # by device
        self._tasks: set[asyncio.Task[None]] = set()
        self._due: set[Slot] = set()  # to be planned anew: the visit is over that they had to wait for
        self.troubles: dict[Slot, Trouble] = {}
        self.postponed: dict[Slot, Postponed] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self._stop()

    @property
    def open(self) -> set[Slot]:
        """What has to be planned again, although nobody wants anything else there."""
        return {*self.troubles, *self.postponed, *self._due}

    @property
    def next_turn(self) -> datetime | None:
        """When the next of those that wait has its turn; not where a visit goes on: its end is told."""
        turns = ((_device(slot), postponed.again) for slot, postponed in self.postponed.items())
        return earliest([again for device, again in turns if device not in self._visits])

    def begin_anew(self) -> None:
        """Time was not what it seemed: nobody has been waiting for anything."""
        self.troubles.clear()
        self.postponed.clear()

    async def carry_out(self, plan: Plan, about: Collection[Slot], leave_at: datetime) -> None:
        """Does what is due of the plan, which is all there is about these slots; waits for it until `leave_at`."""
        visits = self._begin([*plan.releases, *plan.holds], plan.until, about)
        left_s = (leave_at - self._clock.now()).total_seconds()
        await self._wait_for(visits, min(max(0.0, left_s), LEAVE_AFTER_S))  # a clock may be set

    async def let_go(self, releases: Sequence[Release]) -> None:
        """Does all of that, however long it takes."""
        about = [_slot(release) for release in releases]
        await self._wait_for(self._begin(releases, self._clock.now(), about))

    # --- visits -------------------------------------------------------------------------------------------------------

    def _begin(
        self, errands: Sequence[Errand], until: datetime, about: Collection[Slot]
    ) -> Mapping[asyncio.Task[None], _Visit]:
        """Begins the visits to devices that have none, with what is due."""
        self._forget(errands, about)
        self._due.difference_update(about)
        now = self._clock.now()
        to_do: defaultdict[str, deque[Errand]] = defaultdict(deque)
        for errand in errands:
            if self._is_due(errand, now):
                device = _device(_slot(errand))
                if device in self._visits:
                    self._visits[device].later.add(_slot(errand))
                else:
                    to_do[device].append(errand)
        begun = {device: _Visit(to_do=all_of_it, until=until) for device, all_of_it in to_do.items()}
        self._visits |= begun
        return {self._task(self._visit(device, visit)): visit for device, visit in begun.items()}

    def _task(self, visit: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(visit)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _wait_for(self, visits: Mapping[asyncio.Task[None], _Visit], seconds: float | None = None) -> None:
        """Until they have ended, or that long; then they go on by themselves. Cancelled, none does."""
        try:
            if visits:
                await self._wait(visits, seconds)
        except asyncio.CancelledError:
            await self._stop()
            raise
        for task, visit in visits.items():
            visit.goes_on = True
            if task.done():
                task.result()

    async def _wait(self, visits: Collection[asyncio.Task[None]], seconds: float | None) -> None:
        pauses: list[asyncio.Future[Any]] = [asyncio.ensure_future(asyncio.wait(visits))]
        if seconds is not None:
            pauses.append(asyncio.ensure_future(self._clock.sleep(seconds)))
        try:
            await asyncio.wait(pauses, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pause in pauses:
                pause.cancel()

    async def _stop(self) -> None:
        """Ends all visits; what their hands are about may go on, see `Hands.settle`."""
        for visit in self._visits.values():
            visit.to_do.clear()  # where a hand does not let go of its step, it is the last one
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _visit(self, device: str, visit: _Visit) -> None:
        try:
            while visit.to_do:
                async with self._places:
                    await self._take_turn(visit)
        finally:
            del self._visits[device]
        if visit.goes_on:
            self._due |= visit.later
            self._due.update(_slot(errand) for errand in visit.taken if self._became_another(errand))
            self._ended()

    async def _take_turn(self, visit: _Visit) -> None:
        began = self._clock.now()
        while visit.to_do:
            planned = visit.to_do.popleft()
            visit.taken.append(planned)
            errand = self._still(planned, visit) if visit.goes_on else planned
            if errand is not None and not await self._has_answered(errand, visit.until):
                visit.to_do.clear()
            if not timedelta(0) <= self._clock.now() - began < timedelta(seconds=TURN_S):
                return

    def _still(self, errand: Errand, visit: _Visit) -> Errand | None:
        """The errand as it would be planned now; None if it would not."""
        plan = self._anew(_slot(errand))
        visit.until = plan.until
        return next((each for each in _errands(plan) if _is_same(each, errand)), None)

    def _became_another(self, errand: Errand) -> bool:
        """Whether now something else is to be done there than what the visit was about."""
        return any(not _is_same(each, errand) for each in _errands(self._anew(_slot(errand))))

    # --- one errand ---------------------------------------------------------------------------------------------------

    async def _has_answered(self, errand: Errand, until: datetime) -> bool:
        """Tries it, and notes what came of it. Whether it makes sense to go on with the same device."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._do(errand, until)
        except NotYet as error:
            self._note_turn(errand, error)
        except (DeviceSilent, TimeoutError) as error:
            self._note_failure(errand, error)
            return False
        except asyncio.CancelledError:
            if _is_to_end():
                raise
            self._note_failure(errand, PointsError("it was cut short on the way"))
        except Exception as error:  # noqa: BLE001  whatever one point's trouble is, the next point has its turn
            self._note_failure(errand, error)
        else:
            self._note_success(errand)
        return True

    async def _do(self, errand: Errand, until: datetime) -> None:
        match errand:
            case Demand():
                await self._hands.hold(errand, until)
            case Release(point=point, priority=priority, reason=reason):
                await self._hands.release(point, priority, reason)

    def _is_due(self, errand: Errand, now: datetime) -> bool:
        """Whether nothing that was tried or told before speaks against trying it now."""
        before = (self.troubles.get(_slot(errand)), self.postponed.get(_slot(errand)))
        return all(each is None or each.again <= now or not _is_same(each.errand, errand) for each in before)

    def _note_turn(self, errand: Errand, later: NotYet) -> None:
        again = self._clock.now() + later.after
        self.postponed[_slot(errand)] = Postponed(errand=errand, text=str(later), again=again)
        log.debug("not yet", point=errand.point, slot=errand.priority, why=str(later))

    def _note_failure(self, errand: Errand, error: Exception) -> None:
        slot, now = _slot(errand), self._clock.now()
        self.postponed.pop(slot, None)
        before = self.troubles.get(slot)
        tries = 1 if before is None else before.tries + 1
        text = str(error) or type(error).__name__
        rest = min(RETRY * 2 ** min(tries - 1, 10), RETRY_AT_MOST)
        since = now if before is None else before.since
        self.troubles[slot] = Trouble(errand=errand, text=text, since=since, tries=tries, again=now + rest)
        (log.warning if before is None else log.debug)("not done", point=errand.point, slot=errand.priority, why=text)

    def _note_success(self, errand: Errand) -> None:
        self.postponed.pop(_slot(errand), None)
        trouble = self.troubles.pop(_slot(errand), None)
        if trouble is not None:
            log.info("done after all", point=errand.point, slot=errand.priority, tries=trouble.tries + 1)

    def _forget(self, errands: Iterable[Errand], about: Collection[Slot]) -> None:
        """Trouble with what nobody wants any more is none, and nobody waits for its turn."""
        open_slots = {_slot(errand) for errand in errands}
        for slot in [slot for slot in self.troubles if slot in about and slot not in open_slots]:
            del self.troubles[slot]
        for slot in [slot for slot in self.postponed if slot in about and slot not in open_slots]:
            del self.postponed[slot]


def _slot(errand: Errand) -> Slot:
    return errand.point, errand.priority


def _device(slot: Slot) -> str:
    return slot[0].split("/")[0]


def _errands(plan: Plan) -> Iterator[Errand]:
    yield from plan.releases
    yield from plan.holds


def _is_to_end() -> bool:
    """Whether the present task has to end. A step that others have cancelled is no more than that step's trouble."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _is_same(one: Errand, other: Errand) -> bool:
    """Whether two errands to one slot ask for the same."""
    match one, other:
        case Demand(), Demand():
            return values_agree(one.value, other.value)
        case _:
            return isinstance(one, Release) and isinstance(other, Release)
