"""Policies of who is there: setpoints of spaces that nobody is in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from facility.config.policies.base import FollowingBase, Given
from schedules.policies.occupancy_standby import OccupancyStandby


class OccupancyStandbyPolicy(FollowingBase):
    """Relaxes setpoints of an office that nobody is in, during occupied hours."""

    kind: Literal["occupancy-standby"]
    occupied_state: str = "occupied"
    """The state of the programme in which it acts."""
    heating: str
    """Selector of the heating setpoints."""
    cooling: str
    """Selector of the cooling setpoints."""
    heating_c: float = 21.0
    """Heating setpoint of an office somebody is in, in °C."""
    cooling_c: float = 24.0
    """Cooling setpoint of an office somebody is in, in °C."""
    standby_k: Annotated[float, Field(gt=0, le=3)] = 0.5
    """How far both are relaxed while nobody is in, in K."""
    vacant_minutes: Annotated[float, Field(ge=1, le=120)] = 5.0
    """How long nobody must have been in."""

    @property
    def states(self) -> set[str]:
        return {self.occupied_state}

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return (self.heating, self.cooling)

    def policy(self, given: Given) -> OccupancyStandby:
        return OccupancyStandby(
            name=self.name,
            timetable=given.timetable(self.programme),
            heating=self.selector(self.heating),
            cooling=self.selector(self.cooling),
            occupied_state=self.occupied_state,
            heating_celsius=self.heating_c,
            cooling_celsius=self.cooling_c,
            standby_kelvin=self.standby_k,
            vacant_minutes=self.vacant_minutes,
        )
