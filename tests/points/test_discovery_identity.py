"""Which device is which: a known one is never taken for another, and where there is doubt a person decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from controllers import a_controller, an_ahu, elsewhere, found, kinds
from pretend import PretendBacnet, PretendDevice

from points.bacnet.port import Answer, Datum, IAm, Property, Query
from points.catalog import Catalog
from points.discovery import Discovered, DiscoveryPlan, NotApprovable, approve
from points.discovery.identity import Likeness, digest, is_moved, is_replaced, likeness
from points.errors import DeviceRefused, DeviceSilent
from points.model import Device, DeviceId, DeviceRef, EventKind
from points.passport import Passports

AHU = DeviceId("ahu-1")
OLD, NEW = "10.0.0.101:47808", "10.0.0.77:47808"
PINNED = {"vendor": "Acme", "model": "X1", "serial": "007", "name": "AHU-1", "object_digest": "d1"}


def device(address: str = OLD, **changes: str) -> Device:
    fields: Mapping[str, str] = {**PINNED, **changes}
    return Device(id=AHU, ref=DeviceRef(network=0, address=address, instance=100), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "after", "replaced"),
    [
        ({}, {}, False),
        ({}, {"name": "renamed", "object_digest": "d2"}, False),  # reprogrammed
        ({}, {"firmware": "9"}, False),
        ({}, {"vendor": "Other"}, True),
        ({}, {"model": "X2"}, True),
        ({}, {"serial": "008"}, True),
        ({"serial": ""}, {"serial": "008"}, False),  # nothing was pinned that could differ
        ({"serial": ""}, {"serial": "", "object_digest": "d2"}, False),
        ({"serial": ""}, {"serial": "", "name": "renamed"}, False),
        ({"serial": ""}, {"serial": "", "name": "other", "object_digest": "d2"}, True),  # nothing says it is the same
        ({"serial": ""}, {"name": "other", "object_digest": "d2"}, True),
        ({"serial": "", "object_digest": ""}, {"serial": "", "name": "other", "object_digest": "d2"}, False),
        ({}, {"serial": ""}, False),  # it no longer tells, and all else is as it was
        ({}, {"serial": "", "object_digest": "d2"}, True),
        ({}, {"vendor": "", "model": "", "serial": "", "name": "other"}, True),
    ],
)
def test_another_device_at_the_same_address_is_known_by_what_it_tells(
    before: dict[str, str], after: dict[str, str], replaced: bool
) -> None:
    assert is_replaced(device(**before), device(**after)) is replaced


ALL = {"object-name": "AHU-1", "vendor-name": "Acme", "model-name": "X1", "serial-number": "007"}


@pytest.mark.parametrize(
    ("before", "told", "found"),
    [
        ({}, {}, Likeness.SAME),
        ({}, {"object-name": "renamed"}, Likeness.SAME),  # its serial number says who it is
        ({}, {"serial-number": "008"}, Likeness.OTHER),
        ({}, {"vendor-name": "Other", "serial-number": None}, Likeness.OTHER),
        ({}, {"serial-number": None}, Likeness.UNSURE),  # refused now, told before
        ({}, {"object-name": None}, Likeness.UNSURE),
        ({"serial": ""}, {"serial-number": None}, Likeness.SAME),  # it never told
        ({"serial": ""}, {"serial-number": None, "object-name": "other"}, Likeness.UNSURE),
        ({"name": "device 100"}, {"object-name": None}, Likeness.SAME),
    ],
)
def test_who_stands_there_is_compared_with_who_was_known_there(
    before: dict[str, str], told: dict[str, str | None], found: Likeness
) -> None:
    answers = {name: value for name, value in {**ALL, **told}.items() if value is not None}
    assert likeness(device(**before), answers) is found


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ({}, {}, True),
        ({}, {"name": "renamed", "object_digest": "d2"}, True),  # its serial number says who it is
        ({}, {"serial": "008"}, False),
        ({}, {"serial": ""}, False),
        ({}, {"model": "X2"}, False),
        ({"serial": ""}, {"serial": ""}, True),
        ({"serial": ""}, {"serial": "", "name": "other"}, False),
        ({"serial": ""}, {"serial": "", "object_digest": "d2"}, False),
        ({"serial": "", "object_digest": ""}, {"serial": "", "object_digest": ""}, False),  # nothing proves it
        ({"serial": ""}, {"serial": "008"}, False),
    ],
)
def test_the_same_device_at_another_address_has_to_prove_it(
    before: dict[str, str], after: dict[str, str], moved: bool
) -> None:
    assert is_moved(device(**before), device(NEW, **after)) is moved


def test_a_device_of_another_instance_is_another_device() -> None:
    other = DeviceRef(network=0, address=NEW, instance=101)
    assert not is_moved(device(), Device(id=AHU, ref=other, **PINNED))  # type: ignore[arg-type]


def test_the_digest_does_not_depend_on_the_order() -> None:
    objects = [("analog-input", 1), ("analog-input", 10), ("binary-value", 2)]
    assert digest(objects) == digest(reversed(objects))
    assert digest(objects) != digest(objects[:2])
    assert len(digest(objects)) == 16


def texts(discovered: Discovered, kind: EventKind) -> list[str]:
    return [event.text for event in discovered.events if event.kind is kind]


async def test_a_device_that_moved_keeps_its_ids_and_waits_for_a_person() -> None:
    first = await found(an_ahu())
    passports = Passports()
    before = first.catalog.devices[AHU].ref
    passports.learn(before, rpm_limit=7)
    second = await found(elsewhere(an_ahu(), NEW), known=first.catalog, passports=passports)
    moved = second.catalog.devices[AHU]
    assert list(second.catalog.devices) == [AHU]
    assert moved.ref.address == NEW
    assert moved.quarantine == f"moved from 0:{OLD} to 0:{NEW}: approve it to command it again"
    assert set(second.catalog.points) == set(first.catalog.points)
    assert {point.ref.device for point in second.catalog.points.values()} == {moved.ref}
    assert kinds(second) == [EventKind.DEVICE_MOVED]
    assert passports.of(moved.ref).rpm_limit == 7


async def test_vanished_points_of_a_device_move_with_it() -> None:
    first = await found(an_ahu())
    moved = elsewhere(a_controller(), NEW)
    second = await found(moved, known=first.catalog)
    assert {point.ref.device.address for point in second.catalog.points.values()} == {NEW}
    assert not any(point.present for point in second.catalog.points.values())


async def test_an_i_am_from_a_second_address_never_redirects_a_device_that_still_answers() -> None:
    real = an_ahu()
    first = await found(real)
    spoof = elsewhere(an_ahu(), "10.6.6.6:47808")  # says all that the real one says
    second = await found(real, spoof, known=first.catalog)
    assert second.catalog.devices[AHU].ref == real.ref
    assert {point.ref.device for point in second.catalog.points_of(AHU)} == {real.ref}
    assert all(each.quarantine for each in second.catalog.devices.values())
    assert EventKind.DEVICE_MOVED not in kinds(second)


class Forged(PretendBacnet):
    """The last device is an I-Am in another's name: nothing is there that answers."""

    async def read(self, device: DeviceRef, wanted: Property, *, urgent: bool = False) -> Datum:
        self._answers(device)
        return await super().read(device, wanted, urgent=urgent)

    async def read_many(self, query: Query) -> Sequence[Answer]:
        self._answers(query.device)
        return await super().read_many(query)

    def _answers(self, device: DeviceRef) -> None:
        if device == list(self.devices)[-1]:
            raise DeviceSilent(f"{device}: no answer")


