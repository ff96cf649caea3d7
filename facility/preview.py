"""Look before you leap: what a command would do, read afresh, and nothing else may be committed.

A preview writes nothing. It is valid for a minute and can be committed once, and only while the
slots are as they were shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from facility.commands import CommandDesk, StalePlan
from facility.model import Claim, Command, Outcome
from facility.ruling import Verdict
from points.clock import Clock
from points.model import Slots, Value

VALID = timedelta(seconds=60)  # long enough to read it, too short to forget it


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would be written where, who wins, and what comes afterwards."""

    id: str
    command: Command
    verdict: Verdict
    slots: Slots | None  # None when it was refused for a point that does not exist
    made: datetime
    also: tuple[Claim, ...] = ()  # what a release lets go of besides

    @property
    def valid_until(self) -> datetime:
        return self.made + VALID

    @property
    def outranked_by(self) -> int | None:
        """The stronger level that holds a value, if one does."""
        winner = None if self.slots is None else self.slots.winner
        return winner if winner is not None and winner < self.command.priority else None

    @property
    def beneath(self) -> tuple[int | None, Value | None]:
        """The level and value that apply once the command's slot is empty; level None is the relinquish default."""
        if self.slots is None:
            return None, None
        for level, value in enumerate(self.slots.values, 1):
            if value is not None and level != self.command.priority:
                return level, value
        return None, self.slots.default

    @property
    def ends(self) -> datetime | None:
        """When it would let go, if it were committed now."""
        return None if self.command.lasts is None else self.made + self.command.lasts


class Previews:
    """Makes previews and commits them."""

    def __init__(self, desk: CommandDesk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock
        self._open: dict[str, Preview] = {}

    async def preview(self, command: Command) -> Preview:
        """What `command` would do now. Raises `DeviceError` if the device cannot be asked."""
        verdict, slots = self._desk.judge(command), None
        if not (verdict.refused and verdict.rule in ("unknown-point", "monitor-only", "level")):
            slots = await self._desk.look(command.point)
            verdict = self._desk.judge(command)
        now = self._clock.now()
        preview = Preview(
            id=uuid4().hex,
            command=command if verdict.refused else self._desk.judge.fit(command),
            verdict=verdict,
            slots=slots,
            made=now,
            also=tuple(self._desk.also_let_go(command)),
        )
        self._open = {key: plan for key, plan in self._open.items() if plan.valid_until > now}
        self._open[preview.id] = preview
        return preview

    def shown(self, plan: str) -> Preview:
        """What was shown; `StalePlan` if that is too long ago, or done already."""
        preview = self._open.get(plan)
        if preview is None or preview.valid_until <= self._clock.now():
            raise StalePlan("This preview is no longer valid: it is more than a minute old, or was committed already.")
        return preview

    def forget(self, plan: str) -> None:
        """It cannot be committed any more."""
        self._open.pop(plan, None)

    async def commit(self, plan: str) -> Outcome:
        """Carries out what was shown; `StalePlan` if that is too long ago, done already, or no longer so."""
        preview = self.shown(plan)
        self.forget(plan)
        return await self._desk.submit(preview.command, seen=preview.slots)
