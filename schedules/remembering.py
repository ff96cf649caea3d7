"""Where the memories of policies are kept, and what becomes of control when they cannot be: nothing.

What policies remember is handed over before anything is done about what they said. Where that fails it is told once,
and tried again with every round until it is kept; meanwhile only a restart would forget it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Protocol

import structlog

from points.model import Event, EventKind
from schedules.policy import Memory
from schedules.steadiness import Carried

log = structlog.get_logger(__name__)


class Remembering(Protocol):
    """Where policies' memories are kept."""

    def load(self) -> Mapping[str, Memory]:
        """Everything that was remembered when the agent last ran, by policy."""
        ...

    def carried(self) -> Carried | None:
        """What was steady when the agent last ran."""
        ...

    async def keep(self, memories: Mapping[str, Memory | None]) -> None:
        """These from now on; None: nothing any more. Returns when they are on disk."""
        ...

    async def carry(self, carried: Carried) -> None:
        """What is steady now, for the next start."""
        ...


class Forgetful:
    """Remembers nothing from one start to the next."""

    def load(self) -> Mapping[str, Memory]:
        return {}

    def carried(self) -> Carried | None:
        return None

    async def keep(self, memories: Mapping[str, Memory | None]) -> None:
        """Nowhere."""

    async def carry(self, carried: Carried) -> None:
        """Nowhere."""


class Safekeeping:
    """Hands over what is to be remembered. Never raises: control does not depend on a disk."""

    def __init__(self, where: Remembering, tell: Callable[[Event], None]) -> None:
        self._where = where
        self._tell = tell
        self._owed: dict[str, Memory | None] = {}
        self.trouble = ""

    async def keep(self, changed: Mapping[str, Memory | None], now: datetime) -> None:
        """These, and what could not be kept before."""
        self._owed |= changed
        if self._owed and await self._done(self._where.keep(self._owed), now):
            self._owed = {}
            if self.trouble:
                self.trouble = ""
                self._say("What policies remember is kept again", now)

    async def carry(self, carried: Carried, now: datetime) -> None:
        """What cannot be carried is only waited for again."""
        await self._done(self._where.carry(carried), now)

    async def _done(self, work: Awaitable[None], now: datetime) -> bool:
        try:
            await work
        except Exception as error:  # noqa: BLE001  whatever the disk's trouble is, the building's must not come of it
            why = str(error) or type(error).__name__
            if self._owed and not self.trouble:
                log.warning("memories not kept", why=why)
                self._say(f"What policies remember cannot be kept ({why}); a restart would forget it", now)
                self.trouble = why
            return False
        return True

    def _say(self, text: str, now: datetime) -> None:
        self._tell(Event(kind=EventKind.SYSTEM, time=now, about="planner", text=text))
