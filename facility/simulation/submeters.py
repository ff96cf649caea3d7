"""Submeters: who uses how much of the electricity, and how much heat the boilers deliver."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from facility.simulation.rows import ai
from facility.simulation.site import Site
from facility.simulation.spec import DeviceSpec, Make, PointSpec, Value

WATT = Make(vendor_id=1414, vendor="Wattline", model="SM-12 Submeter", firmware="2.1.0")
USES = {  # as the equipment says it -> code, what the vendor wrote, kWh at the start
    "air handling": ("AHU", "Air handling", 301_200.0),
    "cooling": ("COOL", "Cooling plant", 118_400.0),
    "lighting": ("LTG", "Lighting", 96_050.0),
    "imaging": ("IMG", "Imaging", 57_300.0),
}
HEAT_AT_START = 642_800.0  # kWh


class Submeters:
    """Each adds up its own. They stand behind everything that they measure and before the main meter."""

    def __init__(self) -> None:
        self._energy = {use: start for use, (_, _, start) in USES.items()} | {"heat": HEAT_AT_START}

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for use in self._energy:
            power = site.heat if use == "heat" else site.drawn.get(use, 0.0)
            self._energy[use] += power * seconds / 3600.0
            values |= {f"{use}/power": power, f"{use}/energy": self._energy[use]}
        return values


def submeters() -> DeviceSpec:
    return DeviceSpec(
        instance=10036,
        name="Energy Submeters",
        description="Submeters of the main distribution board, and the heat meter of the boiler plant",
        make=WATT,
        points=tuple(_points()),
        equipment=Submeters(),
    )


def _points() -> Iterator[PointSpec]:
    for use, (code, text, start) in USES.items():
        yield ai(f"{use}/power", f"SM-{code} kW", "kW", 0.0, f"{text} active power", 0.0, 1000.0)
        yield ai(f"{use}/energy", f"SM-{code} kWh", "kWh", start, f"{text} active energy")
    yield ai("heat/power", "HM-1 kW", "kW", 0.0, "Boiler plant thermal power", 0.0, 1000.0)
    yield ai("heat/energy", "HM-1 kWh", "kWh", HEAT_AT_START, "Boiler plant thermal energy")
