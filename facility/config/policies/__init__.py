"""The sections of policies, by family. Each says what it speaks for and follows, and makes the policy that it means."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from facility.config.policies.air import (
    EconomizerPolicy,
    StaticPressureResetPolicy,
    SupplyTemperatureResetPolicy,
    VentilationPolicy,
)
from facility.config.policies.base import Given, PolicyBase
from facility.config.policies.beds import BedSetbackPolicy
from facility.config.policies.demand import DemandLimitPolicy, DemandResponsePolicy
from facility.config.policies.hours import WeeklyPolicy
from facility.config.policies.lighting import DaylightPolicy, LightingSweepPolicy
from facility.config.policies.plant import LeadLagPolicy, PlantResetPolicy, RestartPolicy
from facility.config.policies.spaces import (
    OccupancyStandbyPolicy,
    OptimalStartPolicy,
    OptimalStopPolicy,
    PreCoolingPolicy,
    SetbackPolicy,
)
from facility.config.policies.turndown import RoomTurndownPolicy

PolicySection = Annotated[
    WeeklyPolicy
    | OccupancyStandbyPolicy
    | BedSetbackPolicy
    | LightingSweepPolicy
    | DaylightPolicy
    | DemandResponsePolicy
    | DemandLimitPolicy
    | RoomTurndownPolicy
    | OptimalStartPolicy
    | OptimalStopPolicy
    | SetbackPolicy
    | PreCoolingPolicy
    | EconomizerPolicy
    | VentilationPolicy
    | SupplyTemperatureResetPolicy
    | StaticPressureResetPolicy
    | PlantResetPolicy
    | LeadLagPolicy
    | RestartPolicy,
    Field(discriminator="kind"),
]

KINDS: dict[str, type[PolicyBase]] = {
    "weekly": WeeklyPolicy,
    "occupancy-standby": OccupancyStandbyPolicy,
    "bed-setback": BedSetbackPolicy,
    "optimal-start": OptimalStartPolicy,
    "optimal-stop": OptimalStopPolicy,
    "pre-cooling": PreCoolingPolicy,
    "setback": SetbackPolicy,
    "lighting-sweep": LightingSweepPolicy,
    "daylight": DaylightPolicy,
    "demand-response": DemandResponsePolicy,
    "demand-limit": DemandLimitPolicy,
    "room-turndown": RoomTurndownPolicy,
    "economizer": EconomizerPolicy,
    "ventilation": VentilationPolicy,
    "supply-temperature-reset": SupplyTemperatureResetPolicy,
    "static-pressure-reset": StaticPressureResetPolicy,
    "plant-reset": PlantResetPolicy,
    "lead-lag": LeadLagPolicy,
    "restart": RestartPolicy,
}
"""What `kind` says -> the section."""

__all__ = ["KINDS", "Given", "PolicyBase", "PolicySection"]
