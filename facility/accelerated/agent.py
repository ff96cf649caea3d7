"""The agent's own parts on the virtual hospital, in virtual time: one life of the agent, from its start to its end.

What knows and acts is wired by `facility.assembly`, as in the agent that runs on a site; it has the same state on disk.
A life that is given up without `stop` has done nothing for its end: whoever begins the next one finds what a process
that was killed leaves behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from facility.accelerated.hospital import VirtualHospital
from facility.accelerated.network import VirtualNetwork
from facility.accelerated.readings import Showing
from facility.accelerated.timeline import AtOnce, VirtualClock, VirtualLoop, VirtualWakeups
from facility.assembly.acting import Acting, acting
from facility.assembly.ground import Ground, trail_of
from facility.assembly.knowing import Knowing, knowing
from facility.config.model import Config
from facility.database import open_state
from facility.feeds.book import FeedBook
from facility.passports import PassportKeeper
from facility.settings import overrule
from points.errors import PointsError
from points.events import Events
from points.model import PointId, Value

COMMISSIONING = timedelta(minutes=10)  # before the first start, for the first look through the building


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """What reached a device of the hospital. `value` None let go."""

    time: datetime
    point: PointId
    value: Value | None
    priority: int


class VirtualAgent:
    """Runs when it is told until when; the services begin at `start`."""

    known: Knowing
    acts: Acting

    def __init__(
        self,
        config: Config,
        hospital: VirtualHospital,
        state_dir: Path,
        *,
        start: datetime | None = None,
        step: float = 1.0,
        wrote: Callable[[], None] = lambda: None,
    ) -> None:
        """`hospital` is at an instant before `start`; without that, everything begins where the hospital is.

        `step`: seconds of physics at a stretch. `wrote` is called when a write has reached its device, before the
        agent is told so.
        """
        self.config = config
        self.hospital = hospital
        self._start = start or hospital.instant
        self._step = step
        self._loop = VirtualLoop()
        self.clock = VirtualClock(self._loop, hospital.instant)
        self.told = FeedBook(self.clock)  # what others tell; in virtual time nobody does but whoever holds this
        self.network = VirtualNetwork(hospital, self.clock, wrote=wrote)
        self._open = ExitStack()
        self._db = self._open.enter_context(open_state(state_dir, AtOnce()))
        self._life: asyncio.Task[None] | None = None
        self._running: asyncio.Event

    @property
    def now(self) -> datetime:
        return self.clock.now()

    @property
    def writes(self) -> list[Write]:
        """Everything that has reached a device since the hospital began, in order."""
        return list(self._named())

    def run_until(self, instant: datetime) -> None:
        """Lets time pass until then. What ends one of the parts is raised here."""
        self._loop.run_until_complete(self._until(instant))

    def stop(self) -> None:
        """A clean end: the policies let go of what they hold, and then everything is closed."""
        self._loop.run_until_complete(self._end())
        self._open.close()
        self._loop.close()

    async def _until(self, instant: datetime) -> None:
        if self._life is None:
            self._running = asyncio.Event()
            self._life = asyncio.create_task(self._live())
            await self._first(asyncio.create_task(self._running.wait()))
        await self._first(asyncio.create_task(self.clock.until(instant)))

    async def _first(self, pause: asyncio.Task[None] | asyncio.Task[bool]) -> None:
        """Returns after the pause; raises what has ended the life before."""
        assert self._life is not None
        await asyncio.wait({self._life, pause}, return_when=asyncio.FIRST_COMPLETED)
        if self._life.done():
            pause.cancel()
            await self._life

    async def _end(self) -> None:
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait({self._life})
            await self.acts.desk.settle()

    async def _live(self) -> None:
        trail = trail_of(self.config, self._db, self.clock)
        keeper = await PassportKeeper.open(self._db, overrule(self.config), self.clock)
        ground = Ground(
            config=self.config,
            clock=self.clock,
            db=self._db,
            bacnet=self.network,
            keeper=keeper,
            events=Events(),
        )
        wakeups = VirtualWakeups(self.clock)
        self.known = await knowing(ground, changed=wakeups.ring)
        showing = Showing(self.hospital, self.network, self.known.store, self.clock)
        hospital = asyncio.create_task(showing.live(self._step))
        try:
            if not self.known.book.current.points:
                await self.known.survey.look()
            await self._begin()
            await trail.audit.note(by="agent", action="start", target="agent", reason="on the virtual hospital")
            self.acts = await acting(ground, trail, self.known, wakeups, self.told)
            showing.follow(self.known.book.current)
            await self._serve(hospital)
        finally:
            hospital.cancel()

    async def _begin(self) -> None:
        if self.clock.now() > self._start:
            raise PointsError(f"The first look through the building took until {self.clock.now()}; begin it earlier.")
        await self.clock.until(self._start)

    async def _serve(self, hospital: asyncio.Task[None]) -> None:
        """As `facility.agent` runs them; here, whatever fails ends everything."""
        acts = self.acts
        async with asyncio.TaskGroup() as services:
            services.create_task(_as_long_as(hospital))
            for service in (acts.leases, acts.watcher, acts.beds, acts.courses, self.known.recognition):
                services.create_task(service.run(), name=service.name)
            self._running.set()
            await acts.planner.run()

    def _named(self) -> Iterator[Write]:
        known = {point.ref: point.id for point in self.known.book.current.points.values()}
        ids = {(unit.spec.name, role): known[ref] for ref, unit, role in self.network.points if ref in known}
        for write in self.hospital.writes:
            yield Write(
                time=write.time, point=ids[write.device, write.role], value=write.value, priority=write.priority
            )


async def _as_long_as(task: asyncio.Task[None]) -> None:
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()
