"""Politeness on the wire: who may have how many requests outstanding.

Many field devices have one buffer and answer one request at a time; many sit on one slow trunk
behind a router. Each device has its lane, each network its budget, and whoever wants to ask
(discovery, polls, commands) waits for both. Waiting for a device never holds the network's budget.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from points.bacnet.addresses import LOCAL
from points.model import DeviceRef

LOCAL_FACTOR = 4  # devices on our own network share a LAN, not a trunk


class Lanes:
    """Locks by device, budgets by network."""

    def __init__(self, *, per_device: int, per_network: int) -> None:
        self._per_device = per_device
        self._per_network = per_network
        self._devices: dict[tuple[int, str], asyncio.Semaphore] = {}
        self._networks: dict[int, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def of(self, device: DeviceRef) -> AsyncIterator[None]:
        lane = self._devices.setdefault((device.network, device.address), asyncio.Semaphore(self._per_device))
        async with lane, self._budget(device.network):
            yield

    def _budget(self, network: int) -> asyncio.Semaphore:
        if network not in self._networks:
            limit = self._per_network * LOCAL_FACTOR if network == LOCAL else self._per_network
            self._networks[network] = asyncio.Semaphore(limit)
        return self._networks[network]
