"""The command desk on our own BACnet stack against a device that nobody here wrote."""

import asyncio
import multiprocessing
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rusty_bacnet import BACnetServer

from facility.audit import Audit
from facility.claims import Claims
from facility.commands import CommandDesk
from facility.database import open_state
from facility.judgement import Judge
from facility.leases import Leases
from facility.model import Command, Failed, Held, Mismatch, Outranked, Rejected
from points.bacnet.stack import StackSettings, open_stack
from points.catalog import Catalog, CatalogBook
from points.events import Events
from points.freshness import Freshness
from points.model import (
    Device,
    DeviceId,
    DeviceRef,
    Kind,
    Point,
    PointId,
    Priority,
    Quality,
    Ref,
    Safety,
    Source,
)
from points.store import PointStore

SETPOINT, FAN = PointId("ahu-1/sp"), PointId("ahu-1/fan")
OVERRIDE = Command(
    point=SETPOINT,
    value=18.5,
    priority=Priority.OPERATOR,
    by="user:mchen",
    reason="too warm",
    lasts=timedelta(hours=2),
)
DEMAND = replace(
    OVERRIDE, point=FAN, value=True, priority=Priority.SCHEDULE, by="policy:day", lasts=timedelta(minutes=15)
)
SHORT = 2.0  # seconds a device has to answer on loopback


class ShiftedClock:
    """The machine's clock, ahead by so much: an agent that is started later."""

    def __init__(self, ahead=timedelta(0)):
        self.ahead = ahead

    def now(self):
        return datetime.now(UTC) + self.ahead

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)


@asynccontextmanager
async def a_device(port=0):
    server = BACnetServer(
        device_instance=1234,
        device_name="AHU-1",
        interface="127.0.0.1",
        port=port,
        broadcast_address="127.255.255.255",
    )
    server.add_analog_value(1, "SP", 62)
    server.add_binary_value(2, "FAN")
    await server.start()
    try:
        yield await server.local_address()
    finally:
        await server.stop()


def catalog_of(address):
    where = DeviceRef(network=0, address=address, instance=1234)
    device = Device(id=DeviceId("ahu-1"), ref=where, name="AHU-1", max_apdu=1476)

    def point(id_, kind, object_type, instance):
        ref = Ref(device=where, object_type=object_type, instance=instance)
        return Point(id=id_, device=device.id, ref=ref, name=id_, kind=kind, commandable=True, safety=Safety.COMFORT)

    return Catalog.of(
        [device], [point(SETPOINT, Kind.ANALOG, "analog-value", 1), point(FAN, Kind.BINARY, "binary-value", 2)]
    )


class Agent:
    """What acts, and nothing else of the agent."""

    @classmethod
    @asynccontextmanager
    async def on(cls, folder, address, ahead=timedelta(0)):
        agent = cls()
        clock, book, events = ShiftedClock(ahead), CatalogBook(catalog_of(address)), Events()
        agent.clock = clock
        settings = StackSettings(address="127.0.0.1/32:0", apdu_timeout=SHORT, retries=0)
        with open_state(folder) as db:
            async with open_stack(settings) as agent.stack:
                agent.store = PointStore()
                agent.audit = Audit(db, clock)
                agent.claims = await Claims.load(db)
                agent.desk = CommandDesk(
                    bacnet=agent.stack,
                    reader=Freshness(agent.stack, book, agent.store, clock=clock, deadline=lambda _: 60, events=events),
                    catalog=book,
                    store=agent.store,
                    claims=agent.claims,
                    audit=agent.audit,
                    events=events,
                    clock=clock,
                    judge=Judge(book, agent.store, agent.claims, clock),
                )
                agent.leases = Leases(agent.desk, agent.audit, clock, events=events, bacnet=agent.stack)
                await agent.leases.reconcile()
                agent.book = book
                yield agent

    async def slot(self, point, priority):
        return (await self.stack.read_slots(self.book.current.point(point).ref))[priority]

    async def foreign(self, point, value, priority):
        """Somebody else's write, past the desk."""
        await self.stack.write(self.book.current.point(point).ref, value, priority)


