"""The confirmed requests that we send, from our words to the library's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bacpypes3.apdu import (
    ReadAccessSpecification,
    ReadPropertyMultipleRequest,
    ReadPropertyRequest,
    SubscribeCOVRequest,
    WritePropertyRequest,
)
from bacpypes3.basetypes import PropertyReference

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


def read_property_multiple(address: Any, wanted: Sequence[Property]) -> Any:
    """One request, grouped by object as the properties come."""
    grouped: list[tuple[tuple[str, int], list[Any]]] = []
    for property_ in wanted:
        object_ = (property_.object_type, property_.instance)
        reference = PropertyReference(
            propertyIdentifier=property_identifier(property_.name), propertyArrayIndex=property_.index
        )
        if grouped and grouped[-1][0] == object_:
            grouped[-1][1].append(reference)
        else:
            grouped.append((object_, [reference]))
    specifications = [
        ReadAccessSpecification(objectIdentifier=object_identifier(*object_), listOfPropertyReferences=references)
        for object_, references in grouped
    ]
    return ReadPropertyMultipleRequest(listOfReadAccessSpecs=specifications, destination=address)


def write_property(address: Any, ref: Ref, encoded: Any, priority: int) -> Any:
    return WritePropertyRequest(
        objectIdentifier=object_identifier(ref.object_type, ref.instance),
        propertyIdentifier=property_identifier(ref.property),
        propertyValue=encoded,
        priority=priority,
        destination=address,
    )


def subscribe_cov(address: Any, ref: Ref, process: int, *, lifetime: int, confirmed: bool) -> Any:
    return SubscribeCOVRequest(
        subscriberProcessIdentifier=process,
        monitoredObjectIdentifier=object_identifier(ref.object_type, ref.instance),
        issueConfirmedNotifications=confirmed,
        lifetime=lifetime,
        destination=address,
    )


def cancel_cov(address: Any, ref: Ref, process: int) -> Any:
    """Neither lifetime nor kind of notification: that is what makes it a cancellation."""
    return SubscribeCOVRequest(
        subscriberProcessIdentifier=process,
        monitoredObjectIdentifier=object_identifier(ref.object_type, ref.instance),
        destination=address,
    )
