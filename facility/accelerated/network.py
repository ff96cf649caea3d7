"""The hospital as `points.bacnet.port.Bacnet` shows it: what the agent asks is answered at once, out of the equipment.

The answers are those that the same devices give on the wire, object by object; a test compares the two catalogs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from facility.accelerated.hospital import Refused, Unit, VirtualHospital, as_real
from facility.simulation.network import VIRTUAL_NETWORK
from facility.simulation.proprietary import OBJECT_TYPE
from facility.simulation.spec import CalendarSpec, Kind, PointSpec, Quirk, ScheduleSpec
from facility.simulation.station import LARGEST_APDU, SMALL_APDU, revision
from points.bacnet.port import Answer, Datum, IAm, Notification, Property, Query
from points.bacnet.values import shortest
from points.clock import Clock
from points.errors import DeviceRefused, DeviceSilent
from points.model import DeviceRef, Ref, Slots, Value

WELL = (False, False, False, False)  # the status flags of a point that nothing is wrong with
FAULT = (False, True, False, False)
SERVICES = 48  # bits of Protocol_Services_Supported
READ_MULTIPLE = 14
FIRST_WRITABLE, LAST_WRITABLE = 8, 16


class VirtualNetwork:
    """One network with every device of the hospital on it."""

    def __init__(self, hospital: VirtualHospital, clock: Clock, *, wrote: Callable[[], None] = lambda: None) -> None:
        """`wrote` is called when a write has reached its device, before anybody is told so."""
        self.hospital = hospital
        self._clock = clock
        self._wrote = wrote
        self._units = {_ref(unit): unit for unit in hospital.units.values()}
        self._roles = {ref: dict(_objects(unit)) for ref, unit in self._units.items()}

    @property
    def points(self) -> Iterator[tuple[Ref, Unit, str]]:
        """Every object: where it is, its device, and what the equipment calls it."""
        for device, roles in self._roles.items():
            for (object_type, instance), role in roles.items():
                yield Ref(device=device, object_type=object_type, instance=instance), self._units[device], role

    async def who_is(self, low: int, high: int, *, target: str | None = None, wait: float = 1.0) -> list[IAm]:
        return [_i_am(ref, unit) for ref, unit in self._units.items() if low <= ref.instance <= high]

    async def read(self, device: DeviceRef, wanted: Property, *, urgent: bool = False) -> Datum:
        answer = self.answer(device, wanted)
        if isinstance(answer, DeviceRefused):
            raise answer
        return shortest(answer) if isinstance(answer, float) else answer  # type: ignore[return-value]  # refuses only

    async def read_many(self, query: Query) -> Sequence[Answer]:
        return [self.answer(query.device, wanted) for wanted in query.wanted]

    def took(self, device: DeviceRef) -> float | None:
        return None

    async def write(self, ref: Ref, value: Value | None, priority: int) -> None:
        if not FIRST_WRITABLE <= priority <= LAST_WRITABLE:
            raise ValueError(f"priority {priority} is not ours to write")
        unit, role = self._found(ref)
        try:
            self.hospital.write(unit.spec.name, role, value, priority, self._clock.now())
        except Refused as refused:
            raise DeviceRefused(f"{ref}: {refused.code}", refused.code) from None
        self._wrote()

    async def read_slots(self, ref: Ref) -> Slots:
        unit, role = self._found(ref)
        if role not in unit.outputs:
            raise DeviceRefused(f"{ref}: unknown-property", "unknown-property")
        return Slots(values=unit.slots(role), default=_property(unit, role, "relinquish-default"))  # type: ignore[arg-type]

    async def subscribe(self, ref: Ref, *, process: int, lifetime: int, confirmed: bool = False) -> None:
        """Granted; what changes is told without being asked for (`facility.accelerated.readings`)."""

    async def unsubscribe(self, ref: Ref, *, process: int) -> None:
        """Nothing was promised."""

    def on_notification(self, handler: Callable[[Notification], None]) -> None:
        """There are none, see `subscribe`."""

    def on_i_am(self, handler: Callable[[IAm], None]) -> None:
        """No device here ever starts."""

    def _unit(self, device: DeviceRef) -> Unit:
        try:
            return self._units[device]
        except KeyError:
            raise DeviceSilent(f"{device} does not answer") from None

    def _found(self, ref: Ref) -> tuple[Unit, str]:
        unit = self._unit(ref.device)
        role = self._roles[ref.device].get((ref.object_type, ref.instance))
        if role is None:
            raise DeviceRefused(f"{ref}: unknown-object", "unknown-object")
        return unit, role

    def answer(self, device: DeviceRef, wanted: Property) -> Answer:
        unit = self._unit(device)
        answer: Answer | KeyError
        if wanted.object_type == "device":
            value = self._of_device(device, unit, wanted) if wanted.instance == device.instance else None
        else:
            role = self._roles[device].get((wanted.object_type, wanted.instance))
            value = None if role is None else (_property(unit, role, wanted.name, wanted.index),)
        answer = DeviceRefused(f"{device}: unknown-object", "unknown-object") if value is None else value[0]
        return answer

    def _of_device(self, device: DeviceRef, unit: Unit, wanted: Property) -> tuple[Answer]:
        listed = [f"device,{device.instance}", "network-port,1"]
        listed += [f"{object_type},{instance}" for object_type, instance in self._roles[device]]
        listed += _timers(unit)
        if wanted.name == "object-list":
            return (len(listed) if wanted.index == 0 else listed[wanted.index - 1] if wanted.index else tuple(listed),)
        spec = unit.spec
        told: dict[str, Answer] = {
            "object-identifier": listed[0],
            "object-name": spec.name,
            "description": spec.description,
            "vendor-name": spec.make.vendor,
            "vendor-identifier": spec.make.vendor_id,
            "model-name": spec.make.model,
            "firmware-revision": spec.make.firmware,
            "application-software-version": "1.4",
            "serial-number": f"{spec.make.vendor_id:04d}-{spec.instance:06d}",
            "database-revision": revision(spec),
            "max-apdu-length-accepted": _i_am(device, unit).max_apdu,
            "segmentation-supported": _i_am(device, unit).segmentation,
            "protocol-services-supported": _services(unit),
        }
        return (told.get(wanted.name, _unknown(wanted.name)),)


def _property(unit: Unit, role: str, name: str, index: int | None = None) -> Answer:
    point = unit.points[role]
    if point.kind is Kind.COUNTER and name not in ("object-name", "description"):
        return _unknown(name)
    match name:
        case "present-value":
            value = unit.value(role)
            return as_real(value) if isinstance(value, float) else value
        case "status-flags":
            return FAULT if point.faulty else WELL
        case "reliability":
            return "no-sensor" if point.faulty else "no-fault-detected"
        case "event-state" if point.kind is not Kind.LO:
            return "normal"
        case "out-of-service":
            return False
        case "priority-array" if role in unit.outputs:
            slots = unit.slots(role)
            return len(slots) if index == 0 else slots if index is None else slots[index - 1]
        case "relinquish-default" if role in unit.outputs:
            return _typed_default(point)
        case _:
            return _static(point).get(name, _unknown(name))


def _typed_default(point: PointSpec) -> Value:
    value = float(point.value)
    return bool(value) if _is_binary(point) else int(value) if _is_multistate(point) else value


def _static(point: PointSpec) -> Mapping[str, Answer]:
    """What never changes of an object; absent is what its type does not have."""
    told: dict[str, Answer] = {"object-name": point.name, "description": point.description}
    if _is_binary(point):
        told["inactive-text"], told["active-text"] = point.states or ("Off", "On")
    elif _is_multistate(point):
        told |= {"number-of-states": len(point.states), "state-text": point.states}
    elif point.kind is not Kind.COUNTER:
        told["cov-increment"] = as_real(point.cov_increment or 1.0)
        if point.kind is not Kind.LO:
            limits = {"min-pres-value": point.low, "max-pres-value": point.high, "resolution": point.resolution}
            told |= {"units": hyphenated(point.unit)}
            told |= {name: as_real(value) for name, value in limits.items() if value is not None}
    return told


def hyphenated(word: str) -> str:
    """The name of a unit, as it is read: `degreesCelsius` is `degrees-celsius`."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda letter: f"-{letter[0].lower()}", word)


