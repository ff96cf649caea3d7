"""A controller that looks after several things at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from facility.simulation.site import Site
from facility.simulation.spec import Equipment, Value


@dataclass(frozen=True, slots=True)
class Several:
    """Each part sees its own points only: their roles begin with its key and a slash."""

    parts: Mapping[str, Equipment]

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for key, part in self.parts.items():
            own = {role.removeprefix(f"{key}/"): value for role, value in now.items() if role.startswith(f"{key}/")}
            values |= {f"{key}/{role}": value for role, value in part.step(seconds, own, site).items()}
        return values
