"""What a device of the farm has: its objects, their properties, and what each property says in each variant.

Variant v of an analog object differs from variant v+1 in its present value alone. The value tells which
object it belongs to (`whole_part`), so that whoever reads it can prove that it was decoded rightly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bench.devices import octets
from bench.devices.octets import Object, Reference

VARIANTS = 64
VENDOR, VENDOR_NAME, MODEL = 999, "Bench", "Farm 1"
AI, AV, BI, BV, DEVICE, MSI = 0, 2, 3, 5, 8, 13
ANALOG, BINARY = (AI, AV), (BI, BV)
_SHARES = ((AI, 72), (AV, 8), (BI, 10), (BV, 5), (MSI, 5))  # of a hundred objects
_WORDS = {AI: "RoomTemp", AV: "Setpoint", BI: "FanStatus", BV: "Enable", MSI: "Mode"}
_UNITS = (62, 98, 29, 63)  # degrees-celsius, percent, percent-relative-humidity, kelvin-like: as such lists are

PRESENT_VALUE, STATUS_FLAGS, OBJECT_LIST, PROPERTY_LIST = 85, 111, 76, 371
ALL, OPTIONAL, REQUIRED = 8, 80, 105

UNKNOWN_OBJECT, UNKNOWN_PROPERTY = (1, 31), (2, 32)
NOT_AN_ARRAY, NO_SUCH_INDEX = (2, 50), (2, 42)

_GOOD = octets.bits((False,) * 4)
_SERVICES = frozenset((5, 12, 14, 26, 34))  # SubscribeCOV, ReadProperty, ReadPropertyMultiple, I-Am, Who-Is


class Refused(Exception):
    """Error class and code."""

    def __init__(self, reason: tuple[int, int]) -> None:
        super().__init__(reason)
        self.reason = reason


def kinds(count: int) -> list[Object]:
    """The first `count` objects of a device: 72 analog inputs of a hundred, then the others."""
    instances: dict[int, int] = {}
    found = []
    for position in range(count):
        place, kind = position % 100, _SHARES[-1][0]
        for candidate, share in _SHARES:
            if place < share:
                kind = candidate
                break
            place -= share
        instances[kind] = instances.get(kind, 0) + 1
        found.append((kind, instances[kind]))
    return found


def whole_part(device: int, object_: Object) -> int:
    """What the present value of an analog object is, but for the fraction that changes."""
    return (device * 7 + object_[0] * 100 + object_[1]) % 1000


@dataclass(slots=True)
class Device:
    """One device. `told` holds the values that COV notifications have told, which reads then repeat."""

    index: int
    instance: int
    objects: list[Object]
    changing: float = 1.0  # the share of its objects whose present value changes
    serves_cov: bool = True
    told: dict[Object, float] = field(default_factory=dict)
    _places: dict[Object, int] = field(init=False)

    def __post_init__(self) -> None:
        self._places = {object_: place for place, object_ in enumerate(self.objects)}

    def changes(self, object_: Object) -> bool:
        place = self._places.get(object_)
        return place is not None and int((place + 1) * self.changing) > int(place * self.changing)

    def read(self, object_: Object, reference: Reference, variant: int) -> bytes:
        """A property's value as octets, or Refused."""
        property_, index = reference
        if object_ in ((DEVICE, self.instance), (DEVICE, 0x3FFFFF)):
            items, single = _DEVICE_ARRAYS, _DEVICE
        elif object_ in self._places:
            items, single = _arrays(object_), _object_properties(object_)
        else:
            raise Refused(UNKNOWN_OBJECT)
        if property_ in items:
            return _of_array(items[property_](self, object_), index)
        if property_ not in single:
            raise Refused(UNKNOWN_PROPERTY)
        if index is not None:
            raise Refused(NOT_AN_ARRAY)
        return single[property_](self, object_, variant)

    def properties(self, object_: Object) -> list[int]:
        """What "all" means for an object; Refused if there is none."""
        self.read(object_, (77, None), 0)
        if object_[0] == DEVICE:
            return [*_DEVICE, *_DEVICE_ARRAYS]
        return [*_object_properties(object_), *(number for number in _arrays(object_) if number != PROPERTY_LIST)]

    def present_value(self, object_: Object, variant: int) -> bytes:
        moved = variant % VARIANTS if self.changes(object_) else 0
        if object_[0] in ANALOG:
            told = self.told.get(object_)
            return octets.real(whole_part(self.index, object_) + moved / VARIANTS if told is None else told)
        if object_[0] in BINARY:
            return octets.enumerated((moved + object_[1]) & 1)
        return octets.unsigned((moved + object_[1]) % 3 + 1)

    def i_am(self) -> bytes:
        return octets.datagram(
            b"\x10\x00"
            + octets.application(12, octets.identifier(DEVICE, self.instance))
            + octets.unsigned(octets.MAX_APDU[-1])
            + octets.enumerated(3)
            + octets.unsigned(VENDOR)
        )

    def services(self) -> bytes:
        served = _SERVICES if self.serves_cov else _SERVICES - {5}
        return octets.bits([bit in served for bit in range(41)])


