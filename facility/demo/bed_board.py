"""A pretend bed board: tells the demo's agent the state of every bed of the patient floor by HL7, as a real one would.

Once a minute each bed is told again, so that the feed is known to be alive. Two rooms have been free for hours; some
minutes after the demo has begun a patient is brought into one of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

ROOMS = range(301, 309)
FREE = (304, 308)
FREE_FOR = timedelta(hours=2)
ADMITTED = 308
ADMITTED_AFTER = timedelta(minutes=6)
EVERY_S = 60.0
AGAIN_S = 2.0  # while the agent does not listen yet, or is started again
PATIENCE_S = 10.0


class BedBoard:
    """Speaks to one port of this machine for as long as it runs."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._begun = datetime.now(UTC)
        self._number = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._tell()
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                await asyncio.sleep(AGAIN_S)
            else:
                await asyncio.sleep(EVERY_S)

    async def _tell(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            for message in self._messages(datetime.now(UTC)):
                writer.write(b"\x0b" + message + b"\x1c\r")
                async with asyncio.timeout(PATIENCE_S):
                    await reader.readuntil(b"\x1c\r")
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _messages(self, now: datetime) -> Iterator[bytes]:
        for room in ROOMS:
            self._number += 1
            state, since = self._state(room, now)
            yield (
                f"MSH|^~\\&|BEDBOARD|MERCY|||{_stamp(now)}||ADT^A20^ADT_A20|B{self._number}|P|2.5\r"
                f"EVN|A20|{_stamp(now)}||||{_stamp(since)}\r"
                f"NPU|3E^{room}^1^MERCY|{state}\r"
            ).encode("ascii")

    def _state(self, room: int, now: datetime) -> tuple[str, datetime]:
        admitted = self._begun + ADMITTED_AFTER
        if room == ADMITTED and now >= admitted:
            return "O", admitted
        return "U" if room in FREE else "O", self._begun - FREE_FOR


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%d%H%M%S}+0000"
