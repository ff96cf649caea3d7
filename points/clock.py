"""Time, as something that is given. `now` is always aware and UTC."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What waits, waits on this."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Lets `seconds` of this clock pass."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