def _of_array(items: list[bytes], index: int | None) -> bytes:
    if index is None:
        return b"".join(items)
    if index == 0:
        return octets.unsigned(len(items))
    if index > len(items):
        raise Refused(NO_SUCH_INDEX)
    return items[index - 1]


def _identifiers(device: Device, _: Object) -> list[bytes]:
    everything = [(DEVICE, device.instance), *device.objects]
    return [octets.application(12, octets.identifier(*object_)) for object_ in everything]


def _name(device: Device, object_: Object) -> str:
    return f"AHU{device.index:03d}.{_WORDS[object_[0]]}{object_[1]:03d}"


Arrays = dict[int, Callable[[Device, Object], list[bytes]]]
Singles = dict[int, Callable[[Device, Object, int], bytes]]

_DEVICE: Singles = {
    75: lambda device, _, __: octets.application(12, octets.identifier(DEVICE, device.instance)),
    77: lambda device, _, __: octets.text(f"AHU{device.index:03d}"),
    79: lambda _, __, ___: octets.enumerated(DEVICE),
    112: lambda _, __, ___: octets.enumerated(0),
    121: lambda _, __, ___: octets.text(VENDOR_NAME),
    120: lambda _, __, ___: octets.unsigned(VENDOR),
    70: lambda _, __, ___: octets.text(MODEL),
    44: lambda _, __, ___: octets.text("1.0"),
    12: lambda _, __, ___: octets.text("1.0"),
    98: lambda _, __, ___: octets.unsigned(1),
    139: lambda _, __, ___: octets.unsigned(19),
    97: lambda device, _, __: device.services(),
    96: lambda _, __, ___: octets.bits([kind in (AI, AV, BI, BV, DEVICE, MSI) for kind in range(60)]),
    62: lambda _, __, ___: octets.unsigned(octets.MAX_APDU[-1]),
    107: lambda _, __, ___: octets.enumerated(3),
    11: lambda _, __, ___: octets.unsigned(3000),
    73: lambda _, __, ___: octets.unsigned(3),
    30: lambda _, __, ___: b"",
    155: lambda _, __, ___: octets.unsigned(1),
    28: lambda device, _, __: octets.text(f"Air handling unit {device.index}"),
    58: lambda device, _, __: octets.text(f"Plant room {device.index % 20}"),
    372: lambda device, _, __: octets.text(f"F{device.instance:07d}"),
}
_DEVICE_ARRAYS: Arrays = {OBJECT_LIST: _identifiers}

_COMMON: Singles = {
    75: lambda _, object_, __: octets.application(12, octets.identifier(*object_)),
    77: lambda device, object_, _: octets.text(_name(device, object_)),
    79: lambda _, object_, __: octets.enumerated(object_[0]),
    28: lambda device, object_, _: octets.text(f"{_WORDS[object_[0]]} {object_[1]} of unit {device.index}"),
    PRESENT_VALUE: lambda device, object_, variant: device.present_value(object_, variant),
    STATUS_FLAGS: lambda _, __, ___: _GOOD,
    36: lambda _, __, ___: octets.enumerated(0),
    103: lambda _, __, ___: octets.enumerated(0),
    81: lambda _, __, ___: octets.FALSE,
}
_ANALOG: Singles = _COMMON | {
    117: lambda _, object_, __: octets.enumerated(_UNITS[object_[1] % len(_UNITS)]),
    22: lambda _, __, ___: octets.real(0.1),
}
_BINARY: Singles = _COMMON | {
    46: lambda _, __, ___: octets.text("off"),
    4: lambda _, __, ___: octets.text("on"),
}
_BINARY_INPUT: Singles = _BINARY | {84: lambda _, __, ___: octets.enumerated(0)}
_MULTISTATE: Singles = _COMMON | {74: lambda _, __, ___: octets.unsigned(3)}


def _object_properties(object_: Object) -> Singles:
    return {AI: _ANALOG, AV: _ANALOG, BI: _BINARY_INPUT, BV: _BINARY, MSI: _MULTISTATE}[object_[0]]


def _arrays(object_: Object) -> Arrays:
    return _MULTISTATE_ARRAYS if object_[0] == MSI else _OBJECT_ARRAYS


def _property_list(_: Device, object_: Object) -> list[bytes]:
    return [octets.enumerated(number) for number in _object_properties(object_) if number not in (75, 77, 79)]


_OBJECT_ARRAYS: Arrays = {PROPERTY_LIST: _property_list}
_MULTISTATE_ARRAYS: Arrays = _OBJECT_ARRAYS | {110: lambda _, __: [octets.text(t) for t in ("off", "auto", "manual")]}
