"""Drives the claims that are on their way: one step of each ramp every few seconds, as long as the guard agrees.

A device that does not answer holds up no other; a step that may not be made now is tried at the next tick. After a
restart a ramp goes on from where it stands.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import structlog

from facility.commands import CommandDesk
from facility.model import SlotKey
from facility.pace import STEP
from points.clock import Clock

log = structlog.get_logger(__name__)


class Courses:
    """The service."""

    name = "ramps"

    def __init__(self, desk: CommandDesk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock
        self._visited: set[str] = set()

    async def run(self) -> None:
        self._visited.clear()
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._clock.sleep(STEP.total_seconds())
                for device, keys in self._under_way().items():
                    self._visited.add(device)
                    tasks.create_task(self._visit(device, keys))

    def _under_way(self) -> dict[str, list[SlotKey]]:
        """By device, without those that somebody is at."""
        courses: defaultdict[str, list[SlotKey]] = defaultdict(list)
        for claim in self._desk.claims.standing():
            device = claim.point.split("/")[0]
            if claim.goal is not None and device not in self._visited:
                courses[device].append(claim.key)
        return courses

    async def _visit(self, device: str, keys: Sequence[SlotKey]) -> None:
        try:
            for key in keys:
                await self._desk.advance(key)
        except Exception:  # a fault of our own at one point must not end the ramps of all others
            log.exception("a ramp could not go on", device=device)
        finally:
            self._visited.discard(device)
