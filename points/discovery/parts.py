"""What a discovery has read, handed over as it goes: what is broken off need not be begun again.

Ids given here are kept by whoever goes on from here; a discovery that comes to its end gives its own.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from points.catalog import Catalog
from points.discovery.picture import Found, Known, Picture
from points.discovery.plan import Checkpoint, Describe, DiscoveryPlan


class Parts:
    """Collects devices until they are worth a checkpoint."""

    def __init__(
        self, known: Known, plan: DiscoveryPlan, describe: Describe, now: datetime, checkpoint: Checkpoint | None
    ) -> None:
        self._known = known
        self._plan = plan
        self._describe = describe
        self._now = now
        self._checkpoint = checkpoint
        self._waiting: list[Found] = []
        self._ids: set[str] = set()
        self._handed_over = asyncio.get_running_loop().time()

    async def read(self, found: Found, *, doubtful: bool) -> None:
        """A device was read. What is doubtful is not handed over: only the end can say what it is."""
        if self._checkpoint is None or found.raws is None or doubtful:
            return
        self._waiting.append(found)
        now = asyncio.get_running_loop().time()
        since = now - self._handed_over
        if len(self._waiting) < self._plan.checkpoint_devices and since < self._plan.checkpoint_s:
            return
        part, self._waiting, self._handed_over = self._waiting, [], now
        picture = Picture(self._known, self._describe, self._now)
        named = picture.named(part, moves={}, usurped={}, claimed={}, taken=self._ids)
        self._ids |= {one.device.id for one in named}
        devices = [one.device for one in named]
        await self._checkpoint(Catalog.of(devices, [point for one in named for point in picture.points(one)]))
