"""The composition root: the only place that knows all classes, and the order in which they come and go.

Coming: lock and state, BACnet, what was known before; then the services. Going: the planner lets go of
what policies hold while everything else still runs, then the rest ends; operators' holds stay.
How the parts are wired is in `facility.assembly`, in the order in which they are called here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from facility import __version__
from facility.assembly.acting import acting
from facility.assembly.door import door
from facility.assembly.ground import Ground, Trail, trail_of
from facility.assembly.hearing import hearing
from facility.assembly.knowing import knowing, surveyor
from facility.assembly.showing import showing
from facility.audit.configuration import note_configuration
from facility.audit.jumps import Jumps
from facility.audit.signers import note_key
from facility.audit.triggers import restored
from facility.commands import CommandDesk
from facility.config.model import Config
from facility.consents import Consents
from facility.consents import load as load_consents
from facility.database import StateDatabase, open_state
from facility.heap import Heap
from facility.passports import PassportKeeper
from facility.settings import consenting, must_be_usable, overrule, stack_settings, state_folder
from facility.supervisor import Roll, Service, supervise
from facility.survey import Survey
from points.bacnet.stack import Stack, open_stack
from points.catalog import CatalogBook
from points.clock import Clock, SystemClock
from points.events import Events
from points.history import History
from schedules.wakeups import Wakeups


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """What runs. A failing vital service ends the process; any other is run again."""

    desk: CommandDesk
    history: History | None
    planner: Service
    vital: Sequence[Service]
    services: Sequence[Service]
    clock: Clock
    roll: Roll

    async def run(self) -> None:
        """Lasts until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for service in self.vital:
                tasks.create_task(supervise(service, self.clock, self.roll, vital=True), name=service.name)
            for service in self.services:
                tasks.create_task(supervise(service, self.clock, self.roll), name=service.name)
            # in the group's own task: cancelled first, it lets go while the others still run
            await supervise(self.planner, self.clock, self.roll)


@asynccontextmanager
async def open_agent(config: Config) -> AsyncIterator[Agent]:
    """An agent with its databases and its BACnet socket open. Raises `PointsError` with what to do."""
    clock = SystemClock()
    must_be_usable(config)
    with open_state(state_folder(config)) as db:
        trail = trail_of(config, db, clock)
        async with _ground(config, db, clock, patient=True) as (ground, stack):
            trail.anchoring.restored = "; ".join(await restored(trail.audit, db))
            await trail.audit.note(by="agent", action="start", target="agent", reason=f"version {__version__}")
            await note_configuration(trail.audit, db, config)
            await note_key(trail.audit, db, trail.anchoring.key)
            agent = await _assembled(ground, trail, stack)
            try:
                yield agent
            finally:
                await agent.desk.settle()
                await ground.keeper.save()  # what was learned while the services ended
                if agent.history is not None:
                    agent.history.close()
                await trail.audit.note(by="agent", action="stop", target="agent")
                await trail.anchoring.anchor()


@asynccontextmanager
async def open_survey(config: Config) -> AsyncIterator[tuple[Survey, CatalogBook]]:
    """Only what it takes to look through the building and to store what is found; for a site without an agent yet."""
    clock, book = SystemClock(), CatalogBook()
    with open_state(state_folder(config)) as db:
        async with _ground(config, db, clock, patient=False) as (ground, _):
            consents = Consents(config.profiles, await load_consents(db), consenting(config))
            survey = surveyor(ground, book, consents, changed=lambda: None)
            await survey.restore()
            try:
                yield survey, book
            finally:
                await ground.keeper.save()


@asynccontextmanager
async def _ground(
    config: Config, db: StateDatabase, clock: Clock, *, patient: bool
) -> AsyncIterator[tuple[Ground, Stack]]:
    keeper = await PassportKeeper.open(db, overrule(config), clock)
    async with open_stack(stack_settings(config, patient=patient), keeper.passports) as stack:
        yield Ground(config=config, clock=clock, db=db, bacnet=stack, keeper=keeper, events=Events()), stack


async def _assembled(ground: Ground, trail: Trail, stack: Stack) -> Agent:
    clock = ground.clock
    wakeups, roll = Wakeups(clock), Roll()
    known = await knowing(ground, changed=wakeups.ring)
    hears = await hearing(ground, trail, known)
    acts = await acting(ground, trail, known, wakeups, hears.book)
    shown = showing(ground, trail, known, hears, acts, roll, stack)
    optional: list[Service | None] = [shown.history, shown.mirror, acts.recorder]
    return Agent(
        desk=acts.desk,
        history=shown.history,
        planner=acts.planner,
        vital=[acts.leases, acts.watcher],
        services=[
            known.freshness,
            known.survey,
            shown.alarms,
            door(ground, trail, known, hears, acts, shown, stack),
            acts.beds,
            acts.courses,
            acts.effects,
            Heap(known.book, clock),
            known.demand,
            known.recognition,
            acts.foreign,
            *hears.services,
            acts.agreement.withdrawals,
            ground.keeper,
            trail.anchoring,
            Jumps(trail.audit, ground.events),
            *(service for service in optional if service is not None),
        ],
        clock=clock,
        roll=roll,
    )
