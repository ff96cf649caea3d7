"""The quick look finds what `inspect.getattr_static` finds, in whatever the library makes."""

import inspect

import pytest
from bacpypes3 import apdu, basetypes, constructeddata
from bacpypes3.local import object as local
from bacpypes3.local.analog import AnalogOutputObject
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject

from points.bacnet import application
from points.bacnet.quicker import getattr_static


def things():
    yield DeviceObject(objectIdentifier=("device", 1), objectName="device", vendorIdentifier=999)
    yield AnalogOutputObject(objectIdentifier=("analog-output", 1), objectName="valve", presentValue=20.0, units=98)
    yield NetworkPortObject("127.0.0.1/24:0", objectIdentifier=("network-port", 1), objectName="port")
    yield basetypes.PriorityValue(null=())
    yield basetypes.PriorityValue(real=20.0)
    yield basetypes.StatusFlags([0, 1, 0, 0])
    yield apdu.ReadPropertyRequest(objectIdentifier=("analog-output", 1), propertyIdentifier="present-value")


async def test_it_finds_the_same():
    properties = 0
    for thing in things():
        names = {*dir(type(thing)), *vars(thing), *getattr(thing, "_elements", ()), "no-such-name"}
        for name in names - {"__dict__", "__weakref__"}:  # of every class, and asked for by nobody
            expected = inspect.getattr_static(thing, name, None)
            assert getattr_static(thing, name, None) is expected, (type(thing), name)
            properties += isinstance(expected, property)
    assert properties > 5


def test_what_is_not_there_is_an_error():
    with pytest.raises(AttributeError):
        getattr_static(basetypes.PriorityValue(null=()), "no-such-name")


def test_the_library_looks_so():
    assert application.quicken
    assert constructeddata.inspect.getattr_static is local.inspect.getattr_static is getattr_static