class Deafened(PretendBacnet):
    """The first device's I-Am is lost; it answers all the same."""

    async def who_is(self, low: int, high: int, *, target: str | None = None, wait: float = 1.0) -> list[IAm]:
        lost = next(iter(self.devices))
        return [i_am for i_am in await super().who_is(low, high, target=target, wait=wait) if i_am.device != lost]


async def test_nor_when_the_device_itself_was_not_heard_this_time() -> None:
    real = an_ahu()
    first = await found(real)
    spoof = elsewhere(an_ahu(), "10.6.6.6:47808")
    only_the_spoof = Deafened(real, spoof)
    second = await found(known=first.catalog, bacnet=only_the_spoof)
    assert second.catalog.devices[AHU].ref == real.ref
    assert second.catalog.devices[AHU].present
    assert second.catalog.devices[AHU].duplicate
    assert "is used 2 times" in second.catalog.devices[AHU].quarantine
    assert EventKind.DEVICE_MOVED not in kinds(second)


async def test_a_device_whose_i_am_is_lost_is_asked_directly_and_not_called_lost() -> None:
    device = an_ahu()
    first = await found(device)
    second = await found(known=first.catalog, bacnet=Deafened(device))
    assert second.catalog == first.catalog
    assert second.events == []


async def test_of_two_that_claim_to_be_the_lost_device_neither_is_believed() -> None:
    first = await found(an_ahu())
    one, two = elsewhere(an_ahu(), "10.6.6.6:47808"), elsewhere(an_ahu(), "10.6.6.7:47808")
    second = await found(one, two, known=first.catalog)
    lost = second.catalog.devices[AHU]
    assert (lost.ref.address, lost.present) == (OLD, False)
    assert {point.ref.device.address for point in second.catalog.points_of(AHU)} == {OLD}
    assert sum(bool(each.quarantine) for each in second.catalog.devices.values()) == 2


