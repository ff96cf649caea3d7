"""Freshness: young readings, honest marks, and patience, all on a clock that the test moves."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
import structlog
from kept import DEADLINE, Bench, kept
from pretend import FINE, START, PretendDevice, a_point, settle

from points.bacnet.port import Answer, Query
from points.catalog import Catalog
from points.errors import DeviceRefused, DeviceSilent, ProtocolError
from points.freshness.states import COV_DEADLINE
from points.freshness.subscriptions import LIFETIME, LONGEST_BREATH, PROCESS, RETRY_REFUSED, renewed_after
from points.model import DeviceId, EventKind, Kind, PointId, Quality, Ref, Source

RENEWED = renewed_after(DeviceId("ahu-1"))


async def test_a_point_is_read_at_once_and_then_before_its_deadline() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)]) as bench:
        assert bench.reading().value == 21.0
        assert bench.reading().is_good
        assert bench.reading().source is Source.POLL
        for _ in range(30):
            await bench.clock.pass_(10)
            assert bench.clock.now() - bench.reading().time <= timedelta(seconds=DEADLINE)
            assert bench.reading().is_good


async def test_polls_do_not_drift() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)]) as bench:
        await bench.clock.pass_(31)
        phase = bench.reading().time.timestamp() % 30
        await bench.clock.pass_(3000)
        assert bench.reading().time.timestamp() % 30 == pytest.approx(phase, abs=1e-3)


async def test_a_silent_device_makes_its_points_stale_then_offline() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)]) as bench:
        device.silent = True
        await bench.clock.pass_(DEADLINE - 2)
        assert bench.reading().is_good
        await bench.clock.pass_(4)
        stale = bench.reading()
        assert (stale.quality, stale.reason, stale.value, stale.time) == (Quality.STALE, "stale", 21.0, START)
        assert stale.at > stale.time
        await bench.clock.pass_(2 * DEADLINE)
        offline = bench.reading()
        assert (offline.quality, offline.reason, offline.value) == (Quality.BAD, "offline", 21.0)


async def test_a_point_that_never_answered_is_offline_and_has_no_value() -> None:
    device = PretendDevice()
    device.silent = True
    async with kept(device, points=[a_point(device, 1)]) as bench:
        assert bench.store.get(PointId("ahu-1/ai-1")) is None
        await bench.clock.pass_(DEADLINE + 2)
        assert (bench.reading().quality, bench.reading().value) == (Quality.BAD, None)


async def test_loss_and_return_of_a_device_are_told_once_each() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)]) as bench:
        device.silent = True
        await bench.clock.pass_(600)
        assert bench.kinds() == [EventKind.DEVICE_LOST]
        assert bench.freshness.devices()[DeviceId("ahu-1")].status == "offline"
        device.silent = False
        await bench.clock.pass_(120)
        assert bench.kinds() == [EventKind.DEVICE_LOST, EventKind.DEVICE_BACK]
        assert bench.reading().is_good
        assert bench.freshness.devices()[DeviceId("ahu-1")].status == "online"


async def test_one_lost_answer_is_no_event() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)]) as bench:
        device.silent = True
        while bench.freshness.devices()[DeviceId("ahu-1")].status != "slow":
            await bench.clock.pass_(1)
            assert bench.clock.now() - START < timedelta(seconds=40)
        device.silent = False
        await bench.clock.pass_(60)
        assert bench.told == []
        assert bench.reading().is_good


async def test_a_dead_device_is_asked_ever_more_rarely_and_for_ever() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)]) as bench:
        device.silent = True
        await bench.clock.pass_(300)
        device.requests.clear()
        await bench.clock.pass_(3600)
        assert 40 <= len(device.requests) <= 80  # once a minute, jittered


async def test_a_dead_device_costs_the_others_nothing() -> None:
    dead, live = PretendDevice(1), PretendDevice(2, address="10.0.0.2:47808")
    dead.silent = True
    points = [a_point(dead, 1, "dead"), a_point(live, 1, "live")]
    async with kept(dead, live, points=points) as bench:
        for _ in range(60):
            await bench.clock.pass_(10)
            assert bench.reading("live/ai-1").is_good


@pytest.mark.parametrize(
    ("value", "flags", "quality", "reason"),
    [
        (math.nan, FINE, Quality.BAD, "nan"),
        (math.inf, FINE, Quality.BAD, "infinite"),
        (None, FINE, Quality.BAD, "null"),
        ("on", FINE, Quality.BAD, "unexpected-type"),
        (DeviceRefused("no", "unknown-object"), FINE, Quality.BAD, "unknown-object"),
        (ProtocolError("?"), FINE, Quality.BAD, "protocol-error"),
    ],
)
async def test_what_is_no_number_is_a_quality(value: object, flags: object, quality: Quality, reason: str) -> None:
    device = PretendDevice()
    point = a_point(device, 1)
    device.has("analog-input", 1, present_value=value, status_flags=flags)  # type: ignore[arg-type]
    async with kept(device, points=[point]) as bench:
        assert (bench.reading().value, bench.reading().quality, bench.reading().reason) == (None, quality, reason)


@pytest.mark.parametrize(
    ("flags", "quality", "reason"),
    [
        ((True, False, False, False), Quality.GOOD, ""),
        ((False, False, True, False), Quality.UNCERTAIN, "overridden"),
        ((False, False, False, True), Quality.BAD, "out-of-service"),
        ((False, True, False, False), Quality.BAD, "no-sensor"),
    ],
)
async def test_status_flags_become_quality(flags: tuple[bool, ...], quality: Quality, reason: str) -> None:
    device = PretendDevice()
    point = a_point(device, 1)
    device.has("analog-input", 1, status_flags=flags, reliability="no-sensor")
    async with kept(device, points=[point]) as bench:
        assert (bench.reading().value, bench.reading().quality, bench.reading().reason) == (21.0, quality, reason)


async def test_a_bad_reading_does_not_become_stale_but_offline() -> None:
    device = PretendDevice()
    point = a_point(device, 1)
    device.has("analog-input", 1, present_value=math.nan)
    async with kept(device, points=[point]) as bench:
        device.silent = True
        await bench.clock.pass_(DEADLINE + 5)
        assert bench.reading().reason == "nan"
        await bench.clock.pass_(3 * DEADLINE)
        assert bench.reading().reason == "offline"


async def test_one_bad_property_does_not_cost_the_others() -> None:
    device = PretendDevice()
    points = [a_point(device, number) for number in range(1, 6)]
    device.has("analog-input", 3, present_value=DeviceRefused("gone", "unknown-object"))
    async with kept(device, points=points) as bench:
        good = [point.id for point in points if bench.reading(point.id).is_good]
        assert len(good) == 4


async def test_a_device_without_rpm_is_read_one_by_one() -> None:
    device = PretendDevice()
    device.reads_multiple = False
    points = [a_point(device, number) for number in range(1, 6)]
    async with kept(device, points=points) as bench:
        assert all(bench.reading(point.id).is_good for point in points)
        assert device.requests.count("read_many") == 1  # it was believed the first time


async def test_an_aborting_device_is_read_in_smaller_batches() -> None:
    device = PretendDevice()
    device.most_at_once = 3
    points = [a_point(device, number) for number in range(1, 21)]
    async with kept(device, points=points) as bench:
        assert all(bench.reading(point.id).is_good for point in points)
        device.requests.clear()
        await bench.clock.pass_(30)
        assert len(device.requests) == 14  # forty properties, three at a time


async def test_cov_carries_a_change_at_once() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        assert device.subscriptions[("analog-input", 1)][:2] == (PROCESS, LIFETIME)
        await bench.clock.pass_(3)
        bench.bacnet.notify(device, "analog-input", 1, present_value=25.5)
        assert (bench.reading().value, bench.reading().source) == (25.5, Source.COV)
        assert bench.reading().time == bench.clock.now()


async def test_the_first_notification_counts_even_before_the_acknowledgement() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        assert bench.freshness.readings[Source.COV] == 1  # the pretend device notifies before it acknowledges


async def test_subscriptions_are_renewed_at_half_their_life() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        device.requests.clear()
        await bench.clock.pass_(RENEWED - 2)
        assert "subscribe" not in device.requests
        await bench.clock.pass_(4)
        assert device.requests.count("subscribe") == 1


async def _polled(*, serves_cov: bool) -> list[int]:
    """How often each point is polled in twenty minutes. They are twelve: one alone the heartbeat would see often."""
    device = PretendDevice()
    points = [a_point(device, number) for number in range(1, 13)]
    async with kept(device, points=points, serves_cov=serves_cov) as bench:
        device.reads.clear()
        for _ in range(120):
            await bench.clock.pass_(10)
            assert all(bench.reading(point.id).is_good for point in points)
        return [device.reads.count(("analog-input", point.ref.instance, "present-value")) for point in points]


async def test_a_point_with_cov_is_polled_rarely_as_proof_of_life() -> None:
    assert set(await _polled(serves_cov=False)) == {2 * 1200 / DEADLINE}
    rarely = await _polled(serves_cov=True)
    assert min(rarely) >= 1200 / COV_DEADLINE
    assert max(rarely) <= 1200 / DEADLINE  # half of what it would be without
    assert sum(rarely) <= len(rarely) * 12


async def test_critical_points_are_polled_in_spite_of_cov() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)], deadline=20.0, serves_cov=True) as bench:
        assert device.subscriptions[("analog-input", 1)][2]  # confirmed
        device.reads.clear()
        await bench.clock.pass_(100)
        assert device.reads.count(("analog-input", 1, "present-value")) == 10


async def test_silence_of_a_device_with_cov_is_not_taken_for_unchanged() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        device.silent = True
        await bench.clock.pass_(DEADLINE + 40)  # found by the heartbeat, long before the subscription ends
        assert bench.reading().quality is Quality.STALE


async def test_a_full_device_is_believed_and_the_rest_polled() -> None:
    device = PretendDevice()
    device.cov_room = 2
    points = [a_point(device, number) for number in range(1, 6)]
    async with kept(device, points=points, serves_cov=True) as bench:
        status = bench.freshness.devices()[DeviceId("ahu-1")]
        assert (status.cov, status.cov_limit, status.polled) == (2, 2, 3)
        assert device.requests.count("subscribe") == 3
        await bench.clock.pass_(120)
        assert bench.kinds() == [EventKind.COV_REFUSED]
        assert all(bench.reading(point.id).is_good for point in points)
        device.cov_room = None
        bench.clock.jump(RETRY_REFUSED)
        await bench.clock.pass_(60)
        assert bench.freshness.devices()[DeviceId("ahu-1")].cov == 5


async def test_a_lost_renewal_is_tried_again_and_ends_in_polls() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        device.cov_room = 0
        device.subscriptions.clear()  # the device was restarted, and has no room any more
        await bench.clock.pass_(RENEWED + 2)
        assert bench.freshness.devices()[DeviceId("ahu-1")].cov == 0
        device.has("analog-input", 1, present_value=30.0)
        await bench.clock.pass_(DEADLINE)
        assert bench.reading().value == 30.0


async def test_a_restarted_device_is_subscribed_to_again() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1), a_point(device, 2)], serves_cov=True) as bench:
        await bench.clock.pass_(40)
        device.subscriptions.clear()
        bench.bacnet.announce(device)
        await bench.clock.pass_(1)
        assert len(device.subscriptions) == 2


async def test_an_i_am_storm_is_no_subscription_storm() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        device.requests.clear()
        for _ in range(20):
            bench.bacnet.announce(device)
            await bench.clock.pass_(1)
        assert device.requests.count("subscribe") == 1


async def test_a_subscription_that_died_without_a_word_is_found_out() -> None:
    device = PretendDevice()
    point = a_point(device, 1, cov_increment=0.5)
    async with kept(device, points=[point], serves_cov=True) as bench:
        device.subscriptions.clear()
        device.has("analog-input", 1, present_value=40.0)  # and nobody is told
        await bench.clock.pass_(60)
        assert bench.reading().value == 40.0
        assert device.subscriptions


async def test_a_new_catalog_is_followed_and_the_rest_undisturbed() -> None:
    one, two = PretendDevice(1), PretendDevice(2, address="10.0.0.2:47808")
    points = [a_point(one, 1, "one"), a_point(two, 1, "two")]
    async with kept(one, two, points=points) as bench:
        requests = len(one.requests)
        catalog = bench.book.current
        more = [*points, a_point(two, 2, "two")]
        bench.book.replace(Catalog.of(catalog.devices.values(), more))
        await settle()
        assert bench.reading("two/ai-2").value == 22.0
        assert len(one.requests) == requests
        bench.book.replace(Catalog.of([catalog.devices[DeviceId("one")]], points[:1]))
        await settle()
        assert list(bench.freshness.devices()) == ["one"]


async def test_read_now_puts_what_the_device_says() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)]) as bench:
        device.has("analog-input", 1, present_value=18.0)
        reading = await bench.freshness.read_now(PointId("ahu-1/ai-1"), source=Source.READBACK)
        assert (reading.value, reading.source) == (18.0, Source.READBACK)
        assert bench.reading() == reading
        device.silent = True
        with pytest.raises(DeviceSilent):
            await bench.freshness.read_now(PointId("ahu-1/ai-1"))


async def test_a_clock_set_back_does_not_stop_the_polls() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)]) as bench:
        await bench.clock.pass_(100)
        bench.clock.jump(-3600)
        device.requests.clear()
        await bench.clock.pass_(300)
        assert len(device.requests) >= 9


async def test_protocol_errors_are_counted_with_their_sender() -> None:
    device = PretendDevice()
    point = a_point(device, 1, kind=Kind.ANALOG)
    device.has("analog-input", 1, present_value=ProtocolError("nonsense"))
    async with kept(device, points=[point]) as bench:
        assert bench.freshness.protocol_errors[DeviceId("ahu-1")] == 1


async def test_a_fault_of_ours_at_one_device_costs_that_device_only(monkeypatch: pytest.MonkeyPatch) -> None:
    sick, well = PretendDevice(1), PretendDevice(2, address="10.0.0.2:47808")
    points = [a_point(sick, 1, "sick"), a_point(well, 1, "well")]
    async with kept(sick, well, points=points) as bench:
        await bench.clock.pass_(100)
        read_many, tries = bench.bacnet.read_many, []

        async def faulty(query: Query) -> Sequence[Answer]:
            if query.device == sick.ref:
                tries.append(bench.clock.now())
                raise RuntimeError("a library says so")
            return await read_many(query)

        monkeypatch.setattr(bench.bacnet, "read_many", faulty)
        before = len(well.requests)
        with structlog.testing.capture_logs() as logged:
            await bench.clock.pass_(3600)
        assert len(well.requests) - before >= 3600 / DEADLINE * 2 - 1
        assert bench.reading("well/ai-1").is_good
        assert bench.reading("sick/ai-1").reason == "offline"
        assert 3600 / 72 <= len(tries) <= 3600 / 48 + 10  # at most once a minute, for ever
        assert [entry["device"] for entry in logged if entry.get("exc_info")] == ["sick"]
        assert [event.about for event in bench.told] == ["sick"]
        monkeypatch.undo()
        await bench.clock.pass_(120)
        assert bench.reading("sick/ai-1").is_good
        assert bench.kinds() == [EventKind.DEVICE_LOST, EventKind.DEVICE_BACK]


async def _late_renewals(bench: Bench, device: PretendDevice, monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """From now on the device takes notice of no subscription, which takes six seconds each to find out."""
    asked = []

    async def no_answer(ref: Ref, *, process: int, lifetime: int, confirmed: bool = False) -> None:
        del ref, process, lifetime, confirmed
        asked.append(bench.clock.now())
        await bench.clock.sleep(6)
        raise DeviceSilent("no answer")

    await bench.clock.pass_(RENEWED - 10)
    device.requests.clear()
    monkeypatch.setattr(bench.bacnet, "subscribe", no_answer)
    return asked


async def test_a_device_that_notifies_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1), a_point(device, 2)], serves_cov=True) as bench:
        asked = await _late_renewals(bench, device, monkeypatch)
        for second in range(120):
            bench.bacnet.notify(device, "analog-input", 1, present_value=float(second))
            await bench.clock.pass_(1)
            assert bench.reading("ahu-1/ai-2").is_good  # its subscription lives
        assert 4 <= len(asked) <= 8  # tried again and again, with an ever longer breath between
        assert all(later - earlier > timedelta(seconds=10) for earlier, later in pairwise(asked))
        assert bench.freshness.devices()[DeviceId("ahu-1")].status == "slow"
        assert bench.told == []
        monkeypatch.undo()
        await bench.clock.pass_(LONGEST_BREATH + 30)
        assert bench.freshness.devices()[DeviceId("ahu-1")].status == "online"


async def test_a_device_that_answers_somebody_else_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        asked = await _late_renewals(bench, device, monkeypatch)
        for _ in range(60):
            await bench.freshness.read_now(PointId("ahu-1/ai-1"))
            await bench.clock.pass_(1)
        assert len(asked) >= 3
        assert bench.freshness.devices()[DeviceId("ahu-1")].status == "slow"
        assert bench.told == []


async def test_one_late_answer_starts_no_burst_of_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    device = PretendDevice()
    points = [a_point(device, instance) for instance in range(1, 41)]
    async with kept(device, points=points, serves_cov=True) as bench:
        await _late_renewals(bench, device, monkeypatch)
        await bench.clock.pass_(17)
        monkeypatch.undo()
        device.requests.clear()
        await bench.clock.pass_(10)
        assert device.requests.count("subscribe") == 40
        assert device.requests.count("read_many") == 0


async def test_a_clock_set_back_does_not_keep_a_silent_device_fresh() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)]) as bench:
        await bench.clock.pass_(100)
        bench.clock.jump(-20 * 3600)
        device.silent = True
        await bench.clock.pass_(DEADLINE + 5)
        assert bench.reading().quality is Quality.STALE
        await bench.clock.pass_(3 * DEADLINE)
        assert bench.reading().reason == "offline"


async def test_a_clock_set_back_does_not_age_what_is_still_read() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)]) as bench:
        await bench.clock.pass_(100)
        bench.clock.jump(-20 * 3600)
        for _ in range(200):
            await bench.clock.pass_(1)
            assert bench.reading().is_good
        device.silent = True
        await bench.clock.pass_(DEADLINE + 5)
        assert bench.reading().quality is Quality.STALE


async def test_a_clock_set_back_does_not_keep_an_i_am_from_being_heard() -> None:
    device = PretendDevice()
    async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
        bench.bacnet.announce(device)
        await bench.clock.pass_(100)
        bench.clock.jump(-20 * 3600)
        await bench.clock.pass_(40)
        device.subscriptions.clear()
        bench.bacnet.announce(device)
        await bench.clock.pass_(2)
        assert device.subscriptions


async def test_a_clean_stop_gives_the_subscriptions_back() -> None:
    device, dead = PretendDevice(1), PretendDevice(2, address="10.0.0.2:47808")
    points = [a_point(device, 1), a_point(device, 2), a_point(dead, 1, "dead")]
    async with kept(device, dead, points=points, serves_cov=True) as bench:
        assert len(device.subscriptions) == 2
        dead.silent = True
        await bench.clock.pass_(600)
        dead.requests.clear()
    assert device.subscriptions == {}
    assert dead.requests == []


async def test_a_stop_waits_for_no_device_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("points.freshness.service.PARTING", 0.01)
    hung, refuses = PretendDevice(1), PretendDevice(2, address="10.0.0.2:47808")
    points = [a_point(hung, 1, "hung"), a_point(refuses, 1, "refuses"), a_point(refuses, 2, "refuses")]
    asked = []
    async with asyncio.timeout(30), kept(hung, refuses, points=points, serves_cov=True) as bench:

        async def unsubscribe(ref: Ref, *, process: int) -> None:
            asked.append((ref.device.instance, process))
            if ref.device == hung.ref:
                await asyncio.Event().wait()
            raise DeviceRefused("unknown subscription", "other")

        monkeypatch.setattr(bench.bacnet, "unsubscribe", unsubscribe)
    assert sorted(asked) == [(1, PROCESS), (2, PROCESS), (2, PROCESS)]
