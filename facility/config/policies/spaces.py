"""Policies of ordinary spaces: who is in them, when they begin and end, and what protects them while they are empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from facility.config.policies.base import FollowingBase, Given
from facility.config.section import Slug
from facility.config.words import SelectorText
from schedules.policies.occupancy_standby import OccupancyStandby
from schedules.policies.optimal_start import OptimalStart
from schedules.policies.optimal_stop import OptimalStop
from schedules.policies.pre_cooling import CLEAR_KELVIN, PreCooling
from schedules.policies.setback import STATES, Setback

Celsius = Annotated[float, Field(ge=0, le=50)]
Held = float | bool | int | str


class _ZonesPolicy(FollowingBase):
    """A policy of zones: spaces with setpoints."""

    occupied_state: str = "occupied"
    """The state of the programme in which people are there."""
    heating: SelectorText
    """Selector of the heating setpoints."""
    cooling: SelectorText
    """Selector of the cooling setpoints."""
    heating_c: Celsius = 21.0
    """Heating setpoint while people are there, in °C."""
    cooling_c: Celsius = 24.0
    """Cooling setpoint while people are there, in °C."""

    @model_validator(mode="after")
    def _are_apart(self) -> Self:
        if self.heating_c >= self.cooling_c:
            raise ValueError(f"policy {self.name!r}: heating_c must be below cooling_c")
        return self

    @property
    def states(self) -> set[str]:
        return {self.occupied_state}

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return (self.heating, self.cooling)


class OccupancyStandbyPolicy(_ZonesPolicy):
    """Relaxes setpoints of an office that nobody is in, during occupied hours."""

    kind: Literal["occupancy-standby"]
    standby_k: Annotated[float, Field(gt=0, le=3)] = 0.5
    """How far both are relaxed while nobody is in, in K."""
    vacant_minutes: Annotated[float, Field(ge=1, le=120)] = 5.0
    """How long nobody must have been in."""
    asks: list[Literal["doors", "lights", "co2"]] = []
    """What is asked besides the motion sensors: somebody is there for 15 min after a door or badge point has moved,
    while a light is on, while carbon dioxide is 200 ppm above that outdoors or has risen lately."""

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
            asks=frozenset(self.asks),
        )


class OptimalStartPolicy(_ZonesPolicy):
    """Warms or cools ordinary spaces just early enough for their people; learns how fast each of them is."""

    kind: Literal["optimal-start"]
    runs: SelectorText | None = None
    """Selector of what runs while a zone is started, such as the start of its air handler; nothing if missing."""
    run_value: Held = True
    """What those are held at."""
    cap_hours: Annotated[float, Field(gt=0, le=3)] = 3.0
    """How early a zone is started at most."""
    unlearned_hours: Annotated[float, Field(gt=0, le=3)] = 1.0
    """How early it is started before anything is learned."""
    together: bool = False
    """Whether all zones start when the one that needs longest has to: one air handler serves them."""

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return (self.heating, self.cooling, *((self.runs,) if self.runs else ()))

    def policy(self, given: Given) -> OptimalStart:
        return OptimalStart(
            name=self.name,
            timetable=given.timetable(self.programme),
            heating=self.selector(self.heating),
            cooling=self.selector(self.cooling),
            runs=self.selector(self.runs) if self.runs else None,
            run_value=self.run_value,
            occupied_state=self.occupied_state,
            heating_celsius=self.heating_c,
            cooling_celsius=self.cooling_c,
            cap_hours=self.cap_hours,
            unlearned_hours=self.unlearned_hours,
            together=self.together,
        )


class OptimalStopPolicy(_ZonesPolicy):
    """Lets ordinary spaces coast towards the end of their day; learns how fast each of them drifts."""

    kind: Literal["optimal-stop"]
    unoccupied_state: str = "unoccupied"
    """The state that it coasts to."""
    unoccupied_heating_c: Celsius = 16.0
    """Heating setpoint of a space that coasts, in °C."""
    unoccupied_cooling_c: Celsius = 32.0
    """Cooling setpoint of a space that coasts, in °C."""
    drift_k: Annotated[float, Field(gt=0, le=1)] = 1.0
    """How far a space may drift in all, and beyond its setpoints, in K."""
    cap_hours: Annotated[float, Field(gt=0, le=1)] = 1.0
    """How early it is let go at most."""

    @model_validator(mode="after")
    def _lets_go(self) -> Self:
        if self.unoccupied_heating_c > self.heating_c or self.unoccupied_cooling_c < self.cooling_c:
            raise ValueError(f"policy {self.name!r}: the unoccupied setpoints must not be inside the occupied ones")
        return self

    @property
    def states(self) -> set[str]:
        return {self.occupied_state, self.unoccupied_state}

    def policy(self, given: Given) -> OptimalStop:
        return OptimalStop(
            name=self.name,
            timetable=given.timetable(self.programme),
            heating=self.selector(self.heating),
            cooling=self.selector(self.cooling),
            occupied_state=self.occupied_state,
            unoccupied_state=self.unoccupied_state,
            heating_celsius=self.heating_c,
            cooling_celsius=self.cooling_c,
            unoccupied_heating_celsius=self.unoccupied_heating_c,
            unoccupied_cooling_celsius=self.unoccupied_cooling_c,
            drift_kelvin=self.drift_k,
            cap_hours=self.cap_hours,
        )


class SetbackPolicy(FollowingBase):
    """Protects an empty building from its own setback: cold, heat, frost and damp."""

    kind: Literal["setback"]
    unoccupied_state: str = "unoccupied"
    """The state of the programme in which it acts."""
    heating: SelectorText
    """Selector of the heating setpoints: they say which spaces are its zones."""
    cooling: SelectorText
    """Selector of the cooling setpoints, likewise."""
    points: SelectorText
    """Selector of what is held while a limit is passed: starts of air handlers, setpoints."""
    values: Annotated[dict[str, Held | dict[str, Held]], Field(min_length=1)]
    """`set-back`, `set-up`, `freeze-protection`, `dehumidify` -> one value for every point, or a value per class."""
    heating_c: Celsius = 16.0
    """Unoccupied heating setpoint, in °C: colder is set-back."""
    cooling_c: Celsius = 32.0
    """Unoccupied cooling setpoint, in °C: warmer is set-up."""
    humidity_percent: Annotated[float, Field(ge=40, le=100)] = 65.0
    """Relative humidity that ends the setback, in %."""
    dew_point_c: Annotated[float, Field(ge=5, le=30)] = 17.0
    """Dew point that ends the setback, in °C."""

    @model_validator(mode="after")
    def _are_modes(self) -> Self:
        if unknown := sorted(self.values.keys() - set(STATES)):
            raise ValueError(f"policy {self.name!r}: values has {', '.join(unknown)}; known: {', '.join(STATES)}")
        if self.heating_c >= self.cooling_c:
            raise ValueError(f"policy {self.name!r}: heating_c must be below cooling_c")
        return self

    @property
    def states(self) -> set[str]:
        return {self.unoccupied_state}

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return (self.points,)

    def policy(self, given: Given) -> Setback:
        return Setback(
            name=self.name,
            timetable=given.timetable(self.programme),
            heating=self.selector(self.heating),
            cooling=self.selector(self.cooling),
            points=self.selector(self.points),
            values=self.values,
            unoccupied_state=self.unoccupied_state,
            heating_celsius=self.heating_c,
            cooling_celsius=self.cooling_c,
            humidity_percent=self.humidity_percent,
            dew_point_celsius=self.dew_point_c,
        )


class PreCoolingPolicy(FollowingBase):
    """Cools ordinary spaces a little further before a demand event, or before the hours of the peak tariff."""

    kind: Literal["pre-cooling"]
    occupied_state: str = "occupied"
    """The state of the programme in which people are there when the event or the peak begins."""
    tariff: Slug | None = None
    """The programme of the tariff; missing: only demand events count."""
    peak_state: str = "peak"
    """Its state while energy is dear."""
    cooling: SelectorText
    """Selector of the cooling setpoints."""
    heating_c: Celsius = 21.0
    """Heating setpoint while people are there, in °C; it is never cooled to less than 1 K above."""
    cooling_c: Celsius = 24.0
    """Cooling setpoint while people are there, in °C."""
    lower_k: Annotated[float, Field(gt=0, le=3)] = 1.5
    """How far that is lowered, in K."""
    lead_minutes: Annotated[float, Field(ge=10, le=240)] = 60.0
    """How long before the event or the peak it begins; it lets go five minutes before."""
    least_level: Annotated[int, Field(ge=1, le=3)] = 1
    """From which level on an event is worth it."""
    generators: SelectorText = ""
    """Selector of points that say whether a generator runs or a transfer switch is on emergency, as for
    `demand-response`: while one does, or is not known, nothing is cooled."""
    emergencies: SelectorText = ""
    """Selector of points that say whether there is an emergency, with the same effect."""

    @model_validator(mode="after")
    def _keeps_clear_of_heating(self) -> Self:
        if self.cooling_c - self.lower_k < self.heating_c + CLEAR_KELVIN:
            raise ValueError(
                f"policy {self.name!r}: cooling_c {self.cooling_c:g} less lower_k {self.lower_k:g} must stay "
                f"{CLEAR_KELVIN:g} K above heating_c {self.heating_c:g}"
            )
        return self

    @property
    def follows(self) -> Mapping[str, set[str]]:
        followed = {self.programme: {self.occupied_state}}
        if self.tariff is not None:
            followed.setdefault(self.tariff, set()).add(self.peak_state)
        return followed

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return (self.cooling,)

    def policy(self, given: Given) -> PreCooling:
        return PreCooling(
            name=self.name,
            timetable=given.timetable(self.programme),
            cooling=self.selector(self.cooling),
            tariff=given.timetable(self.tariff) if self.tariff is not None else None,
            peak_state=self.peak_state,
            occupied_state=self.occupied_state,
            heating_celsius=self.heating_c,
            cooling_celsius=self.cooling_c,
            lower_kelvin=self.lower_k,
            lead_minutes=self.lead_minutes,
            least_level=self.least_level,
            generators=self.perhaps(self.generators),
            emergencies=self.perhaps(self.emergencies),
        )
