"""Networks that are awkward: routers that fall over, storms, the dead among the living, devices that move."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from agent import QUICKLY, SETTINGS, agent_in, ref, until
from device import Device
from town import Router, town

from points.bacnet.port import IAm, Property
from points.model import EventKind, Quality

AI_1 = Property("analog-input", 1, "present-value")


def box(instance: int, *, points: int = 2, **knobs: object) -> Device:
    device = Device(instance, **knobs)  # type: ignore[arg-type]  # each knob by its name
    for number in range(1, points + 1):
        device.analog(number, 20.0 + number)
    return device


def trunk(number: int, size: int, **knobs: object) -> Router:
    return Router({number: {mac: box(number * 100 + mac, **knobs) for mac in range(1, size + 1)}})


async def test_devices_behind_a_router_are_found_and_read() -> None:
    router = trunk(11, 4, max_apdu=206)
    async with town(router) as here, agent_in(here) as agent:
        catalog = await agent.discover()
        assert {device.ref.network for device in catalog.devices.values()} == {11}
        await until(agent.complete)
        assert [agent.value(device) for device in router.trunks[11].values()] == [21.0] * 4


async def test_a_router_that_flaps_makes_nobody_offline() -> None:
    router = trunk(11, 4)
    async with town(router) as here, agent_in(here, speed=10.0, deadline=40.0) as agent:
        await agent.discover()
        await until(agent.complete)
        for _ in range(3):
            router.down = True
            asked = len(agent.told)
            begun = agent.clock.now()
            await until(lambda begun=begun: (agent.clock.now() - begun).total_seconds() > 5)  # type: ignore[misc]
            router.down = False
            read = len(agent.store.history)
            await until(lambda read=read: len(agent.store.history) > read + 8)  # type: ignore[misc]
            assert not {EventKind.DEVICE_LOST, EventKind.DEVICE_BACK} & {event.kind for event in agent.told[asked:]}
        assert all(reading.is_good for reading in agent.store.history)


async def test_a_router_that_refuses_to_route_is_silence_and_is_forgiven() -> None:
    router = trunk(11, 2)
    async with town(router) as here, agent_in(here, speed=20.0) as agent:
        await agent.discover()
        await until(agent.complete)
        router.unreachable = True
        await until(lambda: agent.kinds().count(EventKind.DEVICE_LOST) == 2)
        router.unreachable = False
        await until(lambda: agent.kinds().count(EventKind.DEVICE_BACK) == 2)
        await until(lambda: all(agent.value(device) == 21.0 for device in router.trunks[11].values()))


async def test_a_trunk_gets_no_more_at_once_than_its_router_bears() -> None:
    router = trunk(11, 10, delay=0.02)
    router.flood = 2
    async with (
        town(router, box(5)) as here,
        agent_in(here, settings=replace(SETTINGS, apdu_timeout=0.5, retries=3)) as agent,
    ):
        await agent.discover()
        await until(agent.complete)
        points = list(agent.book.current.points)

        async def rush() -> None:
            await asyncio.gather(*(agent.freshness.read_now(point) for point in points), return_exceptions=True)

        async with asyncio.timeout(30):
            while (agent.passports.network(11).outstanding or router.flood + 1) > router.flood:
                await rush()
        assert agent.passports.network(0).outstanding is None
        lost = router.lost
        await rush()
        assert router.lost - lost <= 1
        assert EventKind.DEVICE_LOST not in agent.kinds()


async def test_of_a_storm_of_i_ams_none_is_lost_and_nothing_waits() -> None:
    talkers = [box(1_000 + number) for number in range(400)]
    device = box(7)
    async with town(device) as here, agent_in(here) as agent:
        await agent.discover()
        heard: list[IAm] = []
        agent.stack.on_i_am(heard.append)
        asked = len(device.asked)
        for talker in talkers:
            here.broadcast(b"\x01\x00" + talker.i_am(), here.devices[device])
        reads = [asyncio.ensure_future(agent.stack.read(ref(device), AI_1)) for _ in range(5)]
        assert await asyncio.gather(*reads) == [21.0] * 5
        await until(lambda: len({i_am.device.instance for i_am in heard}) == 400)
        reading = [one for one in device.asked[asked:] if not one.failed]
        assert len(reading) == len(device.asked[asked:])  # none had to be repeated


async def test_a_dead_device_among_a_hundred_costs_the_others_nothing() -> None:
    devices = [box(number) for number in range(1, 101)]
    dead = devices[49]
    async with town(*devices) as here, agent_in(here, speed=8.0, deadline=16.0) as agent:
        catalog = await agent.discover(replace(QUICKLY, parallel=16))
        assert len(catalog.devices) == 100
        await until(agent.complete)
        read = dict.fromkeys((agent.point(device) for device in devices), 0)
        dead.silent = True
        since = len(agent.store.history)
        await until(lambda: EventKind.DEVICE_LOST in agent.kinds())
        await until(lambda: (r := agent.reading(dead)) is not None and r.reason == "offline")
        for reading in agent.store.history[since:]:
            if reading.point in read:
                read[reading.point] += 1
                assert reading.quality is Quality.GOOD or reading.point == agent.point(dead)
        del read[agent.point(dead)]
        assert min(read.values()) >= 2
        assert agent.kinds().count(EventKind.DEVICE_LOST) == 1


async def test_a_device_at_another_address_has_moved_and_waits_for_a_person() -> None:
    device, other = box(7), box(8)
    async with town(device, other) as here, agent_in(here) as agent:
        await agent.discover()
        await until(agent.complete)
        before = {point.id for point in agent.book.current.points.values()}
        await here.add(device)
        catalog = await agent.discover()
        moved = next(one for one in catalog.devices.values() if one.ref == ref(device))
        assert moved.quarantine
        await until(lambda: EventKind.DEVICE_MOVED in agent.kinds())
        assert {point.id for point in catalog.points.values()} == before
        assert not any(one.quarantine for one in catalog.devices.values() if one.ref == ref(other))
        device.change(1, 31.0)
        await agent.freshness.read_now(agent.point(device))  # where it is now
        assert agent.value(device) == 31.0


async def test_a_device_of_another_make_in_its_place_is_replaced_and_waits_for_a_person() -> None:
    device = box(7)
    async with town(device) as here, agent_in(here) as agent:
        await agent.discover()
        await until(agent.complete)
        successor = Device(7, name="Other", revision=9).analog(1, 1.0).analog(5, 2.0)
        successor.objects[8, 7] = {372: b"\x75\x04\x00new"}
        socket = here.devices.pop(device)
        here.devices[successor] = socket
        here.plug(successor, socket)
        catalog = await agent.discover()
        (found,) = [one for one in catalog.devices.values() if one.present]
        assert found.quarantine
        await until(lambda: EventKind.DEVICE_REPLACED in agent.kinds())