async def test_held_read_back_outranked_and_released(tmp_path):
    async with a_device() as address, Agent.on(tmp_path, address) as agent:
        held = await agent.desk.submit(OVERRIDE)
        assert isinstance(held, Held)
        assert (held.readback.value, held.readback.quality, held.readback.source) == (
            18.5,
            Quality.GOOD,
            Source.READBACK,
        )
        assert agent.store.get(SETPOINT) == held.readback
        assert await agent.slot(SETPOINT, 8) == 18.5

        assert isinstance(await agent.desk.submit(DEMAND), Held)
        operator = await agent.desk.submit(replace(OVERRIDE, point=FAN, value="off"))
        assert (type(operator), operator.readback.value) == (Held, False)  # commanded off, not released
        again = await agent.desk.submit(DEMAND)
        assert (type(again), again.by_slot) == (Outranked, 8)

        released = await agent.desk.submit(replace(OVERRIDE, value=None))
        assert isinstance(released, Held)
        assert await agent.slot(SETPOINT, 8) is None


async def test_an_override_is_gone_from_the_device_when_its_time_is_up(tmp_path):
    async with a_device() as address, Agent.on(tmp_path, address) as agent:
        await agent.desk.submit(OVERRIDE)
        (claim,) = agent.claims.standing()
        agent.clock.ahead = OVERRIDE.lasts - timedelta(seconds=1)  # it is about to end
        serving = asyncio.create_task(agent.leases.run())
        try:
            async with asyncio.timeout(30):
                while agent.claims.standing():
                    await asyncio.sleep(0.02)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
        assert await agent.slot(SETPOINT, 8) is None
        (release,) = [record for record in await agent.audit.records() if record.action == "release"]
        assert release.time >= claim.until


async def test_what_somebody_else_wrote_is_left_alone(tmp_path):
    async with a_device() as address, Agent.on(tmp_path, address) as agent:
        await agent.foreign(SETPOINT, 25.0, 8)
        refused = await agent.desk.submit(OVERRIDE)
        assert (type(refused), refused.rule) == (Rejected, "foreign-value")
        assert isinstance(await agent.desk.submit(DEMAND), Held)
        await agent.foreign(FAN, False, 15)
        taken = await agent.desk.submit(replace(DEMAND, value=None))
        assert (type(taken), taken.found) == (Mismatch, False)
        assert (await agent.slot(SETPOINT, 8), await agent.slot(FAN, 15)) == (25.0, False)


async def test_a_device_that_is_gone_and_comes_back_without_its_slots(tmp_path):
    async with a_device() as address, Agent.on(tmp_path, address) as agent:
        await agent.desk.submit(OVERRIDE)
    port = int(address.rpartition(":")[2])
    async with Agent.on(tmp_path, address) as agent:
        assert [claim.key for claim in agent.claims.standing()] == [(SETPOINT, Priority.OPERATOR)]
        pending = await agent.desk.submit(replace(OVERRIDE, value=20.0))
        assert (type(pending), pending.written) == (Failed, False)
        async with a_device(port):
            assert await agent.desk.attend((SETPOINT, Priority.OPERATOR))
            assert await agent.slot(SETPOINT, 8) == 18.5


def _agent_that_never_stops(folder, address, ready):
    async def run():
        async with Agent.on(folder, address) as agent:
            assert isinstance(await agent.desk.submit(OVERRIDE), Held)
            assert isinstance(await agent.desk.submit(DEMAND), Held)
            ready.set()
            await asyncio.Event().wait()

    asyncio.run(run())


@pytest.mark.parametrize("away", [timedelta(0), timedelta(hours=1), timedelta(hours=3)])
async def test_kill_9_and_a_later_start(tmp_path, away):
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    async with a_device() as address:
        first = spawn.Process(target=_agent_that_never_stops, args=(tmp_path, address, ready))
        first.start()
        try:
            assert await asyncio.to_thread(ready.wait, 30)
        finally:
            first.kill()
            await asyncio.to_thread(first.join, 30)
            first.close()
        async with Agent.on(tmp_path, address, ahead=away) as agent:
            operator_stands, schedule_stands = away < timedelta(hours=2), away < timedelta(minutes=15)
            assert await agent.slot(SETPOINT, 8) == (18.5 if operator_stands else None)
            assert await agent.slot(FAN, 15) == (True if schedule_stands else None)
            assert len(agent.claims.standing()) == operator_stands + schedule_stands
            intents = [record for record in await agent.audit.records() if record.action == "hold"]
            assert len(intents) == 2  # nothing was written a second time
