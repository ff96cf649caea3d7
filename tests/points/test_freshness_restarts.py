"""A device that was restarted is noticed once, however it shows; one that was asked for is not."""

from __future__ import annotations

import pytest
from kept import DEADLINE, Bench, kept
from pretend import PretendDevice, a_point

from points.bacnet.port import Answer, Datum, Property
from points.errors import DeviceRefused, DeviceSilent
from points.freshness.pulse import EVERY, FIRST_AFTER, RESTARTED_AGAIN, SUSPECTED_AGAIN
from points.freshness.work import RESTARTED_TOGETHER
from points.model import EventKind
from points.passport import Oddity

BASELINE = FIRST_AFTER + EVERY  # seconds after which a device has been felt for the first time


def a_controller(**properties: Answer) -> PretendDevice:
    device = PretendDevice()
    told: dict[str, Answer] = {"time_of_device_restart": "monday", "database_revision": 7}
    device.has("device", 1, **(told | properties))
    return device


def announce_restart(bench: Bench, device: PretendDevice) -> None:
    told: dict[str, Datum] = {"system-status": "operational", "last-restart-reason": "coldstart"}
    bench.bacnet.tell(device, 0, "device", device.ref.instance, told)


def restarts(bench: Bench) -> int:
    return bench.kinds().count(EventKind.DEVICE_RESTARTED)


async def test_a_restart_shows_in_its_time_and_is_told_once() -> None:
    device = a_controller()
    points = [a_point(device, 1), a_point(device, 2)]
    async with kept(device, points=points, serves_cov=True) as bench:
        await bench.clock.pass_(BASELINE)
        bench.bacnet.restart(device, "tuesday")
        await bench.clock.pass_(EVERY)
        assert restarts(bench) == 1
        assert len(device.subscriptions) == 2
        assert bench.status().restarts == 1
        assert Oddity.RESTARTS in bench.passports.of(device.ref).oddities
        await bench.clock.pass_(2 * EVERY)
        assert restarts(bench) == 1


async def test_a_device_that_tells_of_its_restart_is_believed_once() -> None:
    device = a_controller()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        await bench.clock.pass_(BASELINE)
        bench.bacnet.restart(device, "tuesday")
        device.has("analog-input", 1, present_value=40.0)
        for _ in range(3):
            announce_restart(bench, device)
            bench.bacnet.announce(device)
            await bench.clock.pass_(1)
        await bench.clock.pass_(RESTARTED_TOGETHER)
        assert restarts(bench) == 1
        assert device.subscriptions
        assert bench.reading().value == 40.0
        await bench.clock.pass_(RESTARTED_AGAIN + EVERY)
        assert restarts(bench) == 1


async def test_a_forged_word_of_a_restart_is_found_out() -> None:
    device = a_controller()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        await bench.clock.pass_(BASELINE)
        device.requests.clear()
        announce_restart(bench, device)
        await bench.clock.pass_(5)
        assert restarts(bench) == 0
        assert device.requests == ["read_many"]


async def test_a_device_that_repeats_its_word_of_a_restart_is_not_read_each_time() -> None:
    device = a_controller()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        await bench.clock.pass_(BASELINE)
        before = _felt(device)
        for _ in range(20):
            announce_restart(bench, device)
            await bench.clock.pass_(1)
        assert _felt(device) == before + 1
        bench.bacnet.restart(device, "tuesday")
        announce_restart(bench, device)
        await bench.clock.pass_(SUSPECTED_AGAIN)
        assert restarts(bench) == 1  # put off, and not forgotten


async def test_a_word_of_a_restart_after_an_i_am_is_not_put_off() -> None:
    device = a_controller()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        await bench.clock.pass_(BASELINE)
        bench.bacnet.announce(device)
        await bench.clock.pass_(1)
        bench.bacnet.restart(device, "tuesday")
        announce_restart(bench, device)
        await bench.clock.pass_(1)
        assert restarts(bench) == 1


def _felt(device: PretendDevice) -> int:
    return sum(name == "time-of-device-restart" for _, _, name in device.reads)


async def test_a_device_without_a_time_of_restart_is_believed_what_it_tells() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        await bench.clock.pass_(30)
        bench.bacnet.restart(device, None)
        announce_restart(bench, device)
        announce_restart(bench, device)
        await bench.clock.pass_(5)
        announce_restart(bench, device)
        await bench.clock.pass_(5)
        assert restarts(bench) == 1
        assert device.subscriptions


async def test_an_i_am_is_no_restart() -> None:
    device = a_controller()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        await bench.clock.pass_(BASELINE)
        device.requests.clear()
        for _ in range(10):
            bench.bacnet.announce(device)
            await bench.clock.pass_(1)
        assert restarts(bench) == 0
        assert device.requests.count("subscribe") == 0  # its time of restart is what it was


