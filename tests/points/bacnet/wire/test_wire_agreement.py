"""Where bacpypes3 and we both understand an APDU, we understand the same."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from bacpypes3.apdu import (
    APDU,
    APCISequence,
    ConfirmedCOVNotificationRequest,
    ErrorRejectAbortNack,
    ReadPropertyACK,
    ReadPropertyMultipleACK,
    UnconfirmedCOVNotificationRequest,
)
from bacpypes3.basetypes import (
    DateTime,
    ErrorType,
    PropertyValue,
    ReadAccessResult,
    ReadAccessResultElement,
    ReadAccessResultElementChoice,
)
from bacpypes3.constructeddata import Any as AnyValue
from bacpypes3.constructeddata import Sequence, SequenceOf
from bacpypes3.pdu import PDU
from bacpypes3.primitivedata import (
    BitString,
    Boolean,
    CharacterString,
    Date,
    Double,
    Enumerated,
    Integer,
    Null,
    ObjectIdentifier,
    PropertyIdentifier,
    Real,
    Tag,
    TagClass,
    TagList,
    Time,
    Unsigned,
)
from hypothesis import example, given
from hypothesis import strategies as st
from wire_octets import Result, mutated, notification, read_property_ack, read_property_multiple_ack, values

from points.bacnet.port import Datum, Opaque, Property
from points.bacnet.values import object_identifier, property_identifier
from points.bacnet.wire import notifications, replies
from points.errors import DeviceRefused, ProtocolError

WANTED = (
    Property("analog-input", 1, "9999"),
    Property("200", 2, "600"),
    Property("analog-input", 1, "priority-array", 3),
    Property("notification-class", 1, "9998"),
)
PLACES = ((0, 1, 9999, None), (200, 2, 600, None), (0, 1, 87, 3), (15, 1, 9998, None))
DECODERS: dict[int, Any] = {
    0: Null, 1: Boolean, 2: Unsigned, 3: Integer, 4: Real, 5: Double, 7: CharacterString, 8: BitString, 9: Enumerated,
    12: ObjectIdentifier,
}  # fmt: skip
UNLIKE = (1, 2)  # character sets that the library takes for UTF-8


class Different(Exception):
    """The library does not tell, or we mean to differ."""


def theirs(value: Any) -> object:
    """What the library makes of the tags of a property without a type, comparably."""
    tags: list[Tag] = list(value.tagList)
    if tags and tags[0].tag_class == TagClass.opening:
        tags = tags[1:-1]
    if any(tag.tag_class != TagClass.application for tag in tags):
        return [(int(tag.tag_class), int(tag.tag_number), bytes(tag.tag_data)) for tag in tags]
    decoded = [_their_primitive(tag) for tag in tags]
    return decoded[0] if len(decoded) == 1 else tuple(decoded)


def _their_primitive(tag: Tag) -> object:
    octets = bytes(tag.tag_data)
    match int(tag.tag_number):
        case 0:
            return None
        case 4 | 5:
            return struct.pack(">d", DECODERS[tag.tag_number].decode(TagList([tag])))
        case 7 if octets[:1] and octets[0] not in UNLIKE:
            return str(CharacterString.decode(TagList([tag]))).rstrip("\0")
        case 7:
            raise Different
        case 8 if octets[:1] > b"\x07":
            raise Different
        case 8:
            return tuple(bool(bit) for bit in BitString.decode(TagList([tag])))
        case 1:
            return bool(Boolean.decode(TagList([tag])))
        case 9:
            return str(int(Enumerated.decode(TagList([tag]))))
        case 10 | 11:
            return octets
        case 12:
            return str(ObjectIdentifier.decode(TagList([tag])))
        case 2 | 3 as number:
            return int(DECODERS[number].decode(TagList([tag])))
    return Opaque(octets)


def ours(value: Datum) -> object:
    match value:
        case tuple():
            return tuple(ours(each) for each in value)
        case float():
            return struct.pack(">d", value)
        case Opaque():
            return _tags(value.octets)
    return value


def _tags(octets: bytes) -> object:
    """Constructed octets as the library splits them; those of a single value as they are."""
    try:
        tags = list(TagList.decode(PDU(octets)))
    except Exception:  # noqa: BLE001 - it is the content of a value, not tags
        return Opaque(octets)
    return [(int(tag.tag_class), int(tag.tag_number), bytes(tag.tag_data)) for tag in tags]


def _field(octet: int) -> str:
    return "*" if octet == 255 else f"{octet:02}"


def same(our: Datum, value: Any) -> None:
    try:
        their = theirs(value)
    except Exception:  # noqa: BLE001 - the library fails in many ways, and Different is one of ours
        return
    _same(ours(our), their, our)


def _same(our: object, their: object, datum: Datum) -> None:
    match their, datum:
        case Opaque(), Opaque():
            assert datum == their
        case bytes(), str() if len(their) == 4:  # a date or a time
            shown = _field(their[1])
            assert shown in datum
        case tuple(), tuple():
            assert len(their) == len(datum)
            for left, right in zip(their, datum, strict=True):
                _same(ours(right), left, right)
        case str(), str() if our != their:  # UTF-8 cut by octets: the library takes all of it for Latin-1
            octets, kept = their.encode("latin-1"), str(our).encode()
            assert octets.startswith(kept)
            assert 0 < len(octets) - len(kept) < 4
            assert not kept.isascii()
        case _:
            assert our == their


def library(apdu: bytes) -> Any:
    """The library's reading of an APDU, or None where it has none."""
    try:
        return APCISequence.decode(APDU.decode(PDU(apdu)))
    except (Exception, ErrorRejectAbortNack):  # noqa: BLE001 - it fails in many ways
        return None