def _unknown(name: str) -> DeviceRefused:
    return DeviceRefused(f"{name}: unknown-property", "unknown-property")


def _is_binary(point: PointSpec) -> bool:
    return point.kind in (Kind.BI, Kind.BO, Kind.BV)


def _is_multistate(point: PointSpec) -> bool:
    return point.kind in (Kind.MSI, Kind.MSV)


def _ref(unit: Unit) -> DeviceRef:
    instance = unit.spec.instance
    return DeviceRef(network=VIRTUAL_NETWORK, address=str(instance - 10000), instance=instance)


def _objects(unit: Unit) -> Iterator[tuple[tuple[str, int], str]]:
    """Objects are numbered by type, in the order of the points, as `facility.simulation.station` does it."""
    numbers: dict[Kind, int] = {}
    for role, point in unit.points.items():
        numbers[point.kind] = numbers.get(point.kind, 0) + 1
        object_type = str(OBJECT_TYPE) if point.kind is Kind.COUNTER else point.kind.value
        yield (object_type, numbers[point.kind]), role


def _i_am(ref: DeviceRef, unit: Unit) -> IAm:
    small = Quirk.SMALL_APDU in unit.spec.quirks
    return IAm(
        device=ref,
        max_apdu=SMALL_APDU if small else LARGEST_APDU,
        segmentation="no-segmentation" if small else "segmented-both",
        vendor_id=unit.spec.make.vendor_id,
    )


def _services(unit: Unit) -> tuple[bool, ...]:
    without = READ_MULTIPLE if Quirk.NO_READ_MULTIPLE in unit.spec.quirks else None
    return tuple(bit != without for bit in range(SERVICES))


def _timers(unit: Unit) -> Iterator[str]:
    """Schedules, then calendars, as `facility.simulation.timers` numbers them."""
    for kind, word in ((ScheduleSpec, "schedule"), (CalendarSpec, "calendar")):
        for number, _ in enumerate((each for each in unit.spec.timers if isinstance(each, kind)), 1):
            yield f"{word},{number}"
