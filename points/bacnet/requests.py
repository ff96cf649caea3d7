"""The confirmed requests that we leave to the library: rare, or with answers in segments."""

from __future__ import annotations

from typing import Any

from bacpypes3.apdu import ReadPropertyRequest, WritePropertyRequest
from bacpypes3.pdu import PDUData
from bacpypes3.primitivedata import TagList

from points.bacnet.port import Property
from points.bacnet.values import object_identifier, property_identifier
from points.model import Ref


def read_property(address: Any, wanted: Property) -> Any:
    return ReadPropertyRequest(
        objectIdentifier=object_identifier(wanted.object_type, wanted.instance),
        propertyIdentifier=property_identifier(wanted.name),
        propertyArrayIndex=wanted.index,
        destination=address,
    )


def write_property(address: Any, ref: Ref, encoded: Any, priority: int) -> Any:
    return WritePropertyRequest(
        objectIdentifier=object_identifier(ref.object_type, ref.instance),
        propertyIdentifier=property_identifier(ref.property),
        propertyValue=encoded,
        priority=priority,
        destination=address,
    )


def write_constructed(address: Any, wanted: Property, octets: bytes) -> Any:
    """A value that is encoded already: its tags go as they are."""
    return WritePropertyRequest(
        objectIdentifier=object_identifier(wanted.object_type, wanted.instance),
        propertyIdentifier=property_identifier(wanted.name),
        propertyArrayIndex=wanted.index,
        propertyValue=_Encoded(octets),
        destination=address,
    )


class _Encoded:
    """What the library takes for a value that it has to encode."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def encode(self) -> Any:
        return TagList.decode(PDUData(self._octets))
