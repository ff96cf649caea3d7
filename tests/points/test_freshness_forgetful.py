"""A device that forgets its subscriptions again and again is found out, and that is said once."""

from __future__ import annotations

import pytest
from kept import Bench, kept
from pretend import PretendDevice, a_point
from structlog.testing import capture_logs

from points.errors import DeviceSilent
from points.freshness.states import COV_DEADLINE
from points.freshness.subscriptions import LAPSES, LIFETIME, TRUSTED_AGAIN
from points.model import Ref
from points.passport import Oddity

FORGETS = "a device forgets its subscriptions: it is polled"


async def _forget(bench: Bench, device: PretendDevice, times: int) -> None:
    """All its subscriptions die, all its values move, and nobody is told."""
    for _ in range(times):
        device.subscriptions.clear()
        for instance in range(1, 13):
            value = device.properties["analog-input", instance, "present-value"]
            assert isinstance(value, float)
            device.has("analog-input", instance, present_value=value + 1.0)
        await bench.clock.pass_(COV_DEADLINE)


async def test_a_device_that_goes_on_forgetting_is_told_of_once_until_it_is_trusted_again() -> None:
    device = PretendDevice()
    points = [a_point(device, number, cov_increment=0.5) for number in range(1, 13)]
    async with kept(device, points=points, serves_cov=True) as bench:
        with capture_logs() as logs:
            await _forget(bench, device, 12 * LAPSES)
            assert [log["event"] for log in logs].count(FORGETS) == 1
            assert bench.status().polled == len(points)
            assert Oddity.FORGETS_COV in bench.passports.of(device.ref).oddities
            bench.clock.jump(TRUSTED_AGAIN)
            await bench.clock.pass_(LIFETIME)
            assert (bench.status().cov, bench.status().polled) == (len(points), 0)
            await _forget(bench, device, 3 * LAPSES)
            assert [log["event"] for log in logs].count(FORGETS) == 2


async def test_who_is_polled_is_counted_through_every_turn_of_its_subscriptions() -> None:
    device = PretendDevice()
    points = [a_point(device, number) for number in range(1, 13)]
    async with kept(device, points=points, serves_cov=True) as bench:
        await bench.clock.pass_(60)
        assert (bench.status().cov, bench.status().polled) == (12, 0)
        device.silent = True
        await bench.clock.pass_(2 * LIFETIME)  # they run out
        assert (bench.status().cov, bench.status().polled) == (0, 12)
        device.silent = False
        device.cov_room = 5
        device.subscriptions.clear()
        await bench.clock.pass_(300)
        assert (bench.status().cov, bench.status().polled) == (5, 7)


async def test_a_point_whose_renewal_is_not_answered_is_counted_as_polled(monkeypatch: pytest.MonkeyPatch) -> None:
    device = PretendDevice()
    points = [a_point(device, number) for number in range(1, 13)]
    async with kept(device, points=points, serves_cov=True) as bench:
        await bench.clock.pass_(60)
        subscribe = bench.bacnet.subscribe

        async def no_answer(ref: Ref, *, process: int, lifetime: int, confirmed: bool = False) -> None:
            del ref, process, lifetime, confirmed
            raise DeviceSilent("no answer")

        monkeypatch.setattr(bench.bacnet, "subscribe", no_answer)
        await bench.clock.pass_(LIFETIME - 90)  # none has run out yet
        assert (bench.status().cov, bench.status().polled) == (12, 12)
        monkeypatch.setattr(bench.bacnet, "subscribe", subscribe)
        await bench.clock.pass_(LIFETIME)
        assert (bench.status().cov, bench.status().polled) == (12, 0)
