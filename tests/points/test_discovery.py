"""Discovery: all that is there, gently; nothing forgotten, nothing renamed, nothing told twice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from controllers import AT_ONCE, COV, SERVICES, a_controller, add, an_ahu, found, kinds
from pretend import START, PretendBacnet, PretendDevice

from points.bacnet.budgets import LOCAL_FACTOR, Allowance
from points.bacnet.port import Answer, Datum, IAm, Property, Query
from points.catalog import Catalog
from points.discovery import Discovered, DiscoveryPlan, Progress, RawPoint, discover, plain
from points.discovery.plan import Phase
from points.discovery.search import slices
from points.errors import DeviceRefused
from points.model import DeviceId, DeviceRef, EventKind, Kind, Point, PointId


def points(discovered: Discovered) -> Mapping[PointId, Point]:
    return discovered.catalog.points


async def test_a_device_and_its_objects_as_they_describe_themselves() -> None:
    discovered = await found(an_ahu())
    device = discovered.catalog.devices[DeviceId("ahu-1")]
    assert (device.name, device.vendor, device.model, device.firmware, device.serial) == (
        "AHU-1",
        "Acme",
        "X1",
        "1.2",
        "007",
    )
    assert (device.object_count, device.database_revision, device.max_apdu) == (5, 1, 480)
    assert device.reads_multiple
    assert device.serves_cov
    assert sorted(points(discovered)) == ["ahu-1/mode", "ahu-1/sat", "ahu-1/sf-c"]
    sat = points(discovered)[PointId("ahu-1/sat")]
    assert (sat.kind, sat.unit, sat.description) == (Kind.ANALOG, "degrees-celsius", "Supply air temperature")
    assert (sat.low, sat.high, sat.resolution, sat.cov_increment) == (None, 60.0, 0.1, 0.5)
    assert not sat.commandable
    fan = points(discovered)[PointId("ahu-1/sf-c")]
    assert (fan.kind, fan.states, fan.commandable) == (Kind.BINARY, ("Off", "On"), True)
    assert points(discovered)[PointId("ahu-1/mode")].states == ("Off", "Auto", "Hand")
    assert kinds(discovered) == [EventKind.DEVICE_FOUND]


async def test_progress_is_told() -> None:
    seen: list[Progress] = []
    await found(an_ahu(), an_ahu(101, "AHU-2"), seen=seen)
    assert seen[-1] == Progress(phase=Phase.DONE, who_is=10, devices_found=2, devices_described=2, points=6)
    assert {progress.current for progress in seen} >= {"AHU-1", "AHU-2"}
    assert {(progress.phase, progress.to_go) for progress in seen} >= {(Phase.SEARCHING, 2), (Phase.DONE, 0)}


async def test_a_second_discovery_changes_nothing_and_reads_little() -> None:
    device = an_ahu()
    first = await found(device)
    device.reads.clear()
    second = await found(device, known=first.catalog)
    assert second.catalog == first.catalog
    assert second.events == []
    assert all(object_type == "device" for object_type, _, _ in device.reads)


async def test_a_point_that_vanished_stays_and_is_told_once() -> None:
    first = await found(an_ahu())
    changed = a_controller()
    changed.has("device", 100, database_revision=2)
    add(changed, "analog-input", 1, "AHU-1.SAT")
    add(changed, "analog-input", 7, "AHU-1.MAT")
    second = await found(changed, known=first.catalog)
    assert sorted(second.catalog.points) == ["ahu-1/mat", "ahu-1/mode", "ahu-1/sat", "ahu-1/sf-c"]
    assert [id_ for id_, point in sorted(second.catalog.points.items()) if not point.present] == [
        "ahu-1/mode",
        "ahu-1/sf-c",
    ]
    assert sorted(kinds(second)) == [EventKind.POINT_FOUND, EventKind.POINT_VANISHED, EventKind.POINT_VANISHED]
    changed.has("device", 100, database_revision=3)
    assert kinds(await found(changed, known=second.catalog)) == []
    third = await found(an_ahu(), known=second.catalog)
    assert points(third)[PointId("ahu-1/mode")].present


async def test_a_device_that_does_not_answer_keeps_its_points() -> None:
    device = an_ahu()
    first = await found(device)
    device.silent = True
    second = await found(device, known=first.catalog)
    assert kinds(second) == [EventKind.DEVICE_LOST]
    assert not second.catalog.devices[DeviceId("ahu-1")].present
    assert second.catalog.points == first.catalog.points
    assert kinds(await found(device, known=second.catalog)) == []
    device.silent = False
    assert kinds(await found(device, known=second.catalog)) == [EventKind.DEVICE_BACK]


async def test_ids_stay_when_names_change() -> None:
    first = await found(an_ahu())
    renamed = an_ahu(name="Luftbehandlung")
    renamed.has("device", 100, database_revision=9)
    second = await found(renamed, known=first.catalog)
    assert set(second.catalog.points) == set(first.catalog.points)
    assert points(second)[PointId("ahu-1/sat")].name == "Luftbehandlung.SAT"
    assert second.catalog.devices[DeviceId("ahu-1")].name == "Luftbehandlung"


async def test_two_devices_of_one_instance_are_both_there_and_flagged() -> None:
    one, two = an_ahu(500, "JACE"), an_ahu(500, "JACE")
    two.ref = type(one.ref)(network=0, address="10.9.9.9:47808", instance=500)
    discovered = await found(one, two)
    assert len(discovered.catalog.devices) == 2
    assert all(device.duplicate for device in discovered.catalog.devices.values())
    assert len(discovered.catalog.points) == 6
    (told,) = [event for event in discovered.events if event.kind is EventKind.DUPLICATE_DEVICE]
    assert "500" in told.text
    assert "10.9.9.9:47808" in told.text


class OneList(PretendDevice):
    """Its object list cannot be had whole."""

    refusal: str

    def value(self, wanted: object) -> Answer:
        if wanted.name == "object-list" and wanted.index is None:  # type: ignore[attr-defined]
            return DeviceRefused("too big", self.refusal)
        return super().value(wanted)  # type: ignore[arg-type]


@pytest.mark.parametrize("refusal", ["buffer-overflow", "segmentation-not-supported"])
async def test_an_object_list_too_big_is_read_by_index(refusal: str) -> None:
    device = an_ahu()
    device.__class__ = OneList
    device.refusal = refusal  # type: ignore[attr-defined]
    assert len(points(await found(device))) == 3


async def test_an_object_list_known_not_to_fit_is_not_asked_for_whole() -> None:
    device = an_ahu()
    for number in range(2, 130):
        add(device, "analog-input", number, f"AHU-1.T{number}")
    device.__class__ = OneList
    device.refusal = "a whole list was asked for"  # type: ignore[attr-defined]
    discovered = await found(device)
    assert len(points(discovered)) == 131
    assert device.requests.count("read") <= 3


async def test_a_device_without_rpm_is_read_one_by_one() -> None:
    device = an_ahu(reads_multiple=False)
    device.has("device", 100, protocol_services_supported=tuple(bit == COV for bit in range(40)))
    discovered = await found(device)
    assert len(points(discovered)) == 3
    assert not discovered.catalog.devices[DeviceId("ahu-1")].reads_multiple
    assert "read_many" not in device.requests


async def test_a_device_that_claims_rpm_but_rejects_it_is_found_out() -> None:
    discovered = await found(an_ahu(reads_multiple=False))
    assert len(points(discovered)) == 3
    assert not discovered.catalog.devices[DeviceId("ahu-1")].reads_multiple


async def test_proprietary_objects_are_points_only_with_a_value() -> None:
    device = a_controller()
    add(device, "131", 1, "Magic", present_value=4.5, units="percent")
    add(device, "131", 2, "Mystery")
    discovered = await found(device)
    assert [point.name for point in points(discovered).values()] == ["Magic"]
    assert discovered.skipped == 1


async def test_a_static_device_is_asked_directly_and_only_what_answers_is_found() -> None:
    there, absent = an_ahu(1), an_ahu(2, "AHU-2", silent=True)
    plan = DiscoveryPlan(ranges=((3000, 4000),), static=(there.ref, absent.ref))
    discovered = await found(there, absent, plan=plan)
    assert list(discovered.catalog.devices) == ["ahu-1"]
    (silent,) = [event for event in discovered.events if event.kind is EventKind.DEVICE_LOST]
    assert "device 2 at 0:10.0.0.3:47808 is configured but does not answer" in silent.text
    assert kinds(discovered).count(EventKind.DEVICE_FOUND) == 1


async def test_a_device_that_falls_silent_while_read_is_told_and_the_rest_found() -> None:
    broken = an_ahu(2, "AHU-2")
    broken.properties = {}
    broken.has("device", 2, protocol_services_supported=SERVICES)
    discovered = await found(an_ahu(1), broken)
    assert list(discovered.catalog.devices) == ["ahu-1"]
    assert EventKind.PROTOCOL_ERROR in kinds(discovered)


class Faulty(PretendBacnet):
    """One device of it is more than the library can bear."""

    def __init__(self, faulty: PretendDevice, *devices: PretendDevice) -> None:
        super().__init__(faulty, *devices)
        self._faulty = faulty.ref

    async def read_many(self, query: Query) -> Sequence[Answer]:
        if query.device == self._faulty:
            raise RuntimeError("a library says so")
        return await super().read_many(query)


async def test_a_fault_of_ours_at_one_device_does_not_end_the_discovery() -> None:
    sick, well = an_ahu(1), an_ahu(2, "AHU-2")
    known = (await found(sick)).catalog
    discovered = await found(sick, well, known=known, bacnet=Faulty(sick, well))
    assert set(discovered.catalog.devices) == {"ahu-1", "ahu-2"}
    assert [point.present for point in discovered.catalog.points_of(DeviceId("ahu-1"))] == [True] * 3
    assert discovered.catalog.devices[DeviceId("ahu-1")].present
    assert kinds(discovered) == [EventKind.PROTOCOL_ERROR, EventKind.DEVICE_FOUND]


class Unheard(Faulty):
    """Nobody answers Who-Is, and already the question whether one of them is there is more than we can bear."""

    async def who_is(self, low: int, high: int, *, target: str | None = None, wait: float = 1.0) -> list[IAm]:
        return []

    async def read(self, device: DeviceRef, wanted: Property, *, urgent: bool = False) -> Datum:
        if device == self._faulty:
            raise RuntimeError("a library says so")
        return await super().read(device, wanted, urgent=urgent)


async def test_a_fault_of_ours_at_one_unheard_device_costs_that_device_only() -> None:
    sick, well = an_ahu(1), an_ahu(2, "AHU-2")
    known = (await found(sick, well)).catalog
    add(well, "analog-input", 7, "AHU-2.MAT")
    well.has("device", 2, database_revision=2)
    discovered = await found(known=known, bacnet=Unheard(sick, well))
    assert [device.present for device in discovered.catalog.devices.values()] == [True, True]
    assert discovered.catalog.points_of(DeviceId("ahu-1")) == known.points_of(DeviceId("ahu-1"))
    assert "ahu-2/mat" in discovered.catalog.points
    assert sorted(kinds(discovered)) == [EventKind.POINT_FOUND, EventKind.PROTOCOL_ERROR]


def test_a_discovery_leaves_half_of_the_local_network_to_who_is_in_a_hurry() -> None:
    assert 2 * DiscoveryPlan().parallel <= LOCAL_FACTOR * Allowance().per_network


async def test_the_unheard_are_asked_a_few_at_a_time() -> None:
    devices = [an_ahu(number, f"AHU-{number}") for number in range(1, 9)]
    known = (await found(*devices)).catalog
    now, most = 0, 0

    async def thinks() -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1

    for device in devices:
        device.takes, device.silent = thinks, True
    await found(*devices, known=known, plan=DiscoveryPlan(parallel=3))
    assert most == 3


async def test_points_that_cannot_be_described_stay_as_they_were() -> None:
    sick, well = an_ahu(1), an_ahu(2, "AHU-2")
    known = (await found(sick)).catalog

    def describe(raw: RawPoint, id_: PointId) -> Point:
        if raw.device.ref == sick.ref:
            raise LookupError("nobody thought of this")
        return plain(raw, id_)

    discovered = await found(sick, well, known=known, describe=describe)
    assert discovered.catalog.points_of(DeviceId("ahu-1")) == known.points_of(DeviceId("ahu-1"))
    assert len(discovered.catalog.points_of(DeviceId("ahu-2"))) == 3
    assert EventKind.PROTOCOL_ERROR in kinds(discovered)


async def test_the_classifier_sees_known_points_again() -> None:
    device = an_ahu()
    first = await found(device)

    def describe(raw: RawPoint, id_: PointId) -> Point:
        return Point(id=id_, device=raw.device.id, ref=raw.ref, name=raw.name, kind=raw.kind, point_class="seen")

    second = await discover(
        PretendBacnet(device),
        DiscoveryPlan(who_is_per_minute=AT_ONCE),
        first.catalog,
        describe=describe,
        progress=lambda _: None,
        now=START,
    )
    assert {point.point_class for point in points(second).values()} == {"seen"}


class LateBacnet(PretendBacnet):
    """Some devices miss the first Who-Is."""

    passes = 0

    async def who_is(self, low: int, high: int, *, target: str | None = None, wait: float = 1.0) -> list[IAm]:
        self.passes += low == 0
        heard = await super().who_is(low, high, target=target, wait=wait)
        return heard[: self.passes - 1]  # nobody in the first pass, one in the second, ...


async def test_who_is_is_repeated_until_nobody_new_answers() -> None:
    bacnet = LateBacnet(an_ahu(1), an_ahu(2, "AHU-2"), an_ahu(3, "AHU-3"))
    plan = DiscoveryPlan(passes=9, ranges=((0, 4_194_302),), who_is_per_minute=AT_ONCE)
    discovered = await discover(bacnet, plan, Catalog(), describe=plain, progress=lambda _: None, now=START)
    assert len(discovered.catalog.devices) == 3


def test_ranges_are_cut_at_the_decades() -> None:
    assert list(slices(((0, 4_194_302),)))[:2] == [(0, 999), (1000, 9999)]
    assert list(slices(((0, 4_194_302),)))[-1] == (1_000_000, 4_194_302)
    assert list(slices(((500, 1500), (7, 7)))) == [(500, 999), (1000, 1500), (7, 7)]
