"""The policy of beds: setpoints of patient rooms in which nobody lies."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from facility.config.policies.base import Given, PolicyBase
from facility.config.words import SelectorText
from schedules.policies.bed_setback import BedSetback


class BedSetbackPolicy(PolicyBase):
    """Relaxes the temperature setpoints of patient rooms while all their beds are free; needs a feed of beds
    (`[feeds]`). Without one, every room is taken for occupied.
    """

    kind: Literal["bed-setback"]
    heating: SelectorText = "space-type:patient_room class:heating-setpoint"
    """Selector of the heating setpoints."""
    cooling: SelectorText = "space-type:patient_room class:cooling-setpoint"
    """Selector of the cooling setpoints."""
    heating_c: Annotated[float, Field(ge=18, le=22)] = 20.0
    """Heating setpoint while every bed is free, in °C."""
    cooling_c: Annotated[float, Field(ge=23, le=28)] = 26.0
    """Cooling setpoint while every bed is free, in °C."""
    free_minutes: Annotated[float, Field(ge=20, le=1440)] = 20.0
    """How long every bed of the room must have been free; the guard never takes less than 20."""
    vacant_minutes: Annotated[float, Field(ge=1, le=120)] = 5.0
    """How long the motion sensors of the room must have seen nobody, where it has any."""
    humidity_percent: Annotated[float, Field(ge=30, le=60)] = 60.0
    """Above it the room has its full setpoints, in % relative humidity."""

    @model_validator(mode="after")
    def _are_apart(self) -> Self:
        if self.heating_c >= self.cooling_c:
            raise ValueError(f"policy {self.name!r}: heating_c must be below cooling_c")
        return self

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return (self.heating, self.cooling)

    def policy(self, given: Given) -> BedSetback:
        return BedSetback(
            name=self.name,
            heating=self.selector(self.heating),
            cooling=self.selector(self.cooling),
            heating_celsius=self.heating_c,
            cooling_celsius=self.cooling_c,
            free_minutes=self.free_minutes,
            vacant_minutes=self.vacant_minutes,
            protect_humidity_percent=self.humidity_percent,
        )
