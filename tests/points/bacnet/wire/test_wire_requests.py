"""Requests, held against the standard's own examples and the library's encoder."""

from __future__ import annotations

from itertools import pairwise

import pytest
from bacpypes3.apdu import (
    APDU,
    ReadAccessSpecification,
    ReadPropertyMultipleRequest,
    ReadPropertyRequest,
    SubscribeCOVRequest,
)
from bacpypes3.basetypes import PropertyReference
from hypothesis import given
from hypothesis import strategies as st

from points.bacnet.port import Property
from points.bacnet.values import object_identifier, property_identifier
from points.bacnet.wire import requests, vocabulary

INSTANCES = st.integers(0, 0x3FFFFF)
OBJECT_TYPES = st.sampled_from(["analog-input", "device", "multi-state-value", "63", "200", "1023"])
NAMES = st.sampled_from(["present-value", "object-list", "9999", "4194303", "state-text", "85"])
PROPERTIES = st.builds(Property, OBJECT_TYPES, INSTANCES, NAMES, st.none() | st.integers(0, 0xFFFFFFFF))


def octets(request: APDU) -> bytes:
    return bytes(request.encode().pduData)


def test_annex_f_reads_the_same() -> None:
    """ASHRAE 135, F.3.5 and F.3.7."""
    parameters = requests.read_property(Property("analog-input", 5, "present-value"))
    assert requests.confirmed(1, 12, parameters, max_apdu_code=0) == bytes.fromhex("0000010c0c000000051955")
    parameters = requests.read_property_multiple(
        [Property("analog-input", 16, "present-value"), Property("analog-input", 16, "reliability")]
    )
    assert requests.confirmed(0xF1, 14, parameters, max_apdu_code=4) == bytes.fromhex("0004f10e0c000000101e095509671f")
    several = [Property("analog-input", instance, "present-value") for instance in (33, 50, 35)]
    assert requests.confirmed(2, 14, requests.read_property_multiple(several), max_apdu_code=4) == bytes.fromhex(
        "0004020e 0c000000211e09551f 0c000000321e09551f 0c000000231e09551f".replace(" ", "")
    )


def test_annex_f_subscribes_the_same() -> None:
    """ASHRAE 135, F.1.10."""
    parameters = requests.subscribe_cov("analog-input", 10, process=18, lifetime=0, confirmed=True)
    assert requests.confirmed(15, 5, parameters, max_apdu_code=2) == bytes.fromhex("00020f0509121c0000000a29013900")
    assert requests.simple_ack(15, 5) == bytes.fromhex("200f05")


def test_headers_say_what_we_take() -> None:
    assert requests.confirmed(7, 14, b"x") == b"\x00\x05\x07\x0ex"
    assert requests.abort(7, 4, server=False) == b"\x70\x07\x04"
    assert requests.abort(7, 4, server=True) == b"\x71\x07\x04"


@given(PROPERTIES)
def test_the_library_asks_for_a_property_in_the_same_octets(wanted: Property) -> None:
    request = ReadPropertyRequest(
        objectIdentifier=object_identifier(wanted.object_type, wanted.instance),
        propertyIdentifier=property_identifier(wanted.name),
        propertyArrayIndex=wanted.index,
    )
    assert requests.read_property(wanted) == octets(request)


@given(st.lists(st.tuples(OBJECT_TYPES, INSTANCES, st.lists(NAMES, min_size=1, max_size=4)), max_size=5))
def test_the_library_asks_for_many_in_the_same_octets(objects: list[tuple[str, int, list[str]]]) -> None:
    for (type_, instance, _), (next_type, next_instance, _) in pairwise(objects):
        if (type_, instance) == (next_type, next_instance):
            return  # ours are one specification, as they should be
    request = ReadPropertyMultipleRequest(
        listOfReadAccessSpecs=[
            ReadAccessSpecification(
                objectIdentifier=object_identifier(type_, instance),
                listOfPropertyReferences=[
                    PropertyReference(propertyIdentifier=property_identifier(name)) for name in names
                ],
            )
            for type_, instance, names in objects
        ]
    )
    wanted = [Property(type_, instance, name) for type_, instance, names in objects for name in names]
    assert requests.read_property_multiple(wanted) == octets(request)


def test_neighbouring_properties_of_an_object_share_its_name() -> None:
    wanted = [
        Property("analog-input", 1, "present-value"),
        Property("analog-input", 1, "priority-array", 16),
        Property("analog-input", 2, "present-value"),
        Property("analog-input", 1, "units"),
    ]
    assert requests.read_property_multiple(wanted).hex(" ") == (
        "0c 00 00 00 01 1e 09 55 09 57 19 10 1f 0c 00 00 00 02 1e 09 55 1f 0c 00 00 00 01 1e 09 75 1f"
    )


@given(OBJECT_TYPES, INSTANCES, st.integers(0, 0xFFFFFFFF), st.integers(0, 28800), st.booleans())
def test_the_library_subscribes_in_the_same_octets(
    object_type: str, instance: int, process: int, lifetime: int, confirmed: bool
) -> None:
    object_ = object_identifier(object_type, instance)
    subscription = SubscribeCOVRequest(
        subscriberProcessIdentifier=process,
        monitoredObjectIdentifier=object_,
        issueConfirmedNotifications=confirmed,
        lifetime=lifetime,
    )
    ours = requests.subscribe_cov(object_type, instance, process=process, lifetime=lifetime, confirmed=confirmed)
    assert ours == octets(subscription)
    end = SubscribeCOVRequest(subscriberProcessIdentifier=process, monitoredObjectIdentifier=object_)
    assert requests.cancel_cov(object_type, instance, process=process) == octets(end)


@pytest.mark.parametrize(
    "wanted",
    [
        Property("analog-imput", 1, "present-value"),
        Property("analog-input", 1, "presentvalue"),
        Property("1024", 1, "present-value"),
        Property("analog-input", 0x400000, "present-value"),
        Property("analog-input", -1, "present-value"),
        Property("analog-input", 1, "4294967296"),
        Property("analog-input", 1, "present-value", -1),
        Property("analog-input", 1, "²"),
    ],
)
def test_what_bacnet_does_not_know_cannot_be_asked(wanted: Property) -> None:
    with pytest.raises(ValueError, match=r"is no|is not between"):
        requests.read_property(wanted)
    with pytest.raises(ValueError, match=r"is no|is not between"):
        requests.read_property_multiple([wanted])


def test_names_and_numbers_are_the_standards() -> None:
    assert vocabulary.object_type_number("device") == 8
    assert vocabulary.object_type_name(19) == "multi-state-value"
    assert vocabulary.object_type_name(500) == "500"
    assert vocabulary.property_name(85) == "present-value"
    assert vocabulary.property_name(4_000_000) == "4000000"
    assert vocabulary.property_number("4000000") == 4_000_000
    assert vocabulary.error_code_name(32) == "unknown-property"
    assert vocabulary.error_code_name(60_000) == "60000"
    assert vocabulary.abort_reason_name(4) == "segmentation-not-supported"
    assert vocabulary.abort_reason_name(200) == "200"
    assert vocabulary.reject_reason_name(9) == "unrecognized-service"
    assert vocabulary.reject_reason_name(200) == "200"


@given(st.integers(0, 1023), st.integers(0, 0xFFFFFFFF))
def test_every_number_has_a_name_that_leads_back(object_type: int, property_: int) -> None:
    assert vocabulary.object_type_number(vocabulary.object_type_name(object_type)) == object_type
    assert vocabulary.property_number(vocabulary.property_name(property_)) == property_
