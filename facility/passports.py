"""Keeps what was learned of devices: on disk within seconds, and at the end.

What could not be stored is stored with the next try; nothing that was learned is lost as long as the
agent lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from facility.database import StateDatabase, StateUnavailable
from facility.passport_rows import load_passports, save_passports
from points.clock import Clock
from points.model import DeviceRef
from points.passport import NetworkPassport, Overrule, Passport, Passports

SAVE_EVERY_S = 10.0  # what a power cut may cost is learned again in the same time

log = structlog.get_logger(__name__)


class PassportKeeper:
    """The service that stores passports."""

    name = "passports"

    def __init__(self, passports: Passports, db: StateDatabase, clock: Clock) -> None:
        self._passports = passports
        self._db = db
        self._clock = clock
        self._devices: dict[DeviceRef, Passport] = {}  # not on disk yet
        self._networks: dict[int, NetworkPassport] = {}
        self._saving = asyncio.Lock()
        self._failed = False

    @classmethod
    async def open(cls, db: StateDatabase, overrule: Callable[[DeviceRef], Overrule], clock: Clock) -> PassportKeeper:
        """The keeper of what is stored, overruled by what the site says."""
        devices, networks = await load_passports(db)
        return cls(Passports(devices, networks, overrule=overrule, now=clock.now), db, clock)

    @property
    def passports(self) -> Passports:
        return self._passports

    async def run(self) -> None:
        try:
            while True:
                await self._clock.sleep(SAVE_EVERY_S)
                await self.save()
        finally:
            await self.save()

    async def save(self) -> bool:
        """Stores what has changed; False if that must be tried again."""
        async with self._saving:
            devices, networks = self._passports.taken_changes()
            self._devices |= devices
            self._networks |= networks
            if not (self._devices or self._networks):
                return True
            try:
                await save_passports(self._db, self._devices, self._networks)
            except StateUnavailable as error:
                if not self._failed:
                    log.warning("what was learned of devices cannot be stored", error=str(error))
                self._failed = True
                return False
            self._devices, self._networks, self._failed = {}, {}, False
            return True
