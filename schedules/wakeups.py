"""Waking up in time. The only importer of APScheduler.

A wake-up is a hint to look at the clock, never a command: jobs live in memory and only set an event, so one that is
late, doubled or lost does no harm. Steps of the wall clock and suspended hours are noticed within `look_every_s`
and reported, because timers run on another clock than civil time does.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from points.clock import Clock, SystemClock

LOOK_EVERY_S = 15.0  # how late a step of the clock may be noticed
STEP_S = 2.0  # time servers slew smaller differences away; a larger one is a step

_JOB = "next-change"

logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it tells every job it adds; we add one a round


@dataclass(frozen=True, slots=True)
class ClockJump:
    """The wall clock went this much further than time did: a step, or a machine that was suspended."""

    seconds: float


class Wakeups:
    """Open it with `async with`; then `wait` as often as you like, from one task."""

    def __init__(self, clock: Clock | None = None, look_every_s: float = LOOK_EVERY_S) -> None:
        self._clock = clock or SystemClock()
        self._look_every_s = look_every_s
        self._rung = asyncio.Event()
        self._timer: AsyncIOScheduler
        self._ahead_s = 0.0  # wall clock less monotonic clock, when we looked last

    async def __aenter__(self) -> Self:
        self._timer = AsyncIOScheduler(timezone=UTC)
        self._timer.start()
        self._ahead_s = self._how_far_ahead()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._timer.shutdown(wait=False)
        await asyncio.sleep(0)  # the shutdown is a callback of the loop

    def ring(self) -> None:
        """Ends the present wait, or the next one if nobody waits."""
        self._rung.set()

    async def wait(self, until: datetime | None, at_most_s: float) -> ClockJump | None:
        """Returns at `until`, when rung, after `at_most_s` or at a step of the clock, whichever comes first."""
        if until is not None:
            self._timer.add_job(
                self._wake,
                DateTrigger(run_date=until, timezone=UTC),
                id=_JOB,
                replace_existing=True,
                misfire_grace_time=None,  # late is better than never
                coalesce=True,
            )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + at_most_s
        while not self._rung.is_set() and (left := deadline - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(left, self._look_every_s)):
                    await self._rung.wait()
            except TimeoutError:
                if jump := self._jump():
                    return jump
        self._rung.clear()
        return self._jump()

    async def _wake(self) -> None:
        self._rung.set()

    def _jump(self) -> ClockJump | None:
        ahead_s = self._how_far_ahead()
        moved_s, self._ahead_s = ahead_s - self._ahead_s, ahead_s
        return ClockJump(moved_s) if abs(moved_s) > STEP_S else None

    def _how_far_ahead(self) -> float:
        return self._clock.now().timestamp() - asyncio.get_running_loop().time()