async def test_an_i_am_after_a_restart_is_noticed_at_once() -> None:
    device = a_controller()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        await bench.clock.pass_(BASELINE)
        bench.bacnet.restart(device, "tuesday")
        bench.bacnet.announce(device)
        await bench.clock.pass_(1)
        assert restarts(bench) == 1
        assert device.subscriptions


async def test_a_device_that_was_away_is_asked_whether_it_was_restarted() -> None:
    device = a_controller()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        await bench.clock.pass_(BASELINE)
        device.silent = True
        await bench.clock.pass_(EVERY / 3)
        device.silent = False
        bench.bacnet.restart(device, "tuesday")
        await bench.clock.pass_(90)
        assert bench.kinds() == [EventKind.DEVICE_LOST, EventKind.DEVICE_BACK, EventKind.DEVICE_RESTARTED]
        assert device.subscriptions


async def test_a_changed_configuration_is_told_to_who_discovers() -> None:
    device = a_controller()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True, database_revision=7) as bench:
        await bench.clock.pass_(BASELINE)
        assert bench.revised == []
        device.has("device", 1, database_revision=8)
        device.subscriptions.clear()
        await bench.clock.pass_(EVERY)
        assert bench.revised == ["ahu-1"]
        assert device.subscriptions
        assert restarts(bench) == 0
        await bench.clock.pass_(2 * EVERY)
        assert bench.revised == ["ahu-1"]


async def test_a_configuration_changed_while_we_were_away_is_told_too() -> None:
    device = a_controller()
    async with kept(device, points=[a_point(device, 1)], database_revision=6) as bench:
        await bench.clock.pass_(BASELINE)
        assert bench.revised == ["ahu-1"]


async def test_what_a_device_refuses_once_is_not_asked_for_again() -> None:
    device = a_controller(time_of_device_restart=DeviceRefused("no", "unknown-property"))
    async with kept(device, points=[a_point(device, 1)]) as bench:
        await bench.clock.pass_(BASELINE)
        device.reads.clear()
        await bench.clock.pass_(5 * EVERY)
        names = [name for object_type, _, name in device.reads if object_type == "device"]
        assert names == ["system-status", "database-revision"] * 5


async def test_a_device_that_does_not_answer_this_is_still_polled(monkeypatch: pytest.MonkeyPatch) -> None:
    device = a_controller()
    async with kept(device, points=[a_point(device, 1)]) as bench:
        value = device.value

        def swallows(wanted: Property) -> Answer:
            if wanted.name == "time-of-device-restart":
                raise DeviceSilent("no answer")
            return value(wanted)

        monkeypatch.setattr(device, "value", swallows)
        device.requests.clear()
        for _ in range(int(BASELINE / 10)):
            await bench.clock.pass_(10)
            assert bench.reading().is_good
        assert bench.told == []
        assert len(device.requests) <= BASELINE / DEADLINE * 2 + 4


NAMEPLATE = {"object_name": "AHU-1", "vendor_name": "Acme", "model_name": "X1", "serial_number": "007"}


async def test_another_device_at_the_same_address_is_told_when_it_is_felt() -> None:
    device = a_controller(**NAMEPLATE)
    points = [a_point(device, 1)]
    async with kept(device, points=points, vendor="Acme", model="X1", serial="007") as bench:
        await bench.clock.pass_(BASELINE)
        assert bench.identities == []
        device.has("device", 1, serial_number="008")  # and the same Database_Revision
        await bench.clock.pass_(2 * EVERY)
        told = {"object-name": "AHU-1", "vendor-name": "Acme", "model-name": "X1", "serial-number": "008"}
        assert bench.identities == [("ahu-1", told)]


async def test_a_device_that_announces_itself_is_asked_who_it_is() -> None:
    device = a_controller(**NAMEPLATE)
    points = [a_point(device, 1)]
    async with kept(device, points=points, vendor="Acme", model="X1", serial="007") as bench:
        await bench.clock.pass_(BASELINE)
        device.has("device", 1, vendor_name="Other")
        bench.bacnet.announce(device)
        await bench.clock.pass_(1)
        assert [told["vendor-name"] for _, told in bench.identities] == ["Other"]


async def test_what_a_device_does_not_tell_of_itself_is_asked_once() -> None:
    device = a_controller(object_name="AHU-1")
    async with kept(device, points=[a_point(device, 1)]) as bench:
        await bench.clock.pass_(BASELINE + 2 * EVERY)
        assert bench.identities == []
        assert {"vendor-name", "model-name", "serial-number"} <= bench.passports.of(device.ref).lacks