def acks() -> st.SearchStrategy[bytes]:
    results = st.lists(
        st.builds(
            lambda place, value: Result(*place[:3], value, place[3]),
            st.sampled_from(PLACES),
            st.one_of(values(), st.tuples(st.integers(0, 7), st.integers(0, 200))),
        ),
        min_size=1,
        max_size=4,
    )
    return results.map(read_property_multiple_ack)


def compare_multiple(parameters: bytes) -> bool:
    """Whether both understand it; fails if they understand differently."""
    try:
        answers = replies.read_property_multiple(parameters, 0, WANTED)
    except ProtocolError:
        return False
    ack = library(b"\x30\x01\x0e" + parameters)
    if ack is None or ack.listOfReadAccessResults is None:
        return False
    said = {
        (result.objectIdentifier, element.propertyIdentifier, element.propertyArrayIndex): element.readResult
        for result in ack.listOfReadAccessResults
        for element in result.listOfResults or ()
    }
    for answer, wanted in zip(answers, WANTED, strict=True):
        key = (
            object_identifier(wanted.object_type, wanted.instance),
            property_identifier(wanted.name),
            wanted.index,
        )
        if isinstance(answer, ProtocolError) or key not in said:
            continue
        result = said[key]
        if isinstance(answer, DeviceRefused):
            assert answer.code == str(result.propertyAccessError.errorCode)
        elif result.propertyValue is not None:
            same(answer, result.propertyValue)
    return True


@given(acks())
def test_read_property_multiple(parameters: bytes) -> None:
    compare_multiple(parameters)


@given(mutated(acks()))
def test_read_property_multiple_that_came_to_harm(parameters: bytes) -> None:
    compare_multiple(parameters)


@example(read_property_ack(0, 1, 9999, b"t\x00\xc2\x80\xc2"))
@given(values().map(lambda value: read_property_ack(0, 1, 9999, value)))
def test_read_property(parameters: bytes) -> None:
    for octets in (parameters, parameters[:-1] + b"\x2f"):
        try:
            answer = replies.read_property(octets, 0, WANTED[0])
        except ProtocolError:
            continue
        ack = library(b"\x30\x01\x0c" + octets)
        if ack is not None:
            same(answer, ack.propertyValue)


@given(
    st.one_of(
        *(
            strategy(
                st.lists(st.tuples(st.sampled_from([9999, 9998, 9997]), values()), max_size=3).map(
                    lambda listed: notification(0, 1, listed)
                )
            )
            for strategy in (mutated, lambda whole: whole)
        )
    )
)
def test_notifications(parameters: bytes) -> None:
    try:
        [reported] = notifications.cov(parameters, 0, multiple=False)
    except ProtocolError:
        return
    request = library(b"\x10\x02" + parameters)
    if request is None or request.listOfValues is None:
        return
    assert reported.process == request.subscriberProcessIdentifier
    assert reported.device_instance == request.initiatingDeviceIdentifier[1]
    assert f"{reported.object_type},{reported.instance}" == str(request.monitoredObjectIdentifier)
    last = {str(value.propertyIdentifier): value for value in request.listOfValues if value.propertyArrayIndex is None}
    for name, value in last.items():
        if name in reported.properties and not reported.undecodable:
            same(reported.properties[name], value.value)


ELEMENTS = [
    Null(()), Boolean(1), Unsigned(2**32 - 1), Integer(-(2**31)), Real(72.3), Double(1e300), CharacterString("Zürich"),
    BitString([1, 0, 1]), Enumerated(5), Date("2024-02-29"), Time("12:34:56.78"), ObjectIdentifier("analog-value,7"),
]  # fmt: skip
VALUES = [None, True, 2**32 - 1, -(2**31), struct.unpack(">f", struct.pack(">f", 72.3))[0], 1e300, "Zürich",
          (True, False, True), "5", "2024-02-29", "12:34:56.78", "analog-value,7"]  # fmt: skip
CASES = list(zip(ELEMENTS, VALUES, strict=True))


def octets(sequence: Any) -> bytes:
    return bytes(sequence.encode().pduData)


