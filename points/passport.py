"""What each device, and each network, was found able to do: learned once, believed after a restart.

A device's own claims (its I-Am, its services bit string) are hints and live in `points.model.Device`;
a passport holds what experience taught. What the site says in its configuration wins over both.
Everything here is in memory and synchronous; whoever stores it asks for `taken_changes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from points.model import DeviceRef

ALIKE = 2  # devices of a network that have shown the same, before it is taken for the network's


class Oddity(StrEnum):
    """Behaviour that is worth a word on the screen and a place in the export."""

    REJECTS_RPM = "rejects-rpm"  # though it advertises ReadPropertyMultiple
    REFUSES_SEGMENTS = "refuses-segments"  # though it claims segmentation
    LATE_ANSWERS = "late-answers"
    SWAPPED_ANSWERS = "swapped-answers"  # one request's answer came for another's
    FORGETS_COV = "forgets-cov"  # a subscription it acknowledged brought no notification of a change
    SILENT_RENEWAL = "silent-renewal"  # does not answer the renewal of a subscription
    MISLABELLED_TEXT = "mislabelled-text"  # its strings are not in the character set they claim
    RESTARTS = "restarts"  # has restarted while we watched
    INDEX_ONLY_LIST = "index-only-list"  # its object list can be read element by element only


@dataclass(frozen=True, slots=True, kw_only=True)
class Passport:
    """What one device was found able to do. None: nothing learned yet."""

    reads_multiple: bool | None = None  # answers ReadPropertyMultiple
    rpm_limit: int | None = None  # properties in one request that it bears; None: no end seen
    max_apdu: int | None = None  # octets of an answer that arrive on the way to us
    segments: bool | None = None  # its segmented answers arrive
    cov_slots: int | None = None  # subscriptions it was found to grant; None: no end seen
    outstanding: int | None = None  # confirmed requests it was proven to bear at once
    latency: float | None = None  # seconds to an answer, smoothed
    timeout: float | None = None  # seconds an answer is waited for; None: what the settings say
    retries: int | None = None
    charset: str = ""  # "latin-1", ... : what its strings are in truth; "" as labelled
    lacks: frozenset[str] = field(default_factory=frozenset)  # properties of its device object that it refuses
    oddities: frozenset[Oddity] = field(default_factory=frozenset)
    learned: datetime | None = None  # when anything in it changed last


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPassport:
    """What the way to one network was found to bear. Network 0 is the local one."""

    outstanding: int | None = None  # requests at once, to all of its devices together; None: no end seen
    router: str = ""  # the address of the router that leads there
    max_apdu: int | None = None  # octets of an answer that arrive from there, as several devices have shown
    learned: datetime | None = None


Overrule = Mapping[str, Any]
"""Fields of `Passport`, as the site says they are."""


def _nothing(_device: DeviceRef) -> Overrule:
    return {}


class Passports:
    """Everybody's passport. `of` is what holds; `learned` is what experience says of it."""

    def __init__(
        self,
        devices: Mapping[DeviceRef, Passport] | None = None,
        networks: Mapping[int, NetworkPassport] | None = None,
        *,
        overrule: Callable[[DeviceRef], Overrule] = _nothing,
        now: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        self._devices = dict(devices or {})
        self._networks = dict(networks or {})
        self._overrule = overrule
        self._now = now
        self._in_force: dict[DeviceRef, Passport] = {}
        self._changed_devices: set[DeviceRef] = set()
        self._changed_networks: set[int] = set()
        self.version = 0  # another whenever any device's passport is another

    def of(self, device: DeviceRef) -> Passport:
        """What holds for the device: as learned, overruled by the site."""
        try:
            return self._in_force[device]
        except KeyError:
            learned = self.learned(device)
            if learned.max_apdu is None and device.network:
                learned = replace(learned, max_apdu=self.network(device.network).max_apdu)
            passport = self._in_force[device] = replace(learned, **self._overrule(device))
            return passport

    def learned(self, device: DeviceRef) -> Passport:
        return self._devices.get(device, _BLANK)

    def overruled(self, device: DeviceRef) -> Overrule:
        """What the site says of the device."""
        return self._overrule(device)

    def learn(self, device: DeviceRef, **changes: Any) -> None:
        """Notes what was found. What is known already changes nothing, and costs nothing."""
        before = self.learned(device)
        after = replace(before, **changes)
        if after != before:
            self._devices[device] = replace(after, learned=self._now())
            self._outdated(device)
            self._changed_devices.add(device)
            if "max_apdu" in changes and device.network:
                self._learn_way(device.network)

    def odd(self, device: DeviceRef, oddity: Oddity) -> None:
        """Notes a behaviour."""
        before = self.learned(device).oddities
        if oddity not in before:
            self.learn(device, oddities=before | {oddity})

    def network(self, number: int) -> NetworkPassport:
        return self._networks.get(number, _UNKNOWN_NETWORK)

    def networks(self) -> Mapping[int, NetworkPassport]:
        """All that something was learned of."""
        return self._networks

    def learn_network(self, number: int, **changes: Any) -> None:
        before = self.network(number)
        after = replace(before, **changes)
        if after != before:
            self._networks[number] = replace(after, learned=self._now())
            self._changed_networks.add(number)

    def moved(self, before: DeviceRef, after: DeviceRef) -> None:
        """The same device at another address: what was learned of it goes with it. What was learned there wins."""
        if before not in self._devices:
            return
        old, new = self.learned(before), self.learned(after)
        changes = {name: value for name, value in _as_fields(new).items() if value not in (None, "")}
        self.learn(after, **{**_as_fields(old), **changes, "oddities": old.oddities | new.oddities})

    def forget(self, device: DeviceRef) -> None:
        """Another device is there now: what was learned of the one before says nothing about it."""
        if device in self._devices:
            self._devices[device] = Passport(learned=self._now())
            self._outdated(device)
            self._changed_devices.add(device)

    def _learn_way(self, network: int) -> None:
        """A router that loses long answers does so for all devices behind it: two have to have found that."""
        found = [p.max_apdu for ref, p in self._devices.items() if ref.network == network and p.max_apdu is not None]
        if len(found) >= ALIKE:
            self.learn_network(network, max_apdu=max(found))
            for ref in [ref for ref in self._in_force if ref.network == network]:
                self._outdated(ref)

    def _outdated(self, device: DeviceRef) -> None:
        self._in_force.pop(device, None)
        self.version += 1

    def taken_changes(self) -> tuple[dict[DeviceRef, Passport], dict[int, NetworkPassport]]:
        """What changed since this was last asked, for whoever stores it."""
        devices = {device: self._devices[device] for device in self._changed_devices}
        networks = {number: self._networks[number] for number in self._changed_networks}
        self._changed_devices.clear()
        self._changed_networks.clear()
        return devices, networks


def _as_fields(passport: Passport) -> dict[str, Any]:
    return {each.name: getattr(passport, each.name) for each in fields(Passport)}


_BLANK = Passport()
_UNKNOWN_NETWORK = NetworkPassport()
