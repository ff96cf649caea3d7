"""Policies of light."""

from __future__ import annotations

from typing import Literal

from facility.config.policies.base import FollowingBase, Given
from schedules.policies.lighting_sweep import LightingSweep


class LightingSweepPolicy(FollowingBase):
    """Switches lights off at night where nobody is."""

    kind: Literal["lighting-sweep"]
    sweep_state: str = "swept"
    """The state of the programme in which it acts."""
    points: str
    """Selector of the relays or lighting outputs."""

    @property
    def states(self) -> set[str]:
        return {self.sweep_state}

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return (self.points,)

    def policy(self, given: Given) -> LightingSweep:
        return LightingSweep(
            name=self.name,
            timetable=given.timetable(self.programme),
            lights=self.selector(self.points),
            sweep_state=self.sweep_state,
        )
