"""Reading devices: in few requests, never in a way that is known to fail, and never twice without need."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from controllers import a_controller, add, an_ahu, elsewhere, found, kinds
from pretend import START, PretendBacnet, PretendDevice

from points.bacnet.port import Answer, Datum, IAm, Property, Query
from points.catalog import Catalog
from points.discovery import Discovered, DiscoveryPlan, look_at, plain
from points.errors import DeviceRefused, DeviceSilent
from points.model import DeviceId, DeviceRef, EventKind
from points.passport import Oddity, Passports

AHU = DeviceId("ahu-1")


class Wire(PretendBacnet):
    """Of devices with large messages; notes how each was read."""

    segmentation = "no-segmentation"
    max_apdu = 1476
    whole_list: DeviceRefused | DeviceSilent | None = None  # what comes instead of it

    def __init__(self, *devices: PretendDevice) -> None:
        super().__init__(*devices)
        self.single: list[Property] = []
        self.at_once = self.most_at_once = 0

    def i_am(self, device: PretendDevice) -> IAm:
        return IAm(device=device.ref, max_apdu=self.max_apdu, segmentation=self.segmentation, vendor_id=1)

    async def read(self, device: DeviceRef, wanted: Property, *, urgent: bool = False) -> Datum:
        self.single.append(wanted)
        if wanted.name == "object-list" and wanted.index is None and self.whole_list is not None:
            raise self.whole_list
        return await super().read(device, wanted, urgent=urgent)

    async def read_many(self, query: Query) -> Sequence[Answer]:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await super().read_many(query)
        finally:
            self.at_once -= 1

    @property
    def whole_lists_asked_for(self) -> int:
        return sum(each.name == "object-list" and each.index is None for each in self.single)


def large(objects: int, instance: int = 100) -> PretendDevice:
    device = a_controller(instance, f"AHU-{instance}")
    for number in range(objects):
        add(device, "analog-input", number, f"AHU-{instance}.T{number}", units="degrees-celsius")
    return device


async def test_a_device_of_a_hundred_objects_takes_few_requests_and_fewer_the_next_time() -> None:
    device = large(100)
    bacnet = Wire(device)
    passports = Passports()
    first = await found(bacnet=bacnet, passports=passports)
    assert len(first.catalog.points) == 100
    assert len(device.requests) <= 20
    device.requests.clear()
    await found(bacnet=bacnet, passports=passports, known=first.catalog)
    assert device.requests == ["read_many"]


async def test_no_more_devices_are_read_at_a_time_than_the_plan_says() -> None:
    bacnet = Wire(*(large(3, instance) for instance in range(1, 40)))
    assert len((await found(bacnet=bacnet, plan=DiscoveryPlan(parallel=5))).catalog.devices) == 39
    assert bacnet.most_at_once == 5


async def test_what_the_passport_says_is_not_tried() -> None:
    device = large(3)
    bacnet, passports = Wire(device), Passports()
    passports.learn(device.ref, reads_multiple=False)
    passports.odd(device.ref, Oddity.INDEX_ONLY_LIST)
    assert len((await found(bacnet=bacnet, passports=passports)).catalog.points) == 3
    assert "read_many" not in device.requests
    assert bacnet.whole_lists_asked_for == 0


@pytest.mark.parametrize(
    ("refusal", "believed"),
    [
        (DeviceRefused("no", "buffer-overflow"), True),
        (DeviceRefused("no", "segmentation-not-supported"), True),
        (DeviceRefused("busy", "device-busy"), False),  # it may answer the next time
    ],
)
async def test_a_list_that_can_be_had_by_index_only_is_noted_and_never_asked_for_whole_again(
    refusal: DeviceRefused, believed: bool
) -> None:
    device = large(3)
    bacnet, passports = Wire(device), Passports()
    bacnet.whole_list = refusal
    assert len((await found(bacnet=bacnet, passports=passports)).catalog.points) == 3
    assert (Oddity.INDEX_ONLY_LIST in passports.of(device.ref).oddities) is believed
    await found(bacnet=bacnet, passports=passports)
    assert bacnet.whole_lists_asked_for == (1 if believed else 2)


@pytest.mark.parametrize("answer", [DeviceRefused("no", "segmentation-not-supported"), DeviceSilent("lost")])
async def test_segments_that_are_claimed_and_do_not_come_are_not_asked_for_again(
    answer: DeviceRefused | DeviceSilent,
) -> None:
    device = large(300)
    bacnet, passports = Wire(device), Passports()
    bacnet.segmentation, bacnet.whole_list = "segmented-both", answer
    assert len((await found(bacnet=bacnet, passports=passports)).catalog.points) == 300
    assert passports.of(device.ref).segments is False
    assert Oddity.REFUSES_SEGMENTS in passports.of(device.ref).oddities
    await found(bacnet=bacnet, passports=passports)
    assert bacnet.whole_lists_asked_for == 1


class Dropping(Wire):
    """Of devices that claim ReadPropertyMultiple and never answer it."""

    async def read_many(self, query: Query) -> Sequence[Answer]:
        self.devices[query.device].requests.append("dropped")
        raise DeviceSilent("no answer")


async def test_a_device_that_drops_what_it_does_not_know_is_read_one_by_one() -> None:
    device = large(2)
    discovered = await found(bacnet=Dropping(device))
    assert len(discovered.catalog.points) == 2
    assert device.requests.count("dropped") == 2  # the second is short: answers may be lost
    assert not discovered.catalog.devices[DeviceId("ahu-100")].reads_multiple


async def broken_off(*devices: PretendDevice, after: int) -> list[Catalog]:
    """The parts that a discovery leaves that is killed when it has handed over so many."""
    parts: list[Catalog] = []
    killed = asyncio.Event()

    async def keep(part: Catalog) -> None:
        parts.append(part)
        if len(parts) == after:
            killed.set()
            await asyncio.Event().wait()

    plan = DiscoveryPlan(parallel=1, checkpoint_devices=1)
    task = asyncio.create_task(found(*devices, plan=plan, checkpoint=keep))
    await killed.wait()
    task.cancel()
    await asyncio.wait({task})
    return parts


def merged(parts: Sequence[Catalog]) -> Catalog:
    devices = [device for part in parts for device in part.devices.values()]
    return Catalog.of(devices, [point for part in parts for point in part.points.values()])


async def test_a_discovery_that_was_broken_off_goes_on_from_there() -> None:
    devices = [an_ahu(number, f"AHU-{number}") for number in range(1, 6)]
    parts = await broken_off(*devices, after=3)
    kept = merged(parts)
    assert len(kept.devices) == 3
    for device in devices:
        device.reads.clear()
    resumed = await found(*devices, known=kept)
    read = [device for device in devices if any(kind != "device" for kind, _, _ in device.reads)]
    assert len(read) == 2
    whole = await found(*devices)
    assert resumed.catalog.devices == whole.catalog.devices
    assert resumed.catalog.points == whole.catalog.points


async def test_devices_of_one_name_have_ids_of_their_own_in_every_part() -> None:
    parts = await broken_off(*(an_ahu(number, "JACE") for number in range(1, 4)), after=3)
    assert len(merged(parts).devices) == 3
    assert len(merged(parts).points) == 9


async def test_a_device_whose_objects_were_never_pinned_is_read_once_more() -> None:
    device = an_ahu()
    known = (await found(device)).catalog
    unpinned = [replace(each, object_digest="") for each in known.devices.values()]
    again = await found(device, known=Catalog.of(unpinned, known.points.values()))
    assert again.catalog == known
    assert again.events == []


async def test_a_device_without_a_revision_is_believed_only_if_it_was_read_just_now() -> None:
    device = an_ahu()
    del device.properties["device", 100, "database-revision"]
    known = (await found(device)).catalog
    device.reads.clear()
    await found(device, known=known, read_already={device.ref})
    assert all(kind == "device" for kind, _, _ in device.reads)
    await found(device, known=known)
    assert any(kind != "device" for kind, _, _ in device.reads)


async def test_what_needs_a_judgement_is_not_handed_over_before_the_end() -> None:
    first = await found(an_ahu())
    moved = elsewhere(an_ahu(), "10.0.0.77:47808")
    parts: list[Catalog] = []

    async def keep(part: Catalog) -> None:
        parts.append(part)

    plan = DiscoveryPlan(checkpoint_devices=1)
    await found(moved, known=first.catalog, plan=plan, checkpoint=keep)
    assert parts == []
    await found(an_ahu(5, "AHU-5"), known=first.catalog, plan=plan, checkpoint=keep)
    assert [list(part.devices) for part in parts] == [["ahu-5"]]


async def looked_at(known: Catalog, *ids: DeviceId, bacnet: PretendBacnet) -> Discovered:
    return await look_at(bacnet, DiscoveryPlan(), known, ids, describe=plain, now=START)


async def test_only_the_devices_that_have_changed_are_looked_at() -> None:
    one, two = an_ahu(1, "AHU-1"), an_ahu(2, "AHU-2")
    known = (await found(one, two)).catalog
    add(one, "analog-input", 9, "AHU-1.MAT")
    one.has("device", 1, database_revision=2)
    two.reads.clear()
    news = await looked_at(known, AHU, bacnet=PretendBacnet(one, two))
    assert "ahu-1/mat" in news.catalog.points
    assert kinds(news) == [EventKind.POINT_FOUND]
    assert len(news.catalog.points) == len(known.points) + 1
    assert two.reads == []


async def test_a_device_that_is_silent_when_looked_at_stays_as_it_is() -> None:
    device = an_ahu()
    known = (await found(device)).catalog
    device.silent = True
    news = await looked_at(known, AHU, DeviceId("nobody"), bacnet=PretendBacnet(device))
    assert (news.catalog, news.events) == (known, [])


async def test_a_look_at_one_device_notices_that_it_was_replaced_and_forgets_no_quarantine() -> None:
    known = (await found(an_ahu())).catalog
    other = an_ahu()
    other.has("device", 100, serial_number="008")
    news = await looked_at(known, AHU, bacnet=PretendBacnet(other))
    assert kinds(news) == [EventKind.DEVICE_REPLACED]
    again = await looked_at(news.catalog, AHU, bacnet=PretendBacnet(other))
    assert again.catalog.devices[AHU].quarantine == news.catalog.devices[AHU].quarantine != ""


async def test_a_doubled_device_that_is_looked_at_stays_doubled() -> None:
    one = an_ahu()
    known = (await found(one, elsewhere(an_ahu(), "10.0.0.77:47808"))).catalog
    (id_,) = [id_ for id_, each in known.devices.items() if each.ref == one.ref]
    news = await looked_at(known, id_, bacnet=PretendBacnet(one))
    assert news.catalog.devices[id_] == known.devices[id_]
    assert news.catalog.devices[id_].duplicate
