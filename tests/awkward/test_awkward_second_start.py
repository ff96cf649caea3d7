"""What was learned the hard way is known after a restart: nothing is asked a second time that cannot be answered."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from agent import SETTINGS, agent_in, until
from device import BOTH, BUFFER_OVERFLOW, Asked, Device
from octets import DEVICE, READ, SUBSCRIBE
from town import Router, town

from points.model import Quality
from points.passport import Passports

DEADLINE = 20.0
POLL_PERIOD = timedelta(seconds=DEADLINE / 2)


def box(instance: int, *, points: int = 3, **knobs: object) -> Device:
    device = Device(instance, **knobs)  # type: ignore[arg-type]  # each knob by its name
    for number in range(1, points + 1):
        device.analog(number, 20.0 + number)
    return device


def eight_bad_devices() -> tuple[list[Device], Router]:
    alone = [
        box(1, advertises_rpm=False, reads_multiple=False),
        box(2, reads_multiple=False),
        box(3, points=30, most_at_once=7),
        box(4, points=130, segmentation=BOTH, segments=False, too_much=BUFFER_OVERFLOW),
        box(5, index_only=True, segmentation=BOTH, max_apdu=206),
        box(6, max_apdu=50),
        box(7, delay=0.3),  # the time-out is 0.2
        box(8, points=6, advertises_cov=True, cov_room=2),
    ]
    return alone, Router({11: {1: box(1101, max_apdu=206), 2: box(1102, most_at_once=2, too_much=9)}})


def is_genuine(device: Device, asked: Asked) -> bool:
    """A refusal of what the device does not have: it says so every time, and nothing else can be learned of it."""
    if asked.service != READ or asked.outcome != "error":
        return False
    wanted = asked.wanted[0]
    own = (
        device.own() if wanted.object_type == DEVICE else device.objects.get((wanted.object_type, wanted.instance), {})
    )
    return wanted.name not in own


async def test_a_known_site_is_fresh_at_once_and_not_probed_again() -> None:
    alone, router = eight_bad_devices()
    devices = [*alone, *router.trunks[11].values()]
    settings = replace(SETTINGS, retries=2)
    async with town(*alone, router) as here:
        async with agent_in(here, settings=settings, deadline=DEADLINE) as first:
            await first.discover()
            assert len(first.book.current.devices) == len(devices)
            await until(first.complete)
            await until(lambda: len(alone[7].subscriptions) == 2)
            await until(lambda: any(one.failed for one in alone[7].requests(SUBSCRIBE)))
            await asyncio.gather(*(first.freshness.read_now(point) for point in first.book.current.points))
            known = first.book.current
            learned_devices, learned_networks = first.passports.taken_changes()
        assert any(one.failed for device in devices for one in device.asked)  # they are bad
        for device in devices:
            device.asked.clear()

        passports = Passports(learned_devices, learned_networks)
        async with agent_in(here, settings=settings, deadline=DEADLINE, passports=passports, known=known) as second:
            begun = second.clock.now()
            catalog = await second.discover()
            assert catalog == known
            await until(second.complete)
            await until(lambda: len(alone[7].subscriptions) == 2)
            readings = second.store.snapshot().values()
            assert {reading.quality for reading in readings} == {Quality.GOOD}
            assert max(reading.time for reading in readings) - begun <= POLL_PERIOD
        failing = {
            device.instance: [
                (one.service, len(one.wanted), one.wanted[:1], one.outcome) for one in device.asked if one.failed
            ]
            for device in devices
            if any(one.failed and not is_genuine(device, one) for one in device.asked)
        }
        assert failing == {}
