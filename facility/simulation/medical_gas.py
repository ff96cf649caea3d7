"""Medical gas: the area panels at the places of use and the master panel at the sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from facility.simulation.rows import NORMAL_ALARM, ai, bi
from facility.simulation.site import Site
from facility.simulation.spec import DeviceSpec, Make, PointSpec, Value

AMERIS = Make(vendor_id=1413, vendor="Ameris Medical Gas", model="Alert-4 Panel", firmware="1.9.2")
RIPPLE = 0.15  # of the unit, slow drift of a line
RELAXES = 0.02  # back to the mean, a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Gas:
    """A line: what it carries, its usual pressure, and the limits of the alarm (none above for vacuum)."""

    code: str
    name: str
    unit: str
    usual: float
    low: float
    high: float | None


OXYGEN = Gas(code="O2", name="Oxygen", unit="psi", usual=52.0, low=40.0, high=60.0)
AIR = Gas(code="AIR", name="Medical air", unit="psi", usual=53.0, low=40.0, high=60.0)
NITROUS_OXIDE = Gas(code="N2O", name="Nitrous oxide", unit="psi", usual=51.5, low=40.0, high=60.0)
NITROGEN = Gas(code="N2", name="Nitrogen", unit="psi", usual=172.0, low=140.0, high=210.0)
VACUUM = Gas(code="VAC", name="Medical vacuum", unit="inHg", usual=21.0, low=12.0, high=None)


class GasLines:
    """Pressures that waver around their usual value."""

    def __init__(self, gases: tuple[Gas, ...]) -> None:
        self._pressures = {gas: gas.usual for gas in gases}

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for gas, pressure in self._pressures.items():
            pulled = pressure + RELAXES * seconds * (gas.usual - pressure)
            self._pressures[gas] = pulled + site.noise(RIPPLE * seconds**0.5)
            values[f"{gas.code}/pressure"] = self._pressures[gas]
            values[f"{gas.code}/low"] = self._pressures[gas] <= gas.low
            values[f"{gas.code}/high"] = gas.high is not None and self._pressures[gas] >= gas.high
        return values


MASTER_SIGNALS = (
    ("O2-CHANGE", "Oxygen changeover to secondary"),
    ("O2-RSV-USE", "Oxygen reserve in use"),
    ("O2-RSV-LO", "Oxygen reserve supply low"),
    ("O2-LIQ-LO", "Oxygen main supply liquid level low"),
    ("N2O-CHANGE", "Nitrous oxide changeover to secondary"),
    ("AIR-LAG", "Medical air compressor lag in use"),
    ("AIR-DEW", "Medical air dew point high"),
    ("AIR-CO", "Medical air carbon monoxide high"),
    ("VAC-LAG", "Medical vacuum pump lag in use"),
    ("WAGD-LO", "Waste anaesthetic gas disposal vacuum low"),
    ("TROUBLE", "Master alarm panel trouble"),
)


def medical_gas() -> Iterator[DeviceSpec]:
    yield _area(10061, "Surgery", "OR", (OXYGEN, AIR, VACUUM, NITROUS_OXIDE, NITROGEN))
    yield _area(10062, "ICU", "ICU", (OXYGEN, AIR, VACUUM))
    gases = (OXYGEN, AIR, VACUUM)
    yield DeviceSpec(
        instance=10063,
        name="Med Gas Master Alarm Panel",
        description="Medical gas master alarm panel, source equipment",
        make=AMERIS,
        points=(
            *(point for gas in gases for point in _line(f"MGM.{gas.code}", "Medical gas master", gas)),
            *(bi(f"signal/{code}", f"MGM.{code}", NORMAL_ALARM, text) for code, text in MASTER_SIGNALS),
        ),
        equipment=GasLines(gases),
    )


def _area(instance: int, where: str, code: str, gases: tuple[Gas, ...]) -> DeviceSpec:
    return DeviceSpec(
        instance=instance,
        name=f"Med Gas Area Alarm {where}",
        description=f"Medical gas area alarm panel, {where}",
        make=AMERIS,
        points=(
            *(point for gas in gases for point in _line(f"MGA-{code}.{gas.code}", f"{where} zone", gas)),
            bi("trouble", f"MGA-{code}.TROUBLE", NORMAL_ALARM, f"{where} medical gas panel trouble"),
        ),
        equipment=GasLines(gases),
    )


def _line(prefix: str, where: str, gas: Gas) -> Iterator[PointSpec]:
    yield ai(
        f"{gas.code}/pressure", f"{prefix}-PRESS", gas.unit, gas.usual, f"{where} {gas.name} line pressure", 0.0, 300.0
    )
    yield bi(f"{gas.code}/low", f"{prefix}-LO", NORMAL_ALARM, f"{where} {gas.name} low pressure alarm")
    if gas.high is not None:
        yield bi(f"{gas.code}/high", f"{prefix}-HI", NORMAL_ALARM, f"{where} {gas.name} high pressure alarm")
