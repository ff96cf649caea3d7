"""Policies of the plant: what water it delivers, which machines run, and how they come back after a power failure."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from facility.config.policies.base import Given, PolicyBase
from facility.config.section import Section, Slug
from facility.config.words import SelectorText
from points.model import PointId
from schedules.policies.lead_lag import LeadLag, Unit
from schedules.policies.plant_reset import PlantReset
from schedules.policies.restart import Load, Moves, Restart
from schedules.policy import Policy

Celsius = Annotated[float, Field(ge=4, le=95)]
Kilowatts = Annotated[float, Field(gt=0, le=10_000)]
Percent = Annotated[float, Field(gt=0, le=120)]
Minutes = Annotated[float, Field(ge=1, le=240)]
APPROACH = 5.0  # K between the water and the dew point of air that it dries: a coil and its air are in between


class PlantResetPolicy(PolicyBase):
    """Water no colder, no hotter and under no more pressure than its coils ask for (Guideline 36, plant reset).
    A plant that serves a critical space is no policy's; a process loop (MRI, cath lab) must be on no reset.
    """

    kind: Literal["plant-reset"]
    service: Literal["chilled-water", "hot-water"]
    """What the plant delivers."""
    temperature: SelectorText
    """Selector of the supply water temperature setpoint."""
    pressure: SelectorText = ""
    """Selector of the differential pressure setpoint, if there is one."""
    coils: SelectorText
    """Selector of the points of its coils: valve, supply air temperature and its setpoint of each air handler."""
    machines: SelectorText
    """Selector of what says which of its chillers or boilers run."""
    mildest_c: Celsius
    """Supply water when nobody asks, in °C: the warmest chilled or the coolest hot water."""
    strongest_c: Celsius
    """Supply water when all ask, in °C: the design temperature."""
    dew_point_c: Annotated[float, Field(ge=5, le=20)] | None = None
    """Dew point that the rooms served may have at most, in °C: chilled water stays 5 K below."""
    least_kpa: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """Differential pressure when nobody asks, in kPa."""
    most_kpa: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """Differential pressure of the design, in kPa."""
    hold_minutes: Minutes = 15.0
    """How long nothing moves after a machine started or stopped."""

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        cools = self.service == "chilled-water"
        if cools is not (self.mildest_c > self.strongest_c):
            word = "above" if cools else "below"
            raise ValueError(f"policy {self.name!r}: mildest_c must be {word} strongest_c for {self.service}")
        if cools and self.mildest < self.strongest_c:
            raise ValueError(f"policy {self.name!r}: 5 K below dew_point_c is colder than strongest_c")
        if self.pressure and self.least_kpa >= self.most_kpa:
            raise ValueError(f"policy {self.name!r}: least_kpa must be below most_kpa")
        return self

    @property
    def mildest(self) -> float:
        if self.dew_point_c is None or self.service == "hot-water":
            return self.mildest_c
        return min(self.mildest_c, self.dew_point_c - APPROACH)

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.temperature, self.pressure)))

    def policy(self, given: Given) -> Policy:
        return PlantReset(
            name=self.name,
            temperatures=self.selector(self.temperature),
            pressures=self.perhaps(self.pressure),
            coils=self.selector(self.coils),
            machines=self.selector(self.machines),
            mildest_celsius=self.mildest,
            strongest_celsius=self.strongest_c,
            least_pascals=1000 * self.least_kpa,
            most_pascals=1000 * self.most_kpa,
            heats=self.service == "hot-water",
            hold_minutes=self.hold_minutes,
        )


class UnitSection(Section):
    """One of the machines that take turns."""

    name: Slug
    """What it is called."""
    command: str
    """Id of the point that starts and stops it."""
    status: str
    """Id of the point that says whether it runs."""
    hours: str
    """Id of the point that counts its run time."""
    alarm: str = ""
    """Id of its alarm, if it has one."""

    @property
    def unit(self) -> Unit:
        return Unit(
            name=self.name,
            command=PointId(self.command),
            status=PointId(self.status),
            hours=PointId(self.hours),
            alarm=PointId(self.alarm) if self.alarm else None,
        )


class LeadLagPolicy(PolicyBase):
    """Equal machines take turns: as many as are needed, the least used first (Guideline 36, staging).
    Never both off; the extracts of isolation rooms are critical and no policy's.
    """

    kind: Literal["lead-lag"]
    units: Annotated[list[UnitSection], Field(min_length=2)]
    """The machines."""
    load: SelectorText = ""
    """Selector of the load of those that run, in percent; without it, `at_least` of them run."""
    at_least: Annotated[int, Field(ge=1)] = 1
    """So many run at all times."""
    up_percent: Percent = 90.0
    """Load above which one more starts."""
    down_percent: Percent = 70.0
    """Load below which the others may be with one less."""
    change_minutes: Minutes = 15.0
    """How long it must have been so."""
    stage_minutes: Minutes = 15.0
    """How long a stage lasts at least."""
    prove_minutes: Minutes = 5.0
    """How long a machine may take to run once it was told to."""
    retry_minutes: Annotated[float, Field(ge=5, le=1440)] = 60.0
    """How long after a failure it is counted on again."""
    swap_hours: Annotated[float, Field(ge=1, le=10_000)] = 168.0
    """So much longer one that runs must have run than one that waits, for them to swap."""

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        names, commands = ([getattr(unit, key) for unit in self.units] for key in ("name", "command"))
        if len(set(names)) < len(names) or len(set(commands)) < len(commands):
            raise ValueError(f"policy {self.name!r} has two units of one name or command")
        if self.at_least >= len(self.units):
            raise ValueError(f"policy {self.name!r}: at_least must leave one unit to take turns with")
        if self.down_percent >= self.up_percent:
            raise ValueError(f"policy {self.name!r}: down_percent must be below up_percent")
        return self

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return tuple(unit.command for unit in self.units)

    def policy(self, given: Given) -> Policy:
        return LeadLag(
            name=self.name,
            units=tuple(unit.unit for unit in self.units),
            load=self.perhaps(self.load),
            at_least=self.at_least,
            up_percent=self.up_percent,
            down_percent=self.down_percent,
            change_minutes=self.change_minutes,
            stage_minutes=self.stage_minutes,
            prove_minutes=self.prove_minutes,
            retry_minutes=self.retry_minutes,
            swap_hours=self.swap_hours,
        )


class LoadSection(Section):
    """Something that is started after a power failure."""

    point: str
    """Id of the point that starts and stops it."""
    kw: Kilowatts
    """What it takes, in kW."""
    moves: Moves = Moves.NOTHING
    """Which air it moves, in rooms of which pressure: exhaust goes before supply, or supply before return."""
    on_generator: bool = True
    """Whether it is wanted while the generator carries the building."""

    @property
    def load(self) -> Load:
        return Load(point=PointId(self.point), kilowatts=self.kw, moves=self.moves, on_generator=self.on_generator)


class RestartPolicy(PolicyBase):
    """Loads come back one after the other when the power does, and on the generator only as many as it can carry."""

    kind: Literal["restart"]
    on_emergency: SelectorText
    """Selector of binary points that are active while a transfer switch is on the generator."""
    loads: Annotated[list[LoadSection], Field(min_length=1)]
    """The loads, in the order in which they start."""
    generator_kw: Kilowatts
    """How much of the generator these loads may take together, in kW."""
    spacing_seconds: Annotated[float, Field(ge=10, le=30)] = 15.0
    """From one start to the next."""

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        points = [load.point for load in self.loads]
        if twice := {point for point in points if points.count(point) > 1}:
            raise ValueError(f"policy {self.name!r} names {', '.join(sorted(twice))} more than once")
        return self

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return tuple(load.point for load in self.loads)

    def policy(self, given: Given) -> Policy:
        return Restart(
            name=self.name,
            on_emergency=self.selector(self.on_emergency),
            loads=tuple(load.load for load in self.loads),
            cap_kilowatts=self.generator_kw,
            spacing_seconds=self.spacing_seconds,
        )
