"""What one device is and has, read from it as gently as it needs.

The object list is read whole where it fits, and element by element where the device says that it
does not. Whatever a device cannot tell is left empty; only silence ends the inspection.
"""

from __future__ import annotations

from dataclasses import replace

from points.bacnet.batches import Batches
from points.bacnet.port import Answer, Bacnet, IAm, Property
from points.discovery.objects import asks, is_proprietary, raw_point
from points.discovery.plan import RawPoint
from points.errors import ProtocolError
from points.model import Device, DeviceId, DeviceRef

# Bits of Protocol_Services_Supported (ASHRAE 135, BACnetServicesSupported).
_SUBSCRIBE_COV, _READ_PROPERTY_MULTIPLE = 5, 14
_IDENTIFIER_OCTETS = 5  # an object identifier with its tag
_ACK_OCTETS = 20  # what goes around the object list
_SEGMENTS = 60  # that we accept, with some to spare
_SMALLEST_APDU = 50  # octets; every device takes this much
_UNASSIGNED = DeviceId("")  # ids are given when all names are known

_TOLD = (
    "object-name",
    "description",
    "vendor-name",
    "model-name",
    "firmware-revision",
    "serial-number",
    "database-revision",
)
_SIZES = ("max-apdu-length-accepted", "segmentation-supported")


class Inspection:
    """One device being read."""

    def __init__(self, bacnet: Bacnet, ref: DeviceRef, i_am: IAm | None) -> None:
        self._ref = ref
        self._i_am = i_am
        self._reads = Batches(
            bacnet, ref, max_apdu=i_am.max_apdu if i_am else _SMALLEST_APDU, reads_multiple=i_am is not None
        )
        self._bacnet = bacnet
        self.skipped = 0  # proprietary objects that are no points

    async def device(self) -> Device:
        """What the device says of itself. Its id is still to be given."""
        services = await self._reads.one(self._own("protocol-services-supported"))
        sizes = await self._sizes()
        self._reads = Batches(
            self._bacnet, self._ref, max_apdu=sizes[0], reads_multiple=_serves(services, _READ_PROPERTY_MULTIPLE)
        )
        told = dict(zip(_TOLD, await self._reads.read([self._own(name) for name in _TOLD]), strict=True))
        count = await self._reads.one(self._own("object-list", 0))
        revision = told["database-revision"]
        return Device(
            id=_UNASSIGNED,
            ref=self._ref,
            name=_text(told["object-name"]) or f"device {self._ref.instance}",
            description=_text(told["description"]),
            vendor=_text(told["vendor-name"]),
            model=_text(told["model-name"]),
            firmware=_text(told["firmware-revision"]),
            serial=_text(told["serial-number"]),
            max_apdu=sizes[0],
            segmentation=sizes[1],
            reads_multiple=self._reads.reads_multiple,
            serves_cov=_serves(services, _SUBSCRIBE_COV),
            object_count=count if isinstance(count, int) else 0,
            database_revision=revision if isinstance(revision, int) else None,
        )

    async def objects(self, device: Device) -> list[tuple[str, int]]:
        """The device's object list; raises ProtocolError when it has none that can be read."""
        room = device.max_apdu
        if device.segmentation in ("segmented-both", "segmented-transmit"):
            room *= _SEGMENTS
        if not device.object_count or device.object_count * _IDENTIFIER_OCTETS + _ACK_OCTETS <= room:
            whole = await self._reads.one(self._own("object-list"))
            if isinstance(whole, tuple):
                return [identifier for identifier in map(_identifier, whole) if identifier is not None]
        if not device.object_count:
            raise ProtocolError(f"{device.ref}: its object list cannot be read")
        elements = [self._own("object-list", index) for index in range(1, device.object_count + 1)]
        answers = await self._reads.read(elements)
        return [identifier for identifier in map(_identifier, answers) if identifier is not None]

    async def points(self, device: Device) -> tuple[Device, list[RawPoint]]:
        """The device with what was learned of it while reading, and all its objects that are points."""
        objects = await self.objects(device)
        wanted = [property_ for object_ in objects for property_ in asks(*object_)]
        answers: dict[tuple[str, int], dict[str, Answer]] = {}
        for property_, answer in zip(wanted, await self._reads.read(wanted), strict=True):
            answers.setdefault((property_.object_type, property_.instance), {})[property_.name] = answer
        learned = replace(device, reads_multiple=self._reads.reads_multiple)
        points = []
        for object_, told in answers.items():
            if (point := raw_point(learned, *object_, told)) is not None:
                points.append(point)
            elif is_proprietary(object_[0]):
                self.skipped += 1
        return learned, points

    async def _sizes(self) -> tuple[int, str]:
        if self._i_am is not None:
            return max(_SMALLEST_APDU, self._i_am.max_apdu), self._i_am.segmentation
        octets, segmentation = [await self._reads.one(self._own(name)) for name in _SIZES]
        return (
            max(_SMALLEST_APDU, octets) if isinstance(octets, int) else _SMALLEST_APDU,
            segmentation if isinstance(segmentation, str) else "no-segmentation",
        )

    def _own(self, name: str, index: int | None = None) -> Property:
        return Property("device", self._ref.instance, name, index)


def _serves(services: Answer, bit: int) -> bool:
    """Whether the device says that it serves it; True when it does not say: it will be found out."""
    if not isinstance(services, tuple):
        return True
    return bit < len(services) and services[bit] is True


def _identifier(value: Answer) -> tuple[str, int] | None:
    if not isinstance(value, str):
        return None
    object_type, _, instance = value.rpartition(",")
    return (object_type, int(instance)) if object_type and instance.isdigit() else None


def _text(value: Answer) -> str:
    return value.strip() if isinstance(value, str) else ""
