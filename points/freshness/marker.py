"""Says of every reading when it has become too old: stale at its deadline, offline at three times that.

It needs no answer from anyone: a device that hangs cannot keep its values looking fresh. Nor can a
clock that is set back: what seems to come from the future is taken to be of now. A reading costs
nothing here; each point is looked at about once per deadline.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from points.clock import Clock
from points.freshness.states import Age, PointState
from points.model import Quality, Reading, Source

OFFLINE_AFTER = 3  # deadlines
TICK = 1.0  # seconds; how exactly a deadline is kept
SLOT = 0.125  # seconds; those whose time comes within one are looked at together


class Marker:
    """All points' ages, in slots of time."""

    def __init__(
        self, clock: Clock, put: Callable[[Reading], None], device_answers: Callable[[PointState], bool]
    ) -> None:
        self._clock = clock
        self._put = put
        self._device_answers = device_answers
        self._slots: dict[int, list[PointState]] = {}
        self._order: list[int] = []  # the slots that there are, as a heap
        self._marked = 0.0  # when `mark` was called last

    async def run(self) -> None:
        while True:
            more = self.mark(self._clock.now().timestamp())
            await self._clock.sleep(0 if more else TICK)  # nobody has to wait for all of them

    def watch(self, state: PointState, at: float) -> None:
        """Looks at `state` again at that time, and not before."""
        state.check_at = at
        slot = int(at // SLOT)
        try:
            self._slots[slot].append(state)
        except KeyError:
            self._slots[slot] = [state]
            heapq.heappush(self._order, slot)

    def keep(self, state: PointState) -> None:
        """Looks at `state` when its reading becomes too old."""
        from_ = state.since if state.acquired is None else state.acquired
        self.watch(state, from_ + state.limit(device_answers=self._device_answers(state)))

    def forget(self, state: PointState) -> None:
        state.check_at = None

    def mark(self, now: float) -> bool:
        """Marks some that have become too old; True if there may be more."""
        if now < self._marked:
            self._set_back(now)
        self._marked = now
        if not self._order or self._order[0] > now // SLOT:
            return False
        slot = heapq.heappop(self._order)
        early = False
        for state in self._slots.pop(slot):
            at = state.check_at
            if at is None or at // SLOT != slot:
                continue  # arranged anew since
            if at > now:
                self.watch(state, at)  # the slot is not over yet
                early = True
            elif state.acquired is not None and not state.vouched and state.acquired + state.deadline > now:
                self.watch(state, state.acquired + state.deadline)  # the usual case, and in short
            else:
                state.check_at = None
                self._look(state, now)
        return not early

    def _set_back(self, now: float) -> None:
        watched = {state for slot in self._slots.values() for state in slot if state.check_at is not None}
        self._slots.clear()
        self._order.clear()
        for state in watched:
            state.since = min(state.since, now)
            state.acquired = state.acquired and min(state.acquired, now)
            self.watch(state, now)

    def _look(self, state: PointState, now: float) -> None:
        limit = state.limit(device_answers=self._device_answers(state))
        from_ = state.since if state.acquired is None else state.acquired
        stale_at = from_ + limit
        offline_at = stale_at if state.acquired is None else from_ + OFFLINE_AFTER * limit
        if now < stale_at:
            self.watch(state, stale_at)
        elif now < offline_at:
            self._stale(state, now)
            self.watch(state, offline_at)
        else:
            self._offline(state, now)

    def _stale(self, state: PointState, now: float) -> None:
        if state.age is not Age.FRESH or state.reading is None:
            return
        state.age = Age.STALE
        if state.reading.quality is not Quality.BAD:  # what was bad does not become better with age
            self._say(state, replace(state.reading, quality=Quality.STALE, reason="stale", at=_moment(now)))

    def _offline(self, state: PointState, now: float) -> None:
        if state.age is Age.OFFLINE:
            return
        state.age = Age.OFFLINE
        moment = _moment(now)
        before = state.reading or Reading(  # never read: there is no value and no time to show
            point=state.point.id,
            value=None,
            time=moment,
            at=moment,
            quality=Quality.BAD,
            source=Source.POLL,
        )
        self._say(state, replace(before, quality=Quality.BAD, reason="offline", at=moment))

    def _say(self, state: PointState, reading: Reading) -> None:
        state.reading = reading
        self._put(reading)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
