"""Subscriptions: to what matters most, as many as the device bears, and never believed blindly."""

from __future__ import annotations

from datetime import timedelta

import pytest
from kept import DEADLINE, Bench, kept
from pretend import FINE, START, PretendDevice, a_point

from points.bacnet.port import Datum
from points.catalog import Catalog
from points.errors import DeviceSilent
from points.freshness.states import COV_DEADLINE, CRITICAL_DEADLINE
from points.freshness.subscriptions import (
    LAPSES,
    LIFETIME,
    LONGEST_BREATH,
    PROCESS,
    RETRY_CROWDED,
    RETRY_REFUSED,
    TRUSTED_AGAIN,
    renewed_after,
)
from points.model import DeviceId, EventKind, Point, PointId, Quality, Ref, Source
from points.passport import Oddity, Passport, Passports

RENEWED = renewed_after(DeviceId("ahu-1"))


def known(device: PretendDevice, **fields: object) -> Passports:
    return Passports({device.ref: Passport(**fields)})  # type: ignore[arg-type]  # each field by its name


def urgent(point: Point) -> float:
    """The higher its instance the more urgent a point."""
    return DEADLINE - point.ref.instance


def subscribed(device: PretendDevice) -> set[int]:
    return {instance for _, instance in device.subscriptions}


async def test_a_notification_that_nobody_asked_for_is_no_reading() -> None:
    device = PretendDevice()
    points = [a_point(device, 1), a_point(device, 2)]
    async with kept(device, points=points, passports=known(device, cov_slots=1), serves_cov=True) as bench:
        for process, instance in ((PROCESS + 1, 1), (0, 1), (PROCESS, 2)):
            told: dict[str, Datum] = {"present-value": 99.0, "status-flags": FINE}
            bench.bacnet.tell(device, process, "analog-input", instance, told)
        assert [bench.reading(point.id).value for point in points] == [21.0, 22.0]
        assert bench.status().strange == 2  # of processes that are not ours
        bench.bacnet.tell(device, PROCESS, "analog-input", 1, {"present-value": 25.0, "status-flags": FINE})
        assert bench.reading().value == 25.0


async def test_a_forged_notification_is_no_sign_of_life() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        device.silent = True
        for _ in range(int(3 * DEADLINE)):
            await bench.clock.pass_(1)
            bench.bacnet.tell(device, 7, "analog-input", 1, {"present-value": 21.0})
        assert bench.status().status == "offline"


async def test_the_most_urgent_points_get_the_places_that_there_are() -> None:
    device = PretendDevice()
    points = [a_point(device, number) for number in range(1, 6)]
    passports = known(device, cov_slots=2)
    async with kept(device, points=points, deadline=urgent, passports=passports, serves_cov=True) as bench:
        await bench.clock.pass_(2 * LIFETIME)
        assert subscribed(device) == {4, 5}
        assert device.requests.count("subscribe") <= 2 * 5  # these two and their renewals: not one beyond
        assert all(bench.reading(point.id).is_good for point in points)
        bench.clock.jump(RETRY_REFUSED)
        await bench.clock.pass_(60)
        assert subscribed(device) == {1, 2, 3, 4, 5}
        assert passports.of(device.ref).cov_slots == 5


async def test_no_cov_where_it_was_not_served() -> None:
    device = PretendDevice()
    device.cov_room, device.cov_error = 0, "unrecognized-service"
    points = [a_point(device, number) for number in range(1, 4)]
    async with kept(device, points=points, serves_cov=True) as bench:
        assert device.requests.count("subscribe") == 1
        passports = bench.passports
    device.requests.clear()
    async with kept(device, points=points, passports=passports, serves_cov=True) as bench:
        await bench.clock.pass_(900)
        assert "subscribe" not in device.requests
        assert EventKind.COV_REFUSED not in bench.kinds()