@pytest.mark.parametrize(("element", "value"), CASES, ids=lambda it: type(it).__name__)
def test_what_the_library_encodes_we_read(element: Any, value: Datum) -> None:
    wanted = Property("analog-input", 1, "9999")
    ack = ReadPropertyACK(
        objectIdentifier=object_identifier("analog-input", 1),
        propertyIdentifier=PropertyIdentifier(9999),
        propertyValue=AnyValue(element),
    )
    assert replies.read_property(octets(ack), 0, wanted) == value
    many = ReadPropertyMultipleACK(
        listOfReadAccessResults=[
            ReadAccessResult(
                objectIdentifier=object_identifier("analog-input", 1),
                listOfResults=[
                    ReadAccessResultElement(
                        propertyIdentifier=PropertyIdentifier(9999),
                        readResult=ReadAccessResultElementChoice(propertyValue=AnyValue(element)),
                    ),
                    ReadAccessResultElement(
                        propertyIdentifier=PropertyIdentifier("units"),
                        readResult=ReadAccessResultElementChoice(
                            propertyAccessError=ErrorType(errorClass="property", errorCode="unknown-property")
                        ),
                    ),
                ],
            )
        ]
    )
    answers = replies.read_property_multiple(octets(many), 0, [wanted, Property("analog-input", 1, "units")])
    assert answers[0] == value
    assert isinstance(answers[1], DeviceRefused)
    assert answers[1].code == "unknown-property"


@pytest.mark.parametrize("kind", [ConfirmedCOVNotificationRequest, UnconfirmedCOVNotificationRequest])
@pytest.mark.parametrize(("element", "value"), CASES, ids=lambda it: type(it).__name__)
def test_what_the_library_notifies_we_read(kind: Any, element: Any, value: Datum) -> None:
    request = kind(
        subscriberProcessIdentifier=9,
        initiatingDeviceIdentifier=object_identifier("device", 8),
        monitoredObjectIdentifier=object_identifier("analog-input", 7),
        timeRemaining=6,
        listOfValues=[PropertyValue(propertyIdentifier=PropertyIdentifier(9999), value=AnyValue(element))],
    )
    [reported] = notifications.cov(octets(request), 0, multiple=False)
    assert reported == (9, 8, "analog-input", 7, {"9999": value}, 0)


# COVNotificationMultiple, which the library has not, in its own means: ASHRAE 135, clause 21.


class TimedValue(Sequence):  # type: ignore[misc]
    _order = ("propertyIdentifier", "propertyArrayIndex", "value", "timeOfChange")
    propertyIdentifier = PropertyIdentifier(_context=0)  # noqa: N815
    propertyArrayIndex = Unsigned(_context=1, _optional=True)  # noqa: N815
    value = AnyValue(_context=2)
    timeOfChange = Time(_context=3, _optional=True)  # noqa: N815


class ObjectValues(Sequence):  # type: ignore[misc]
    _order = ("monitoredObjectIdentifier", "listOfValues")
    monitoredObjectIdentifier = ObjectIdentifier(_context=0)  # noqa: N815
    listOfValues = SequenceOf(TimedValue, _context=1)  # noqa: N815


class NotificationMultiple(Sequence):  # type: ignore[misc]
    _order = (
        "subscriberProcessIdentifier",
        "initiatingDeviceIdentifier",
        "timeRemaining",
        "timestamp",
        "listOfCOVNotifications",
    )
    subscriberProcessIdentifier = Unsigned(_context=0)  # noqa: N815
    initiatingDeviceIdentifier = ObjectIdentifier(_context=1)  # noqa: N815
    timeRemaining = Unsigned(_context=2)  # noqa: N815
    timestamp = DateTime(_context=3, _optional=True)
    listOfCOVNotifications = SequenceOf(ObjectValues, _context=4)  # noqa: N815


@pytest.mark.parametrize("stamped", [False, True])
def test_what_the_library_would_notify_of_many_we_read(stamped: bool) -> None:
    noon = Time("12:00:00.00")
    request = NotificationMultiple(
        subscriberProcessIdentifier=9,
        initiatingDeviceIdentifier=object_identifier("device", 8),
        timeRemaining=600,
        **({"timestamp": DateTime(date=Date("2024-02-29"), time=noon)} if stamped else {}),
        listOfCOVNotifications=[
            ObjectValues(
                monitoredObjectIdentifier=object_identifier("analog-input", instance),
                listOfValues=[
                    TimedValue(
                        propertyIdentifier=PropertyIdentifier(9999),
                        value=AnyValue(element),
                        **({"timeOfChange": noon} if stamped else {}),
                    )
                ],
            )
            for instance, element in enumerate(ELEMENTS)
        ],
    )
    reported = notifications.cov(bytes(request.encode().encode().pduData), 0, multiple=True)
    assert [(each.instance, each.properties) for each in reported] == [
        (instance, {"9999": value}) for instance, value in enumerate(VALUES)
    ]
