"""A way that loses long answers: less is asked, and what was found out is believed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from points.bacnet.batches import Batches
from points.bacnet.port import Answer, Property, Query
from points.errors import DeviceSilent
from points.passport import Passports
from tests.points.pretend import PretendBacnet, PretendDevice, a_point


class Narrow(PretendBacnet):
    """Answers about more than so many properties do not arrive."""

    def __init__(self, device: PretendDevice, most: int) -> None:
        super().__init__(device)
        self.most = most
        self.asked: list[int] = []

    async def read_many(self, query: Query) -> Sequence[Answer]:
        self.asked.append(len(query.wanted))
        if len(query.wanted) > self.most:
            raise DeviceSilent("no answer")
        return await super().read_many(query)


def a_device(points: int = 40) -> tuple[PretendDevice, tuple[Property, ...]]:
    device = PretendDevice()
    for number in range(points):
        a_point(device, number)
    return device, tuple(Property("analog-input", number, "present-value") for number in range(points))


async def test_answers_that_never_arrive_are_made_shorter_and_that_is_remembered() -> None:
    device, wanted = a_device()
    bacnet, passports = Narrow(device, 9), Passports()
    reads = Batches(bacnet, device.ref, max_apdu=1476, reads_multiple=True, passports=passports)
    assert len(await reads.read(wanted)) == len(wanted)
    assert passports.of(device.ref).max_apdu == 206
    bacnet.asked.clear()
    again = Batches(bacnet, device.ref, max_apdu=1476, reads_multiple=True, passports=passports)
    assert len(await again.read(wanted)) == len(wanted)
    assert max(bacnet.asked) <= 9  # nothing that fails is tried again


async def test_a_silent_device_is_silent_and_nothing_is_learned_of_its_way() -> None:
    device, wanted = a_device()
    passports = Passports()
    reads = Batches(Narrow(device, 0), device.ref, max_apdu=1476, reads_multiple=True, passports=passports)
    with pytest.raises(DeviceSilent):
        await reads.read(wanted)
    assert passports.of(device.ref).max_apdu is None


async def test_an_answer_that_arrived_before_is_not_suspected() -> None:
    device, wanted = a_device()
    bacnet, passports = Narrow(device, 100), Passports()
    reads = Batches(bacnet, device.ref, max_apdu=1476, reads_multiple=True, passports=passports)
    await reads.read(wanted)
    bacnet.most = 0
    with pytest.raises(DeviceSilent):
        await reads.read(wanted)
    assert bacnet.asked == [40, 40]
    assert passports.of(device.ref).max_apdu is None


async def test_one_answer_that_was_lost_by_chance_teaches_nothing() -> None:
    device, wanted = a_device()
    bacnet, passports = Narrow(device, 100), Passports()
    lost = [True]

    async def chance(query: Query) -> Sequence[Answer]:
        if lost and len(query.wanted) > 2:
            lost.clear()
            raise DeviceSilent("no answer")
        return await PretendBacnet.read_many(bacnet, query)

    bacnet.read_many = chance  # type: ignore[method-assign]
    reads = Batches(bacnet, device.ref, max_apdu=1476, reads_multiple=True, passports=passports)
    assert len(await reads.read(wanted)) == len(wanted)
    assert passports.of(device.ref).max_apdu is None


async def test_what_two_devices_of_a_trunk_have_taught_holds_for_the_third() -> None:
    passports = Passports()
    refs = [PretendDevice(number, network=11, address=str(number)).ref for number in (1, 2, 3)]
    passports.learn(refs[0], max_apdu=206)
    assert passports.of(refs[2]).max_apdu is None
    passports.learn(refs[1], max_apdu=206)
    assert passports.of(refs[2]).max_apdu == 206
    assert passports.network(11).max_apdu == 206