async def test_the_site_says_how_many_subscriptions_there_are() -> None:
    device = PretendDevice()
    points = [a_point(device, number) for number in range(1, 6)]
    passports = Passports(overrule=lambda _: {"cov_slots": 3})
    async with kept(device, points=points, passports=passports, serves_cov=True) as bench:
        bench.clock.jump(2 * RETRY_REFUSED)
        await bench.clock.pass_(60)
        assert bench.status().cov == 3
        assert len(device.subscriptions) == 3


async def test_a_new_and_more_urgent_point_gets_the_place_of_another() -> None:
    device = PretendDevice()
    device.cov_room = 2
    points = [a_point(device, 1), a_point(device, 2)]
    passports = known(device, cov_slots=2)
    async with kept(device, points=points, deadline=urgent, passports=passports, serves_cov=True) as bench:
        assert subscribed(device) == {1, 2}
        catalog = bench.book.current
        bench.book.replace(Catalog.of(catalog.devices.values(), [*points, a_point(device, 3)]))
        await bench.clock.pass_(5)
        assert passports.of(device.ref).cov_slots == 2
        while ("analog-input", 1) in device.subscriptions:  # what is not renewed runs out
            await bench.clock.pass_(10)
            if bench.clock.now() - START > timedelta(seconds=LIFETIME):
                del device.subscriptions["analog-input", 1]
        await bench.clock.pass_(RETRY_CROWDED)
        assert subscribed(device) == {2, 3}
        assert all(bench.reading(f"ahu-1/ai-{number}").is_good for number in (1, 2, 3))


async def test_a_new_description_of_a_point_costs_no_subscription() -> None:
    device = PretendDevice()
    points = [a_point(device, 1), a_point(device, 2)]
    async with kept(device, points=points, serves_cov=True) as bench:
        await bench.clock.pass_(30)
        device.requests.clear()
        catalog = bench.book.current
        renamed = [a_point(device, 1, name="Supply air"), points[1]]
        bench.book.replace(Catalog.of(catalog.devices.values(), renamed))
        await bench.clock.pass_(30)
        assert "subscribe" not in device.requests
        assert bench.status().cov == 2


