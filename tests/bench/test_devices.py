"""The farm's devices say what they are made to say, in octets that the library reads as the same."""

from __future__ import annotations

import pytest
from bacpypes3.apdu import APDU, ComplexAckPDU, ReadPropertyMultipleACK, UnconfirmedCOVNotificationRequest
from bacpypes3.pdu import PDU
from bacpypes3.primitivedata import Real, Unsigned

from bench.clients import raw
from bench.devices import octets
from bench.devices.answering import framed, notification, reply
from bench.devices.building import AI, DEVICE, MSI, Device, kinds, whole_part
from bench.devices.farm import FIRST_INSTANCE

HEAD = b"\x02\x05\x07\x0e"  # ReadPropertyMultiple, any size, invoke id 7
SMALL_HEAD = b"\x02\x00\x07\x0e"  # the same for whoever takes 50 octets


@pytest.fixture
def device() -> Device:
    return Device(0, FIRST_INSTANCE, kinds(100))


def asked(*wanted: tuple[octets.Object, int]) -> bytes:
    return b"".join(
        octets.context(0, octets.identifier(*object_)) + octets.opened(1, octets.context(0, octets.natural(property_)))
        for object_, property_ in wanted
    )


def read_by_library(answer: bytes) -> dict[tuple[str, int], object]:
    before, behind = framed(answer)
    apdu = APDU.decode(PDU((before + b"\x07" + behind)[6:]))
    assert isinstance(apdu, ComplexAckPDU)
    assert apdu.apduInvokeID == 7
    return {
        (str(result.objectIdentifier), int(element.propertyIdentifier)): element.readResult
        for result in ReadPropertyMultipleACK.decode(apdu).listOfReadAccessResults
        for element in result.listOfResults
    }


def test_the_library_reads_the_values_that_the_objects_have(device: Device) -> None:
    read = read_by_library(reply(device, HEAD + asked(((AI, 1), 85), ((AI, 72), 85), ((MSI, 1), 74)), 16))
    assert read["analog-input,1", 85].propertyValue.cast_out(Real) == whole_part(0, (AI, 1)) + 0.25
    assert read["analog-input,72", 85].propertyValue.cast_out(Real) == whole_part(0, (AI, 72)) + 0.25
    assert read["multi-state-input,1", 74].propertyValue.cast_out(Unsigned) == 3


def test_what_a_device_does_not_have_is_refused_for_itself_alone(device: Device) -> None:
    request = HEAD + asked(((AI, 1), 87), ((AI, 999), 85), ((DEVICE, FIRST_INSTANCE), 155))
    read = read_by_library(reply(device, request, 0))
    assert str(read["analog-input,1", 87].propertyAccessError.errorCode) == "unknown-property"
    assert str(read["analog-input,999", 85].propertyAccessError.errorCode) == "unknown-object"
    assert read[f"device,{FIRST_INSTANCE}", 155].propertyAccessError is None


def test_an_answer_that_does_not_fit_is_aborted(device: Device) -> None:
    assert reply(device, SMALL_HEAD + asked(*(((AI, i), 85) for i in range(1, 9))), 0) == b"\x71\x04"


def test_each_reply_to_a_request_is_another_one_where_values_change() -> None:
    changing, steady = Device(0, 1, kinds(100)), Device(0, 1, kinds(100), changing=0.0)
    assert changing.present_value((AI, 1), 0) != changing.present_value((AI, 1), 1)
    assert steady.present_value((AI, 1), 0) == steady.present_value((AI, 1), 1)


def test_the_share_of_objects_that_change_is_the_one_asked_for() -> None:
    device = Device(0, 1, kinds(100), changing=0.25)
    assert sum(device.changes(object_) for object_ in device.objects) == 25


def test_a_hundred_objects_have_room_for_a_request_of_72_inputs() -> None:
    assert sum(kind == AI for kind, _ in kinds(100)) == 72
    assert len(set(kinds(100))) == 100


def test_the_library_reads_anotification() -> None:
    before, behind = notification(Device(0, 5, []), 3, (AI, 9), 60)
    told = UnconfirmedCOVNotificationRequest.decode(APDU.decode(PDU(b"\x10\x02" + before + b"\x3f\x80\0\0" + behind)))
    assert (told.subscriberProcessIdentifier, told.timeRemaining) == (3, 60)
    assert str(told.monitoredObjectIdentifier) == "analog-input,9"
    assert told.listOfValues[0].value.cast_out(Real) == 1.0


def test_the_bare_socket_asks_for_72_present_values() -> None:
    request = octets.read_property_multiple(bytes(raw.request(72))[10:])
    assert request == [((AI, instance), [(85, None)]) for instance in range(1, 73)]


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_request_that_is_cut_short_is_malformed(cut: int) -> None:
    whole = asked(((AI, 1), 85), ((AI, 2), 85))
    try:
        parsed = octets.read_property_multiple(whole[:-cut])
    except octets.Malformed:
        return
    assert len(parsed) <= 2
