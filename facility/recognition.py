"""Asks who stands at a device's address before anything is written there on the strength of what was once known.

What the device tells of itself is compared with the catalog. Another device is in quarantine at once, before
anybody acts on what it shows; one that does not tell is not taken for the one that was known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

import structlog

from points.bacnet.batches import Batches
from points.bacnet.port import Bacnet, Property
from points.catalog import CatalogBook
from points.discovery import TELLS
from points.errors import DeviceRefused, PointsError
from points.model import DeviceId
from points.passport import Passports

_ANOTHERS = "unknown-object"  # what a device of another instance answers

log = structlog.get_logger(__name__)


class Judge(Protocol):
    """Knows who every device was, and sets apart who is another."""

    async def met(self, device: DeviceId, told: Mapping[str, str]) -> bool: ...


class Recognition:
    """Asks itself when somebody is about to write, and hears what others were told on the way."""

    name = "recognition"

    def __init__(self, bacnet: Bacnet, book: CatalogBook, judge: Judge, passports: Passports) -> None:
        self._bacnet = bacnet
        self._book = book
        self._judge = judge
        self._passports = passports
        self._heard: asyncio.Queue[tuple[DeviceId, Mapping[str, str]]] = asyncio.Queue()

    async def recognises(self, device: DeviceId) -> bool:
        """Asks the device who it is, now. Raises DeviceError when it does not answer."""
        known = self._book.current.devices.get(device)
        if known is None:
            return False
        reads = Batches(
            self._bacnet,
            known.ref,
            max_apdu=known.max_apdu,
            reads_multiple=known.reads_multiple,
            passports=self._passports,
        )
        answers = await reads.read([Property("device", known.ref.instance, name) for name in TELLS], urgent=True)
        if any(isinstance(answer, DeviceRefused) and answer.code == _ANOTHERS for answer in answers):
            return False
        told = {name: answer.strip() for name, answer in zip(TELLS, answers, strict=True) if isinstance(answer, str)}
        return await self._judge.met(device, told)

    def heard(self, device: DeviceId, told: Mapping[str, str]) -> None:
        """The device tells of itself what it did not tell before."""
        self._heard.put_nowait((device, told))

    async def run(self) -> None:
        while True:
            device, told = await self._heard.get()
            try:
                await self._judge.met(device, told)
            except PointsError as error:
                log.warning("another device is not in quarantine yet", device=device, error=str(error))
                self._heard.put_nowait((device, told))  # for when we are run again
                raise
