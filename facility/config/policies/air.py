"""Policies of air handlers: how much outdoor air, how warm, at which pressure."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from facility.config.policies.base import FollowingBase, Given, PolicyBase
from facility.config.words import SelectorText
from schedules.policies.economizer import HIGH_LIMITS, HUMID_ZONES, Economizer, HighLimit
from schedules.policies.static_pressure_reset import StaticPressureReset
from schedules.policies.supply_temperature_reset import SupplyTemperatureReset
from schedules.policies.ventilation import Ventilation
from schedules.policy import Policy
from schedules.trim_respond import TrimRespond

Percent = Annotated[float, Field(ge=0, le=100)]
Celsius = Annotated[float, Field(ge=5, le=45)]
Pascals = Annotated[float, Field(gt=0, le=2000)]
Above = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Minutes = Annotated[float, Field(ge=1, le=120)]
ClimateZone = Literal[
    "0a", "0b", "1a", "1b", "2a", "2b", "3a", "3b", "3c", "4a", "4b", "4c", "5a", "5b", "5c", "6a", "6b", "7", "8"
]


class EconomizerPolicy(PolicyBase):
    """Lets outdoor air cool only while it does (ASHRAE 90.1): above its high limit, the least outdoor air."""

    kind: Literal["economizer"]
    enables: SelectorText = ""
    """Selector of binary points that switch the economizer on and off."""
    dampers: SelectorText = ""
    """Selector of outdoor air dampers; held at `least_percent` above the limit, and their controller's below it."""
    least_percent: Percent = 20.0
    """The least outdoor air that the code asks for, as a position of these dampers."""
    outside: SelectorText
    """Selector of the outdoor air temperature; where it is several, the warmest counts."""
    climate_zone: ClimateZone
    """ASHRAE climate zone of the site, such as "5a": it sets the limit."""
    high_limit: HighLimit = HighLimit.FIXED
    """What outdoor air is compared with."""
    high_c: Annotated[float, Field(ge=10, le=30)] | None = None
    """Limit of the dry bulb in °C, instead of that of the climate zone."""
    high_kj_kg: Annotated[float, Field(ge=30, le=80)] = 66.0
    """Limit of `fixed-enthalpy` in kJ/kg, counted from dry air of 0 °C; ASHRAE 90.1 in SI units has 47."""
    returned: SelectorText = ""
    """Selector of the return air temperature, for `differential-dry-bulb`."""
    outside_humidity: SelectorText = ""
    """Selector of the outdoor humidity, for `fixed-enthalpy`."""
    humidities: SelectorText = ""
    """Selector of indoor humidities; while one is above `moist_percent`, no outdoor air cools."""
    moist_percent: Percent = 60.0
    """How humid it may be indoors, in % RH."""
    events: SelectorText = ""
    """Selector of what tells of smoke or bad air outside: a state other than its first, or an index."""
    event_above: Above = 100.0
    """Above which an air quality index is an event."""
    supply: SelectorText = ""
    """Selector of the supply air temperature, to tell of frost."""

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if not (self.enables or self.dampers):
            raise ValueError(f"policy {self.name!r} needs enables or dampers: it has nothing to command")
        if self.high_limit is HighLimit.DIFFERENTIAL and not self.returned:
            raise ValueError(f"policy {self.name!r}: high_limit {self.high_limit} needs returned")
        if self.high_limit is HighLimit.ENTHALPY and not self.outside_humidity:
            raise ValueError(f"policy {self.name!r}: high_limit {self.high_limit} needs outside_humidity")
        if self.high_limit is HighLimit.DIFFERENTIAL and self.climate_zone in HUMID_ZONES:
            raise ValueError(
                f"policy {self.name!r}: {self.high_limit} is not allowed in climate zone {self.climate_zone}: "
                "humid air may be cool; use fixed-dry-bulb or fixed-enthalpy"
            )
        return self

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.enables, self.dampers)))

    def policy(self, given: Given) -> Policy:
        by_zone = 24.0 if self.high_limit is HighLimit.ENTHALPY else HIGH_LIMITS[self.climate_zone]
        return Economizer(
            name=self.name,
            enables=self.perhaps(self.enables),
            dampers=self.perhaps(self.dampers),
            outside=self.selector(self.outside),
            returned=self.perhaps(self.returned),
            outside_humidity=self.perhaps(self.outside_humidity),
            humidities=self.perhaps(self.humidities),
            events=self.perhaps(self.events),
            supply=self.perhaps(self.supply),
            limit=self.high_limit,
            high_celsius=by_zone if self.high_c is None else self.high_c,
            high_kilojoules=self.high_kj_kg,
            moist_percent=self.moist_percent,
            event_above=self.event_above,
            least_percent=self.least_percent,
        )


