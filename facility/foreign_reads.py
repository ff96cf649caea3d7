"""How the sweep reads a device: as everybody does, but what it learns on the way it keeps to itself.

A priority array is long. What proves too much for a device here says nothing of its values, and must not make
the polls that keep them fresh any smaller.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from points.bacnet.batches import Batches
from points.bacnet.port import Bacnet
from points.model import Device, DeviceRef
from points.passport import Passport, Passports


@dataclass(frozen=True, slots=True)
class _Learned:
    common: Passport  # as everybody knew it when this was made of it
    own: Passports


class Reads:
    """Ways to read devices, each with what is known in common and what was found here."""

    def __init__(self, bacnet: Bacnet, passports: Passports) -> None:
        self._bacnet = bacnet
        self._passports = passports
        self._learned: dict[DeviceRef, _Learned] = {}

    def of(self, device: Device) -> Batches:
        return Batches(
            self._bacnet,
            device.ref,
            max_apdu=device.max_apdu,
            reads_multiple=device.reads_multiple,
            passports=self._passports_of(device.ref),
        )

    def _passports_of(self, device: DeviceRef) -> Passports:
        common, before = self._passports.of(device), self._learned.get(device)
        if before is not None and before.common is common:
            return before.own
        mine = common if before is None else _smaller(common, before.own.of(device))
        own = Passports({device: mine}, overrule=self._passports.overruled)
        self._learned[device] = _Learned(common, own)
        return own


def _smaller(common: Passport, own: Passport) -> Passport:
    """What holds in common, and no larger requests and answers than were found to go."""
    return replace(
        common,
        rpm_limit=_least(common.rpm_limit, own.rpm_limit),
        max_apdu=_least(common.max_apdu, own.max_apdu),
    )


def _least(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)
