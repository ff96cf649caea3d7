"""Event state becomes quality: an object in alarm is asked whether it is a fault, and nobody else is."""

from __future__ import annotations

from kept import DEADLINE, Bench, kept
from pretend import FINE, PretendDevice, a_point

from points.bacnet.port import Datum
from points.errors import DeviceRefused
from points.freshness.subscriptions import PROCESS
from points.model import PointId, Quality, StatusFlags

ALARM = (True, False, False, False)
FAULT = (False, True, False, False)
OVERRIDDEN = (False, False, True, False)
PERIOD = DEADLINE / 2


def asked(device: PretendDevice) -> list[str]:
    names = [name for object_type, _, name in device.reads if object_type == "analog-input"]
    device.reads.clear()
    return names


def worth(bench: Bench) -> tuple[Quality, str]:
    reading = bench.reading()
    return reading.quality, reading.reason


async def test_an_object_whose_event_state_is_fault_has_no_good_value() -> None:
    device = PretendDevice()
    points = [a_point(device, 1)]
    device.has("analog-input", 1, status_flags=ALARM, event_state="fault")
    async with kept(device, points=points) as bench:
        await bench.clock.pass_(1)
        assert worth(bench) == (Quality.BAD, "fault")
        assert bench.reading().flags == StatusFlags.IN_ALARM
        await bench.clock.pass_(4 * PERIOD)
        assert worth(bench) == (Quality.BAD, "fault")
        device.has("analog-input", 1, status_flags=FINE, event_state="normal")
        await bench.clock.pass_(PERIOD)
        assert worth(bench) == (Quality.GOOD, "")


async def test_an_alarm_alone_takes_nothing_from_a_value() -> None:
    device = PretendDevice()
    points = [a_point(device, 1)]
    device.has("analog-input", 1, status_flags=ALARM, event_state="high-limit")
    async with kept(device, points=points) as bench:
        await bench.clock.pass_(2 * PERIOD)
        assert worth(bench) == (Quality.GOOD, "")
        assert bench.reading().flags == StatusFlags.IN_ALARM


async def test_event_state_is_asked_of_who_is_in_trouble_and_with_the_value() -> None:
    device = PretendDevice()
    points = [a_point(device, 1)]
    device.has("analog-input", 1, event_state="normal", reliability="no-fault-detected")
    async with kept(device, points=points) as bench:
        await bench.clock.pass_(2 * PERIOD)
        device.has("analog-input", 1, status_flags=OVERRIDDEN)
        await bench.clock.pass_(2 * PERIOD)
        assert set(asked(device)) == {"present-value", "status-flags"}
        device.has("analog-input", 1, status_flags=ALARM)
        await bench.clock.pass_(PERIOD)
        assert asked(device)[-3:] == ["present-value", "status-flags", "event-state"]  # at once, and not a period later
        device.has("analog-input", 1, status_flags=FAULT)
        await bench.clock.pass_(2 * PERIOD)
        asked(device)
        requests = len(device.requests)
        await bench.clock.pass_(PERIOD)
        assert asked(device) == ["present-value", "status-flags", "reliability", "event-state"]
        assert len(device.requests) == requests + 1
        device.has("analog-input", 1, status_flags=FINE)
        await bench.clock.pass_(PERIOD)
        asked(device)
        await bench.clock.pass_(PERIOD)
        assert asked(device) == ["present-value", "status-flags"]


async def test_an_object_without_an_event_state_is_asked_for_it_once() -> None:
    device = PretendDevice()
    points = [a_point(device, 1)]
    device.has("analog-input", 1, status_flags=ALARM)
    async with kept(device, points=points) as bench:
        await bench.clock.pass_(10 * PERIOD)
        assert worth(bench) == (Quality.GOOD, "")
        assert asked(device).count("event-state") == 1
        for flags in (FINE, FAULT):
            device.has("analog-input", 1, status_flags=flags)
            await bench.clock.pass_(2 * PERIOD)
        names = asked(device)
        assert ("event-state" in names, "reliability" in names) == (False, True)


async def test_an_event_state_that_cannot_be_told_just_now_is_asked_again() -> None:
    device = PretendDevice()
    points = [a_point(device, 1)]
    device.has("analog-input", 1, status_flags=ALARM, event_state=DeviceRefused("busy", "other"))
    async with kept(device, points=points) as bench:
        await bench.clock.pass_(2 * PERIOD)
        device.has("analog-input", 1, event_state="fault")
        await bench.clock.pass_(PERIOD)
        assert worth(bench) == (Quality.BAD, "fault")


async def test_a_notification_of_an_object_in_alarm_is_asked_whether_it_is_a_fault() -> None:
    device = PretendDevice()
    points = [a_point(device, 1)]
    device.has("analog-input", 1, event_state="normal")
    async with kept(device, points=points, serves_cov=True) as bench:
        await bench.clock.pass_(5)
        device.has("analog-input", 1, event_state="fault")
        bench.bacnet.notify(device, "analog-input", 1, status_flags=ALARM)
        await bench.clock.pass_(1)
        assert worth(bench) == (Quality.BAD, "fault")
        bench.bacnet.notify(device, "analog-input", 1, present_value=30.0)
        assert (bench.reading().value, *worth(bench)) == (30.0, Quality.BAD, "fault")  # until a poll says otherwise
        device.has("analog-input", 1, event_state="high-limit")
        told: dict[str, Datum] = {"present-value": 31.0, "status-flags": ALARM, "event-state": "high-limit"}
        bench.bacnet.tell(device, PROCESS, "analog-input", 1, told)
        assert worth(bench) == (Quality.GOOD, "")
        bench.bacnet.notify(device, "analog-input", 1, status_flags=FINE)
        assert worth(bench) == (Quality.GOOD, "")


async def test_what_is_read_for_a_command_knows_the_event_state_too() -> None:
    device = PretendDevice()
    points = [a_point(device, 1)]
    device.has("analog-input", 1, status_flags=ALARM, event_state="fault")
    async with kept(device, points=points) as bench:
        await bench.clock.pass_(1)
        reading = await bench.freshness.read_now(PointId("ahu-1/ai-1"))
        assert (reading.quality, reading.reason) == (Quality.BAD, "fault")
