"""Whether a device is the one we knew: pure, from what it says of itself and where it is.

A known device is never found at another address while it still answers at the old one, and one
that is not surely the device we knew is quarantined: read, and not commanded, until a person has
approved it. Nothing but `approve` ends a quarantine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import Enum, auto

from points.catalog import Catalog
from points.errors import PointsError
from points.model import Device, DeviceId, DeviceRef

_DIGEST_DIGITS = 16  # of SHA-256: enough to tell any two object lists apart
_PLACES = 6  # that a sentence names
_APPROVE = "approve it to command it again"


class NotApprovable(PointsError):
    """There is no such device, or what is wrong with it is still so."""


def digest(objects: Iterable[tuple[str, int]]) -> str:
    """A short name for an object list, whatever its order."""
    listed = "\n".join(f"{object_type},{instance}" for object_type, instance in sorted(objects))
    return hashlib.sha256(listed.encode()).hexdigest()[:_DIGEST_DIGITS]


def is_replaced(before: Device, after: Device) -> bool:
    """Whether another device is where `before` was.

    A changed name, firmware or object list is the same device, reprogrammed; but where no serial number
    tells, not a changed name and object list together. One that no longer tells what it told is the same
    only if its name and its objects still are.
    """
    told_before, told_after = _told(before), _told(after)
    if any(old and new and old != new for old, new in zip(told_before, told_after, strict=True)):
        return True
    if not (before.serial and after.serial) and _unlike_in_name_and_objects(before, after):
        return True
    hides = any(old and not new for old, new in zip(told_before, told_after, strict=True))
    return hides and not _alike_in_name_and_objects(before, after)


class Likeness(Enum):
    """Whether what tells of itself somewhere is the device that was known there."""

    SAME = auto()
    OTHER = auto()
    UNSURE = auto()  # only a look at the whole device can tell


TELLS = ("object-name", "vendor-name", "model-name", "serial-number")


def as_told(before: Device, told: Mapping[str, str]) -> Device:
    """The known device with what is told by who stands there now, by property; the rest as it was known."""
    return replace(
        before,
        name=told.get("object-name") or before.name,
        vendor=told.get("vendor-name", before.vendor),
        model=told.get("model-name", before.model),
        serial=told.get("serial-number", before.serial),
    )


def likeness(before: Device, told: Mapping[str, str]) -> Likeness:
    """How the device that tells this of itself, by property of `TELLS`, is like `before`."""
    after = as_told(before, told)
    if is_replaced(before, after):
        return Likeness.OTHER
    known = zip(TELLS, (_own_name(before), *_told(before)), strict=True)
    silent = any(value and property_ not in told for property_, value in known)
    renamed = after.name != before.name and not (before.serial and after.serial)
    return Likeness.UNSURE if silent or renamed else Likeness.SAME


def is_moved(before: Device, after: Device) -> bool:
    """Whether `after`, at another address, is surely the device that `before` was. The instance has to be the same."""
    if before.ref.instance != after.ref.instance or _told(before) != _told(after):
        return False
    return bool(before.serial) or _alike_in_name_and_objects(before, after)


def moved(before: DeviceRef, after: DeviceRef) -> str:
    return f"moved from {place(before)} to {place(after)}: {_APPROVE}"


def replaced(before: Device, after: Device) -> str:
    return f"was {_description(before)}, is now {_description(after)}: {_APPROVE}"


def usurps(before: Device, after: Device) -> str:
    """`after` has the instance of `before`, which does not answer any more, and is another device."""
    return (
        f"has the instance {after.ref.instance} of {before.name} ({place(before.ref)}), which does not answer "
        "any more, and is another device: approve it to command it"
    )


def doubled(instance: int, claimed_by: Sequence[DeviceRef]) -> str:
    many, where = len(claimed_by), places(claimed_by)
    return f"its instance {instance} is used {many} times ({where}): give each device its own, then {_APPROVE}"


def approve(catalog: Catalog, device: DeviceId) -> Catalog:
    """The catalog with the device trusted again, as it is now. Raises `NotApprovable`."""
    if (known := catalog.devices.get(device)) is None:
        raise NotApprovable(f"There is no device {device!r}.")
    if known.duplicate:
        raise NotApprovable(
            f"{known.name} cannot be approved yet: another device still has its instance {known.ref.instance}. "
            "Give each device its own and look through the building again."
        )
    devices = {**catalog.devices, device: replace(known, quarantine="")}
    return Catalog.of(devices.values(), catalog.points.values(), catalog.spaces.values())


def place(ref: DeviceRef) -> str:
    """Where a device is: network and address."""
    return f"{ref.network}:{ref.address}"


def places(refs: Sequence[DeviceRef]) -> str:
    """Where devices are; of many, only some."""
    more = f" and {len(refs) - _PLACES} more" if len(refs) > _PLACES else ""
    return ", ".join(map(place, refs[:_PLACES])) + more


def _told(device: Device) -> tuple[str, str, str]:
    return device.vendor, device.model, device.serial


def _alike_in_name_and_objects(one: Device, other: Device) -> bool:
    return one.name == other.name and bool(one.object_digest) and one.object_digest == other.object_digest


def _unlike_in_name_and_objects(one: Device, other: Device) -> bool:
    both = bool(one.object_digest and other.object_digest)
    return both and one.name != other.name and one.object_digest != other.object_digest


def unnamed(instance: int) -> str:
    """What a device is called that tells no name."""
    return f"device {instance}"


def _own_name(device: Device) -> str:
    return "" if device.name == unnamed(device.ref.instance) else device.name


def _description(device: Device) -> str:
    serial = f"serial {device.serial}" if device.serial else "no serial number"
    return f"{device.vendor or 'no vendor'} {device.model or 'no model'} ({serial})"