class VentilationPolicy(FollowingBase):
    """Holds the least outdoor air at what the carbon dioxide asks for; only where ASHRAE 170 does not set it."""

    kind: Literal["ventilation"]
    occupied_state: str = "occupied"
    """The state of the programme in which it acts."""
    outdoor_air: SelectorText
    """Selector of points that say how much outdoor air there is at least, not of a damper that an economizer moves."""
    sensors: SelectorText
    """Selector of the carbon dioxide sensors; the highest counts."""
    least: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """Outdoor air for the building alone, in the points' own unit."""
    most: Above
    """Outdoor air for all the people that it is designed for, in the points' own unit."""
    setpoint_ppm: Annotated[float, Field(ge=600, le=2000)] = 894.0
    """Carbon dioxide at which there is the most outdoor air."""

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.least >= self.most:
            raise ValueError(f"policy {self.name!r}: least {self.least:g} must be below most {self.most:g}")
        return self

    @property
    def states(self) -> set[str]:
        return {self.occupied_state}

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return (self.outdoor_air,)

    def policy(self, given: Given) -> Policy:
        return Ventilation(
            name=self.name,
            timetable=given.timetable(self.programme),
            outdoor_air=self.selector(self.outdoor_air),
            sensors=self.selector(self.sensors),
            least=self.least,
            most=self.most,
            occupied_state=self.occupied_state,
            setpoint_ppm=self.setpoint_ppm,
        )


