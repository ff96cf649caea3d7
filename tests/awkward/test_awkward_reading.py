"""Devices that are awkward to read, each of them small, real and on a socket of its own."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import pytest
from agent import SETTINGS, agent_in, ref, until
from device import BOTH, BUFFER_OVERFLOW, Asked, Device
from octets import (
    ANALOG_INPUT,
    ANALOG_VALUE,
    DEVICE,
    JIS,
    LATIN1,
    OBJECT_LIST,
    OBJECT_NAME,
    PRESENT_VALUE,
    READ,
    READ_MULTIPLE,
    SEGMENTATION,
    SYSTEM_STATUS,
    UCS2,
    UCS4,
    UNITS,
    UTF8,
    bvll,
    closing,
    enumerated,
    npdu,
    opening,
    raw_text,
    real,
    tag,
    text,
)
from town import town

from points.bacnet.port import Opaque, Property, Query
from points.errors import DeviceSilent, ProtocolError
from points.model import EventKind, Quality
from points.passport import Oddity

AI_1, AI_2, AI_3 = (Property("analog-input", number, "present-value") for number in (1, 2, 3))


def box(instance: int = 7, *, points: int = 3, **knobs: object) -> Device:
    device = Device(instance, **knobs)  # type: ignore[arg-type]  # each knob by its name
    for number in range(1, points + 1):
        device.analog(number, 20.0 + number)
    return device


async def test_a_device_without_multiple_reads_is_read_one_by_one() -> None:
    device = box(advertises_rpm=False, reads_multiple=False)
    async with town(device) as here, agent_in(here) as agent:
        await agent.discover()
        await until(agent.complete)
        assert [agent.value(device, f"AI {n}") for n in (1, 2, 3)] == [21.0, 22.0, 23.0]
        assert device.requests(READ_MULTIPLE) == []


async def test_a_device_that_rejects_the_multiple_reads_it_advertises_is_asked_for_one_once_only() -> None:
    device = box(reads_multiple=False)
    async with town(device) as here, agent_in(here) as agent:
        await agent.discover()
        await until(agent.complete)
        assert agent.value(device) == 21.0
        assert len(device.requests(READ_MULTIPLE)) == 1


async def test_the_number_of_properties_a_device_bears_is_learned_and_used() -> None:
    device = box(points=30, most_at_once=7)
    async with town(device) as here, agent_in(here) as agent:
        await agent.discover()
        await until(agent.complete)
        refused = [one for one in device.requests(READ_MULTIPLE) if one.failed]
        borne = [one for one in device.requests(READ_MULTIPLE) if not one.failed]
        assert len(refused) <= 6
        assert max(len(one.wanted) for one in borne) > 3
        assert len(device.requests(READ)) < 10  # never down to one by one


async def test_a_claim_of_segmentation_is_a_hint_and_no_more() -> None:
    device = box(points=150, segmentation=BOTH, segments=False)
    async with town(device) as here, agent_in(here) as agent:
        await agent.discover()
        await until(agent.complete)
        assert agent.value(device, "AI 150") == 170.0


async def test_an_object_list_too_big_for_its_buffer_is_read_by_element() -> None:
    device = box(points=150, segmentation=BOTH, segments=False, too_much=BUFFER_OVERFLOW)
    async with town(device) as here, agent_in(here, runs=False) as agent:
        catalog = await agent.discover()
        assert len(catalog.points) == 150
        whole = [o for o in device.asked if any(w.name == OBJECT_LIST and w.index is None for w in o.wanted)]
        assert len(whole) <= 1


async def test_an_object_list_that_can_only_be_read_by_index_is_complete() -> None:
    device = box(points=5, index_only=True)
    async with town(device) as here, agent_in(here, runs=False) as agent:
        catalog = await agent.discover()
        assert sorted(point.name for point in catalog.points.values()) == [f"AI {n}" for n in range(1, 6)]


async def test_fifty_octets_are_enough_for_a_device_to_be_read() -> None:
    device = box(max_apdu=50, points=4)
    async with town(device) as here, agent_in(here) as agent:
        await agent.discover()
        await until(agent.complete)
        assert [agent.value(device, f"AI {n}") for n in (1, 2, 3, 4)] == [21.0, 22.0, 23.0, 24.0]
        present = [o for o in device.asked if any(w.name == PRESENT_VALUE for w in o.wanted)]
        assert not any(one.failed for one in present)
        assert ref(device) in {d.ref for d in agent.book.current.devices.values()}


async def test_a_device_with_one_buffer_never_has_two_requests_of_ours_whoever_asks() -> None:
    device = box(points=20, one_buffer=True, delay=0.01, advertises_cov=True)
    async with town(device) as here, agent_in(here) as agent:
        await agent.discover()
        points = list(agent.book.current.points)
        await asyncio.gather(*(agent.freshness.read_now(point) for point in points[:5]))
        await until(agent.complete)
        await until(lambda: len(device.subscriptions) == 20)
        assert device.peak == 1
        assert not any(one.outcome == "dropped" for one in device.asked)


async def test_a_late_answer_is_never_taken_for_the_answer_to_another_request() -> None:
    device = box()
    async with town(device) as here, agent_in(here, settings=replace(SETTINGS, retries=0), runs=False) as agent:
        await agent.discover()
        device.late = True
        for round_ in range(2):
            device.change(1, 100.0 + round_)
            with pytest.raises(DeviceSilent):
                await agent.stack.read(ref(device), AI_1)
            device.change(1, 200.0 + round_)
            assert await agent.stack.read(ref(device), AI_1) == 200.0 + round_  # the late 100 came before it
            with pytest.raises(DeviceSilent):
                await agent.stack.read(ref(device), AI_1)
            assert await agent.stack.read(ref(device), AI_2) == 22.0
        device.late = False
        assert await agent.stack.read_many(Query(ref(device), (AI_1, AI_2))) == [201.0, 22.0]
        assert Oddity.LATE_ANSWERS in agent.passport(device).oddities


async def test_an_answer_about_another_object_is_an_error_and_never_a_value() -> None:
    device = box(advertises_rpm=False)
    async with town(device) as here, agent_in(here) as agent:
        await agent.discover()
        await until(agent.complete)
        device.swap = {(ANALOG_INPUT, 1): (ANALOG_INPUT, 2)}
        point = agent.point(device)
        for wanted in (AI_1, Property("analog-input", 1, "status-flags")):
            with pytest.raises(ProtocolError):
                await agent.stack.read(ref(device), wanted)
        with pytest.raises(ProtocolError):
            await agent.stack.read_many(Query(ref(device), (AI_1, AI_3)))
        with pytest.raises(ProtocolError):
            await agent.freshness.read_now(point)
        reading = agent.reading(device)
        assert reading is not None
        assert (reading.quality, reading.value) == (Quality.BAD, None)
        device.swap = {}
        await agent.freshness.read_now(point)
        assert agent.value(device) == 21.0
        assert {reading.value for reading in agent.past(point)} == {21.0, None}
        assert agent.stack.protocol_errors.total() >= 3
        assert Oddity.SWAPPED_ANSWERS in agent.passport(device).oddities


async def test_one_bad_property_costs_only_itself() -> None:
    device = box(points=10, whole_fails=True)
    del device.objects[ANALOG_INPUT, 4][PRESENT_VALUE]
    async with town(device) as here, agent_in(here) as agent:
        await agent.discover()
        await until(agent.complete)
        assert [agent.value(device, f"AI {n}") for n in (1, 2, 3, 5, 10)] == [21.0, 22.0, 23.0, 25.0, 30.0]
        bad = agent.reading(device, "AI 4")
        assert bad is not None
        assert (bad.value, bad.quality, bad.reason) == (None, Quality.BAD, "unknown-property")


async def test_a_refusal_without_the_index_that_was_asked_for_costs_no_batch() -> None:
    device = box(points=0, forgets_index=True)
    for number in range(1, 7):
        device.has(ANALOG_VALUE, number, f"AV {number}", {PRESENT_VALUE: real(20.0)})  # without a priority array
    async with town(device) as here, agent_in(here) as agent:
        await agent.discover()
        await until(agent.complete)
        assert len(agent.book.current.points) == 6
        assert agent.stack.protocol_errors.total() == 0
        assert agent.passport(device).oddities == frozenset()


async def test_segments_that_were_not_invited_are_put_together_all_the_same() -> None:
    device = box(points=12, segments_uninvited=True, segmentation=BOTH)
    async with town(device) as here, agent_in(here) as agent:
        await agent.discover()
        await until(agent.complete)
        assert agent.value(device, "AI 12") == 32.0


async def test_a_slow_device_gets_the_time_it_needs_and_is_not_asked_twice() -> None:
    device = box(delay=0.3)  # the time-out is 0.2
    async with town(device) as here, agent_in(here, settings=replace(SETTINGS, retries=2), runs=False) as agent:
        catalog = await agent.discover()
        assert len(catalog.points) == 3
        asked = len(device.asked)
        assert await agent.stack.read(ref(device), AI_1) == 21.0
        assert await agent.stack.read_many(Query(ref(device), (AI_1, AI_2))) == [21.0, 22.0]
        assert len(device.asked) == asked + 2
        assert (agent.passport(device).timeout or 0.0) > device.delay


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
async def test_what_is_no_number_is_a_quality(value: float) -> None:
    device = box(points=2)
    device.change(1, value)
    async with town(device) as here, agent_in(here) as agent:
        await agent.discover()
        await until(agent.complete)
        reading = agent.reading(device)
        assert reading is not None
        assert (reading.value, reading.quality) == (None, Quality.BAD)
        assert reading.reason
        assert agent.value(device, "AI 2") == 22.0


@pytest.mark.parametrize(
    ("octets", "name"),
    [
        (raw_text("Büro".encode("latin-1"), UTF8), "Büro"),
        (text("Büro", UCS2), "Büro"),
        (text("Büro", LATIN1), "Büro"),
        (text("会議室", UCS2), "会議室"),
        (text("会議室", UCS4), "会議室"),
        (text("会議室", JIS), None),  # the encoding that the standard names is not one; a word, whatever it is
        (raw_text("Büro".encode("utf-16-be")[:-1], UCS2), None),  # half a character
        (raw_text(b"Room\xff\xfe", 77), None),  # no such character set
    ],
)
async def test_a_wrong_character_set_costs_nothing_but_letters(octets: bytes, name: str | None) -> None:
    device = box(points=2)
    device.objects[ANALOG_INPUT, 1][OBJECT_NAME] = octets
    async with town(device) as here, agent_in(here) as agent:
        catalog = await agent.discover()
        await until(agent.complete)
        names = {point.ref.instance: point.name for point in catalog.points.values()}
        assert names[1]
        assert name in (None, names[1])
        assert all(reading.is_good for reading in agent.store.snapshot().values())


async def test_what_a_vendor_invented_costs_nothing_else() -> None:
    device = box(points=2)
    constructed = opening(0) + real(1.0) + closing(0)
    device.has(200, 1, "Own 1", {PRESENT_VALUE: real(7.5), 5000: constructed})
    device.has(201, 1, "Own 2", {PRESENT_VALUE: constructed})
    device.has(202, 1, "Own 3", {PRESENT_VALUE: tag(13, b"\x01\x02\x03")})  # a tag that nobody has assigned
    device.objects[DEVICE, 7] = {SYSTEM_STATUS: enumerated(77), SEGMENTATION: enumerated(9)}
    async with town(device) as here, agent_in(here) as agent:
        await agent.discover()
        await until(agent.complete)
        assert agent.value(device) == 21.0
        assert agent.value(device, "Own 1") == 7.5
        names = {point.name for point in agent.book.current.points.values()}
        assert {"AI 1", "AI 2", "Own 1"} <= names
        own, plain_one = await agent.stack.read_many(Query(ref(device), (Property("200", 1, "5000"), AI_2)))
        assert isinstance(own, Opaque)
        assert plain_one == 22.0


async def test_a_unit_that_nobody_knows_is_kept_with_its_number() -> None:
    device = box(points=2)
    device.objects[ANALOG_INPUT, 1][UNITS] = enumerated(12_345)
    device.objects[ANALOG_INPUT, 2][UNITS] = enumerated(87)
    async with town(device) as here, agent_in(here) as agent:
        catalog = await agent.discover()
        await until(agent.complete)
        assert {point.name: point.unit for point in catalog.points.values()} == {
            "AI 1": "12345",
            "AI 2": "liters-per-second",
        }
        assert agent.value(device) == 21.0


async def test_garbage_between_the_answers_is_counted_and_nothing_else() -> None:
    device = box(points=10)
    async with town(device) as here, agent_in(here, runs=False) as agent:
        await agent.discover()
        socket = here.devices[device]

        def garbled(asked: Asked, answer: bytes) -> bytes:
            whole = bvll(0x0A, npdu(answer))
            for octets in (whole[:-3], whole[:5], b"", b"\x81", b"\xff" * 40, b"\x81\x0a\x00\x04", whole[:9] + b"\xff"):
                here.to_agent(octets, socket)
            return answer

        device.twist = garbled
        assert await agent.stack.read(ref(device), AI_1) == 21.0
        for _ in range(20):
            assert await agent.stack.read_many(Query(ref(device), (AI_1, AI_2))) == [21.0, 22.0]
        assert agent.stack.protocol_errors[device.address] > 0


async def test_an_answer_from_another_port_is_nobodys_answer() -> None:
    device = box()
    async with town(device) as here, agent_in(here, settings=replace(SETTINGS, retries=0), runs=False) as agent:
        await agent.discover()
        elsewhere = await here.socket()
        device.answers_from = lambda apdu: here.to_agent(bvll(0x0A, npdu(apdu)), elsewhere)
        with pytest.raises(DeviceSilent):
            await agent.stack.read(ref(device), AI_1)
        device.answers_from = None
        assert await agent.stack.read(ref(device), AI_1) == 21.0


async def test_two_devices_of_one_instance_are_two_and_told() -> None:
    one, other = box(points=1, name="One"), box(points=1, name="Other")
    other.change(1, 99.0)
    async with town(one, other) as here, agent_in(here) as agent:
        catalog = await agent.discover()
        await until(agent.complete)
        assert [device.duplicate for device in catalog.devices.values()] == [True, True]
        assert (agent.value(one), agent.value(other)) == (21.0, 99.0)
        await until(lambda: EventKind.DUPLICATE_DEVICE in agent.kinds())