class Answering(PretendBacnet):
    """Who is asked for a device that it is not says so."""

    def _is_not(self, device: DeviceRef) -> bool:
        return device not in self.devices and any(device.address == there.address for there in self.devices)

    async def read(self, device: DeviceRef, wanted: Property, *, urgent: bool = False) -> Datum:
        if self._is_not(device):
            raise DeviceRefused(f"{device}", "unknown-object")
        return await super().read(device, wanted, urgent=urgent)

    async def read_many(self, query: Query) -> Sequence[Answer]:
        if self._is_not(query.device):
            return [DeviceRefused(f"{query.device}", "unknown-object") for _ in query.wanted]
        return await super().read_many(query)


async def test_an_address_that_another_device_has_now_does_not_answer_for_the_one_that_moved() -> None:
    one, two = an_ahu(100, "AHU-1"), an_ahu(200, "AHU-2")
    two.has("device", 200, serial_number="008")
    first = await found(one, two)
    swapped = elsewhere(an_ahu(100, "AHU-1"), two.ref.address), elsewhere(an_ahu(200, "AHU-2"), one.ref.address)
    swapped[1].has("device", 200, serial_number="008")
    second = await found(known=first.catalog, bacnet=Answering(*swapped))
    assert {each.ref for each in second.catalog.devices.values()} == {each.ref for each in swapped}
    assert kinds(second) == [EventKind.DEVICE_MOVED] * 2


async def test_another_device_with_the_instance_of_a_lost_one_is_not_taken_for_it() -> None:
    first = await found(an_ahu())
    other = elsewhere(an_ahu(), NEW)
    other.has("device", 100, serial_number="999")
    second = await found(other, known=first.catalog)
    assert second.catalog.devices[AHU].ref.address == OLD
    (newcomer,) = [each for each in second.catalog.devices.values() if each.ref.address == NEW]
    assert "has the instance 100 of AHU-1" in newcomer.quarantine
    assert set(kinds(second)) == {EventKind.DEVICE_FOUND, EventKind.DEVICE_REPLACED, EventKind.DEVICE_LOST}
    third = await found(other, known=approve(second.catalog, newcomer.id))
    assert not third.catalog.devices[newcomer.id].quarantine


async def test_a_replaced_device_keeps_the_ids_of_what_it_has_and_waits_for_a_person() -> None:
    first = await found(an_ahu())
    other = an_ahu()
    other.has("device", 100, serial_number="008", vendor_name="Other")  # and the same Database_Revision
    second = await found(other, known=first.catalog)
    assert set(second.catalog.points) == set(first.catalog.points)
    assert second.catalog.devices[AHU].quarantine == (
        "was Acme X1 (serial 007), is now Other X1 (serial 008): approve it to command it again"
    )
    assert kinds(second) == [EventKind.DEVICE_REPLACED]
    assert other.requests.count("read_many") > 1  # another device's revision proves nothing


async def test_a_quarantine_lasts_until_it_is_approved_and_then_holds_no_more() -> None:
    first = await found(an_ahu())
    other = an_ahu()
    other.has("device", 100, serial_number="008")
    second = await found(other, known=first.catalog)
    third = await found(other, known=second.catalog)
    assert third.catalog.devices[AHU].quarantine == second.catalog.devices[AHU].quarantine
    assert kinds(third) == []
    approved = approve(third.catalog, AHU)
    assert approved.devices[AHU].quarantine == ""
    fourth = await found(other, known=approved)
    assert (fourth.catalog.devices[AHU].quarantine, kinds(fourth)) == ("", [])
    assert texts(await found(an_ahu(), known=approved), EventKind.DEVICE_REPLACED)  # the new identity is the pinned one