class SupplyTemperatureResetPolicy(FollowingBase):
    """Supply air as warm as the zones and the outside allow (Guideline 36: trim and respond, and outdoor reset)."""

    kind: Literal["supply-temperature-reset"]
    occupied_state: str = "occupied"
    """The state of the programme in which it resets."""
    warm_up_state: str = ""
    """The state in which it heats, if the programme has one."""
    cool_down_state: str = ""
    """The state in which it cools, if the programme has one."""
    setpoint: SelectorText
    """Selector of the supply air temperature setpoint."""
    zones: SelectorText
    """Selector of the points of the boxes it feeds: temperature, cooling setpoint and cooling loop of each."""
    running: SelectorText
    """Selector of what says that the fan runs."""
    outside: SelectorText
    """Selector of the outdoor air temperature."""
    humidities: SelectorText = ""
    """Selector of humidities; while one is above `moist_percent`, the setpoint does not rise."""
    moist_percent: Percent = 55.0
    """Above which humidity, in % RH, the setpoint does not rise."""
    lowest_c: Celsius = 12.0
    """The lowest setpoint, in °C: when it is hot outside, and cooling down."""
    design_c: Celsius = 13.0
    """As far as requests bring it down when it is mild outside, in °C."""
    warmest_c: Celsius = 18.0
    """The highest setpoint, in °C."""
    warm_up_c: Celsius = 35.0
    """The setpoint warming up, in °C."""
    mild_c: Annotated[float, Field(ge=0, le=40)] = 16.0
    """Outdoor temperature up to which requests alone decide, in °C."""
    hot_c: Annotated[float, Field(ge=0, le=45)] = 21.0
    """Outdoor temperature from which it is `lowest_c`, in °C."""
    room_humidity_percent: Annotated[float, Field(ge=30, le=80)] | None = None
    """Humidity that rooms of `room_c` may have at most: the setpoint stays below what dries their air enough."""
    room_c: Celsius = 24.0
    """Temperature of these rooms, in °C."""

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if not self.lowest_c <= self.design_c < self.warmest_c:
            raise ValueError(f"policy {self.name!r}: lowest_c, design_c and warmest_c must rise")
        if self.mild_c >= self.hot_c:
            raise ValueError(f"policy {self.name!r}: mild_c {self.mild_c:g} must be below hot_c {self.hot_c:g}")
        return self

    @property
    def states(self) -> set[str]:
        return {self.occupied_state, self.warm_up_state, self.cool_down_state} - {""}

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return (self.setpoint,)

    def policy(self, given: Given) -> Policy:
        return SupplyTemperatureReset(
            name=self.name,
            timetable=given.timetable(self.programme),
            setpoints=self.selector(self.setpoint),
            zones=self.selector(self.zones),
            running=self.selector(self.running),
            outside=self.selector(self.outside),
            humidities=self.perhaps(self.humidities),
            occupied_state=self.occupied_state,
            warm_up_state=self.warm_up_state,
            cool_down_state=self.cool_down_state,
            reset=TrimRespond(
                initial=self.warmest_c,
                low=self.design_c,
                high=self.warmest_c,
                delay=600.0,
                period=120.0,
                ignored=2,
                trim=0.1,
                respond=-0.2,
                most=-0.6,
            ),
            lowest_celsius=self.lowest_c,
            mild_celsius=self.mild_c,
            hot_celsius=self.hot_c,
            warm_up_celsius=self.warm_up_c,
            moist_percent=self.moist_percent,
            room_celsius=self.room_c,
            room_percent=self.room_humidity_percent,
        )


class StaticPressureResetPolicy(PolicyBase):
    """Less pressure in a supply duct while no box is short of air (Guideline 36, trim and respond)."""

    kind: Literal["static-pressure-reset"]
    setpoint: SelectorText
    """Selector of the duct pressure setpoint."""
    zones: SelectorText
    """Selector of the points of the boxes it feeds: damper, flow and flow setpoint of each."""
    running: SelectorText
    """Selector of what says that the fan runs."""
    initial_pa: Pascals = 120.0
    """Where it begins when the fan starts, in Pa."""
    low_pa: Pascals = 25.0
    """The lowest setpoint, in Pa: what keeps every box in control."""
    high_pa: Pascals
    """The design pressure of the duct, in Pa."""
    trim_pa: Pascals = 12.0
    """How much lower it is after every step, in Pa."""
    respond_pa: Pascals = 15.0
    """How much higher for every request beyond those that are ignored, in Pa."""
    most_pa: Pascals = 32.0
    """How much higher in one step at most, in Pa."""
    delay_minutes: Minutes = 10.0
    """How long after the start of the fan nothing moves."""
    step_minutes: Minutes = 2.0
    """From one step to the next."""
    ignored: Annotated[int, Field(ge=0, le=20)] = 2
    """So many requests are not worth a response."""

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if not self.low_pa <= self.initial_pa <= self.high_pa:
            raise ValueError(f"policy {self.name!r}: low_pa, initial_pa and high_pa must rise")
        return self

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return (self.setpoint,)

    def policy(self, given: Given) -> Policy:
        return StaticPressureReset(
            name=self.name,
            setpoints=self.selector(self.setpoint),
            boxes=self.selector(self.zones),
            running=self.selector(self.running),
            reset=TrimRespond(
                initial=self.initial_pa,
                low=self.low_pa,
                high=self.high_pa,
                delay=60 * self.delay_minutes,
                period=60 * self.step_minutes,
                ignored=self.ignored,
                trim=-self.trim_pa,
                respond=self.respond_pa,
                most=self.most_pa,
            ),
        )
