"""The virtual hospital is the one that is met on the network, and its time is kept by nobody but its events."""

import asyncio
import pickle
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from facility.accelerated.hospital import Refused, VirtualHospital
from facility.accelerated.network import VirtualNetwork
from facility.accelerated.timeline import NobodyLeft, VirtualClock, VirtualLoop, VirtualWakeups
from facility.simulation.process import free_port, simulated_hospital
from points.bacnet.port import Property
from points.bacnet.stack import StackSettings, open_stack
from points.catalog import Catalog
from points.discovery import DiscoveryPlan, discover, plain
from points.errors import DeviceRefused
from points.model import DeviceRef, Ref

CHICAGO = ZoneInfo("America/Chicago")
START = datetime(2027, 1, 11, 8, tzinfo=CHICAGO)
OFFICE = "VAV-2-01"
ONE_OF_EACH = (10001, 10011, 10022, 10033, 10041, 10042, 10101, 10121, 10151)  # makes, object types and quirks
PLAN = DiscoveryPlan(
    ranges=tuple((number, number) for number in ONE_OF_EACH), passes=1, first_wait=0.5, who_is_per_minute=6000
)


def looked_at(bacnet):
    return discover(bacnet, PLAN, Catalog(), describe=plain, progress=lambda _: None, now=START)


async def on_the_network():
    async with simulated_hospital() as hospital:
        settings = StackSettings(
            address=f"127.0.0.1/8:{free_port()}", instance=999, name="looks", foreign=hospital.bbmd, foreign_ttl=60
        )
        async with open_stack(settings) as stack:
            return await looked_at(stack)


@pytest.fixture
def office():
    return VirtualHospital(START, CHICAGO, devices=[OFFICE])


@pytest.fixture
def loop():
    made = VirtualLoop()
    yield made
    made.close()


def test_its_catalog_is_that_of_the_network(loop):
    network = VirtualNetwork(VirtualHospital(START, CHICAGO), VirtualClock(loop, START))
    virtual = loop.run_until_complete(looked_at(network)).catalog
    real = asyncio.run(on_the_network()).catalog
    assert len(real.devices) == len(ONE_OF_EACH)
    assert dict(virtual.devices) == dict(real.devices)
    assert dict(virtual.points) == dict(real.points)
    for device in real.devices:  # whoever answers first is read first; of one device, the order counts
        assert virtual.points_of(device) == real.points_of(device)


def test_it_lives_on_from_where_it_was_kept(office):
    office.until(START + timedelta(minutes=5), 1.0)
    office.write(OFFICE, "heating-setpoint", 17.0, 15, office.instant)
    kept = pickle.loads(pickle.dumps(office))
    for each in (office, kept):
        each.until(START + timedelta(minutes=10), 1.0)
    (one,), (other,) = office.units.values(), kept.units.values()
    assert one.shown == other.shown
    assert one.now["heating-setpoint"] == other.now["heating-setpoint"] == 17.0
    assert kept.writes == office.writes


def test_its_people_go_by_the_clock_on_the_wall(office):
    spring = VirtualHospital(datetime(2027, 3, 14, 1, 59, tzinfo=CHICAGO), CHICAGO, devices=[OFFICE])
    spring.until(spring.instant + timedelta(minutes=2), 10.0)
    assert spring.site.now.strftime("%H:%M %z") == "03:01 -0500"


def test_a_priority_array_of_its_own(office):
    unit = office.units[OFFICE]
    office.write(OFFICE, "heating-setpoint", 18.0, 15, START)
    office.write(OFFICE, "heating-setpoint", 21.0, 8, START)
    assert unit.value("heating-setpoint") == 21.0
    office.write(OFFICE, "heating-setpoint", None, 8, START)
    assert unit.value("heating-setpoint") == 18.0
    office.write(OFFICE, "heating-setpoint", None, 15, START)
    assert unit.value("heating-setpoint") == 20.0  # its relinquish default
    for role, value, code in (
        ("heating-setpoint", 99.0, "value-out-of-range"),
        ("heating-setpoint", float("nan"), "value-out-of-range"),
        ("zone-temperature", 20.0, "write-access-denied"),
    ):
        with pytest.raises(Refused, match=code):
            office.write(OFFICE, role, value, 15, START)
    assert unit.value("heating-setpoint") == 20.0


def test_a_held_output_is_not_what_its_own_controller_asks_for(office):
    unit = office.units[OFFICE]
    office.step(1.0)
    asked = unit.value("damper")
    office.write(OFFICE, "damper", 90.0, 15, START)
    office.step(1.0)
    assert unit.value("damper") == 90.0
    office.write(OFFICE, "damper", None, 15, START)
    assert unit.value("damper") == pytest.approx(asked, abs=1.0)


def test_what_is_not_there_is_refused(loop, office):
    network = VirtualNetwork(office, VirtualClock(loop, START))
    device = DeviceRef(network=10, address="101", instance=10101)
    with pytest.raises(DeviceRefused) as refused:
        loop.run_until_complete(network.read(device, Property("analog-input", 77, "present-value")))
    assert refused.value.code == "unknown-object"
    with pytest.raises(DeviceRefused) as refused:
        loop.run_until_complete(network.write(Ref(device=device, object_type="analog-input", instance=1), 3.0, 15))
    assert refused.value.code == "write-access-denied"


def test_time_jumps_to_exactly_the_next_moment(loop):
    clock = VirtualClock(loop, START)
    woken = []

    async def sleeper(seconds):
        await clock.sleep(seconds)
        woken.append(clock.now() - START)

    async def all_of_them():
        await asyncio.gather(sleeper(604_800), sleeper(0.1), sleeper(86_400.000_001))

    loop.run_until_complete(all_of_them())
    assert woken == [timedelta(seconds=0.1), timedelta(days=1, microseconds=1), timedelta(weeks=1)]


def test_wakeups_wake_at_their_instant_and_when_rung(loop):
    clock = VirtualClock(loop, START)

    async def waits():
        async with VirtualWakeups(clock) as wakeups:
            assert await wakeups.wait(START + timedelta(seconds=7), 60.0) is None
            assert clock.now() == START + timedelta(seconds=7)
            await wakeups.wait(None, 60.0)
            assert clock.now() == START + timedelta(seconds=67)
            loop.call_later(3.0, wakeups.ring)
            await wakeups.wait(START + timedelta(days=1), 60.0)
            return clock.now()

    assert loop.run_until_complete(waits()) == (START + timedelta(seconds=70)).astimezone(UTC)


def test_a_wait_for_nobody_is_told(loop):
    with pytest.raises(NobodyLeft):
        loop.run_until_complete(asyncio.Event().wait())
