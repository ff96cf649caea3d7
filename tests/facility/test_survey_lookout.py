"""Who announces itself, and who does not answer any more, is looked for: narrowly, and once in a while."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from manual_clock import ManualClock
from test_survey import WHERE, Bench, Network, look_under_way, others, running, until

from facility.catalog_rows import load_catalog
from facility.database import open_state
from facility.survey import LOOKED_OUT_EVERY
from points.discovery.lookout import AT_ONCE, BETWEEN, LOST_AGAIN, STRANGER_AGAIN
from points.errors import DeviceSilent
from points.model import DeviceId, DeviceRef, EventKind

AHU = DeviceId("ahu-1")
NEW = DeviceRef(network=0, address="10.0.2.1:47808", instance=300)
MOVED = replace(WHERE, address="10.0.0.9:47808")


class Wire(Network):
    """Whoever is not there does not answer."""

    async def read_many(self, query):
        if query.device not in self.there:
            raise DeviceSilent(f"{query.device}: no answer")
        return await super().read_many(query)


@pytest.fixture
def bench(tmp_path):
    with open_state(tmp_path) as db:
        yield Bench(db, Wire(), ManualClock())


@asynccontextmanager
async def a_known_building(bench, *more):
    """It was looked through long ago."""
    bench.network.there = [WHERE, *more]
    bench.network.changes(serial_number="007")
    await (await bench.start()).look()
    survey = await bench.start(every=None)
    bench.network.questions.clear()
    bench.told.clear()
    with running(survey):
        await looked_out(bench)
        yield survey


async def looked_out(bench):
    """The survey waits again, whatever it did before."""
    again = bench.clock.now() + LOOKED_OUT_EVERY
    await until(lambda: any(time == again for time, *_ in bench.clock._sleepers))


async def passes(bench, time=LOOKED_OUT_EVERY):
    for _ in range(time // LOOKED_OUT_EVERY):
        bench.clock.advance(seconds=LOOKED_OUT_EVERY.total_seconds())
        await looked_out(bench)


def kinds(bench):
    return [event.kind for event in bench.told]


async def test_a_new_device_that_announces_itself_is_found_and_nobody_else_is_asked(bench):
    async with a_known_building(bench, *others(3)):
        bench.network.there.append(NEW)
        bench.network.announces(NEW)
        bench.network.asked_for.clear()
        await passes(bench)
        assert set(bench.network.questions) == {(300, 300)}
        assert {ref for ref, _ in bench.network.asked_for} == {NEW}
        assert kinds(bench) == [EventKind.DEVICE_FOUND]
        assert "ahu-300/sat" in bench.points
        assert len((await load_catalog(bench.db)).devices) == len(bench.book.current.devices) == 5


async def test_a_device_that_announces_itself_from_another_address_has_moved_and_waits_for_a_person(bench):
    async with a_known_building(bench):
        bench.network.there = [MOVED]
        bench.network.announces(MOVED)
        await passes(bench)
        assert kinds(bench) == [EventKind.DEVICE_MOVED]
        device = bench.book.current.devices[AHU]
        assert (device.ref, "moved" in device.quarantine) == (MOVED, True)
        assert all(point.quarantined and point.ref.device == MOVED for point in bench.points.values())


async def test_an_announcement_from_elsewhere_does_not_move_a_device_that_still_answers(bench):
    async with a_known_building(bench):
        bench.network.there = [WHERE, MOVED]
        bench.network.announces(MOVED)
        await passes(bench)
        assert EventKind.DUPLICATE_DEVICE in kinds(bench)
        assert EventKind.DEVICE_MOVED not in kinds(bench)
        assert bench.book.current.devices[AHU].ref == WHERE
        assert all(device.duplicate and device.quarantine for device in bench.book.current.devices.values())


async def test_another_device_that_has_taken_the_instance_of_a_lost_one_is_not_taken_for_it(bench):
    async with a_known_building(bench):
        bench.network.there = [MOVED]
        bench.network.changes(serial_number="008")
        bench.network.announces(MOVED)
        await passes(bench)
        assert kinds(bench) == [EventKind.DEVICE_FOUND, EventKind.DEVICE_REPLACED, EventKind.DEVICE_LOST]
        assert bench.book.current.devices[AHU].ref == WHERE
        (other,) = [device for device in bench.book.current.devices.values() if device.ref == MOVED]
        assert "another device" in other.quarantine


async def test_known_devices_that_announce_themselves_are_no_reason_to_look(bench):
    async with a_known_building(bench, *others(3)):
        bench.network.announces(*bench.network.there)
        await passes(bench, 2 * BETWEEN)
        assert bench.network.questions == []


async def test_who_announces_itself_out_of_the_range_that_is_searched_is_left_alone(bench):
    async with a_known_building(bench):
        bench.network.announces(replace(NEW, instance=2000))
        await passes(bench)
        assert bench.network.questions == []


async def test_a_flood_of_announcements_is_one_look_in_a_while_and_none_for_the_same_again(bench):
    async with a_known_building(bench):
        forged = [replace(NEW, address=f"10.9.{each // 250}.{each % 250}:47808") for each in range(2 * AT_ONCE)]
        looks = []
        for _ in range(STRANGER_AGAIN // LOOKED_OUT_EVERY):
            bench.network.announces(*forged[:AT_ONCE])
            before = len(bench.network.questions)
            await passes(bench)
            looks.append(len(bench.network.questions) - before)
        assert looks[0] == sum(looks) == 1
        for _ in range(BETWEEN // LOOKED_OUT_EVERY):
            bench.network.announces(*forged)
            await passes(bench)
        assert len(bench.network.questions) == 2


async def test_a_stranger_that_comes_soon_after_another_waits_for_the_next_look(bench):
    async with a_known_building(bench):
        first, second = others(2)
        bench.network.there += [first, second]
        bench.network.announces(first)
        await passes(bench)
        bench.network.announces(second)
        await passes(bench)
        assert second not in [device.ref for device in bench.book.current.devices.values()]
        await passes(bench, BETWEEN)
        assert second in [device.ref for device in bench.book.current.devices.values()]


async def test_answers_to_our_own_look_are_no_announcements(bench):
    async with a_known_building(bench):
        pass
    survey = await bench.start(every=None)
    async with look_under_way(bench):
        bench.network.announces(NEW)
    bench.network.questions.clear()
    with running(survey):
        await looked_out(bench)
        await passes(bench, 2 * BETWEEN)
    assert bench.network.questions == []


async def test_answers_to_a_small_look_are_no_announcements_either(bench):
    async with a_known_building(bench):
        who_is = bench.network.who_is

        async def all_shout(low, high, **how):
            bench.network.announces(*others(3))
            return await who_is(low, high, **how)

        bench.network.who_is = all_shout
        bench.network.announces(NEW)
        await passes(bench, 3 * BETWEEN)
        assert set(bench.network.questions) == {(300, 300)}


async def test_a_stranger_with_the_name_of_a_known_device_gets_an_id_of_its_own(bench):
    async with a_known_building(bench):
        namesake = replace(NEW, instance=1)  # it calls itself AHU-1
        bench.network.there.append(namesake)
        bench.network.announces(namesake)
        await passes(bench)
        assert bench.book.current.devices[AHU].ref == WHERE
        assert sorted(device.name for device in bench.book.current.devices.values()) == ["AHU-1", "AHU-1"]


async def test_a_lost_device_is_looked_for_once_in_a_while_until_it_answers(bench):
    async with a_known_building(bench, *others(3)):
        changes = bench.changes
        bench.network.there.remove(WHERE)
        bench.lost = [AHU]
        await passes(bench, 3 * LOST_AGAIN)
        assert bench.network.questions == [(100, 100)] * 3
        assert (bench.told, bench.changes) == ([], changes)  # others have told that it is lost
        bench.lost = []
        await passes(bench, 2 * LOST_AGAIN)
        assert len(bench.network.questions) == 3


async def test_a_lost_device_that_answers_from_another_address_has_moved(bench):
    async with a_known_building(bench):
        bench.network.there = [MOVED]
        bench.lost = [AHU]
        await passes(bench)
        assert kinds(bench) == [EventKind.DEVICE_MOVED]
        assert bench.book.current.devices[AHU].ref == MOVED


async def test_many_lost_devices_of_one_range_are_looked_for_in_one_who_is(bench):
    async with a_known_building(bench, *others(40)):
        bench.network.there = []
        bench.lost = list(bench.book.current.devices)
        await passes(bench)
        assert bench.network.questions == [(100, 239)]


async def test_a_lost_device_that_still_answers_where_it_was_is_left_to_who_lost_it(bench):
    async with a_known_building(bench):
        bench.lost = [AHU]
        bench.network.asked_for.clear()
        await passes(bench)
        assert bench.network.questions
        assert (bench.network.asked_for, bench.told) == ([], [])


async def test_what_is_looked_for_passes_over_a_clock_that_was_set_back(bench):
    async with a_known_building(bench):
        bench.network.there = []
        bench.lost = [AHU]
        await passes(bench)
        for sleeper in bench.clock._sleepers:
            sleeper[2].set()
        bench.clock._sleepers.clear()
        bench.clock.time -= timedelta(days=1)
        await looked_out(bench)
        assert len(bench.network.questions) == 2