async def test_a_lost_device_stays_in_quarantine() -> None:
    first = await found(an_ahu())
    other = an_ahu()
    other.has("device", 100, serial_number="008")
    second = await found(other, known=first.catalog)
    third = await found(known=second.catalog)
    assert third.catalog.devices[AHU].quarantine


async def test_changed_objects_and_firmware_are_no_reason_for_a_quarantine() -> None:
    first = await found(an_ahu())
    changed = a_controller()
    changed.has("device", 100, database_revision=2, firmware_revision="2.0")
    second = await found(changed, known=first.catalog)
    assert second.catalog.devices[AHU].quarantine == ""
    assert second.catalog.devices[AHU].object_digest != first.catalog.devices[AHU].object_digest
    assert set(kinds(second)) == {EventKind.POINT_VANISHED}


async def doubled() -> tuple[Catalog, PretendDevice]:
    one, two = an_ahu(), elsewhere(an_ahu(), NEW)
    first = await found(one)
    return (await found(one, two, known=first.catalog)).catalog, one


async def test_doubled_devices_wait_until_one_is_gone_and_a_person_has_approved() -> None:
    catalog, one = await doubled()
    for id_, each in catalog.devices.items():
        assert f"its instance 100 is used 2 times (0:{OLD}, 0:{NEW})" in each.quarantine
        with pytest.raises(NotApprovable, match="another device still has its instance 100"):
            approve(catalog, id_)
    after = (await found(one, known=catalog)).catalog
    assert (after.devices[AHU].duplicate, bool(after.devices[AHU].quarantine)) == (False, True)
    assert approve(after, AHU).devices[AHU].quarantine == ""


async def test_a_double_is_told_once() -> None:
    catalog, one = await doubled()
    again = await found(one, elsewhere(an_ahu(), NEW), known=catalog)
    assert again.events == []


async def test_a_device_that_only_claims_an_instance_quarantines_the_one_that_has_it() -> None:
    mute = elsewhere(PretendDevice(100), "10.6.6.6:47808")
    mute.properties = {}
    first = await found(an_ahu())
    second = await found(an_ahu(), mute, known=first.catalog)
    assert second.catalog.devices[AHU].duplicate
    assert second.catalog.devices[AHU].quarantine


async def test_a_host_that_sends_an_i_am_and_answers_nothing_takes_no_device_away() -> None:
    known, forged = an_ahu(), elsewhere(PretendDevice(100), "10.6.6.6:47808")
    first = await found(known)
    second = await found(bacnet=Forged(known, forged), known=first.catalog)
    assert not second.catalog.devices[AHU].duplicate
    assert second.catalog.devices[AHU].quarantine == ""
    assert EventKind.DUPLICATE_DEVICE not in kinds(second)
    assert any("also claimed from 0:10.6.6.6:47808, where nothing answers" in event.text for event in second.events)


async def test_nor_does_it_when_the_device_has_moved() -> None:
    first = await found(an_ahu())
    bacnet = Forged(elsewhere(an_ahu(), NEW), elsewhere(PretendDevice(100), "10.6.6.6:47808"))
    second = await found(bacnet=bacnet, known=first.catalog)
    assert second.catalog.devices[AHU].ref.address == NEW
    assert EventKind.DEVICE_MOVED in kinds(second)


def test_a_device_that_nobody_knows_cannot_be_approved() -> None:
    with pytest.raises(NotApprovable, match="no device 'nobody'"):
        approve(Catalog(), DeviceId("nobody"))


async def test_a_device_with_our_own_instance_is_told_with_what_to_do() -> None:
    discovered = await found(an_ahu(), plan=DiscoveryPlan(own_instance=100))
    (text,) = texts(discovered, EventKind.DUPLICATE_DEVICE)
    assert f"Our own device instance 100 is also that of 0:{OLD}" in text
    assert "bacnet.instance" in text


async def test_of_many_that_share_an_instance_a_sentence_names_some() -> None:
    jaces = [elsewhere(an_ahu(500, "JACE"), f"10.0.1.{number}:47808") for number in range(10)]
    (text,) = texts(await found(*jaces), EventKind.DUPLICATE_DEVICE)
    assert "is used 10 times" in text
    assert "and 4 more" in text
