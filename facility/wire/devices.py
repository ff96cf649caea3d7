"""Devices, what they are able to do, and how far looking for them has come."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from facility.wire.base import Wire


class Abilities(Wire):
    """What a device is able to do. None: nothing learned yet; for a limit also: no end seen."""

    reads_multiple: bool | None
    rpm_limit: int | None  # properties in one request
    max_apdu: int | None  # octets of an answer that arrive
    segments: bool | None
    cov_slots: int | None
    outstanding: int | None  # requests at once
    latency: float | None  # seconds
    timeout: float | None  # seconds
    retries: int | None
    charset: str
    lacks: list[str] = []  # properties of its device object that it refuses
    oddities: list[str]


class PassportInfo(Wire):
    """What was found out about a device, what the site says of it, and what holds."""

    in_force: Abilities
    learned: Abilities
    learned_at: datetime | None
    overruled: list[str]  # the fields that the site has said
    network_outstanding: int | None  # requests at once to all devices of its network
    router: str  # the way to its network
    network_learned_at: datetime | None = None
    says: list[str]  # the same for a person, one thing each


class DeviceInfo(Wire):
    id: str
    name: str
    vendor: str
    model: str
    instance: int
    network: int
    address: str
    status: Literal["online", "slow", "offline", "vanished"]
    since: datetime | None
    points: int
    reads: str  # "multiple" or "single"
    cov: str  # "40 of 120", "none"
    duplicate: bool
    quarantine: str = ""  # why a person has to look before it is commanded again
    passport: PassportInfo | None = None


class Discovery(Wire):
    """How far looking for devices and points has come; `running` False: the last one's outcome."""

    running: bool
    started: datetime | None
    finished: datetime | None
    devices_found: int
    devices_described: int
    points: int
    now: str  # what it is looking at
    news: list[str]  # found, vanished, duplicate, silent: one sentence each
    error: str = ""  # why the last one did not come to its end
    phase: str = ""  # "searching", "reading", "done"
    who_is: int = 0  # sent by this look
    devices_to_go: int = 0  # found, and still to be read
    resumed: int = 0  # devices that a look which was broken off had read already

    @property
    def says(self) -> str:
        """`searching · 24 Who-Is · 12 devices · 5 to go · 480 points`."""
        said = [
            self.phase or "starting",
            f"{self.who_is} Who-Is",
            f"{self.devices_found} devices",
            f"{self.devices_to_go} to go",
            f"{self.points} points",
        ]
        if self.resumed:
            said.append(f"resumed: {self.resumed} devices were read before")
        return " · ".join(said)
