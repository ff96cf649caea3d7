"""Policies of demand: what the utility asks for, and the limit of a meter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from facility.config.policies.base import Given, PolicyBase
from facility.config.section import Slug
from facility.config.words import SelectorText
from points.model import PointId
from schedules.policies.demand_limit import PAIRS, DemandLimit
from schedules.policies.demand_response import DemandResponse
from schedules.ranking import weights_of
from schedules.shedding import Comfort
from schedules.timetable import Timetable

Celsius = Annotated[float, Field(ge=10, le=35)]


class SheddingBase(PolicyBase):
    """What both have in common: setpoints of ordinary rooms that are relaxed. Everything else that they select is
    refused with the reason.
    """

    heating: SelectorText
    """Selector of the heating setpoints."""
    cooling: SelectorText
    """Selector of the cooling setpoints."""
    programme: Slug | None = None
    """Only while this programme says `occupied_state`; at other times the setback saves more."""
    occupied_state: str = "occupied"
    """That state."""
    heating_c: Celsius = 21.0
    """Heating setpoint that the schedule holds meanwhile, in °C."""
    cooling_c: Celsius = 24.0
    """Cooling setpoint that the schedule holds meanwhile, in °C."""
    adjustable_k: Annotated[float, Field(ge=0, le=3)] = 2.0
    """How far people can adjust them at the thermostat. What they have adjusted when shedding begins is kept."""
    low_c: Celsius = 20.0
    """A room below this is given its setpoints back."""
    high_c: Celsius = 26.0
    """A room above this is given its setpoints back."""
    humidity_percent: Annotated[float, Field(ge=30, le=90)] = 65.0
    """A room more humid than this is given its setpoints back."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.low_c < self.heating_c < self.cooling_c < self.high_c:
            raise ValueError(f"policy {self.name!r}: low_c, heating_c, cooling_c and high_c must rise in this order")
        return self

    @property
    def follows(self) -> Mapping[str, set[str]]:
        return {} if self.programme is None else {self.programme: {self.occupied_state}}

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return (self.heating, self.cooling)

    @property
    def comfort(self) -> Comfort:
        return Comfort(
            heating_celsius=self.heating_c,
            cooling_celsius=self.cooling_c,
            adjustable_kelvin=self.adjustable_k,
            low_celsius=self.low_c,
            high_celsius=self.high_c,
            humidity_percent=self.humidity_percent,
        )

    def timetable(self, given: Given) -> Timetable | None:
        return None if self.programme is None else given.timetable(self.programme)


class DemandResponsePolicy(SheddingBase):
    """Relaxes setpoints while the utility asks for less; see docs/demand-response.md."""

    kind: Literal["demand-response"]
    generators: SelectorText = ""
    """Selector of points that say whether a generator runs or a transfer switch is on emergency, e.g.
    `emergency-generator-1/run`. While one does, or is not known, no event is obeyed."""
    emergencies: SelectorText = ""
    """Selector of points that say whether there is an emergency (code, disaster mode), with the same effect."""
    restore_minutes: Annotated[float, Field(ge=5, le=60)] = 20.0
    """Over how long the rooms get their setpoints back, one after the other."""

    def policy(self, given: Given) -> DemandResponse:
        return DemandResponse(
            name=self.name,
            site=given.site,
            heating=self.selector(self.heating),
            cooling=self.selector(self.cooling),
            generators=self.selector(self.generators) if self.generators else None,
            emergencies=self.selector(self.emergencies) if self.emergencies else None,
            timetable=self.timetable(given),
            occupied_state=self.occupied_state,
            comfort=self.comfort,
            restore_minutes=self.restore_minutes,
        )


class DemandLimitPolicy(SheddingBase):
    """Keeps the mean power of every 15 minutes below a limit by shedding rooms in turn."""

    kind: Literal["demand-limit"]
    meter: str
    """Id of the point that measures the power, in W, kW or MW."""
    limit_kw: Annotated[float, Field(gt=0)]
    """What the mean of 15 minutes may be."""
    room_kw: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """What shedding a room saves, as far as is known."""
    rooms_kw: dict[Slug, Annotated[float, Field(gt=0, le=1000)]] = {}
    """The same for single rooms, by the id of their space."""
    compare: dict[str, dict[str, Annotated[float, Field(ge=1 / 9, le=9)]]] = {
        name: dict(row) for name, row in PAIRS.items()
    }
    """Who is shed first: how many times as much `comfort` (how far the room is from the edge of its range), `history`
    (how long ago it was shed) and `power` count, each against each. Comparisons that contradict each other (consistency
    ratio above 0.2) are refused. The type of a room cannot be weighed: it is chosen by the selectors."""
    confirm_minutes: Annotated[float, Field(ge=1, le=15)] = 5.0
    """How long the projection must have been above the limit."""
    break_minutes: Annotated[float, Field(ge=0, le=120)] = 20.0
    """How long after one shedding the next may begin."""
    control_minutes: Annotated[float, Field(ge=6, le=60)] = 20.0
    """How long it lasts at least, and over how long it is given back."""
    longest_minutes: Annotated[float, Field(ge=6, le=60)] = 15.0
    """How long of any 60 minutes one room is shed at most."""

    @model_validator(mode="after")
    def _can_be_ranked(self) -> Self:
        weights = weights_of(self.compare)
        if unknown := weights.keys() - {"comfort", "history", "power"}:
            raise ValueError(
                f"policy {self.name!r} compares {', '.join(sorted(unknown))}: only comfort, history, power"
            )
        return self

    def policy(self, given: Given) -> DemandLimit:
        return DemandLimit(
            name=self.name,
            meter=PointId(self.meter),
            limit_kilowatts=self.limit_kw,
            heating=self.selector(self.heating),
            cooling=self.selector(self.cooling),
            kilowatts=self.rooms_kw,
            kilowatts_each=self.room_kw,
            pairs=self.compare,
            timetable=self.timetable(given),
            occupied_state=self.occupied_state,
            comfort=self.comfort,
            confirm_minutes=self.confirm_minutes,
            break_minutes=self.break_minutes,
            control_minutes=self.control_minutes,
            longest_minutes=self.longest_minutes,
        )
