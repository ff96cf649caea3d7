"""What one device is and has, read from it as gently as it needs.

The object list is read whole where it fits, and element by element where the device says that it
does not. What is known to fail is not tried. Whatever a device cannot tell is left empty; only
silence ends the inspection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from points.bacnet.batches import TOO_BIG, Batches
from points.bacnet.port import Answer, Bacnet, IAm, Property
from points.discovery.identity import digest, unnamed
from points.discovery.objects import asks, is_proprietary, raw_point, schedules
from points.discovery.plan import RawPoint
from points.errors import DeviceError, DeviceRefused, DeviceSilent, ProtocolError
from points.model import Device, DeviceId, DeviceRef
from points.passport import Oddity, Passports

# Bits of Protocol_Services_Supported (ASHRAE 135, BACnetServicesSupported).
_SUBSCRIBE_COV, _READ_PROPERTY_MULTIPLE = 5, 14
_IDENTIFIER_OCTETS = 5  # an object identifier with its tag
_ACK_OCTETS = 20  # what goes around the object list
_SEGMENTS = 60  # that we accept, with some to spare
_SMALLEST_APDU = 50  # octets; every device takes this much
_UNASSIGNED = DeviceId("")  # ids are given when all names are known

_NOT_ITS_INSTANCE = "unknown-object"

_TOLD = (
    "protocol-services-supported",
    "object-list",  # how long it is
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
    """One device being read. What its passport says is believed, what it turns out to be is noted there."""

    def __init__(
        self, bacnet: Bacnet, ref: DeviceRef, i_am: IAm | None, *, before: Device | None, passports: Passports
    ) -> None:
        self._bacnet = bacnet
        self._ref = ref
        self._i_am = i_am
        self._before = before
        self._passports = passports
        self._reads = self._batches(_SMALLEST_APDU, reads_multiple=False)
        self._has_answered = False  # a question for a single property
        self.skipped = 0  # proprietary objects that are no points

    async def device(self) -> Device:
        """What the device says of itself. Its id is still to be given."""
        max_apdu, segmentation = await self._sizes()
        told = await self._told(max_apdu)
        services, count, revision = told["protocol-services-supported"], told["object-list"], told["database-revision"]
        return Device(
            id=_UNASSIGNED,
            ref=self._ref,
            name=_text(told["object-name"]) or unnamed(self._ref.instance),
            description=_text(told["description"]),
            vendor=_text(told["vendor-name"]),
            model=_text(told["model-name"]),
            firmware=_text(told["firmware-revision"]),
            serial=_text(told["serial-number"]),
            max_apdu=max_apdu,
            segmentation=segmentation,
            reads_multiple=self._reads.reads_multiple,
            serves_cov=_serves(services, _SUBSCRIBE_COV),
            object_count=count if isinstance(count, int) else 0,
            database_revision=revision if isinstance(revision, int) else None,
        )

    async def points(self, device: Device) -> tuple[Device, list[RawPoint]]:
        """The device with what was learned of it while reading, and all its objects that are points."""
        objects = await self._objects(device)
        wanted = [property_ for object_ in objects for property_ in asks(*object_)]
        answers: dict[tuple[str, int], dict[str, Answer]] = {}
        for property_, answer in zip(wanted, await self._reads.read(wanted), strict=True):
            answers.setdefault((property_.object_type, property_.instance), {})[property_.name] = answer
        learned = replace(
            device,
            reads_multiple=self._reads.reads_multiple,
            object_digest=digest(objects),
            schedules=schedules(objects),
        )
        points = []
        for object_, told in answers.items():
            if (point := raw_point(learned, *object_, told)) is not None:
                points.append(point)
            elif is_proprietary(object_[0]):
                self.skipped += 1
        return learned, points

    async def is_there(self) -> bool:
        """Whether the device of this instance answers here; whatever it answers, it does."""
        try:
            await self._bacnet.read(self._ref, self._own("object-identifier"))
        except DeviceSilent:
            return False
        except DeviceRefused as refused:
            return refused.code != _NOT_ITS_INSTANCE
        except DeviceError:
            return True
        return True

    def _batches(self, max_apdu: int, *, reads_multiple: bool) -> Batches:
        return Batches(
            self._bacnet, self._ref, max_apdu=max_apdu, reads_multiple=reads_multiple, passports=self._passports
        )

    async def _told(self, max_apdu: int) -> dict[str, Answer]:
        wanted = [self._own(name, 0 if name == "object-list" else None) for name in _TOLD]
        multiple = await self._may_read_multiple()
        self._reads = self._batches(max_apdu, reads_multiple=multiple)
        try:
            answers = await self._reads.read(wanted)
        except DeviceSilent:
            if not self._has_answered or not self._reads.reads_multiple:
                raise
            self._reads = self._batches(max_apdu, reads_multiple=False)  # perhaps it drops what it does not know
            answers = await self._reads.read(wanted)
        return dict(zip(_TOLD, answers, strict=True))

    async def _objects(self, device: Device) -> list[tuple[str, int]]:
        """The device's object list; raises ProtocolError when it has none that can be read."""
        octets = device.object_count * _IDENTIFIER_OCTETS + _ACK_OCTETS
        arrives = min(device.max_apdu, self._passports.of(self._ref).max_apdu or device.max_apdu)
        in_segments = octets > arrives
        refused: Answer = None
        if not self._by_index_only(device, in_segments=in_segments, fits=octets <= arrives * _SEGMENTS):
            refused = await self._whole_list(silence_is_no=device.object_count > 0)
            if isinstance(refused, tuple):
                return _identifiers(refused)
        if not device.object_count:
            raise ProtocolError(f"{device.ref}: its object list cannot be read")
        elements = [self._own("object-list", index) for index in range(1, device.object_count + 1)]
        listed = _identifiers(await self._reads.read(elements))
        if refused is not None:
            self._note(refused, in_segments=in_segments)
        return listed

    def _by_index_only(self, device: Device, *, in_segments: bool, fits: bool) -> bool:
        """Whether it is known that the whole list cannot be had."""
        if not device.object_count:
            return False
        passport = self._passports.of(self._ref)
        if Oddity.INDEX_ONLY_LIST in passport.oddities:
            return True
        sends_segments = device.segmentation in ("segmented-both", "segmented-transmit")
        return in_segments and not (fits and sends_segments and passport.segments is not False)

    async def _whole_list(self, *, silence_is_no: bool) -> Answer:
        """Silence after a request for a long answer may be the way's, which loses it."""
        try:
            return await self._reads.one(self._own("object-list"))
        except DeviceSilent as silent:
            if not silence_is_no:
                raise
            return silent

    def _note(self, whole: Answer, *, in_segments: bool) -> None:
        """What the refusal of the whole list says of the device; a passing one says nothing."""
        if isinstance(whole, DeviceRefused) and whole.code not in TOO_BIG:
            return
        if in_segments:
            self._passports.learn(self._ref, segments=False)
            self._passports.odd(self._ref, Oddity.REFUSES_SEGMENTS)
        else:
            self._passports.odd(self._ref, Oddity.INDEX_ONLY_LIST)

    async def _may_read_multiple(self) -> bool:
        """What is known of it; else what it claims: nobody is asked in a way that it says it does not know."""
        learned = self._passports.of(self._ref).reads_multiple
        if learned is not None:
            return learned
        if self._before is not None:
            return self._before.reads_multiple
        services = await self._reads.one(self._own("protocol-services-supported"))
        self._has_answered = True
        return _serves(services, _READ_PROPERTY_MULTIPLE)

    async def _sizes(self) -> tuple[int, str]:
        if self._i_am is not None:
            return max(_SMALLEST_APDU, self._i_am.max_apdu), self._i_am.segmentation
        if self._before is not None:
            return self._before.max_apdu, self._before.segmentation
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


def _identifiers(values: Sequence[Answer]) -> list[tuple[str, int]]:
    return [identifier for identifier in map(_identifier, values) if identifier is not None]


def _identifier(value: Answer) -> tuple[str, int] | None:
    if not isinstance(value, str):
        return None
    object_type, _, instance = value.rpartition(",")
    return (object_type, int(instance)) if object_type and instance.isdigit() else None


def _text(value: Answer) -> str:
    return value.strip() if isinstance(value, str) else ""
