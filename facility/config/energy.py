"""The section of the energy report: which meters there are, and what they are measured against."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from facility.config.section import Section


class EnergySection(Section):
    main: str | None = None
    """Point of the meter of the whole building, its power or its counter. Missing: the one that its name says is it."""
    meters: list[str] = []
    """Points of the other meters to show. Empty: every counter of energy."""
    outdoor: str | None = None
    """Point of the outdoor temperature. Missing: a weather station's, or else an air handler's."""
    limit_kw: Annotated[float | None, Field(gt=0)] = None
    """Demand that a quarter of an hour should not go over. Missing: that of the policy that limits demand, if any."""
    baseline_from: date | None = None
    """First day of the reference that use is compared with. Missing: all hours of a year without a policy in force."""
    baseline_until: date | None = None
    """Last day of the reference, inclusive."""

    @model_validator(mode="after")
    def _reference_is_a_time(self) -> Self:
        if (self.baseline_from is None) != (self.baseline_until is None):
            raise ValueError("baseline_from and baseline_until are given together")
        if self.baseline_from and self.baseline_until and self.baseline_from > self.baseline_until:
            raise ValueError("baseline_until is before baseline_from")
        return self
