"""Many devices at once: nobody waits for the dead, a dead trunk is left in peace, and nothing bursts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import pytest
from kept import DEADLINE, Bench, kept
from pretend import START, PretendDevice, a_point

from points.bacnet.port import Answer, Query
from points.errors import ProtocolError
from points.freshness.liveness import LONGEST_RETRY
from points.freshness.trunks import RESUMED_WITHIN
from points.model import EventKind, Point, PointId, Quality, Source


def controllers(count: int, *, network: int = 0) -> tuple[list[PretendDevice], list[Point]]:
    devices = [
        PretendDevice(number, address=f"10.0.0.{number}:47808", network=network) for number in range(1, count + 1)
    ]
    return devices, [a_point(device, 1, f"dev-{device.ref.instance}") for device in devices]


def taking(bench: Bench, seconds: float) -> Callable[[], Awaitable[None]]:
    async def think() -> None:
        await bench.clock.sleep(seconds)

    return think


async def test_a_dead_and_a_slow_device_cost_the_other_ninety_eight_nothing() -> None:
    devices, points = controllers(100)
    devices[0].silent = True
    async with kept(*devices, points=points, deadline=10.0) as bench:
        devices[0].takes = taking(bench, 6.0)  # a time-out and its repetition
        devices[1].takes = taking(bench, 2.0)
        for _ in range(60):
            await bench.clock.pass_(1)
            for point in points[2:]:
                reading = bench.reading(point.id)
                assert reading.is_good
                assert bench.clock.now() - reading.time <= timedelta(seconds=10)
        assert bench.reading("dev-2/ai-1").is_good
        assert bench.reading("dev-1/ai-1").quality is Quality.BAD
        assert bench.status("dev-1").status == "offline"


async def test_a_network_that_fell_silent_is_asked_one_device_at_a_time() -> None:
    devices, points = controllers(30, network=12)
    async with kept(*devices, points=points) as bench:
        await bench.clock.pass_(60)
        for device in devices:
            device.silent = True
        await bench.clock.pass_(DEADLINE + 300)
        assert bench.kinds().count(EventKind.DEVICE_LOST) == 30
        for device in devices:
            device.requests.clear()
        await bench.clock.pass_(1800)
        asked = [device for device in devices if device.requests]
        assert 20 <= sum(len(device.requests) for device in devices) <= 1800 / LONGEST_RETRY + 2
        assert len(asked) > 1  # not always the same: it might be the dead one


async def test_a_network_that_is_back_is_asked_at_once_but_not_in_one_burst() -> None:
    devices, points = controllers(30, network=12)
    async with kept(*devices, points=points) as bench:
        for device in devices:
            device.silent = True
        await bench.clock.pass_(900)
        for device in devices:
            device.silent = False
            device.requests.clear()
        while not any(device.requests for device in devices):
            await bench.clock.pass_(1)
        assert sum(bool(device.requests) for device in devices) <= 15
        await bench.clock.pass_(RESUMED_WITHIN + 5)
        assert all(bench.reading(point.id).is_good for point in points)
        assert bench.kinds().count(EventKind.DEVICE_BACK) == 30


async def test_a_word_from_one_device_opens_the_whole_network() -> None:
    devices, points = controllers(10, network=12)
    async with kept(*devices, points=points) as bench:
        for device in devices:
            device.silent = True
        await bench.clock.pass_(900)
        for device in devices:
            device.silent = False
        bench.bacnet.announce(devices[4])
        await bench.clock.pass_(RESUMED_WITHIN + 5)
        assert all(bench.reading(point.id).is_good for point in points)


async def test_two_silent_devices_of_a_network_are_two_silent_devices() -> None:
    devices, points = controllers(10, network=12)
    async with kept(*devices, points=points) as bench:
        for device in devices[:5]:
            device.silent = True
        await bench.clock.pass_(300)
        for device in devices:
            device.requests.clear()
        await bench.clock.pass_(1800)
        assert all(len(device.requests) >= 1800 / LONGEST_RETRY / 1.5 for device in devices[:5])


async def test_the_local_network_has_no_router_that_could_fail() -> None:
    devices, points = controllers(5)
    async with kept(*devices, points=points) as bench:
        for device in devices:
            device.silent = True
        await bench.clock.pass_(300)
        for device in devices:
            device.requests.clear()
        await bench.clock.pass_(1800)
        assert all(len(device.requests) >= 1800 / LONGEST_RETRY / 1.5 for device in devices)


async def test_at_the_start_every_point_is_polled_once_the_most_urgent_first_and_then_subscribed_to() -> None:
    device = PretendDevice()
    points = [a_point(device, number) for number in range(1, 201)]

    def deadline(point: Point) -> float:
        return 60.0 if point.ref.instance <= 100 else 10.0

    async with kept(device, points=points, deadline=deadline, serves_cov=True) as bench:
        await bench.clock.pass_(1)
        polled = [instance for _, instance, name in device.reads if name == "present-value"]
        first = list(dict.fromkeys(polled))
        assert set(first[:100]) == set(range(101, 201))
        assert set(first[100:]) == set(range(1, 101))
        unpolled = device.requests[: device.requests.index("subscribe")]
        assert unpolled.count("read_many") >= 200 * 2 / 28  # what fits into 480 octets
        assert all(bench.clock.now() - bench.reading(point.id).time <= timedelta(seconds=1) for point in points)
        assert len(device.subscriptions) < 100  # between the polls, and not in one burst
        await bench.clock.pass_(20)
        assert len(device.subscriptions) == 200


async def test_a_device_slower_than_its_period_is_not_asked_twice_in_a_row_for_what_it_missed() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)], deadline=10.0) as bench:
        await bench.clock.pass_(20)
        phase = bench.reading().time.timestamp() % 5
        device.takes = taking(bench, 7.0)
        await bench.clock.pass_(100)
        device.takes = None
        await bench.clock.pass_(10)
        late = bench.status().late
        assert 8 <= late <= 12
        device.requests.clear()
        await bench.clock.pass_(50)
        assert len(device.requests) == 10  # and nothing of what was missed
        assert bench.status().late == late
        assert bench.reading().time.timestamp() % 5 == pytest.approx(phase, abs=1e-3)


async def test_an_unchanged_reply_makes_every_reading_young_again(monkeypatch: pytest.MonkeyPatch) -> None:
    device = PretendDevice()
    points = [a_point(device, number) for number in range(1, 41)]
    async with kept(device, points=points) as bench:
        await bench.clock.pass_(31)
        before = [bench.reading(point.id) for point in points]
        answers: list[Sequence[Answer]] = []
        read_many = bench.bacnet.read_many

        async def note(query: Query) -> Sequence[Answer]:
            answers.append(await read_many(query))
            return answers[-1]

        monkeypatch.setattr(bench.bacnet, "read_many", note)
        device.has("analog-input", 7, present_value=99.0)
        await bench.clock.pass_(60)
        after = [bench.reading(point.id) for point in points]
        assert len({id(some) for some in answers}) < len(answers)  # some were the very same
        assert [reading.value for reading in after] == [27.0 + 72.0 if n == 7 else 20.0 + n for n in range(1, 41)]
        assert all(
            later.time > earlier.time and later.at == later.time for earlier, later in zip(before, after, strict=True)
        )


async def test_what_was_told_between_two_equal_replies_does_not_stay() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)], deadline=20.0, serves_cov=True) as bench:
        await bench.clock.pass_(11)
        bench.bacnet.notify(device, "analog-input", 1, present_value=50.0)
        device.has("analog-input", 1, present_value=21.0)
        assert bench.reading().value == 50.0
        await bench.clock.pass_(10)
        assert (bench.reading().value, bench.reading().source) == (21.0, Source.POLL)


async def test_what_had_become_stale_is_good_again_though_the_reply_is_the_same() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1), a_point(device, 2)]) as bench:
        await bench.clock.pass_(31)
        device.silent = True
        await bench.clock.pass_(2 * DEADLINE)
        assert bench.reading().quality is Quality.STALE
        device.silent = False
        await bench.clock.pass_(70)
        assert bench.reading().is_good
        device.silent = True
        await bench.clock.pass_(DEADLINE + 5)
        assert bench.reading().quality is Quality.STALE  # its age is watched as before


async def test_what_went_offline_is_watched_again_once_it_answers() -> None:
    device = PretendDevice()
    points = [a_point(device, 1), a_point(device, 2)]
    device.has("analog-input", 2, present_value=float("nan"))
    async with kept(device, points=points) as bench:
        for _ in range(2):
            await bench.clock.pass_(61)
            device.silent = True
            await bench.clock.pass_(4 * DEADLINE)
            assert [bench.reading(point.id).reason for point in points] == ["offline", "offline"]
            device.silent = False
            await bench.clock.pass_(120)
            assert [bench.reading(point.id).reason for point in points] == ["", "nan"]


async def test_a_point_with_a_protocol_error_is_counted_each_time() -> None:
    device = PretendDevice()
    points = [a_point(device, 1), a_point(device, 2)]
    device.has("analog-input", 1, present_value=ProtocolError("nonsense"))
    async with kept(device, points=points) as bench:
        await bench.clock.pass_(300)
        assert bench.freshness.protocol_errors[points[0].device] >= 10
        assert bench.reading("ahu-1/ai-2").is_good
        assert bench.store.get(PointId("ahu-1/ai-1")) is not None
        assert bench.clock.now() > START
