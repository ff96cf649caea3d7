"""What is not known of a point is not taken to be well: flags that could not be read, and answers that were lost."""

from __future__ import annotations

import pytest
from kept import DEADLINE, kept
from pretend import PretendDevice, a_point

from points.bacnet.port import Answer, Property
from points.errors import DeviceRefused, DeviceSilent, ProtocolError
from points.freshness.subscriptions import PROCESS
from points.model import PointId, Quality, StatusFlags
from points.passport import Passport, Passports

AWAY = False, True, False, True  # a fault, and out of service


class Torn(PretendDevice):
    """It loses the request that begins with what is lost, once."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: set[Property] = set()

    def value(self, wanted: Property) -> Answer:
        if wanted in self.lost:
            self.lost.clear()
            raise DeviceSilent("no answer")
        return super().value(wanted)


async def test_a_value_whose_flags_were_lost_on_the_way_is_not_said_to_be_unchanged() -> None:
    device = Torn()
    points = [a_point(device, number) for number in (1, 2, 3)]
    passports = Passports({device.ref: Passport(rpm_limit=3)})  # the second point's value and flags part there
    async with kept(device, points=points, passports=passports) as bench:
        await bench.clock.pass_(DEADLINE)
        device.has("analog-input", 2, present_value=99.0)
        device.lost.add(Property("analog-input", 2, "status-flags"))
        await bench.clock.pass_(2 * DEADLINE)
        assert not device.lost
        assert bench.reading("ahu-1/ai-2").value == 99.0


@pytest.mark.parametrize(
    "answer",
    [DeviceRefused("busy", "other"), DeviceRefused("no", "read-access-denied"), ProtocolError("garbage"), None, 4.0],
)
async def test_a_value_whose_flags_cannot_be_read_is_uncertain_until_they_can(answer: Answer) -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)]) as bench:
        device.has("analog-input", 1, status_flags=answer)
        await bench.clock.pass_(DEADLINE)
        doubtful = bench.reading()
        assert (doubtful.value, doubtful.quality, doubtful.reason) == (21.0, Quality.UNCERTAIN, "flags-unknown")
        device.has("analog-input", 1, status_flags=AWAY)
        await bench.clock.pass_(DEADLINE)
        assert bench.reading().flags == StatusFlags.FAULT | StatusFlags.OUT_OF_SERVICE
        assert bench.reading().reason == "out-of-service"


async def test_an_object_without_flags_is_good_and_not_asked_for_them_again() -> None:
    device = PretendDevice()
    point = a_point(device, 1)
    device.has("analog-input", 1, status_flags=DeviceRefused("no", "unknown-property"))
    async with kept(device, points=[point]) as bench:
        assert bench.reading().is_good
        device.reads.clear()
        await bench.clock.pass_(3 * DEADLINE)
        assert bench.reading().is_good
        assert (await bench.freshness.read_now(PointId("ahu-1/ai-1"))).is_good
        assert "status-flags" not in {name for _, _, name in device.reads}


@pytest.mark.parametrize("flags", [{}, {"status-flags": None}, {"status-flags": 0}])
async def test_a_notification_without_flags_makes_no_point_good_that_is_not(flags: dict[str, Answer]) -> None:
    device = PretendDevice()
    point = a_point(device, 1)
    device.has("analog-input", 1, status_flags=AWAY)
    device.first_notification_early = False
    async with kept(device, points=[point], serves_cov=True) as bench:
        assert bench.reading().reason == "out-of-service"
        polls = _polls(device)
        device.has("analog-input", 1, present_value=30.0)
        bench.bacnet.tell(device, PROCESS, "analog-input", 1, {"present-value": 30.0, **flags})  # type: ignore[dict-item]
        assert bench.reading().quality is Quality.BAD
        await bench.clock.pass_(1)
        assert (bench.reading().value, bench.reading().reason) == (30.0, "out-of-service")
        assert _polls(device) == polls + 1


async def test_a_device_that_never_tells_flags_is_polled_once_for_many_notifications() -> None:
    device = PretendDevice()
    point = a_point(device, 1)
    device.first_notification_early = False
    async with kept(device, points=[point], serves_cov=True) as bench:
        polls = _polls(device)
        for step in range(100):
            device.has("analog-input", 1, present_value=float(step))
            bench.bacnet.tell(device, PROCESS, "analog-input", 1, {"present-value": float(step)})
        await bench.clock.pass_(1)
        assert bench.reading().value == 99.0
        assert bench.reading().is_good
        assert _polls(device) <= polls + 2


async def test_a_notification_of_an_object_without_flags_is_taken_as_it_is() -> None:
    device = PretendDevice()
    point = a_point(device, 1)
    device.has("analog-input", 1, status_flags=DeviceRefused("no", "unknown-property"))
    async with kept(device, points=[point], serves_cov=True) as bench:
        polls = _polls(device)
        bench.bacnet.tell(device, PROCESS, "analog-input", 1, {"present-value": 30.0})
        assert bench.reading().value == 30.0
        assert bench.reading().is_good
        await bench.clock.pass_(1)
        assert _polls(device) == polls


def _polls(device: PretendDevice) -> int:
    return sum(name == "present-value" for _, _, name in device.reads)
