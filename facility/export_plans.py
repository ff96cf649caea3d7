"""What people were shown of writing into the devices' own schedules and calendars, to be committed.

Within a minute, once, by whom it was shown to; the desk carries it to its end, whatever becomes of who asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from facility.answers import sentence
from facility.commands import CommandDesk, StalePlan
from facility.port import FacilityError
from facility.preview import VALID
from facility.schedule_writer import Outcome
from facility.users import User
from facility.wire import ExportResult
from points.clock import Clock
from points.errors import PointsError

WRITE_S = 24.0  # a caller waits no longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What somebody was shown."""

    id: str
    by: User
    made: datetime
    may: Callable[[User], object]  # raises a FacilityError
    write: Callable[[], Coroutine[Any, Any, Outcome]]  # a StalePlan or PointsError: nothing was written


class ExportPlans:
    """All that can be committed."""

    def __init__(self, desk: CommandDesk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock
        self._open: dict[str, Shown] = {}

    def offer(self, plan: str, shown: Shown) -> None:
        self._open = {key: each for key, each in self._open.items() if each.made + VALID > shown.made}
        self._open[plan] = shown

    async def commit(self, user: User, plan: str) -> ExportResult:
        """Writes what was shown to this person."""
        shown = self._open.get(plan)
        if shown is None or shown.made + VALID <= self._clock.now():
            raise FacilityError("stale-plan", "This is no longer valid: it is more than a minute old, or was written.")
        if shown.by.by != user.by:
            raise FacilityError("not-allowed", "This was shown to somebody else. Have it shown to you.")
        del self._open[plan]
        shown.may(user)
        try:
            async with asyncio.timeout(WRITE_S):
                outcome = await self._desk.to_the_end(shown.write())
        except StalePlan as error:
            raise FacilityError("stale-plan", str(error)) from None
        except TimeoutError:
            text = f"The device has not answered for {WRITE_S:.0f} s. The writing goes on; the audit tells its end."
            raise FacilityError("busy", text) from None
        except PointsError as error:
            raise FacilityError("busy", f"{sentence(error)} Nothing was written.") from None
        return ExportResult(id=shown.id, status=outcome.status, text=outcome.text)
