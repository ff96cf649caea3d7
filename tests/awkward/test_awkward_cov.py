"""Devices that forget, refuse or forge changes of value. Minutes pass in seconds here: the clock is hurried."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from agent import PATIENCE, SETTINGS, Agent, agent_in, until
from device import Asked, Device
from octets import ANALOG_INPUT, RESTART_TIME, SUBSCRIBE, bvll, npdu, tags
from town import town

from points.freshness.subscriptions import LIFETIME, RENEW_AT
from points.model import EventKind, Quality, Source
from points.passport import Oddity

HURRY = 100.0  # virtual seconds in one of ours
HURRIED = replace(SETTINGS, apdu_timeout=0.06)


def box(instance: int = 7, *, points: int = 3, **knobs: object) -> Device:
    device = Device(instance, advertises_cov=True, **knobs)  # type: ignore[arg-type]  # each knob by its name
    for number in range(1, points + 1):
        device.analog(number, 20.0 + number)
    return device


async def _kept(agent: Agent, device: Device, *, subscriptions: int) -> None:
    """Found, read, and subscribed to."""
    device.clock = lambda: agent.clock.now().timestamp()
    await agent.discover()
    await until(agent.complete)
    await until(lambda: len(device.subscriptions) == subscriptions)
    await until(lambda: next(iter(agent.freshness.devices().values())).cov == subscriptions)


async def test_a_change_reaches_the_store_by_cov_alone() -> None:
    device = box()
    async with town(device) as here, agent_in(here) as agent:
        await _kept(agent, device, subscriptions=3)
        device.change(2, 55.5)
        await until(lambda: agent.value(device, "AI 2") == 55.5)
        reading = agent.reading(device, "AI 2")
        assert reading is not None
        assert reading.source is Source.COV


async def test_a_subscription_is_asked_for_with_an_end_and_renewed_at_half_of_it() -> None:
    device = box()
    async with town(device) as here, agent_in(here, speed=2 * HURRY) as agent:
        await _kept(agent, device, subscriptions=3)
        for number in (1, 2, 3):

            def asked(number: int = number) -> list[Asked]:
                return [one for one in device.requests(SUBSCRIBE) if one.wanted[0].instance == number]

            await until(lambda asked=asked: len(asked()) == 2)  # type: ignore[misc]
            first, again = asked()
            lifetime = _lifetime(first)
            assert (lifetime, _lifetime(again)) == (LIFETIME, LIFETIME)
            assert 0 < lifetime <= 28_800  # what every server has to accept; 0 would be for ever
            # up to a fifth earlier than half; the hurried clock makes ten seconds of a hiccup of this machine
            assert 0.4 <= (again.at - first.at) / lifetime <= 0.6


def _lifetime(asked: Asked) -> int:
    """Seconds, as they are in the SubscribeCOV; 0 where it says none."""
    return int.from_bytes({number: content for _, number, content in tags(asked.body)}.get(3, b""), "big")


async def test_what_a_device_has_no_room_for_is_polled_and_told() -> None:
    device = box(points=6, cov_room=2)
    async with town(device) as here, agent_in(here) as agent:
        await _kept(agent, device, subscriptions=2)
        await until(lambda: agent.kinds().count(EventKind.COV_REFUSED) == 1)
        (status,) = agent.freshness.devices().values()
        assert (status.cov, status.cov_limit, status.polled) == (2, 2, 4)
        assert [agent.value(device, f"AI {n}") for n in range(1, 7)] == [20.0 + n for n in range(1, 7)]
        refused = [one for one in device.requests(SUBSCRIBE) if one.failed]
        assert len(refused) == 1  # its word is believed for the others
        assert agent.passport(device).cov_slots == 2


@pytest.mark.parametrize("says", ["i-am", "restart notification", "nothing"])
async def test_a_restart_is_noticed_told_and_costs_no_subscription(says: str) -> None:
    device = box()
    async with town(device) as here, agent_in(here, settings=HURRIED, speed=2 * HURRY) as agent:
        await _kept(agent, device, subscriptions=3)
        await until(lambda: any(w.name == RESTART_TIME for one in device.asked for w in one.wanted))
        device.reboot()
        if says == "i-am":
            device.announce()
        elif says == "restart notification":
            device.send(device.restart_notification())
        await until(lambda: EventKind.DEVICE_RESTARTED in agent.kinds())
        assert Oddity.RESTARTS in agent.passport(device).oddities
        await until(lambda: len(device.subscriptions) == 3)
        device.change(1, 77.0)
        await until(lambda: agent.value(device) == 77.0)


@pytest.mark.parametrize("says", ["i-am", "restart notification"])
async def test_a_device_that_cannot_tell_its_restarts_is_subscribed_to_again_all_the_same(says: str) -> None:
    device = box(tells_restarts=False)
    async with town(device) as here, agent_in(here) as agent:
        await _kept(agent, device, subscriptions=3)
        rebooted = agent.clock.now()
        device.reboot()
        device.send(device.i_am() if says == "i-am" else device.restart_notification())
        await until(lambda: len(device.subscriptions) == 3)
        assert (agent.clock.now() - rebooted).total_seconds() < RENEW_AT  # it was no renewal


async def test_a_new_database_revision_has_the_device_looked_at_again() -> None:
    device = box()
    async with town(device) as here, agent_in(here, settings=HURRIED, speed=HURRY) as agent:
        await _kept(agent, device, subscriptions=3)
        device.analog(9, 29.0)
        device.revision += 1
        await until(lambda: agent.revised)
        catalog = await agent.discover()
        assert agent.revised[0] in catalog.devices
        await until(lambda: agent.value(device, "AI 9") == 29.0)
        await until(lambda: EventKind.POINT_FOUND in agent.kinds())


async def test_a_subscription_that_brings_nothing_is_found_out() -> None:
    device = box(points=1, cov_silent=True)
    async with town(device) as here, agent_in(here, settings=HURRIED, speed=HURRY) as agent:
        await _kept(agent, device, subscriptions=1)
        device.change(1, 66.0)
        await until(lambda: agent.value(device) == 66.0)
        reading = agent.reading(device)
        assert reading is not None
        assert reading.source is Source.POLL
        async with asyncio.timeout(PATIENCE):
            value = 66.0
            while Oddity.FORGETS_COV not in agent.passport(device).oddities:
                value += 1.0
                device.change(1, value)
                await until(lambda value=value: agent.value(device) == value)  # type: ignore[misc]
        assert all(reading.quality is Quality.GOOD for reading in agent.past(agent.point(device)))


async def test_a_renewal_without_answer_leaves_no_gap() -> None:
    device = box(points=2, renewals_answered=False)
    async with town(device) as here, agent_in(here, settings=HURRIED, speed=2 * HURRY, deadline=120.0) as agent:
        await _kept(agent, device, subscriptions=2)
        granted = agent.clock.now()
        await until(lambda: (agent.clock.now() - granted).total_seconds() > 1.1 * LIFETIME)
        device.cov_silent = True
        device.change(1, 44.0)
        await until(lambda: agent.value(device) == 44.0)
        assert EventKind.DEVICE_LOST not in agent.kinds()
        assert all(reading.quality is Quality.GOOD for reading in agent.past(agent.point(device)))
        assert Oddity.SILENT_RENEWAL in agent.passport(device).oddities


async def test_a_forged_notification_changes_nothing() -> None:
    device = box()
    stranger = box(points=1)  # says that it is device 7 too
    stranger.change(1, 666.0)
    async with town(device) as here, agent_in(here) as agent:
        await _kept(agent, device, subscriptions=3)
        process = device.subscriptions[ANALOG_INPUT, 1].process
        elsewhere = await here.socket()

        def forge(number: int, socket: object) -> None:
            apdu = b"\x10\x02" + stranger.notification(ANALOG_INPUT, 1, process=number)
            here.to_agent(bvll(0x0A, npdu(apdu)), socket)  # type: ignore[arg-type]

        forge(process, elsewhere)
        forge(process + 1, here.devices[device])
        stranger.instance = 8
        forge(process, here.devices[device])
        device.change(1, 33.0)
        await until(lambda: agent.value(device) == 33.0)
        assert {reading.value for reading in agent.past(agent.point(device))} == {21.0, 33.0}


async def test_confirmed_notifications_are_acknowledged_and_taken() -> None:
    device = box(points=1)
    async with town(device) as here, agent_in(here, deadline=20.0) as agent:
        await _kept(agent, device, subscriptions=1)
        assert device.subscriptions[ANALOG_INPUT, 1].confirmed
        device.change(1, 12.5)
        await until(lambda: agent.value(device) == 12.5)
        await until(lambda: device.acknowledged >= 2)


async def test_garbage_that_looks_like_a_notification_is_counted_and_nothing_else() -> None:
    device = box()
    async with town(device) as here, agent_in(here) as agent:
        await _kept(agent, device, subscriptions=3)
        whole = b"\x10\x02" + device.notification(ANALOG_INPUT, 1, process=1)
        for length in range(2, len(whole)):
            here.to_agent(bvll(0x0A, npdu(whole[:length])), here.devices[device])
        device.change(1, 33.0)
        await until(lambda: agent.value(device) == 33.0)
        assert sum(agent.stack.protocol_errors.values()) > 0
        assert {reading.value for reading in agent.past(agent.point(device))} == {21.0, 33.0}
