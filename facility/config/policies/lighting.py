"""Policies of light."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from facility.config.policies.base import FollowingBase, Given
from facility.config.words import SelectorText
from schedules.policies.daylight import Daylight
from schedules.policies.lighting_sweep import LightingSweep


class LightingSweepPolicy(FollowingBase):
    """Switches lights off at night where nobody is."""

    kind: Literal["lighting-sweep"]
    sweep_state: str = "swept"
    """The state of the programme in which it acts."""
    points: SelectorText
    """Selector of the relays or lighting outputs."""
    vacant_minutes: Annotated[float, Field(ge=1, le=30)] = 20.0
    """How long nobody must have been there; lighting codes ask for 20 to 30 minutes at most."""
    warn_minutes: Annotated[float, Field(ge=0, le=30)] = 5.0
    """How long before it goes off a light warns; 0: it does not."""
    warn_share: Annotated[float, Field(ge=0.1, le=0.9)] = 0.5
    """To which share of its level a dimmer goes down as a warning. The blink of BACnet lighting outputs is not used:
    it leaves nothing in the priority array by which it could be verified."""
    blink_seconds: Annotated[float, Field(ge=0, le=30)] = 0.0
    """How long a relay is off as a warning; 0: it cannot warn and goes off at the end of `warn_minutes`. Leave it at 0
    where lamps must not be restarted hot, or where a moment in the dark is a hazard."""
    overrides: SelectorText = ""
    """Selector of the after-hours buttons, each in the space that it keeps lit, e.g. `class:override`."""
    override_minutes: Annotated[float, Field(ge=5, le=120)] = 120.0
    """For how long a button keeps the light on; lighting codes allow two hours."""

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
            vacant_minutes=self.vacant_minutes,
            warn_minutes=self.warn_minutes,
            warn_share=self.warn_share,
            blink_seconds=self.blink_seconds,
            overrides=self.optional(self.overrides),
            override_minutes=self.override_minutes,
        )


class DaylightPolicy(FollowingBase):
    """Dims lights by what the daylight gives, in rooms with a light sensor."""

    kind: Literal["daylight"]
    open_state: str = "open"
    """The state of the programme in which it acts; at night the sweep has the lights."""
    points: SelectorText
    """Selector of the dimmers, e.g. `space-type:admin_office class:lighting-level`."""
    target_lux: Annotated[float, Field(ge=50, le=2000)] = 500.0
    """What is wanted at the desk, in lx."""
    full_lux: Annotated[float, Field(ge=50, le=5000)] = 600.0
    """What the lights alone give at the desk when they are full, in lx."""
    gain: Annotated[float, Field(ge=0.1, le=20)] = 1.0
    """How many lx at the desk each lx at the sensor stands for."""
    dead_band: Annotated[float, Field(ge=0.05, le=0.5)] = 0.1
    """How far from the target nothing is done, as a share of it."""
    lowest_percent: Annotated[float, Field(ge=10, le=20)] = 10.0
    """The least light."""
    step_percent: Annotated[float, Field(ge=1, le=100)] = 10.0
    """How far it moves at once."""
    step_seconds: Annotated[float, Field(ge=10, le=600)] = 10.0
    """How long it waits between two moves, and for the sensor to see the last one."""

    @property
    def states(self) -> set[str]:
        return {self.open_state}

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return (self.points,)

    def policy(self, given: Given) -> Daylight:
        return Daylight(
            name=self.name,
            timetable=given.timetable(self.programme),
            lights=self.selector(self.points),
            open_state=self.open_state,
            target_lux=self.target_lux,
            full_lux=self.full_lux,
            gain=self.gain,
            dead_band=self.dead_band,
            lowest_percent=self.lowest_percent,
            step_percent=self.step_percent,
            step_seconds=self.step_seconds,
        )