async def test_a_renewal_without_answer_makes_the_point_a_polled_one_long_before_it_expires(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    device = PretendDevice()
    device.has("device", 1, database_revision=1)
    points = [a_point(device, number) for number in range(1, 13)]  # too many for the heartbeat to poll them all
    async with kept(device, points=points, serves_cov=True) as bench:
        await bench.clock.pass_(RENEWED - 5)

        async def no_answer(ref: Ref, *, process: int, lifetime: int, confirmed: bool = False) -> None:
            del ref, process, lifetime, confirmed
            await bench.clock.sleep(6)
            raise DeviceSilent("no answer")

        monkeypatch.setattr(bench.bacnet, "subscribe", no_answer)
        await bench.clock.pass_(LONGEST_BREATH)
        device.subscriptions.clear()
        device.requests.clear()
        for second in range(LIFETIME):
            for point in points:
                device.has("analog-input", point.ref.instance, present_value=float(second))
            await bench.clock.pass_(1)
            for point in points:
                reading = bench.reading(point.id)
                assert reading.is_good
                assert bench.clock.now() - reading.time <= timedelta(seconds=DEADLINE)
        assert "read" not in device.requests  # no sign of life was asked for: it was polled
        assert bench.status().cov == 0
        assert bench.told == []  # the device answers: it was never lost
        assert Oddity.SILENT_RENEWAL in bench.passports.of(device.ref).oddities


async def _lapse(bench: Bench, device: PretendDevice, value: float) -> None:
    """The subscription dies, the value moves, and nobody is told."""
    device.subscriptions.clear()
    device.has("analog-input", 1, present_value=value)
    await bench.clock.pass_(COV_DEADLINE)


async def test_a_device_that_forgets_subscriptions_again_and_again_is_relied_upon_no_more() -> None:
    device = PretendDevice()
    points = [a_point(device, number, cov_increment=0.5) for number in range(1, 13)]
    async with kept(device, points=points, serves_cov=True) as bench:
        for lapse in range(LAPSES):
            assert Oddity.FORGETS_COV not in bench.passports.of(device.ref).oddities
            await _lapse(bench, device, 30.0 + lapse)
            assert device.subscriptions  # renewed
        assert Oddity.FORGETS_COV in bench.passports.of(device.ref).oddities
        for value in range(20):
            await _polled_within(bench, device, float(value), DEADLINE)
        passports = bench.passports
    async with kept(device, points=points, passports=passports, serves_cov=True) as bench:
        await bench.clock.pass_(60)
        await _polled_within(bench, device, 50.0, DEADLINE)
        await _reads_in(bench, device, COV_DEADLINE, at_least=int(COV_DEADLINE / DEADLINE))
        bench.clock.jump(TRUSTED_AGAIN)
        await bench.clock.pass_(60)
        assert await _reads_in(bench, device, COV_DEADLINE) < 2 * COV_DEADLINE / DEADLINE + 1


async def _polled_within(bench: Bench, device: PretendDevice, value: float, seconds: float) -> None:
    device.subscriptions.clear()
    device.has("analog-input", 1, present_value=value)
    await bench.clock.pass_(seconds)
    assert bench.reading().value == value


async def _reads_in(bench: Bench, device: PretendDevice, seconds: float, at_least: int = 0) -> int:
    device.reads.clear()
    await bench.clock.pass_(seconds)
    reads = device.reads.count(("analog-input", 1, "present-value"))
    assert reads >= at_least
    return reads


async def test_a_poll_that_is_quicker_than_the_notification_is_no_lapse() -> None:
    device = PretendDevice()
    point = a_point(device, 1, cov_increment=0.5)
    async with kept(device, points=[point], deadline=10.0, serves_cov=True) as bench:
        for value in range(100):
            device.has("analog-input", 1, present_value=float(value))
            await bench.clock.pass_(5)
            bench.bacnet.notify(device, "analog-input", 1)  # late, but told
            await bench.clock.pass_(1)
        assert Oddity.FORGETS_COV not in bench.passports.of(device.ref).oddities


async def test_small_moves_about_what_was_told_are_no_lapse() -> None:
    device = PretendDevice()
    point = a_point(device, 1, cov_increment=0.5)
    async with kept(device, points=[point], deadline=10.0, serves_cov=True) as bench:
        asked = device.requests.count("subscribe")
        for value in (21.4, 20.6) * 20:
            device.has("analog-input", 1, present_value=value)
            await bench.clock.pass_(5)
        assert device.requests.count("subscribe") == asked


async def test_cov_readings_of_a_confirmed_subscription_are_counted_as_such() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)], deadline=20.0, serves_cov=True) as bench:
        before = bench.freshness.readings[Source.COV]
        bench.bacnet.notify(device, "analog-input", 1, present_value=30.0)
        assert bench.freshness.readings[Source.COV] == before + 1


async def test_a_value_that_nothing_vouches_for_any_more_is_not_kept_good() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        await bench.clock.pass_(RENEWED - 5)
        device.silent = True
        await bench.clock.pass_(DEADLINE + COV_DEADLINE / 2)
        assert bench.store.get(PointId("ahu-1/ai-1")) == bench.reading()
        assert bench.reading().quality in (Quality.STALE, Quality.BAD)


async def test_points_that_are_polled_in_spite_of_their_subscription_are_counted_as_polled() -> None:
    device = PretendDevice()
    points = [a_point(device, number) for number in range(1, 5)]
    passports = known(device, cov_slots=3)

    def critical(point: Point) -> float:
        return CRITICAL_DEADLINE if point.ref.instance == 1 else DEADLINE

    async with kept(device, points=points, deadline=critical, passports=passports, serves_cov=True) as bench:
        assert (bench.status().cov, bench.status().polled) == (3, 2)  # the critical one, and one without room
