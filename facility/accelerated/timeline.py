"""Time that passes only when nobody has anything left to do: an event loop that jumps from one moment to the next.

What waits, waits as it always does (`asyncio.sleep`, timeouts, the agent's own clock), and is woken at exactly its
moment. Nothing may leave the loop: work for threads is done on the spot, and a loop in which everybody waits for
somebody outside says so instead of standing still for ever.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

from schedules.wakeups import ClockJump, Wakeups

P = ParamSpec("P")
Result = TypeVar("Result")

MICROSECONDS = 1_000_000


class NobodyLeft(RuntimeError):
    """Everybody waits for something that cannot happen any more."""


class _Jumping(selectors.DefaultSelector):
    """Never waits: it lets the time pass instead."""

    microseconds = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NobodyLeft("Nothing is left that could happen: a part waits for a thread or for the network.")
        if timeout > 0:
            self.microseconds += max(1, round(timeout * MICROSECONDS))
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Begins at its second zero."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.microseconds / MICROSECONDS

    def run_in_executor(  # type: ignore[override]  # asyncio's is not async either, and says so to nobody
        self, executor: Executor | None, func: Callable[..., Result], *args: Any
    ) -> asyncio.Future[Result]:
        done: asyncio.Future[Result] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  it is raised where it is waited for
            done.set_exception(error)
        return done


class AtOnce(Executor):
    """Does what it is given on the spot: no thread has a time of its own."""

    def submit(self, fn: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> Future[Result]:
        done: Future[Result] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  it is raised where it is waited for
            done.set_exception(error)
        return done


class VirtualClock:
    """The civil time of a virtual loop, which began at `start`."""

    def __init__(self, loop: VirtualLoop, start: datetime) -> None:
        self._loop = loop
        self._start = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._start + timedelta(microseconds=round(self._loop.time() * MICROSECONDS))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def until(self, instant: datetime) -> None:
        """Returns at that instant; at once if it has passed."""
        await asyncio.sleep(max(0.0, (instant - self.now()).total_seconds()))


class VirtualWakeups(Wakeups):
    """Wakes in time, on the time of the loop: there is no other, so it never jumps."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self._civil = clock

    async def __aenter__(self) -> VirtualWakeups:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def wait(self, until: datetime | None, at_most_s: float) -> ClockJump | None:
        seconds = at_most_s if until is None else min(at_most_s, (until - self._civil.now()).total_seconds())
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            pass
        self._rung.clear()
        return None
